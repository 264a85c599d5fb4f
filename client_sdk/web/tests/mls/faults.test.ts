/** What ts-mls leaves open and `group.ts` closes: one test for each, where needed with a member who plays foul. */

import {
  clientStateDecoder,
  contentTypes,
  createCommit,
  createProposal,
  decode,
  defaultCredentialTypes,
  defaultProposalTypes,
  encode,
  joinGroupExternal,
  mlsMessageDecoder,
  mlsMessageEncoder,
  createGroupInfoWithExternalPubAndRatchetTree,
  generateKeyPackageWithKey,
  proposeExternal,
  protocolVersions,
  pskTypes,
  resumptionPSKUsages,
  unsafeTestingAuthenticationService,
  wireformats,
} from "ts-mls"
import type { ClientState, MlsContext, MlsMessage, Proposal, PskInfo } from "ts-mls"
import { beforeAll, describe, expect, it } from "vitest"

import {
  DecodingError,
  InvalidCommit,
  InvalidKeyPackage,
  InvalidMessage,
  InvalidWelcome,
  OperationNotAllowed,
  RemoteError,
  UnsupportedByPolicy,
  WrongEpoch,
  WrongGroup,
} from "../../src/cryptoErrors.ts"
import { concatenate, utf8 } from "../../src/hazmat/bytes.ts"
import type { Signer } from "../../src/hazmat/ed25519.ts"
import { bundleFor, MlsGroup, readKeyPackage } from "../../src/mls/group.ts"
import { CLASSIC_SUITE, HYBRID_SUITE, suiteOf } from "../../src/mls/suites.ts"
import type { CipherSuite } from "../../src/mls/suites.ts"
import { paddedLength } from "../../src/encoding/padding.ts"
import { bundleOf, GROUP_ID, letIn, NOW, pair, staff, survivor, three } from "./people.ts"

/** The name of a secret that was agreed on elsewhere. */
const PSK_ID = utf8("a secret of elsewhere")

let suite: CipherSuite

beforeAll(async () => {
  suite = await suiteOf(CLASSIC_SUITE)
})

/** A member who does with ts-mls whatever it lets her. */
function foul(group: MlsGroup, signer: Signer): { state: ClientState; context: MlsContext } {
  const state = decode(clientStateDecoder, group.toBytes().subarray(1))
  if (state === undefined) throw new Error("a stored group can be read")
  const signature = {
    sign: (_: Uint8Array, data: Uint8Array) => signer.sign(data),
    verify: suite.verify,
    keygen: () => Promise.reject(new Error("not needed")),
  }
  return { state, context: { cipherSuite: { ...suite, signature }, authService: unsafeTestingAuthenticationService } }
}

async function foulCommit(
  group: MlsGroup,
  signer: Signer,
  extraProposals: Proposal[],
  publicly = false,
): Promise<Uint8Array> {
  const { state, context } = foul(group, signer)
  const externalPsks = { [Buffer.from(PSK_ID).toString("base64")]: new Uint8Array(32).fill(7) }
  // Its types do not say so, but without this ts-mls knows no secrets of the group itself.
  const own = { resumingFromState: state }
  const foully = { context: { ...context, externalPsks }, extraProposals, wireAsPublicMessage: publicly }
  const made = await createCommit({ state, ...foully, ...own })
  return encode(mlsMessageEncoder, made.commit)
}

const asMessage = (body: object): Uint8Array =>
  encode(mlsMessageEncoder, { version: protocolVersions.mls10, ...body } as MlsMessage)

/** A counselor, whose key the test has, and a survivor. */
async function foulPair(): Promise<{ sari: MlsGroup; signer: Signer; bea: MlsGroup }> {
  const identity = await staff()
  const { founder, newcomer } = await letIn(await MlsGroup.create(CLASSIC_SUITE, GROUP_ID, identity), await survivor())
  return { sari: founder, signer: identity.signer, bea: newcomer }
}

describe("which messages are taken", () => {
  it("refuses a message of another group, though its epoch fits", async () => {
    const { bea } = await pair()
    const { founder } = await letIn(
      await MlsGroup.create(CLASSIC_SUITE, utf8("another group"), await staff()),
      await staff(),
    )
    const { message } = await founder.protect(utf8("hello"))
    await expect(bea.unprotect(message, NOW)).rejects.toThrow(WrongGroup)
  })

  it("refuses a message of a past epoch: its keys are gone", async () => {
    const { sari, bea } = await pair()
    const late = await sari.protect(utf8("late"))
    const commit = await late.group.commit([], { now: NOW })
    const { group } = await bea.unprotect(commit.message, NOW)
    await expect(group.unprotect(late.message, NOW)).rejects.toThrow(WrongEpoch)
    const stored = decode(clientStateDecoder, group.toBytes().subarray(1))
    expect(stored?.historicalReceiverData.size).toBe(0)
  })

  it("refuses a message of an epoch to come", async () => {
    const { sari, bea } = await pair()
    const { group } = await sari.commit([], { now: NOW })
    const { message } = await group.protect(utf8("early"))
    await expect(bea.unprotect(message, NOW)).rejects.toThrow(WrongEpoch)
  })

  it("opens a message once", async () => {
    const { sari, bea } = await pair()
    const { message } = await sari.protect(utf8("once"))
    const { group } = await bea.unprotect(message, NOW)
    await expect(group.unprotect(message, NOW)).rejects.toThrow(InvalidMessage)
  })

  it("keeps no key of a message that was skipped", async () => {
    const { sari, bea } = await pair()
    const first = await sari.protect(utf8("first"))
    const second = await first.group.protect(utf8("second"))
    const { group, received } = await bea.unprotect(second.message, NOW)
    expect(received).toMatchObject({ kind: "application", data: utf8("second") })
    await expect(group.unprotect(first.message, NOW)).rejects.toThrow(InvalidMessage)
  })

  it("does not open our own messages", async () => {
    const { sari } = await pair()
    const { group, message } = await sari.protect(utf8("an echo"))
    await expect(group.unprotect(message, NOW)).rejects.toThrow(InvalidMessage)
  })

  it("refuses bytes that trail a message", async () => {
    const { sari, bea } = await pair()
    const { message } = await sari.protect(utf8("hello"))
    await expect(bea.unprotect(concatenate(message, Uint8Array.of(0)), NOW)).rejects.toThrow(DecodingError)
  })

  it.each([new Uint8Array(), Uint8Array.of(0, 1), new Uint8Array(100).fill(0xff)])(
    "refuses what is no message",
    async (data) => {
      const { bea } = await pair()
      await expect(bea.unprotect(data, NOW)).rejects.toThrow(DecodingError)
    },
  )

  it("refuses a message that was changed anywhere", async () => {
    const { sari, bea } = await pair()
    const { message } = await sari.protect(utf8("hello"), { authenticatedData: utf8("1") })
    for (let at = 4; at < message.length; at += 97) {
      const changed = message.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      await expect(bea.unprotect(changed, NOW)).rejects.toThrow(RemoteError)
    }
    await expect(bea.unprotect(message, NOW)).resolves.toBeDefined()
  })
})

describe("what members may do", () => {
  it("refuses a proposal without a commit", async () => {
    const { sari, signer, bea } = await foulPair()
    const proposal: Proposal = { proposalType: defaultProposalTypes.remove, remove: { removed: 1 } }
    const made = await createProposal({ ...foul(sari, signer), proposal })
    await expect(bea.unprotect(encode(mlsMessageEncoder, made.message), NOW)).rejects.toThrow(UnsupportedByPolicy)
  })

  it("refuses a commit that travels in the clear", async () => {
    const { sari, signer, bea } = await foulPair()
    await expect(bea.unprotect(await foulCommit(sari, signer, [], true), NOW)).rejects.toThrow(UnsupportedByPolicy)
  })

  it.each<[string, Proposal]>([
    [
      "new group extensions",
      { proposalType: defaultProposalTypes.group_context_extensions, groupContextExtensions: { extensions: [] } },
    ],
    [
      "another group to come",
      {
        proposalType: defaultProposalTypes.reinit,
        reinit: { groupId: utf8("new"), version: protocolVersions.mls10, cipherSuite: CLASSIC_SUITE, extensions: [] },
      },
    ],
    ["a proposal of nobody's", { proposalType: 0xf123, proposalData: utf8("?") }],
  ])("refuses a commit of %s", async (_, proposal) => {
    const { sari, signer, bea } = await foulPair()
    await expect(bea.unprotect(await foulCommit(sari, signer, [proposal]), NOW)).rejects.toThrow(UnsupportedByPolicy)
  })

  it("refuses a commit that mixes in a secret of elsewhere, or one that both have of this group", async () => {
    const { sari, signer, bea } = await foulPair()
    const { groupId: pskGroupId, epoch: pskEpoch } = foul(sari, signer).state.groupContext
    const usage = resumptionPSKUsages.application
    const secrets: PskInfo[] = [
      { psktype: pskTypes.external, pskId: PSK_ID },
      { psktype: pskTypes.resumption, usage, pskGroupId, pskEpoch },
    ]
    const refusals = secrets.map(async (secret) => {
      const preSharedKeyId = { ...secret, pskNonce: new Uint8Array(32) }
      const proposal: Proposal = { proposalType: defaultProposalTypes.psk, psk: { preSharedKeyId } }
      return bea.unprotect(await foulCommit(sari, signer, [proposal]), NOW).catch((error: unknown) => error)
    })
    expect(await Promise.all(refusals)).toEqual([expect.any(InvalidMessage), expect.any(UnsupportedByPolicy)])
    await expect(bea.unprotect((await sari.protect(utf8("hello"))).message, NOW)).resolves.toBeDefined()
  })

  it("refuses whoever joins from outside", async () => {
    const { sari, signer, bea } = await foulPair()
    const ghost = await staff("a ghost")
    const bundle = await bundleOf(ghost)
    const { state, context } = foul(sari, signer)
    const groupInfo = await createGroupInfoWithExternalPubAndRatchetTree(state, [], context.cipherSuite)
    const message = decode(mlsMessageDecoder, bundle.keyPackage)
    if (message?.wireformat !== wireformats.mls_key_package) throw new Error("a bundle holds a key package")
    const { initKey, encryptionKey } = bundle.hazmatPrivateKeys
    const { publicMessage } = await joinGroupExternal({
      context: foul(sari, ghost.signer).context,
      groupInfo,
      keyPackage: message.keyPackage,
      privateKeys: { initPrivateKey: initKey, hpkePrivateKey: encryptionKey, signaturePrivateKey: new Uint8Array() },
      resync: false,
    })
    const encoded = asMessage({ wireformat: wireformats.mls_public_message, publicMessage })
    await expect(bea.unprotect(encoded, NOW)).rejects.toThrow(UnsupportedByPolicy)
  })

  it("refuses a proposal from outside", async () => {
    const { sari, signer, bea } = await foulPair()
    const { state, context } = foul(sari, signer)
    const proposal: Proposal = { proposalType: defaultProposalTypes.remove, remove: { removed: 0 } }
    const { groupContext } = state
    const senders = [
      {
        extensionType: 5,
        extensionData: { credential: { credentialType: 1, identity: utf8("x") }, signaturePublicKey: signer.publicKey },
      },
    ]
    const info = {
      groupContext: { ...groupContext, extensions: senders },
      extensions: [],
      confirmationTag: utf8(""),
      signer: 0,
      signature: utf8(""),
    }
    const message = await proposeExternal(
      info as unknown as Parameters<typeof proposeExternal>[0],
      proposal,
      signer.publicKey,
      new Uint8Array(),
      context.cipherSuite,
    )
    expect(message.wireformat).toBe(wireformats.mls_public_message)
    await expect(bea.unprotect(encode(mlsMessageEncoder, message), NOW)).rejects.toThrow(UnsupportedByPolicy)
  })

  it("refuses an Add whose key package has run out, or lives too long", async () => {
    const { sari, signer, bea } = await foulPair()
    for (const [at, lasting] of [
      [NOW - 30 * 24 * 3600, 0],
      [NOW, 101 * 24 * 3600],
    ] as const) {
      const added = await staff("old")
      const { context } = foul(sari, added.signer)
      const { publicPackage } = await generateKeyPackageWithKey({
        credential: { credentialType: defaultCredentialTypes.basic, identity: utf8("old") },
        cipherSuite: context.cipherSuite,
        capabilities: { versions: [1], ciphersuites: [1], extensions: [], proposals: [], credentials: [1, 0xf7ed] },
        lifetime: { notBefore: BigInt(at), notAfter: BigInt(at + Math.max(lasting, 14 * 24 * 3600)) },
        extensions: [],
        signatureKeyPair: { publicKey: added.signer.publicKey, signKey: new Uint8Array() },
      })
      const keyPackage = asMessage({ wireformat: wireformats.mls_key_package, keyPackage: publicPackage })
      await expect(sari.commit([{ add: keyPackage }], { now: NOW })).rejects.toThrow(InvalidKeyPackage)
      const proposal: Proposal = { proposalType: defaultProposalTypes.add, add: { keyPackage: publicPackage } }
      if (lasting === 0) continue // ts-mls itself does not commit what has run out by its own clock.
      await expect(bea.unprotect(await foulCommit(sari, signer, [proposal]), NOW)).rejects.toThrow(InvalidKeyPackage)
    }
  })

  it("holds an Add against the reader's clock", async () => {
    const { sari, bea } = await pair()
    const bundle = await bundleOf(await staff("in time"))
    const { message } = await sari.commit([{ add: bundle.keyPackage }], { now: NOW })
    await expect(bea.unprotect(message, NOW + 15 * 24 * 3600)).rejects.toThrow(InvalidKeyPackage)
    await expect(bea.unprotect(message, NOW)).resolves.toBeDefined()
  })

  it("adds nobody twice", async () => {
    const { sari } = await pair()
    const again = await staff()
    const { group } = await sari.commit([{ add: (await bundleOf(again)).keyPackage }], { now: NOW })
    await expect(group.commit([{ add: (await bundleOf(again)).keyPackage }], { now: NOW })).rejects.toThrow(
      InvalidKeyPackage,
    )
  })

  it("adds no key package whose signature does not hold, or of another suite", async () => {
    const { sari } = await pair()
    const { keyPackage } = await bundleOf(await staff())
    const changed = keyPackage.slice()
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    await expect(sari.commit([{ add: changed }], { now: NOW })).rejects.toThrow(InvalidKeyPackage)
    const hybrid = await bundleOf(await staff(), HYBRID_SUITE)
    await expect(sari.commit([{ add: hybrid.keyPackage }], { now: NOW })).rejects.toThrow(InvalidKeyPackage)
  })

  it("removes nobody who is not there", async () => {
    const { sari } = await pair()
    await expect(sari.commit([{ remove: 9 }], { now: NOW })).rejects.toThrow(OperationNotAllowed)
  })
})

describe("corrected in ts-mls itself", () => {
  it("gives a commit of a single Remove a path, so that the removed cannot follow", async () => {
    const { sari, bea, intan } = await three()
    const removal = await sari.commit([{ remove: intan.ownLeafIndex }], { now: NOW })
    const { group } = await bea.unprotect(removal.message, NOW)
    expect(group.epochAuthenticator).toEqual(removal.group.epochAuthenticator)
    // A path is new keys for the committer: her leaf is not the one she had.
    const [before, after] = [sari, removal.group].map((one) => decode(clientStateDecoder, one.toBytes().subarray(1)))
    expect(after?.ratchetTree[0]).not.toEqual(before?.ratchetTree[0])
  })

  it("lets somebody join who takes the place of one removed by the same commit", async () => {
    const { sari, bea, intan } = await three()
    const bundle = await bundleOf(await staff("a third statement"))
    const made = await sari.commit([{ remove: intan.ownLeafIndex }, { add: bundle.keyPackage }], { now: NOW })
    const { group } = await bea.unprotect(made.message, NOW)
    const joined = await MlsGroup.join(made.welcome ?? new Uint8Array(), bundle, NOW)
    expect(joined.epochAuthenticator).toEqual(group.epochAuthenticator)
    expect((await intan.unprotect(made.message, NOW)).received.kind).toBe("removed")
  })

  it("lets somebody join a tree in which others wait to be merged", async () => {
    let { sari, bea, intan } = await three()
    const fourth = await bundleOf(await staff("a fourth"))
    const four = await sari.commit([{ add: fourth.keyPackage }], { now: NOW })
    ;[bea, intan] = [(await bea.unprotect(four.message, NOW)).group, (await intan.unprotect(four.message, NOW)).group]
    const path = await bea.commit([], { now: NOW })
    sari = (await four.group.unprotect(path.message, NOW)).group
    const fifth = await bundleOf(await staff("a fifth"))
    const five = await sari.commit([{ add: fifth.keyPackage }], { now: NOW })
    const joined = await MlsGroup.join(five.welcome ?? new Uint8Array(), fifth, NOW)
    expect(joined.epochAuthenticator).toEqual(five.group.epochAuthenticator)
  })

  it("tells even the last leaf of a tree that shrinks that it is removed", async () => {
    const { sari, bea } = await pair()
    const removal = await sari.commit([{ remove: bea.ownLeafIndex }], { now: NOW })
    expect((await bea.unprotect(removal.message, NOW)).received.kind).toBe("removed")
  })
})

describe("which state counts", () => {
  it("lets a state send once, for a second message would use the same key", async () => {
    const { sari } = await pair()
    const first = sari.protect(utf8("one"))
    await expect(sari.protect(utf8("two"))).rejects.toThrow(OperationNotAllowed)
    const { group } = await first
    await expect(sari.protect(utf8("three"))).rejects.toThrow(OperationNotAllowed)
    await expect(group.protect(utf8("four"))).resolves.toBeDefined()
  })

  it("does not go back to a state whose successor was used", async () => {
    const { sari, bea } = await pair()
    const { message } = await sari.protect(utf8("one"))
    const { group } = await bea.unprotect(message, NOW)
    await group.protect(utf8("two"))
    await expect(bea.protect(utf8("two"))).rejects.toThrow(OperationNotAllowed)
  })

  it("goes on from the state before when a received one was not adopted", async () => {
    const { sari, bea } = await pair()
    const commit = await sari.commit([], { now: NOW })
    await bea.unprotect(commit.message, NOW)
    const { message } = await bea.protect(utf8("still in the epoch before"))
    await expect(commit.ifRefused.unprotect(message, NOW)).resolves.toBeDefined()
  })

  it("follows a commit into one state, though it was read twice", async () => {
    const { sari, bea } = await pair()
    const { message } = await sari.commit([], { now: NOW })
    const [one, other] = [await bea.unprotect(message, NOW), await bea.unprotect(message, NOW)]
    await one.group.protect(utf8("first"))
    await expect(other.group.protect(utf8("again"))).rejects.toThrow(OperationNotAllowed)
  })

  it("does not use the key of a refused commit again", async () => {
    const { sari, bea } = await pair()
    const refused = await sari.commit([], { now: NOW })
    const retried = await refused.ifRefused.commit([], { now: NOW })
    // The key of the first is gone for whoever has followed the second within the same epoch's ratchet.
    const one = await bea.unprotect(refused.message, NOW)
    const other = await bea.unprotect(retried.message, NOW)
    expect(one.group.epochAuthenticator).toEqual(refused.group.epochAuthenticator)
    expect(other.group.epochAuthenticator).toEqual(retried.group.epochAuthenticator)
    const generation = (group: MlsGroup): number | undefined =>
      decode(clientStateDecoder, group.toBytes().subarray(1))?.secretTree.leafNodes[0]?.handshake.generation
    expect([generation(refused.ifRefused), generation(retried.ifRefused)]).toEqual([1, 2])
  })

  it("keeps the secrets of the epoch before until the commit counts, and not longer", async () => {
    const { sari, bea } = await pair()
    const initSecret = (group: MlsGroup): number[] =>
      Array.from(decode(clientStateDecoder, group.toBytes().subarray(1))?.keySchedule.initSecret ?? [])
    const before = initSecret(sari)
    const commit = await sari.commit([], { now: NOW })
    const followed = await bea.unprotect(commit.message, NOW)
    expect(initSecret(commit.ifRefused)).toEqual(before)
    await commit.group.protect(utf8("in the new epoch"))
    expect(initSecret(commit.ifRefused)).toEqual(before.map(() => 0))
    await expect(commit.ifRefused.protect(utf8("in the old one"))).rejects.toThrow(OperationNotAllowed)
    expect(initSecret(bea)).toEqual(before)
    await followed.group.protect(utf8("too"))
    expect(initSecret(bea)).toEqual(before.map(() => 0))
  })

  it("sends nothing that was being encrypted while its secrets were overwritten", async () => {
    const { sari } = await pair()
    const begun = [sari.protect(utf8("hello")), sari.export("label", utf8("context"), 32)]
    sari.wipe()
    const refused = { status: "rejected", reason: expect.any(OperationNotAllowed) as OperationNotAllowed }
    expect(await Promise.allSettled(begun)).toEqual([refused, refused])
  })

  it("can do nothing after it was wiped", async () => {
    const { sari } = await pair()
    const authenticator = sari.epochAuthenticator
    sari.wipe()
    expect(authenticator.every((byte) => byte === 0)).toBe(true)
    expect(() => sari.members).toThrow(OperationNotAllowed)
    await expect(sari.protect(utf8("hello"))).rejects.toThrow(OperationNotAllowed)
    expect(() => {
      sari.wipe()
    }).not.toThrow()
  })
})

describe("what is seen from outside", () => {
  it.each([0, 1, 500, 957, 958, 3000, 5000, 20_000])("hides that %i bytes were said", async (length) => {
    const { sari, bea } = await pair()
    const data = new Uint8Array(length).fill(7)
    const { message } = await sari.protect(data)
    const read = decode(mlsMessageDecoder, message)
    if (read?.wireformat !== wireformats.mls_private_message) throw new Error("members speak in PrivateMessages")
    // RFC 9420, 6.3.1: the data and the signature with their lengths are what is padded; the tag has 16 bytes.
    const content = length + (length < 64 ? 1 : length < 16384 ? 2 : 4) + 66
    expect(read.privateMessage.ciphertext).toHaveLength(paddedLength(content) + 16)
    expect((await bea.unprotect(message, NOW)).received).toMatchObject({ kind: "application", data })
  })

  it("pads commits, and says in the clear no more than what kind of message it is", async () => {
    const { sari } = await pair()
    const { message } = await sari.commit([], { now: NOW })
    const read = decode(mlsMessageDecoder, message)
    if (read?.wireformat !== wireformats.mls_private_message) throw new Error("members speak in PrivateMessages")
    expect(read.privateMessage.contentType).toBe(contentTypes.commit)
    expect((read.privateMessage.ciphertext.length - 16) % 1024).toBe(0)
  })
})

describe("who may join", () => {
  it("refuses a Welcome for another key package, and finds the one that it answers", async () => {
    const sari = await MlsGroup.create(CLASSIC_SUITE, GROUP_ID, await staff())
    const [asked, other] = [await bundleOf(await survivor()), await bundleOf(await survivor())]
    const { welcome = new Uint8Array(), message } = await sari.commit([{ add: asked.keyPackage }], { now: NOW })
    await expect(MlsGroup.join(welcome, other, NOW)).rejects.toThrow(InvalidWelcome)
    expect(bundleFor(welcome, [other, asked])).toBe(asked)
    expect(() => bundleFor(welcome, [other])).toThrow(InvalidWelcome)
    await expect(MlsGroup.join(message, asked, NOW)).rejects.toThrow(InvalidWelcome)
  })

  it("refuses a Welcome that was changed", async () => {
    const sari = await MlsGroup.create(CLASSIC_SUITE, GROUP_ID, await staff())
    const bundle = await bundleOf(await survivor())
    const { welcome = new Uint8Array() } = await sari.commit([{ add: bundle.keyPackage }], { now: NOW })
    for (let at = 8; at < welcome.length; at += 61) {
      const changed = welcome.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      await expect(MlsGroup.join(changed, bundle, NOW)).rejects.toThrow(RemoteError)
    }
  })

  it("does not join by a key package that has run out", async () => {
    const sari = await MlsGroup.create(CLASSIC_SUITE, GROUP_ID, await staff())
    const bundle = await bundleOf(await survivor())
    const { welcome = new Uint8Array() } = await sari.commit([{ add: bundle.keyPackage }], { now: NOW })
    await expect(MlsGroup.join(welcome, bundle, NOW + 15 * 24 * 3600)).rejects.toThrow(InvalidKeyPackage)
  })

  it("refuses a key package that was changed anywhere, by nothing but a RemoteError", async () => {
    const sari = await MlsGroup.create(CLASSIC_SUITE, GROUP_ID, await staff())
    const { keyPackage } = await bundleOf(await survivor())
    for (let at = 0; at < keyPackage.length; at += 5) {
      const changed = keyPackage.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x41
      await expect(sari.commit([{ add: changed }], { now: NOW })).rejects.toThrow(RemoteError)
      await expect(sari.commit([{ add: keyPackage.subarray(0, at) }], { now: NOW })).rejects.toThrow(RemoteError)
    }
    await expect(sari.commit([{ add: keyPackage }], { now: NOW })).resolves.toBeDefined()
  })

  it("reads no key package of a suite that conversations do not use", async () => {
    const { keyPackage } = await bundleOf(await survivor())
    const changed = keyPackage.slice()
    changed[7] = 3
    await expect(readKeyPackage(changed)).rejects.toThrow(InvalidKeyPackage)
  })

  it("refuses a commit after which two leaves hold one key", async () => {
    const { sari, signer, bea } = await foulPair()
    const twin = await staff("a twin")
    const bundle = await bundleOf(twin)
    const message = decode(mlsMessageDecoder, bundle.keyPackage)
    if (message?.wireformat !== wireformats.mls_key_package) throw new Error("a bundle holds a key package")
    const { context } = foul(sari, twin.signer)
    // The encryption key of sari's own leaf, under the twin's signature.
    const stolen = decode(clientStateDecoder, sari.toBytes().subarray(1))?.ratchetTree[0]
    if (stolen === undefined || !("leaf" in stolen)) throw new Error("sari sits at leaf 0")
    const hpke = { ...context.cipherSuite.hpke, exportPublicKey: exportFirst(stolen.leaf.hpkePublicKey) }
    const { publicPackage } = await generateKeyPackageWithKey({
      credential: message.keyPackage.leafNode.credential,
      cipherSuite: { ...context.cipherSuite, hpke },
      capabilities: message.keyPackage.leafNode.capabilities,
      extensions: [],
      signatureKeyPair: { publicKey: twin.signer.publicKey, signKey: new Uint8Array() },
    })
    const proposal: Proposal = { proposalType: defaultProposalTypes.add, add: { keyPackage: publicPackage } }
    await expect(bea.unprotect(await foulCommit(sari, signer, [proposal]), NOW)).rejects.toThrow(InvalidCommit)
  })

  it("refuses a commit whose path secret does not give the keys that it puts into the tree", async () => {
    const { sari, signer, bea } = await foulPair()
    const { state, context } = foul(sari, signer)
    const { publicKey } = await suite.hpke.generateKeyPair()
    const hpke = { ...context.cipherSuite.hpke, exportPublicKey: exportFirst(await suite.hpke.exportPublicKey(publicKey)) }
    const made = await createCommit({ state, context: { ...context, cipherSuite: { ...context.cipherSuite, hpke } } })
    await expect(bea.unprotect(encode(mlsMessageEncoder, made.commit), NOW)).rejects.toThrow(InvalidCommit)
    await expect(bea.unprotect((await sari.commit([], { now: NOW })).message, NOW)).resolves.toBeDefined()
  })

  it("refuses a Welcome whose path secret does not give the keys of the tree", async () => {
    const { sari, signer } = await foulPair()
    const { state, context } = foul(sari, signer)
    const bundle = await bundleOf(await staff("a third"))
    const message = decode(mlsMessageDecoder, bundle.keyPackage)
    if (message?.wireformat !== wireformats.mls_key_package) throw new Error("a bundle holds a key package")
    const { publicKey } = await suite.hpke.generateKeyPair()
    const hpke = { ...context.cipherSuite.hpke, exportPublicKey: exportFirst(await suite.hpke.exportPublicKey(publicKey)) }
    const made = await createCommit({
      state,
      context: { ...context, cipherSuite: { ...context.cipherSuite, hpke } },
      extraProposals: [
        { proposalType: defaultProposalTypes.add, add: { keyPackage: message.keyPackage } },
        { proposalType: defaultProposalTypes.remove, remove: { removed: 1 } },
      ],
      ratchetTreeExtension: true,
    })
    if (made.welcome === undefined) throw new Error("somebody was added")
    await expect(MlsGroup.join(encode(mlsMessageEncoder, made.welcome), bundle, NOW)).rejects.toThrow(InvalidWelcome)
  })
})

/** The leaf's key is exported first, the init key after it; of a path the root's in a group of two. */
function exportFirst(stolen: Uint8Array): MlsContext["cipherSuite"]["hpke"]["exportPublicKey"] {
  let calls = 0
  return async (key) => {
    calls += 1
    return calls === 1 ? stolen : suite.hpke.exportPublicKey(key)
  }
}
