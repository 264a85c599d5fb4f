/** Messages about calls to the bytes that are padded and encrypted, and back. */

import { encode as pack } from "@msgpack/msgpack"

import { LocalMessageError, RemoteMessageError } from "../chat/errors.ts"
import { MAX_MESSAGE_BYTES } from "../chat/messages.ts"
import { decodeArray } from "../encoding/messagePack.ts"
import { SchemaError, fromArray, toArray, type AnyDefinition } from "../encoding/schema.ts"
import { CALL_MESSAGES, type CallMessage } from "./messages.ts"

const byTag: ReadonlyMap<number, AnyDefinition> = new Map(
  CALL_MESSAGES.map((definition) => [definition.tag, definition]),
)
const byType: ReadonlyMap<string, AnyDefinition> = new Map(
  CALL_MESSAGES.map((definition) => [definition.type, definition]),
)

/** The bytes of `message`, to be padded and encrypted. Throws `LocalMessageError` if it breaks a limit. */
export function encodeCall(message: CallMessage): Uint8Array {
  const definition = byType.get(message.type)
  if (definition === undefined) throw new LocalMessageError("not a message about a call")
  const data = pack(toArray(definition, message))
  try {
    decodeCall(data)
  } catch {
    throw new LocalMessageError(`${message.type} breaks a limit`)
  }
  return data
}

/**
 * What a member's device says about a call; null for what only a newer client understands. Throws `RemoteMessageError`
 * if the bytes are no message about a call, or break a limit of one.
 */
export function decodeCall(data: Uint8Array): CallMessage | null {
  if (data.length > MAX_MESSAGE_BYTES) throw new RemoteMessageError("larger than a message may be")
  const array = unpack(data)
  const tag: unknown = array[0]
  if (!Number.isSafeInteger(tag) || (tag as number) < 0x20 || (tag as number) >= 0x40) throw unreadable()
  const definition = byTag.get(tag as number)
  if (definition === undefined) return null
  try {
    return fromArray(definition, array) as CallMessage
  } catch (error) {
    if (error instanceof SchemaError) throw unreadable()
    throw error
  }
}

function unpack(data: Uint8Array): readonly unknown[] {
  try {
    return decodeArray(data)
  } catch (error) {
    if (error instanceof RangeError) throw unreadable()
    throw error
  }
}

function unreadable(): RemoteMessageError {
  return new RemoteMessageError("not a call message of this version")
}
