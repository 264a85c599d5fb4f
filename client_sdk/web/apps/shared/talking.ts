/** What both pages make of the SDK's events and of long texts, so that they do it alike. */

import { ConversationForgotten, EpochsDiffer, LogBroken, NotTrusted, type Referral } from "../../src/index.ts"

/** Characters of one message; a longer text goes in several. */
export const MAX_CHARACTERS = 8000
/** Who has said nothing of typing for so long has stopped, or is gone. */
export const TYPING_FORGOTTEN_MS = 6_000

/**
 * Why the SDK stopped a conversation: somebody unverified, devices that disagree, a broken log, a relay that has
 * forgotten it, or something else.
 */
export type StopReason = "stranger" | "disagreement" | "gap" | "forgotten" | "trouble"

/** What the reason of a `stopped` or `rosterRefused` event is, in a word. */
export function stopReason(reason: Error): StopReason {
  if (reason instanceof LogBroken) return "gap"
  if (reason instanceof ConversationForgotten) return "forgotten"
  if (reason instanceof EpochsDiffer) return "disagreement"
  return reason instanceof NotTrusted ? "stranger" : "trouble"
}

/** Lower-case hexadecimal: bytes as a key of state. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** The bytes of what `hex` made. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** What a referral says, in words: one number or address a line. */
export const wordsOf = ({ service, contact, note }: Referral): string => [service, contact, note].filter(Boolean).join("\n")

/** A UUID as the directory writes it. */
export const uuidOf = (bytes: Uint8Array): string => hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")

/** The text in parts of at most `most` characters, cut where a line or a word ends if there is such a place. */
export function partsOf(text: string, most: number): string[] {
  const characters = Array.from(text.trim())
  const parts: string[] = []
  while (characters.length > most) {
    const head = characters.slice(0, most)
    const space = Math.max(head.lastIndexOf("\n"), head.lastIndexOf(" "))
    parts.push(characters.splice(0, space > most / 2 ? space + 1 : most).join("").trim())
  }
  return [...parts, characters.join("").trim()].filter((part) => part !== "")
}
