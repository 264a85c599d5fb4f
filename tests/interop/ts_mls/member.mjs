// One member of a group, played by ts-mls. Bytes cross the border of this file as hex.

import {
  bytesToBase64,
  createApplicationMessage,
  createCommit,
  createGroup,
  createGroupInfoWithExternalPubAndRatchetTree,
  createProposal,
  decode,
  defaultCredentialTypes,
  defaultProposalTypes,
  encode,
  generateKeyPackage,
  joinGroup,
  joinGroupExternal,
  mlsExporter,
  mlsMessageDecoder,
  mlsMessageEncoder,
  nodeTypes,
  processPrivateMessage,
  processPublicMessage,
  protocolVersions,
  pskTypes,
  unsafeTestingAuthenticationService,
  wireformats,
  zeroOutUint8Array,
} from "ts-mls"

import { suiteOf } from "./suites.mjs"

const GREASE = 0x0a0a
const STAFF_STATEMENT = 0xf7ed
const [HOUR, MONTH] = [3600n, 28n * 24n * 3600n]

export const toHex = (bytes) => Buffer.from(bytes).toString("hex")
export const fromHex = (hex) => new Uint8Array(Buffer.from(hex, "hex"))

const message = (wireformat, body) => toHex(encode(mlsMessageEncoder, { version: protocolVersions.mls10, wireformat, ...body }))

function read(hex, ...expected) {
  const bytes = fromHex(hex)
  const decoded = decode(mlsMessageDecoder, bytes)
  if (decoded === undefined || !expected.includes(decoded.wireformat)) throw new Error("not the expected kind of message")
  if (message(decoded.wireformat, decoded) !== hex) throw new Error("ts-mls does not write the message as it read it")
  return decoded
}

function credentialOf({ type, content }) {
  return type === defaultCredentialTypes.basic
    ? { credentialType: type, identity: fromHex(content) }
    : { credentialType: type, data: fromHex(content) }
}

function contentOf(credential) {
  return toHex(credential.credentialType === defaultCredentialTypes.basic ? credential.identity : credential.data)
}

/** What this member says it can do: the suite and credentials at hand, and a GREASE value in every list. */
function capabilitiesFor(suite) {
  return {
    versions: [protocolVersions.mls10],
    ciphersuites: [suite.id, GREASE],
    extensions: [GREASE],
    proposals: [GREASE],
    credentials: [defaultCredentialTypes.basic, STAFF_STATEMENT, GREASE],
  }
}

/** For a month from now; or, for test vectors, for all time. */
function lifetimeFor(endless) {
  if (endless) return { notBefore: 0n, notAfter: 2n ** 64n - 1n }
  const now = BigInt(Math.floor(Date.now() / 1000))
  return { notBefore: now - HOUR, notAfter: now + MONTH }
}

const proposalOf = {
  add: ({ keyPackage }) => ({
    proposalType: defaultProposalTypes.add,
    add: { keyPackage: read(keyPackage, wireformats.mls_key_package).keyPackage },
  }),
  psk: ({ id, nonce }) => ({
    proposalType: defaultProposalTypes.psk,
    psk: { preSharedKeyId: { psktype: pskTypes.external, pskId: fromHex(id), pskNonce: fromHex(nonce) } },
  }),
  remove: ({ leaf }) => ({ proposalType: defaultProposalTypes.remove, remove: { removed: leaf } }),
}

export class Member {
  #context
  #keys
  #state
  #pending
  #removed = false

  static async make({ suite, credential, endless = false }) {
    const member = new Member()
    const cipherSuite = await suiteOf(suite)
    member.#context = { cipherSuite, authService: unsafeTestingAuthenticationService }
    member.#keys = await generateKeyPackage({
      credential: credentialOf(credential),
      cipherSuite,
      capabilities: capabilitiesFor(cipherSuite),
      lifetime: lifetimeFor(endless),
      extensions: [{ extensionType: GREASE, extensionData: fromHex("0a0a") }],
      leafNodeExtensions: [{ extensionType: GREASE, extensionData: fromHex("") }],
    })
    return member
  }

  keyPackage() {
    return message(wireformats.mls_key_package, { keyPackage: this.#keys.publicPackage })
  }

  /** The private keys behind the key package, for making test vectors. An Ed25519 key ends its PKCS #8 form. */
  privateKeys() {
    const { initPrivateKey, hpkePrivateKey, signaturePrivateKey } = this.#keys.privatePackage
    return {
      init: toHex(initPrivateKey),
      encryption: toHex(hpkePrivateKey),
      signature: toHex(signaturePrivateKey.slice(-32)),
    }
  }

  async create({ groupId }) {
    this.#state = await createGroup({
      context: this.#context,
      groupId: fromHex(groupId),
      keyPackage: this.#keys.publicPackage,
      privateKeyPackage: this.#keys.privatePackage,
    })
  }

  async join({ welcome }) {
    this.#state = await joinGroup({
      context: this.#context,
      welcome: read(welcome, wireformats.mls_welcome).welcome,
      keyPackage: this.#keys.publicPackage,
      privateKeys: this.#keys.privatePackage,
    })
  }

  /** Enter uninvited; `resync` replaces the member's former leaf, which ts-mls finds by its signature key. */
  async joinExternally({ groupInfo, resync = false }) {
    const made = await joinGroupExternal({
      context: this.#context,
      groupInfo: read(groupInfo, wireformats.mls_group_info).groupInfo,
      keyPackage: this.#keys.publicPackage,
      privateKeys: this.#keys.privatePackage,
      resync,
    })
    this.#state = made.newState
    return message(wireformats.mls_public_message, { publicMessage: made.publicMessage })
  }

  async groupInfo() {
    const groupInfo = await createGroupInfoWithExternalPubAndRatchetTree(this.#state, [], this.#context.cipherSuite)
    return message(wireformats.mls_group_info, { groupInfo })
  }

  usePsk({ id, secret }) {
    this.#context.externalPsks = { ...this.#context.externalPsks, [bytesToBase64(fromHex(id))]: fromHex(secret) }
  }

  /** A commit is adopted in a second step, as it is in life: when the relay has accepted it. */
  async commit({ proposals = [], publicly = false }) {
    const made = await createCommit({
      context: this.#context,
      state: this.#state,
      extraProposals: proposals.map((proposal) => proposalOf[proposal.kind](proposal)),
      ratchetTreeExtension: true,
      wireAsPublicMessage: publicly,
    })
    this.#pending = made
    return {
      commit: message(made.commit.wireformat, made.commit),
      welcome: made.welcome === undefined ? null : message(wireformats.mls_welcome, made.welcome),
    }
  }

  adopt() {
    this.#move(this.#pending)
  }

  async propose({ proposal, publicly = false }) {
    const made = await createProposal({
      context: this.#context,
      state: this.#state,
      proposal: proposalOf[proposal.kind](proposal),
      wireAsPublicMessage: publicly,
    })
    this.#move(made)
    return message(made.message.wireformat, made.message)
  }

  async protect({ data, authenticatedData = "" }) {
    const made = await createApplicationMessage({
      context: this.#context,
      state: this.#state,
      message: fromHex(data),
      authenticatedData: fromHex(authenticatedData),
    })
    this.#move(made)
    return message(made.message.wireformat, made.message)
  }

  async unprotect({ message: hex }) {
    const framed = read(hex, wireformats.mls_private_message, wireformats.mls_public_message)
    // Not `processMessage`, which forgets the pre-shared keys of the context.
    const process = framed.wireformat === wireformats.mls_private_message ? processPrivateMessage : processPublicMessage
    const result = await process({
      ...framed,
      context: this.#context,
      state: this.#state,
      callback: (incoming) => this.#followUnlessRemoved(incoming),
    })
    this.#move(result)
    return {
      data: result.kind === "applicationMessage" ? toHex(result.message) : null,
      authenticatedData: toHex(result.aad),
    }
  }

  view() {
    const { groupContext, keySchedule, ratchetTree } = this.#state
    return {
      groupId: toHex(groupContext.groupId),
      epoch: Number(groupContext.epoch),
      epochAuthenticator: toHex(keySchedule.epochAuthenticator),
      ownLeaf: this.#state.privatePath.leafIndex,
      active: !this.#removed && this.#state.groupActiveState.kind === "active",
      members: ratchetTree
        .map((node, index) => ({ node, leaf: index / 2 }))
        .filter(({ node }) => node?.nodeType === nodeTypes.leaf)
        .map(({ node, leaf }) => ({
          leaf,
          credentialType: node.leaf.credential.credentialType,
          content: contentOf(node.leaf.credential),
          signatureKey: toHex(node.leaf.signaturePublicKey),
        })),
    }
  }

  async export({ label, context, length }) {
    const { exporterSecret } = this.#state.keySchedule
    return toHex(await mlsExporter(exporterSecret, label, fromHex(context), length, this.#context.cipherSuite))
  }

  /**
   * A commit that removes this very member is noted and not applied: she cannot decrypt its path, at which ts-mls
   * throws; and where the tree shrinks below her leaf, ts-mls looks for her ancestors until memory is full.
   */
  #followUnlessRemoved({ kind, proposals = [] }) {
    const own = this.#state.privatePath.leafIndex
    this.#removed = kind === "commit" && proposals.some(({ proposal }) => proposal.remove?.removed === own)
    return this.#removed ? "reject" : "accept"
  }

  #move({ newState, consumed }) {
    this.#state = newState
    consumed.forEach(zeroOutUint8Array)
  }
}
