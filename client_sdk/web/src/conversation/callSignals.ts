/**
 * How messages about calls travel in a conversation: most in the log, heartbeats beside it.
 *
 *     in the log   an application message like any other, padded, in order; dropped unsent when it has waited for a
 *                  minute, for a call is about now
 *     ephemeral    an `EphemeralChannel` of its own: length (2) || message
 *
 * What they mean is the affair of `call/`, and of whoever listens: this much is in every page, the rest is loaded when
 * there is a call.
 */

import { decode } from "@msgpack/msgpack"

import { unpack } from "../chat/codec.ts"
import { RemoteMessageError } from "../chat/errors.ts"
import { CALL_TAGS } from "../chat/messages.ts"
import { EphemeralChannel } from "./ephemeralChannel.ts"
import { concatenate, type Bytes } from "../hazmat/bytes.ts"
import type { MlsGroup } from "../mls/group.ts"
import type { Participant } from "../group/room.ts"

/** Seconds after which what was said about a call no longer counts. */
export const OLD_SECONDS = 60
/** In every message about a call: [tag, call, sent, ...]. */
const SENT = 2
/** The tag of the one that may come beside the log. */
const HEARTBEAT = 0x2a

/** Takes part in the calls of one conversation. */
export interface CallListener {
  /** `sender` says this of a call; `isLive` unless it waited in the log while we were away. */
  callSignal(sender: Participant, data: Uint8Array, isLive: boolean): void
  /** Somebody came or went: see `Conversation.participants`. */
  roomChanged(): void
  /** It is over, and with it any call. */
  conversationOver(): void
}

/** What one member remembers of what came beside the log in one epoch. */
export class CallSignals {
  readonly #channel = new EphemeralChannel("teduh call 1")

  /** The payload of an Ephemeral that carries a message about a call; `now` in seconds. */
  seal(group: MlsGroup, data: Uint8Array, now: number): Promise<Bytes> {
    return this.#channel.seal(group, concatenate(Uint8Array.of(data.length >> 8, data.length & 0xff), data), now)
  }

  /**
   * The sender's leaf and the heartbeat; null for anything old, foreign or forged. Every member can compute every sender's
   * key. So nothing else is heard beside the log: a description of another's would bring her to the wrong person.
   */
  async open(group: MlsGroup, payload: Uint8Array): Promise<{ leafIndex: number; data: Uint8Array } | null> {
    const opened = await this.#channel.open(group, payload)
    if (opened === null) return null
    const { body, leafIndex } = opened
    const length = Math.min(body.getUint16(0), body.byteLength - 2)
    const data = new Uint8Array(body.buffer, body.byteOffset + 2, length)
    return isHeartbeat(data) ? { leafIndex, data } : null
  }
}

function isHeartbeat(data: Uint8Array): boolean {
  try {
    return unpack(data)[0] === HEARTBEAT
  } catch (error) {
    if (error instanceof RemoteMessageError) return false
    throw error
  }
}

/** Whether this is about a call and has waited so long, on this device, that nobody would heed it. */
export function isTooOld(data: Uint8Array, now: number): boolean {
  const message = decode(data)
  if (!Array.isArray(message)) return false
  const [tag, sent] = [message[0], message[SENT]] as unknown[]
  const isOfCall = typeof tag === "number" && CALL_TAGS.includes(tag)
  return isOfCall && typeof sent === "number" && now * 1000 - sent > OLD_SECONDS * 1000
}
