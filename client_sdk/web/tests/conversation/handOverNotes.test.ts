/** Hand-over notes: the colleague who takes over reads them, and nobody else in the conversation. */

import { readFileSync } from "node:fs"

import { describe, expect, it } from "vitest"

import { decodeMessage, encodeMessage } from "../../src/chat/codec.ts"
import type { HandOverNote } from "../../src/chat/messages.ts"
import { InvalidMessage } from "../../src/cryptoErrors.ts"
import { MessageTooLong } from "../../src/errors.ts"
import type { StateEvent } from "../../src/events.ts"
import { HandOverNotes, MOST_NOTE_BYTES } from "../../src/conversation/handOverNotes.ts"
import type { NotePath } from "../../src/conversation/noteKeys.ts"
import { Participant, Room } from "../../src/group/room.ts"
import { keptFromBytes, keptToBytes, restoreHeard, saveHeard } from "../../src/conversation/savedConversation.ts"
import { CONVERSATION, NOW, Pair, type Seat } from "../scriptedLog.ts"

const file = new URL("../../../../tests/vectors/hand_over_notes.json", import.meta.url)
const vectors = JSON.parse(readFileSync(file, "utf8")) as {
  conversation: string
  sender: string
  receiver: string
  notes: { text: string; key_id: string; private_key: string; public_key: string; message: string }[]
}

const decodeHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../gu) ?? [], (byte) => Number.parseInt(byte, 16))

function the<Type extends StateEvent["type"]>(happened: readonly StateEvent[], type: Type): (StateEvent & { type: Type })[] {
  return happened.filter((event): event is StateEvent & { type: Type } => event.type === type)
}

async function three(): Promise<{ pair: Pair; maya: Seat; participant: Participant }> {
  const pair = await Pair.talking()
  const maya = await pair.addInvited(await pair.organisation.staff("Maya"))
  const participant = pair.counselor.state.participants.find(({ name }) => name === "Maya")
  if (participant === undefined) throw new Error("she did not come in")
  for (const seat of [pair.survivor, pair.counselor, maya]) seat.collect()
  return { pair, maya, participant }
}

async function people(): Promise<NotePath> {
  const sender = await Participant.of(1, decodeHex(vectors.sender), "Sari", "counselor")
  const receiver = await Participant.of(2, decodeHex(vectors.receiver), "Maya", "medic")
  return { conversationId: decodeHex(vectors.conversation), sender, receiver }
}

async function sealed(text: string, path: NotePath): Promise<{ note: HandOverNote; hers: HandOverNotes }> {
  const hers = new HandOverNotes()
  const his = new HandOverNotes()
  his.takeKey(await hers.offer(NOW), path.receiver)
  return { note: await his.seal(text, path, NOW), hers }
}

describe("a hand-over note", () => {
  it("is read by the colleague alone; the survivor is told that there was one, the writer that it was opened", async () => {
    const { pair, maya, participant } = await three()
    await pair.counselor.state.handOverNote(participant, "The safe word is rambutan.", NOW)
    await pair.log.pump()
    const [received] = the(maya.collect(), "noteReceived")
    expect([received?.text, received?.sender.name]).toEqual(["The safe word is rambutan.", "Sari"])
    const hers = pair.survivor.collect()
    expect(the(hers, "noteHandedOver").map(({ sender, to }) => [sender.name, to?.name])).toEqual([["Sari", "Maya"]])
    expect(the(hers, "noteReceived")).toEqual([])
    expect(the(pair.counselor.collect(), "delivered").map(({ by }) => by.name)).toEqual(["Maya"])
    // The next one has a key of its own.
    await pair.counselor.state.handOverNote(participant, "two", NOW)
    await pair.log.pump()
    expect(the(maya.collect(), "noteReceived").map(({ text }) => text)).toEqual(["two"])
  })

  it("is kept with its key over a restart until it was taken", async () => {
    const { pair, maya, participant } = await three()
    const kept = keptFromBytes(keptToBytes(maya.state.save(), [])).conversation
    await pair.counselor.state.handOverNote(participant, "kept", NOW)
    const handed = pair.counselor.state.takeFrames()
    expect(handed).toHaveLength(1)
    await pair.log.append(pair.counselor, handed[0] as never)
    await pair.log.pump()
    const [received] = the(maya.collect(), "noteReceived")
    if (received === undefined) throw new Error("no note came")
    expect(await restoreHeard(saveHeard(received))).toEqual(received)
    const message = the(pair.survivor.collect(), "noteHandedOver")
    expect(message).toHaveLength(1)
    expect(HandOverNotes.restore(kept.notes).save()).toEqual(kept.notes)
    expect(kept.notes.own?.privateKey).toHaveLength(32)
  })

  it.each(vectors.notes)("opens if Python has sealed it ($#)", async (one) => {
    const path = await people()
    const own = { id: decodeHex(one.key_id), privateKey: decodeHex(one.private_key), publicKey: decodeHex(one.public_key) }
    const notes = HandOverNotes.restore({ own, keys: [], owesKey: false })
    const note = decodeMessage(decodeHex(one.message)) as HandOverNote
    expect(await notes.takeNote(note, path, Room.EMPTY)).toMatchObject({ type: "noteReceived", text: one.text })
    // Its key is gone: there is nothing left to open it with.
    expect(await notes.takeNote(note, path, Room.EMPTY)).toMatchObject({ type: "noteHandedOver" })
  })

  it("is bound to its way, and one that does not open costs nobody the key", async () => {
    const path = await people()
    const { note, hers } = await sealed("words", path)
    const others = [{ ...path, conversationId: CONVERSATION }, { ...path, sender: path.receiver }]
    for (const other of others) await expect(hers.takeNote(note, other, Room.EMPTY)).rejects.toThrow(InvalidMessage)
    expect(await hers.takeNote(note, path, Room.EMPTY)).toMatchObject({ text: "words" })
  })

  it("has one size, and what does not fit costs no key", async () => {
    const path = await people()
    const sizes = await Promise.all(
      ["a", "a".repeat(MOST_NOTE_BYTES)].map(async (text) => encodeMessage((await sealed(text, path)).note).length),
    )
    expect(sizes[0]).toBe(sizes[1])
    const his = new HandOverNotes()
    his.takeKey(await new HandOverNotes().offer(NOW), path.receiver)
    for (const text of ["", "a".repeat(MOST_NOTE_BYTES + 1)]) {
      await expect(his.seal(text, path, NOW)).rejects.toThrow(MessageTooLong)
    }
    expect(his.keys.size).toBe(1)
  })

  it("is none of the survivor's", async () => {
    const path = await people()
    const her = await Participant.of(0, new Uint8Array(32), null, "survivor")
    const { note, hers } = await sealed("words", path)
    const notes = new HandOverNotes()
    expect(notes.takeKey(await hers.offer(NOW), her).type).toBe("messageRefused")
    expect((await hers.takeNote(note, { ...path, sender: her }, Room.EMPTY)).type).toBe("messageRefused")
    expect(notes.keys.size).toBe(0)
  })
})

it("the founder leaves, and those who stay go on without her", async () => {
  const { pair, maya } = await three()
  await pair.counselor.state.leave(NOW)
  await pair.log.pump()
  expect(pair.counselor.state.isOver).toBe(true)
  await maya.state.sendText("I stay.", NOW)
  await pair.log.pump()
  const heard = pair.survivor.collect()
  expect(the(heard, "left").map(({ participant }) => participant.name)).toEqual(["Sari"])
  expect(the(heard, "textReceived").map(({ text }) => text)).toEqual(["I stay."])
  expect(pair.survivor.state.membership.room.participants.map(({ name }) => name)).toEqual([null, "Maya"])
})
