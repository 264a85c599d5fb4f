/**
 * A conversation's MLS group (RFC 9420), on ts-mls, which no other module imports.
 *
 * ts-mls leaves to its caller what this module closes, beside what is corrected in its code while it is bundled
 * (`build/tsMlsCorrections.mjs`):
 *
 *     keys of past epochs and skipped messages stay     none is kept: the relay's log is strictly ordered
 *     used keys stay in memory until they are zeroed    zeroed when the state that they led to is used
 *     two sends from one state use one key              a state can be used up once
 *     a refused commit's key is used again              `ifRefused` has left it behind
 *     group ids are not compared, epochs loosely        both must equal ours
 *     anything that is MLS is processed                 PrivateMessages alone; commits of Adds and Removes alone
 *     lifetimes of others' Adds are not checked         checked against the caller's clock, and bounded
 *     keys of new leaves may repeat those of others     compared throughout the tree
 *     a path secret may give other keys than it should  tried on what is sealed to the public ones (`ownKeys.ts`)
 *     bytes may trail a message                         a message must be its own re-encoding
 *     the sender of application data is not told        it is the leaf whose ratchet has moved
 *     a commit that removes us throws, or never ends    it is looked at first, and not applied
 *     padding to one length alone                       the steps of `padding.ts` (`messagePadding.ts`)
 *
 * One state leads to the next and is not changed:
 *
 *     group ── protect ──> next group, message
 *     group ── unprotect ──> next group, received          adopt it only when its roster was verified
 *     group ── commit ──> group if accepted | ifRefused    the relay decides
 *
 * Whether members are who they say is not asked here: `membership` has every roster verified before it adopts a state.
 */

import {
  CryptoVerificationError,
  ValidationError,
  createApplicationMessage,
  createCommit,
  createGroup,
  createProposal,
  clientStateDecoder,
  clientStateEncoder,
  contentTypes,
  decode,
  defaultCredentialTypes,
  defaultKeyPackageEqualityConfig,
  defaultProposalTypes,
  encode,
  generateKeyPackageWithKey,
  joinGroup,
  makeKeyPackageRef,
  mlsExporter,
  mlsMessageDecoder,
  mlsMessageEncoder,
  nodeTypes,
  processPrivateMessage,
  protocolVersions,
  wireformats,
} from "ts-mls"
import type {
  Capabilities,
  ClientState,
  Credential,
  KeyPackage as TsMlsKeyPackage,
  LeafNode,
  MlsContext,
  MlsMessage,
  PrivateKeyPackage,
  PrivateMessage,
  Proposal,
} from "ts-mls"

import {
  DecodingError,
  InvalidCommit,
  InvalidKeyPackage,
  InvalidMessage,
  InvalidWelcome,
  OperationNotAllowed,
  TeduhCryptoError,
  UnsupportedByPolicy,
  WrongEpoch,
  WrongGroup,
} from "../cryptoErrors.ts"
import { areEqual, concatenate, copyOf, erase, toHex } from "../hazmat/bytes.ts"
import type { Signer } from "../hazmat/ed25519.ts"
import { commitPaddingFor, paddingFor } from "../encoding/padding.ts"
import { CommitInspection } from "./commitInspection.ts"
import { KeyPackageBundle, readBundle, STAFF_CREDENTIAL_TYPE } from "./keyPackageBundle.ts"
import type { Identity, KeyPackage, MlsCredential } from "./keyPackageBundle.ts"
import {
  lifetimeObjection,
  LONGEST_LIFETIME,
  requireBoundedLifetimes,
  requireSoundLeaf,
  requireSoundLeaves,
} from "./leafRules.ts"
import type { Blame } from "./leafRules.ts"
import { withPadding } from "./messagePadding.ts"
import { requireOwnKeys } from "./ownKeys.ts"
import type { OwnKey } from "./ownKeys.ts"
import { suiteOf } from "./suites.ts"
import type { CipherSuite } from "./suites.ts"
import { Succession } from "./succession.ts"

/** Seconds that a key package may be used. */
export const KEY_PACKAGE_LIFETIME = 14 * 24 * 3600
/** Seconds: borrowed phones are hours and days off, and nobody can be added by a key package that begins later. */
/** An extension type (private use) among a leaf's capabilities: this client follows a refresh of the survivor's. */
const SURVIVOR_REFRESH = 0xf7ee
const CLOCK_ALLOWANCE = 30 * 24 * 3600
const MAX_FORWARD_RATCHET_STEPS = 1000
/** Places for members, blank ones included. */
const MOST_LEAVES = 64
const STATE_FORMAT = 1
const NOTHING = new Uint8Array()

/** A member of the group as its leaf shows it; nothing is proven about the credential. */
export interface MlsMember extends MlsCredential {
  readonly leafIndex: number
  /** 32 bytes. */
  readonly signatureKey: Uint8Array
  /** Whether its client says that it follows a commit of the survivor's that changes nobody. */
  readonly followsSurvivor: boolean
}

/**
 * What a message turned out to be. `sender` is a leaf index. `isNext` tells whether the generation of application data
 * follows that of the last of the sender's that was opened in this epoch (0, if there was none).
 */
export type Received =
  | (Sent & { readonly kind: "application"; readonly data: Uint8Array; readonly isNext: boolean })
  | (Sent & { readonly kind: "commit" })
  | (Sent & { readonly kind: "removed" })

interface Sent {
  readonly sender: number
  readonly authenticatedData: Uint8Array
}

/** What to commit: bring in the device of an encoded key package, or take out a leaf. */
export type MlsProposal = { readonly add: Uint8Array } | { readonly remove: number }

/** A commit that the relay has yet to accept. */
export interface PendingCommit {
  readonly message: Uint8Array
  /** For the members that it adds; absent if it adds nobody. */
  readonly welcome: Uint8Array | undefined
  /** Whether it puts new keys into our leaf; one that only adds somebody does not. */
  readonly renewsKeys: boolean
  /** To go on with when the commit is accepted. */
  readonly group: MlsGroup
  /** To go on with until then, and if it is refused: the key that the commit used is not in it any more. */
  readonly ifRefused: MlsGroup
}

/** One state of one member of one group. */
export class MlsGroup {
  readonly #suite: CipherSuite
  readonly #signer: Signer
  readonly #succession: Succession
  #state: ClientState | undefined

  private constructor(
    suite: CipherSuite,
    signer: Signer,
    state: ClientState | undefined,
    succession = Succession.first(),
  ) {
    this.#suite = suite
    this.#signer = signer
    // Past epochs are nobody's business any more, nor are proposals, of which none is ever kept.
    this.#state = state && { ...state, historicalReceiverData: new Map(), unappliedProposals: {} }
    this.#succession = succession
  }

  /** A group with us alone in it, at epoch 0. Throws `UnsupportedCipherSuite`. */
  static async create(suite: number, groupId: Uint8Array, identity: Identity): Promise<MlsGroup> {
    const implementation = await suiteOf(suite)
    const now = Math.floor(Date.now() / 1000)
    const { publicPackage, privatePackage } = await generate(implementation, identity, now)
    const context = contextFor(implementation, identity.signer)
    const keys = { keyPackage: publicPackage, privateKeyPackage: privatePackage }
    const state = await createGroup({ context, groupId: copyOf(groupId), ...keys })
    return new MlsGroup(implementation, identity.signer, state)
  }

  /**
   * Enter by a Welcome that answers the key package of `bundle`, which must not be used again, nor after its end.
   *
   * `now` in seconds. Throws a `RemoteError`; compare the group's id and verify its roster before anything else.
   */
  static async join(welcome: Uint8Array, bundle: KeyPackageBundle, now: number): Promise<MlsGroup> {
    const message = read(welcome)
    if (message.wireformat !== wireformats.mls_welcome) throw new InvalidWelcome("the message is not a welcome")
    const suite = await suiteOf(bundle.suite)
    if (message.welcome.cipherSuite !== suite.id) throw new InvalidWelcome("the welcome is for another cipher suite")
    const context = contextFor(suite, bundle.signer)
    const keyPackage = readKeyPackageMessage(bundle.keyPackage)
    const objection = lifetimeObjection(keyPackage.leafNode, now)
    if (objection !== undefined) throw objection
    const { initKey, encryptionKey } = bundle.hazmatPrivateKeys
    const privateKeys: PrivateKeyPackage = {
      initPrivateKey: copyOf(initKey),
      hpkePrivateKey: copyOf(encryptionKey),
      signaturePrivateKey: NOTHING,
    }
    const state = await blaming(InvalidWelcome, "the welcome does not open", () =>
      joinGroup({ context, welcome: message.welcome, keyPackage, privateKeys }),
    )
    requireSoundTree(state, suite.id, InvalidWelcome)
    await requireOwnKeys(newKeysOf(state), suite.hpke, InvalidWelcome)
    requireBoundedLifetimes(leavesOf(state).map(({ leaf }) => leaf))
    return new MlsGroup(suite, bundle.signer, state)
  }

  /** The state that `toBytes` wrote, of the member who holds `signer`'s key. Throws `DecodingError`. */
  static async fromBytes(data: Uint8Array, signer: Signer): Promise<MlsGroup> {
    const state = data[0] === STATE_FORMAT ? decodeState(data.subarray(1)) : undefined
    if (state === undefined) throw new DecodingError("not a stored group")
    const group = new MlsGroup(await suiteOf(state.groupContext.cipherSuite), signer, state)
    const own = group.members.find(({ leafIndex }) => leafIndex === group.ownLeafIndex)
    if (own === undefined || !areEqual(own.signatureKey, signer.publicKey))
      throw new DecodingError("the stored group is another member's")
    return group
  }

  /** The state at rest: as secret as the group. Restore the newest copy only, for an old one repeats keys. */
  toBytes(): Uint8Array {
    return concatenate(Uint8Array.of(STATE_FORMAT), encode(clientStateEncoder, this.#present()))
  }

  get suite(): number {
    return this.#suite.id
  }

  get groupId(): Uint8Array {
    return this.#present().groupContext.groupId
  }

  /** How many commits led here. */
  get epoch(): number {
    return Number(this.#present().groupContext.epoch)
  }

  /** It may be 0. */
  get ownLeafIndex(): number {
    return this.#present().privatePath.leafIndex
  }

  /** The roster of this epoch, by leaf. */
  get members(): readonly MlsMember[] {
    return leavesOf(this.#present()).map(({ leafIndex, leaf }) => ({
      leafIndex,
      ...credentialFrom(leaf.credential),
      signatureKey: leaf.signaturePublicKey,
      followsSurvivor: leaf.capabilities.extensions.includes(SURVIVOR_REFRESH),
    }))
  }

  /** The same bytes for all members who see the same group (RFC 9420, 8.7). */
  get epochAuthenticator(): Uint8Array {
    return this.#present().keySchedule.epochAuthenticator
  }

  /** `length` secret bytes for use outside MLS, bound to epoch, label and context (RFC 9420, 8.5). */
  async export(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    const { exporterSecret } = this.#present().keySchedule
    const secret = await mlsExporter(exporterSecret, label, context, length, this.#implementation())
    this.#succession.requireSecrets()
    return secret
  }

  /**
   * Encrypt for the members, padded. `authenticatedData` travels in the clear and is signed.
   *
   * Throws `OperationNotAllowed` if this state was used up.
   */
  async protect(
    data: Uint8Array,
    { authenticatedData = NOTHING }: { authenticatedData?: Uint8Array } = {},
  ): Promise<{ group: MlsGroup; message: Uint8Array }> {
    return this.#spend(async (state) => {
      const context = contextFor(this.#suite, this.#signer)
      const made = await createApplicationMessage({ context, state, message: data, authenticatedData })
      const group = this.#sameEpoch(made.newState, made.consumed)
      return { next: group, result: { group, message: encode(mlsMessageEncoder, made.message) } }
    })
  }

  /**
   * Open a message of somebody else. `now` in seconds.
   *
   * After a commit, verify the roster before going on with `group`. When this throws, or `group` is not adopted, this
   * state is the one that counts. Throws a `RemoteError`, or `OperationNotAllowed`.
   */
  async unprotect(message: Uint8Array, now: number): Promise<{ group: MlsGroup; received: Received }> {
    const state = this.#present()
    this.#succession.take()
    const privateMessage = this.#addressedToUs(message)
    const commit = new CommitInspection(state.privatePath.leafIndex, now)
    const context = contextFor(this.#suite, this.#signer)
    const result = await blaming(InvalidMessage, "the message does not open", () =>
      processPrivateMessage({ context, state, privateMessage, callback: commit.callback }),
    )
    const authenticatedData = result.aad
    if (result.kind === "applicationMessage") {
      const moved = senderOf(state, result.newState)
      const received: Received = { kind: "application", ...moved, data: result.message, authenticatedData }
      return { group: this.#sameEpoch(result.newState, result.consumed), received }
    }
    const { sender, removesUs } = commit.verdict()
    if (removesUs) {
      const gone = new MlsGroup(this.#suite, this.#signer, undefined)
      return { group: gone, received: { kind: "removed", sender, authenticatedData } }
    }
    requireSoundTree(result.newState, this.#suite.id, InvalidCommit)
    await requireOwnKeys(newKeysOf(result.newState, state), this.#suite.hpke, InvalidCommit)
    const group = this.#nextEpoch(result.newState, result.consumed)
    return { group, received: { kind: "commit", sender, authenticatedData } }
  }

  /**
   * Make the next epoch out of `proposals`; without any it only renews our keys. `now` in seconds.
   *
   * Throws the `RemoteError` of a key package that is not valid, or `OperationNotAllowed`.
   */
  async commit(
    proposals: readonly MlsProposal[],
    { authenticatedData = NOTHING, now }: { authenticatedData?: Uint8Array; now: number },
  ): Promise<PendingCommit> {
    const extraProposals: Proposal[] = []
    for (const proposal of proposals) extraProposals.push(await this.#proposalFrom(proposal, now))
    return this.#spend(async (state) => {
      const context = contextFor(this.#suite, this.#signer, commitPaddingFor)
      const made = await createCommit({ context, state, extraProposals, authenticatedData, ratchetTreeExtension: true })
      requireSoundTree(made.newState, this.#suite.id, InvalidCommit)
      const ifRefused = await this.#withoutNextHandshakeKey(state)
      const group = this.#nextEpoch(made.newState, made.consumed)
      const welcome = made.welcome && encode(mlsMessageEncoder, made.welcome)
      const message = encode(mlsMessageEncoder, made.commit)
      const renewsKeys = newKeysOf(made.newState, state).length > 0
      return { next: ifRefused, result: { message, welcome, renewsKeys, group, ifRefused } }
    })
  }

  /** Overwrite every secret, also those that other states of this group share with this one. */
  wipe(): void {
    if (this.#state === undefined) return
    secretsOf(this.#state).forEach(erase)
    this.#succession.end()
    this.#state = undefined
  }

  #present(): ClientState {
    if (this.#state === undefined) throw new OperationNotAllowed("we are not in this group any more")
    return this.#state
  }

  async #spend<Result>(send: (state: ClientState) => Promise<{ next: MlsGroup; result: Result }>): Promise<Result> {
    const state = this.#present()
    return this.#succession.spend(async () => {
      try {
        const { next, result } = await send(state)
        return { next: next.#succession, result }
      } catch (error) {
        throw faultOf(error)
      }
    })
  }

  #sameEpoch(state: ClientState, consumed: readonly Uint8Array[]): MlsGroup {
    return new MlsGroup(this.#suite, this.#signer, state, this.#succession.inSameEpoch(consumed))
  }

  #nextEpoch(state: ClientState, consumed: readonly Uint8Array[]): MlsGroup {
    return new MlsGroup(this.#suite, this.#signer, state, this.#succession.inNextEpoch(consumed))
  }

  #implementation(): MlsContext["cipherSuite"] {
    return contextFor(this.#suite, this.#signer).cipherSuite
  }

  #addressedToUs(encoded: Uint8Array): PrivateMessage {
    const message = read(encoded)
    if (message.wireformat !== wireformats.mls_private_message)
      throw new UnsupportedByPolicy("members speak in PrivateMessages alone")
    const { privateMessage } = message
    const { groupContext } = this.#present()
    if (!areEqual(privateMessage.groupId, groupContext.groupId)) throw new WrongGroup("the message is another group's")
    if (privateMessage.epoch !== groupContext.epoch) throw new WrongEpoch("the message is of another epoch")
    if (privateMessage.contentType === contentTypes.proposal)
      throw new UnsupportedByPolicy("nobody proposes without committing")
    return privateMessage
  }

  async #proposalFrom(proposal: MlsProposal, now: number): Promise<Proposal> {
    if ("remove" in proposal && !this.members.some(({ leafIndex }) => leafIndex === proposal.remove))
      throw new OperationNotAllowed(`there is no member at leaf ${proposal.remove}`)
    if ("remove" in proposal) return { proposalType: defaultProposalTypes.remove, remove: { removed: proposal.remove } }
    const { suite } = await readKeyPackage(proposal.add)
    if (suite !== this.#suite.id) throw new InvalidKeyPackage("the key package is for another cipher suite")
    const keyPackage = readKeyPackageMessage(proposal.add)
    const objection = lifetimeObjection(keyPackage.leafNode, now)
    if (objection !== undefined) throw objection
    requireSoundLeaf(keyPackage.leafNode, this.#suite.id, InvalidKeyPackage)
    if (this.members.some(({ signatureKey }) => areEqual(signatureKey, keyPackage.leafNode.signaturePublicKey)))
      throw new InvalidKeyPackage("this device is in the group already")
    return { proposalType: defaultProposalTypes.add, add: { keyPackage } }
  }

  /** The key for our next handshake message is spent on one that nobody signs or sees. */
  async #withoutNextHandshakeKey(state: ClientState): Promise<MlsGroup> {
    const unsigned: Signer = { publicKey: NOTHING, sign: () => Promise.resolve(NOTHING) }
    const proposal: Proposal = { proposalType: defaultProposalTypes.remove, remove: { removed: this.ownLeafIndex } }
    const made = await createProposal({ context: contextFor(this.#suite, unsigned), state, proposal })
    return this.#sameEpoch(made.newState, made.consumed)
  }
}

/** A fresh key package, valid from `now` (seconds) for 14 days, and the private keys behind it. */
export async function newKeyPackage(
  suite: number,
  credential: MlsCredential,
  signer: Signer,
  now: number,
): Promise<KeyPackageBundle> {
  const { publicPackage, privatePackage } = await generate(await suiteOf(suite), { credential, signer }, now)
  const version = protocolVersions.mls10
  const message: MlsMessage = { version, wireformat: wireformats.mls_key_package, keyPackage: publicPackage }
  const published = await readKeyPackage(encode(mlsMessageEncoder, message))
  return new KeyPackageBundle(published, signer, privatePackage.initPrivateKey, privatePackage.hpkePrivateKey)
}

/** The bundle that `toBytes` of one wrote, of the device that holds `signer`'s key. Throws a `RemoteError`. */
export async function keyPackageBundleFrom(data: Uint8Array, signer: Signer): Promise<KeyPackageBundle> {
  const [encoded, initKey, encryptionKey] = readBundle(data)
  const published = await readKeyPackage(encoded)
  if (!areEqual(published.signatureKey, signer.publicKey))
    throw new DecodingError("the stored key package is another device's")
  return new KeyPackageBundle(published, signer, initKey, encryptionKey)
}

/**
 * Read a key package of a suite that we use, as the relay carries it; its signatures and lifetime are checked when it
 * is added.
 *
 * Throws a `RemoteError`.
 */
export async function readKeyPackage(encoded: Uint8Array): Promise<KeyPackage> {
  const keyPackage = readKeyPackageMessage(encoded)
  const { leafNode } = keyPackage
  const suite = await suiteOf(keyPackage.cipherSuite).catch((error: unknown) => {
    throw new InvalidKeyPackage("conversations do not use this cipher suite", { cause: error })
  })
  const { lifetime } = leafNode
  return {
    encoded: copyOf(encoded),
    suite: suite.id,
    credential: credentialFrom(leafNode.credential),
    signatureKey: leafNode.signaturePublicKey,
    notBefore: Number(lifetime.notBefore),
    notAfter: Number(lifetime.notAfter),
    reference: toHex(await makeKeyPackageRef(keyPackage, suite.hash)),
  }
}

/** Which of our key packages a Welcome answers; throws `InvalidWelcome` if it is none of them. */
export function bundleFor(welcome: Uint8Array, bundles: readonly KeyPackageBundle[]): KeyPackageBundle {
  const message = read(welcome)
  if (message.wireformat !== wireformats.mls_welcome) throw new InvalidWelcome("the message is not a welcome")
  const named = new Set(message.welcome.secrets.map(({ newMember }) => toHex(newMember)))
  const answered = bundles.find(({ reference }) => named.has(reference))
  if (answered === undefined) throw new InvalidWelcome("the welcome is for none of our key packages")
  return answered
}

/** Only one leaf's ratchet moves when a message is opened: the sender's. */
function senderOf(before: ClientState, after: ClientState): { sender: number; isNext: boolean } {
  const nodes = Object.keys(after.secretTree.leafNodes).map(Number)
  const moved = nodes.filter((node) => after.secretTree.leafNodes[node] !== before.secretTree.leafNodes[node])
  const [node] = moved
  if (node === undefined || moved.length !== 1) throw new InvalidMessage("the sender cannot be told")
  const generation = ({ secretTree }: ClientState) => secretTree.leafNodes[node]?.application.generation ?? 0
  return { sender: node / 2, isNext: generation(after) === generation(before) + 1 }
}

/** What everybody in a conversation can do: its suite, the two kinds of credentials, a survivor's refresh. */
function capabilitiesFor(suite: number): Capabilities {
  const credentials = [defaultCredentialTypes.basic, STAFF_CREDENTIAL_TYPE]
  return { versions: [protocolVersions.mls10], ciphersuites: [suite], extensions: [SURVIVOR_REFRESH], proposals: [], credentials }
}

async function generate(suite: CipherSuite, { credential, signer }: Identity, now: number) {
  return generateKeyPackageWithKey({
    credential: credentialOf(credential),
    cipherSuite: contextFor(suite, signer).cipherSuite,
    capabilities: capabilitiesFor(suite.id),
    lifetime: { notBefore: BigInt(Math.max(0, now - CLOCK_ALLOWANCE)), notAfter: BigInt(now + KEY_PACKAGE_LIFETIME) },
    extensions: [],
    leafNodeExtensions: [],
    signatureKeyPair: { publicKey: copyOf(signer.publicKey), signKey: NOTHING },
  })
}

function contextFor(suite: CipherSuite, signer: Signer, padding = paddingFor): MlsContext {
  const signature = {
    sign: (_: Uint8Array, data: Uint8Array) => signer.sign(data),
    verify: suite.verify,
    keygen: () => Promise.reject(new OperationNotAllowed("keys are made by whoever holds them")),
  }
  return {
    cipherSuite: { ...suite, signature, hpke: withPadding(suite.hpke, padding) },
    // The whole roster is verified, against the clock and the revocations, before its state is adopted.
    authService: { validateCredential: () => Promise.resolve(true) },
    clientConfig: {
      keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
      keyRetentionConfig: {
        retainKeysForGenerations: 0,
        // 0 would keep all; the one that it keeps is dropped by `MlsGroup`.
        retainKeysForEpochs: 1,
        maximumForwardRatchetSteps: MAX_FORWARD_RATCHET_STEPS,
      },
      lifetimeConfig: { maximumTotalLifetime: BigInt(LONGEST_LIFETIME), validateLifetimeOnReceive: false },
      paddingConfig: { kind: "alwaysPad", paddingLength: 0 },
    },
  }
}

function read(encoded: Uint8Array): MlsMessage {
  try {
    const message = decode(mlsMessageDecoder, copyOf(encoded))
    // ts-mls ignores what trails, and cannot encode all that it decodes.
    if (message !== undefined && areEqual(encode(mlsMessageEncoder, message), encoded)) return message
  } catch (error) {
    throw new DecodingError("not an MLSMessage", { cause: error })
  }
  throw new DecodingError("not an MLSMessage")
}

function readKeyPackageMessage(encoded: Uint8Array): TsMlsKeyPackage {
  const message = read(encoded)
  if (message.wireformat !== wireformats.mls_key_package)
    throw new InvalidKeyPackage("the message is not a key package")
  return message.keyPackage
}

function decodeState(data: Uint8Array): ClientState | undefined {
  try {
    const state = decode(clientStateDecoder, copyOf(data))
    return state !== undefined && areEqual(encode(clientStateEncoder, state), data) ? state : undefined
  } catch (error) {
    throw new DecodingError("not a stored group", { cause: error })
  }
}

function credentialOf({ credentialType, content }: MlsCredential): Credential {
  const data = copyOf(content)
  return credentialType === defaultCredentialTypes.basic ? { credentialType, identity: data } : { credentialType, data }
}

function credentialFrom(credential: Credential): MlsCredential {
  const { credentialType } = credential
  if ("identity" in credential) return { credentialType, content: credential.identity }
  // Of certificates we know nothing but that nobody here has any: no content will prove them.
  return { credentialType, content: "data" in credential ? credential.data : NOTHING }
}

function leavesOf({ ratchetTree }: ClientState): { leafIndex: number; leaf: LeafNode }[] {
  return ratchetTree.flatMap((node, index) =>
    node?.nodeType === nodeTypes.leaf ? [{ leafIndex: index / 2, leaf: node.leaf }] : [],
  )
}

/** The private keys that we did not hold `before`, each with the public key in its place. */
function newKeysOf({ ratchetTree, privatePath }: ClientState, before?: ClientState): OwnKey[] {
  return Object.entries(privatePath.privateKeys).flatMap(([index, privateKey]) => {
    const node = ratchetTree[Number(index)]
    if (node === undefined || before?.privatePath.privateKeys[Number(index)] === privateKey) return []
    const { hpkePublicKey: publicKey } = node.nodeType === nodeTypes.leaf ? node.leaf : node.parent
    return [{ privateKey, publicKey }]
  })
}

/** What ts-mls does not ask of a tree, and that our groups have no extensions. */
function requireSoundTree(state: ClientState, suite: number, Fault: Blame): void {
  if (state.groupContext.extensions.length > 0) throw new UnsupportedByPolicy("our groups have no extensions")
  if (state.ratchetTree.length >= 2 * MOST_LEAVES) throw new UnsupportedByPolicy("the group is larger than ours are")
  const parents = state.ratchetTree.flatMap((node) => (node?.nodeType === nodeTypes.parent ? [node.parent] : []))
  const leaves = leavesOf(state).map(({ leaf }) => leaf)
  requireSoundLeaves(
    leaves,
    parents.map((parent) => parent.hpkePublicKey),
    suite,
    Fault,
  )
}

/** What is wrong with the peer's input, when ts-mls finds fault with it. */
async function blaming<Result>(Fault: Blame, what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof TeduhCryptoError ? error : new Fault(what, { cause: error })
  }
}

function faultOf(error: unknown): TeduhCryptoError {
  if (error instanceof TeduhCryptoError) return error
  // Of all that a commit of ours is made of, only key packages come from others.
  if (error instanceof ValidationError || error instanceof CryptoVerificationError)
    return new InvalidKeyPackage("a key package is not valid", { cause: error })
  return new OperationNotAllowed("the group cannot do this now", { cause: error })
}

function secretsOf({ keySchedule, secretTree, privatePath, signaturePrivateKey }: ClientState): Uint8Array[] {
  const ratchets = Object.values(secretTree.leafNodes).flatMap(({ handshake, application }) => [handshake, application])
  return [
    ...Object.values({ ...keySchedule }),
    ...Object.values(secretTree.intermediateNodes),
    ...ratchets.flatMap(({ secret, unusedGenerations }) => [secret, ...Object.values(unusedGenerations)]),
    ...Object.values(privatePath.privateKeys),
    signaturePrivateKey,
  ]
}
