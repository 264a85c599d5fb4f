/**
 * Bytes to frames and back: the only place where untrusted bytes of the wire are parsed.
 *
 * One WebSocket message is one MessagePack array, its first element the tag. Encoding does not check: `encode` trusts
 * its caller, and the protocol is what checks frames on their way out.
 */

import { encode as pack } from "@msgpack/msgpack"

import { decodeArray } from "../encoding/messagePack.ts"
import { SchemaError, fromArray, toArray, type AnyDefinition, type Tagged } from "../encoding/schema.ts"
import { RemoteProtocolError } from "./errors.ts"
import {
  CLIENT_FRAMES,
  ErrorCode,
  MAX_FRAME_BYTES,
  RELAY_FRAMES,
  type ClientFrame,
  type RelayFrame,
} from "./frames.ts"

const byTag = (definitions: readonly AnyDefinition[]): ReadonlyMap<unknown, AnyDefinition> =>
  new Map(definitions.map((definition) => [definition.tag, definition]))
const byType = (definitions: readonly AnyDefinition[]): ReadonlyMap<string, AnyDefinition> =>
  new Map(definitions.map((definition) => [definition.type, definition]))

const clientFrames = /* @__PURE__ */ byTag(CLIENT_FRAMES)
const relayFrames = /* @__PURE__ */ byTag(RELAY_FRAMES)
const frames = /* @__PURE__ */ byType([...CLIENT_FRAMES, ...RELAY_FRAMES])

/** Parse what the relay sent; throws `RemoteProtocolError`: frame_too_large, or malformed_frame for all else. */
export function decodeRelayFrame(data: Uint8Array): RelayFrame {
  return decode(data, relayFrames) as RelayFrame
}

/** Parse a frame of a client: our own, before it goes out, or one that was stored. Throws as `decodeRelayFrame`. */
export function decodeClientFrame(data: Uint8Array): ClientFrame {
  return decode(data, clientFrames) as ClientFrame
}

/** The bytes of one WebSocket message. Limits are the caller's to keep; `ClientSideProtocol.send` checks them. */
export function encode(frame: ClientFrame | RelayFrame): Uint8Array {
  const definition = frames.get(frame.type)
  if (definition === undefined) throw new TypeError("not a frame")
  return pack(toArray(definition, frame))
}

function decode(data: Uint8Array, known: ReadonlyMap<unknown, AnyDefinition>): Tagged {
  if (data.length > MAX_FRAME_BYTES) {
    throw new RemoteProtocolError(ErrorCode.FRAME_TOO_LARGE, `larger than ${MAX_FRAME_BYTES} bytes`)
  }
  try {
    const array = decodeArray(data)
    const definition = known.get(array[0])
    if (definition !== undefined) return fromArray(definition, array)
  } catch (error) {
    if (!(error instanceof SchemaError || error instanceof RangeError)) throw error
  }
  throw malformed()
}

function malformed(): RemoteProtocolError {
  return new RemoteProtocolError(ErrorCode.MALFORMED_FRAME, "not a frame of protocol version 1")
}
