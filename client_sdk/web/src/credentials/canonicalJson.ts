/**
 * JSON of which everybody reads the same: bytes that are the one encoding of what they say.
 *
 * What is signed is decoded, encoded again and compared. Otherwise two readers could take different things from one
 * signed text: of a name that stands twice one takes the first and one the last, `1.0` is a whole number to one and
 * not to the other, and above 2**53 a third one rounds.
 *
 * The encoding is that of `JSON.stringify`. Where Python's differs, the value is refused: numbers are whole and below
 * 2**53, no name begins with a digit, no string holds half a character, and values lie at most 8 deep in each other.
 */

import { areEqual, utf8 } from "../hazmat/bytes.ts"

/** Of objects and lists in each other. */
const MAX_DEPTH = 8
const HALF_CHARACTER = /[\ud800-\udfff]/u

/** What `data` says; throws a `SyntaxError` or `TypeError` unless it is the one encoding of that. */
export function decodeCanonical(data: Uint8Array): unknown {
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data))
  if (!isPortable(value, MAX_DEPTH) || !areEqual(utf8(JSON.stringify(value)), data))
    throw new SyntaxError("not the one encoding of what it says")
  return value
}

/** Whether every language encodes `value` alike; `depth` is how many values may still lie in each other. */
function isPortable(value: unknown, depth: number): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value)
  if (typeof value === "string") return !HALF_CHARACTER.test(value)
  if (typeof value !== "object" || value === null) return true
  return (
    depth > 0 &&
    Object.keys(value).every((name) => Array.isArray(value) || !(/^\d/.test(name) || HALF_CHARACTER.test(name))) &&
    Object.values(value).every((item) => isPortable(item, depth - 1))
  )
}
