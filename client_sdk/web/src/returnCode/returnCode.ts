/**
 * Draws return codes, spells them, and reads what somebody typed or tapped; as crypto/teduh_crypto/return_code/code.py,
 * with tests/vectors/return_codes.json for both.
 *
 *     "Gajah, kupu kupu 🌙 …"  ──>  gajah | kupu | kupu | 🌙 | …  ──>  8 numbers of pictures
 *
 * A code is 8 x log2(240) = 63.3 bits. Any eight pictures are a code: there is no checksum, so that what was typed tells
 * nobody whether it is one that exists.
 */

import { LocalError } from "../cryptoErrors.ts"
import { lettersOf, numbers, pictures, plain, type PictureLanguage } from "./pictures.ts"

export const RETURN_CODE_LENGTH = 8
/** Characters of text that are read as a code; a code with its spaces has about 60. */
export const MAX_TEXT_LENGTH = 1000
const MOST_OFFERED = 3
const SHORTEST_BEGINNING = 3
const JOINER = "\u200d"

/** A word that names no picture: its place in the code (0 is the first), and the names nearest to it. */
export interface UnknownName {
  readonly place: number
  readonly nearest: readonly string[]
}

/**
 * The text is no return code: words that name no picture, or not eight of them. `unknown` says which words, and is empty
 * where only the number of pictures, `found`, is wrong. The text itself is not in the message: it may be nearly somebody's code.
 */
export class InvalidReturnCode extends LocalError {
  constructor(
    readonly found: number,
    readonly unknown: readonly UnknownName[] = [],
  ) {
    super(unknown.length > 0 ? `${String(unknown.length)} unknown words` : `${String(found)} words instead of 8`)
  }
}

/** A new code: eight numbers of pictures, from the browser's random numbers. */
export function drawReturnCode(): Uint8Array {
  const code: number[] = []
  while (code.length < RETURN_CODE_LENGTH) {
    // A byte that is the number of no picture is drawn again, so that all pictures are equally likely.
    const [number = 0] = crypto.getRandomValues(new Uint8Array(1))
    if (number < pictures.length) code.push(number)
  }
  return Uint8Array.from(code)
}

/** The names of a code's pictures in a language; throws a RangeError for bytes that are no code. */
export function spellReturnCode(code: Uint8Array, language: PictureLanguage): readonly string[] {
  if (code.length !== RETURN_CODE_LENGTH) throw new RangeError("not a return code")
  return Array.from(code, (number) => {
    const picture = pictures[number]
    if (picture === undefined) throw new RangeError("not a return code")
    return picture[language]
  })
}

/**
 * The code that somebody typed or tapped: names in either language, or emoji, in any mixture. Case, accents, spaces,
 * commas, hyphens and line breaks do not matter. Throws `InvalidReturnCode`.
 */
export function readReturnCode(text: string): Uint8Array {
  if (Array.from(text).length > MAX_TEXT_LENGTH) throw new InvalidReturnCode(0)
  const tokens = tokensOf(text)
  const code: number[] = []
  const unknown: UnknownName[] = []
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] ?? ""
    const next = tokens[at + 1]
    const pair = next === undefined ? undefined : numbers.get(token + next)
    const number = pair ?? numbers.get(token)
    if (number === undefined) unknown.push({ place: code.length, nearest: nearestNames(token) })
    code.push(number ?? -1)
    if (pair !== undefined) at += 1
  }
  if (unknown.length > 0 || code.length !== RETURN_CODE_LENGTH) throw new InvalidReturnCode(code.length, unknown)
  return Uint8Array.from(code)
}

/**
 * At most three names that the word may have been meant for, the nearest first; none if all are far. A name is near by
 * one wrong, missing, added or swapped letter for each three of the word, or when the word is its beginning.
 */
export function nearestNames(word: string): readonly string[] {
  const letters = lettersOf(word)
  const farthest = Math.max(1, Math.floor(letters.length / 3))
  const found = pictures.flatMap(({ id, en }) =>
    Array.from(new Set([id, en]), (name) => ({ name, away: distance(letters, lettersOf(name)) })),
  )
  return found
    .filter(({ away }) => away <= farthest)
    .sort((one, other) => one.away - other.away)
    .slice(0, MOST_OFFERED)
    .map(({ name }) => name)
}

function distance(letters: string, name: string): number {
  const away = edits(letters, name)
  return letters.length >= SHORTEST_BEGINNING && name.startsWith(letters) ? Math.min(away, 1) : away
}

/** Words and emoji. Marks belong to nothing, and what is joined to an emoji (the sex of a surfer) is part of it. */
function tokensOf(text: string): readonly string[] {
  const tokens: string[] = []
  let word = ""
  let joined = false
  for (const character of `${plain(text)} `) {
    if (/\p{L}/u.test(character)) {
      word += character
    } else if (!/\p{M}/u.test(character)) {
      if (word !== "") tokens.push(word)
      word = ""
      if (/\p{So}/u.test(character) && !joined) tokens.push(character)
      joined = character === JOINER
    }
  }
  return tokens
}

/** Letters that are wrong, missing, added or swapped with their neighbour (optimal string alignment). */
function edits(one: string, other: string): number {
  let before: readonly number[] = []
  let above: readonly number[] = []
  let row: number[] = Array.from({ length: other.length + 1 }, (_, place) => place)
  for (let place = 0; place < one.length; place += 1) {
    before = above
    above = row
    row = [place + 1]
    for (let at = 0; at < other.length; at += 1) {
      const replaced = costAt(above, at) + (one[place] === other[at] ? 0 : 1)
      let least = Math.min(replaced, costAt(above, at + 1) + 1, costAt(row, at) + 1)
      const swapped = place > 0 && at > 0 && one[place] === other[at - 1] && one[place - 1] === other[at]
      if (swapped) least = Math.min(least, costAt(before, at - 1) + 1)
      row.push(least)
    }
  }
  return costAt(row, other.length)
}

function costAt(row: readonly number[], place: number): number {
  return row[place] ?? Number.POSITIVE_INFINITY
}
