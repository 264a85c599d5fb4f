/** What members of a group can do with each other, in both suites. */

import { describe, expect, it } from "vitest"

import { OperationNotAllowed } from "../../src/cryptoErrors.ts"
import { utf8 } from "../../src/hazmat/bytes.ts"
import { MlsGroup } from "../../src/mls/group.ts"
import { CLASSIC_SUITE, HYBRID_SUITE } from "../../src/mls/suites.ts"
import { GROUP_ID, NOW, pair, staff, three } from "./people.ts"

describe.each([
  ["the hybrid suite", HYBRID_SUITE],
  ["suite 1", CLASSIC_SUITE],
])("a group in %s", (_, suite) => {
  it("begins with its creator at leaf 0 and epoch 0", async () => {
    const group = await MlsGroup.create(suite, GROUP_ID, await staff())
    expect([group.epoch, group.ownLeafIndex, group.members.length]).toEqual([0, 0, 1])
    expect(group.groupId).toEqual(GROUP_ID)
  })

  it("is the same for whoever joins by a Welcome", async () => {
    const { sari, bea } = await pair(suite)
    expect(bea.epochAuthenticator).toEqual(sari.epochAuthenticator)
    expect(bea.members).toEqual(sari.members)
    expect(bea.ownLeafIndex).toBe(1)
    expect(await bea.export("label", utf8("context"), 32)).toEqual(await sari.export("label", utf8("context"), 32))
  })

  it("carries messages with their sender and authenticated data", async () => {
    const { sari, bea } = await pair(suite)
    const { message } = await bea.protect(utf8("is anybody there?"), { authenticatedData: utf8("1") })
    const { received } = await sari.unprotect(message, NOW)
    const said = { data: utf8("is anybody there?"), authenticatedData: utf8("1") }
    expect(received).toEqual({ kind: "application", sender: 1, isNext: true, ...said })
  })

  it("tells when a message of a sender was passed over", async () => {
    let { sari, bea } = await pair(suite)
    const said: (boolean | undefined)[] = []
    for (const isWithheld of [true, false, false, true, false]) {
      const sent = await bea.protect(utf8("is anybody there?"))
      bea = sent.group
      if (isWithheld) continue
      const { group, received } = await sari.unprotect(sent.message, NOW)
      sari = group
      said.push(received.kind === "application" ? received.isNext : undefined)
    }
    expect(said).toEqual([false, true, false])
  })

  it("stays one group through commits of everybody", async () => {
    let { sari, bea, intan } = await three(suite)
    for (let round = 0; round < 2; round += 1) {
      const ours = await bea.commit([], { now: NOW, authenticatedData: utf8("7") })
      const [one, other] = [await sari.unprotect(ours.message, NOW), await intan.unprotect(ours.message, NOW)]
      expect(one.received).toEqual({ kind: "commit", sender: 1, authenticatedData: utf8("7") })
      ;[sari, bea, intan] = [one.group, ours.group, other.group]
      expect(intan.epochAuthenticator).toEqual(bea.epochAuthenticator)
      expect(sari.epochAuthenticator).toEqual(bea.epochAuthenticator)
      const { group, message } = await intan.protect(utf8("saya di sini"))
      intan = group
      sari = (await sari.unprotect(message, NOW)).group
    }
  })

  it("goes on without a member who was removed, and tells her", async () => {
    const { sari, bea, intan } = await three(suite)
    const removal = await sari.commit([{ remove: intan.ownLeafIndex }], { now: NOW })
    const gone = await intan.unprotect(removal.message, NOW)
    expect(gone.received.kind).toBe("removed")
    expect(() => gone.group.members).toThrow(OperationNotAllowed)
    const followed = await bea.unprotect(removal.message, NOW)
    expect(followed.group.members).toHaveLength(2)
    expect(followed.group.epochAuthenticator).toEqual(removal.group.epochAuthenticator)
  })

  it("is restored from what it stored", async () => {
    const founder = await staff()
    const group = await MlsGroup.create(suite, GROUP_ID, founder)
    const restored = await MlsGroup.fromBytes(group.toBytes(), founder.signer)
    expect(restored.epochAuthenticator).toEqual(group.epochAuthenticator)
    await expect(MlsGroup.fromBytes(group.toBytes(), (await staff()).signer)).rejects.toThrow("another member's")
  })
})
