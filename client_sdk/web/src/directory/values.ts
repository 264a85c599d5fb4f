/** The values that a directory is made of, each checked where it is read. */

import { InvalidDirectory } from "../errors.ts"

/** A JSON object. */
export type Entries = Readonly<Record<string, unknown>>
type Read<T> = (value: unknown) => T

const IDENTIFIER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DATE = /^\d{4}-\d{2}-\d{2}$/

/** Refuses the directory. */
export function failing(reason: string): never {
  throw new InvalidDirectory(reason)
}

/** What is read of a value; null where there is none. */
export function maybe<T>(value: unknown, read: Read<T>): T | null {
  return value === undefined || value === null ? null : read(value)
}

/** What is read of a value; `fallback` where it is left out. */
export function defaulted<T, Other>(value: unknown, read: Read<T>, fallback: Other): T | Other {
  return value === undefined ? fallback : read(value)
}

export function entriesIn(value: unknown): Entries {
  if (typeof value !== "object" || value === null || Array.isArray(value)) failing("not an object")
  return value as Entries
}

export function onlyNames(entries: Entries, names: ReadonlySet<string>): void {
  if (Object.keys(entries).some((name) => !names.has(name))) failing("a schedule is weekly, and says nothing else")
}

/** From `least` to `most` of them; none where they are left out. */
export function listOf<T>(value: unknown, read: Read<T>, least: number, most: number): readonly T[] {
  const values = defaulted(value, (given) => given, [])
  if (!Array.isArray(values) || values.length < least || values.length > most) failing("a list of another length, or none")
  return values.map(read)
}

function text(value: unknown, most: number): string {
  if (typeof value !== "string" || value === "") failing("not a text")
  // A character takes at most two units, so that the long way round is seldom needed.
  if (value.length > most && Array.from(value).length > most) failing("a text that is too long")
  return value
}

export const shortText: Read<string> = (value) => text(value, 200)
export const longText: Read<string> = (value) => text(value, 1000)

export function matching(pattern: RegExp, most = 200): Read<string> {
  return (value) => {
    const found = text(value, most)
    return pattern.test(found) ? found : failing("a text that is not allowed here")
  }
}

/** A UUID, as HSDS wants it for each thing. */
export const identifier = matching(IDENTIFIER)

export function oneOf<const T extends string>(values: readonly T[]): Read<T> {
  return (value) => values.find((one) => one === value) ?? failing("none of the known values")
}

export const integerOne: Read<1> = (value) => (value === 1 ? 1 : failing("only each week"))

export const numberIn: Read<number> = (value) => (typeof value === "number" ? value : failing("not a number"))

/** Milliseconds since 1970 of the beginning of that day, UTC. */
export const dateIn: Read<number> = (value) => {
  const day = typeof value === "string" && DATE.test(value) ? Date.parse(`${value}T00:00:00Z`) : NaN
  // Some engines take the 31st of June for the 1st of July.
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== value || value.startsWith("0000")) failing("not a date")
  return day
}
