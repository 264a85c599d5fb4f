/** Messages to the bytes that are padded and encrypted, and back. */

import { encode as pack } from "@msgpack/msgpack"

import { decodeArray } from "../encoding/messagePack.ts"
import { SchemaError, fromArray, toArray, type AnyDefinition } from "../encoding/schema.ts"
import { LocalMessageError, RemoteMessageError } from "./errors.ts"
import { CALL_TAGS, MAX_MESSAGE_BYTES, MESSAGES, type ChatMessage, type OfCall, type Unknown } from "./messages.ts"

const byTag: ReadonlyMap<number, AnyDefinition> = /* @__PURE__ */ new Map(
  MESSAGES.map((definition) => [definition.tag, definition]),
)
const byType: ReadonlyMap<string, AnyDefinition> = /* @__PURE__ */ new Map(
  MESSAGES.map((definition) => [definition.type, definition]),
)

/**
 * The bytes of `message`, to be padded and encrypted. Throws `LocalMessageError` if a field breaks its limit or the
 * whole is larger than `MAX_MESSAGE_BYTES`.
 */
export function encodeMessage(message: ChatMessage): Uint8Array {
  const definition = byType.get(message.type)
  if (definition === undefined) throw new LocalMessageError("not a message")
  const data = pack(toArray(definition, message))
  try {
    decodeMessage(data)
  } catch {
    throw new LocalMessageError(`${message.type} breaks a limit`)
  }
  return data
}

/**
 * What a member said, from decrypted bytes without padding. Throws `RemoteMessageError` if they are larger than
 * `MAX_MESSAGE_BYTES`, are no message, or break a limit of one.
 */
export function decodeMessage(data: Uint8Array): ChatMessage | OfCall | Unknown {
  if (data.length > MAX_MESSAGE_BYTES) throw new RemoteMessageError("larger than a message may be")
  const array = unpack(data)
  const tag: unknown = array[0]
  if (typeof tag !== "number" || !Number.isSafeInteger(tag)) throw unreadable()
  if (CALL_TAGS.includes(tag)) return { type: "ofCall", raw: data }
  const definition = byTag.get(tag)
  if (definition === undefined) return { type: "unknown", tag, raw: data }
  try {
    return fromArray(definition, array) as ChatMessage
  } catch (error) {
    if (error instanceof SchemaError) throw unreadable()
    throw error
  }
}

/** The elements of a message, its tag the first. Throws `RemoteMessageError`. */
export function unpack(data: Uint8Array): readonly unknown[] {
  try {
    return decodeArray(data)
  } catch (error) {
    if (error instanceof RangeError) throw unreadable()
    throw error
  }
}

function unreadable(): RemoteMessageError {
  return new RemoteMessageError("not a message of this version")
}
