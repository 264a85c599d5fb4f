import { encode as pack } from "@msgpack/msgpack"
import { describe, expect, it } from "vitest"

import { decodeMessage, encodeMessage } from "../../src/chat/codec.ts"
import { LocalMessageError, RemoteMessageError } from "../../src/chat/errors.ts"
import { Invitation, Receipt, ReceiptKind, Text } from "../../src/chat/messages.ts"

const id = new Uint8Array(16).fill(7)

describe("messages", () => {
  it("come back as they were", () => {
    const text = Text({ id, sent: 1_760_000_000, text: "Saya aman. 🌧" })
    expect(decodeMessage(encodeMessage(text))).toEqual(text)
    const receipt = Receipt({ kind: ReceiptKind.READ, messageIds: [id, id] })
    expect(decodeMessage(encodeMessage(receipt))).toEqual(receipt)
  })

  it("may lack fields with a default at the end", () => {
    const data = pack([0x06, id, 5, new Uint8Array(32), "Sari", "counselor"])
    expect(decodeMessage(data)).toEqual(
      Invitation({ id, sent: 5, deviceId: new Uint8Array(32), name: "Sari", role: "counselor" }),
    )
  })

  it("may hold fields that only a newer client knows", () => {
    expect(decodeMessage(pack([0x03, 5, "new"]))).toEqual({ type: "leaving", sent: 5 })
  })

  it("of an unknown tag are told, not dropped", () => {
    const raw = pack([0x7f, 1, 2])
    expect(decodeMessage(raw)).toEqual({ type: "unknown", tag: 0x7f, raw })
  })

  it.each([
    ["nothing", new Uint8Array()],
    ["no array", pack(7)],
    ["an empty array", pack([])],
    ["a tag of the wrong type", pack(["1"])],
    ["a missing field", pack([0x01, id, 5])],
    ["an id of 15 bytes", pack([0x01, id.subarray(1), 5, "x"])],
    ["an empty text", pack([0x01, id, 5, ""])],
    ["bytes after the message", new Uint8Array([...pack([0x03, 5]), 0])],
    ["too much", new Uint8Array(60 * 1024 + 1)],
  ])("cannot be made of %s", (_, data) => {
    expect(() => decodeMessage(data)).toThrow(RemoteMessageError)
  })

  it("count characters, not units: 8000 emoji are allowed, 8001 letters are not", () => {
    expect(() => encodeMessage(Text({ id, sent: 5, text: "🌧".repeat(8000) }))).not.toThrow()
    expect(() => encodeMessage(Text({ id, sent: 5, text: "x".repeat(8001) }))).toThrow(LocalMessageError)
  })
})
