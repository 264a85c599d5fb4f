/**
 * Typed MessagePack arrays: the one description from which a message's type, its encoding and its checks come.
 *
 *     define("ping", 0x10, { ref: uint32 })   ──>   { type: "ping", ref: 7 }   <──>   [0x10, 7]
 *
 * Elements that a newer peer appends are ignored; fields with a default may be missing at the end. Whoever holds a
 * decoded message holds one whose types, lengths and ranges were checked.
 */

/** The value does not fit its description. It never quotes the value. */
export class SchemaError extends Error {}

/** How one element of the array is checked (`read`) and written (`write`). */
export interface Field<T> {
  read(value: unknown): T
  write(value: T): unknown
}

/** A field that may be left out. */
export interface Defaulted<T> extends Field<T> {
  readonly fallback: T
}

export type Fields = Readonly<Record<string, Field<unknown>>>
export type ValueOf<F> = F extends Field<infer T> ? T : never
export type Values<Fs extends Fields> = { readonly [K in keyof Fs]: ValueOf<Fs[K]> }

type DefaultedKeys<Fs extends Fields> = { [K in keyof Fs]: Fs[K] extends Defaulted<unknown> ? K : never }[keyof Fs]

/** What must be given to make a value: everything that has no default. */
export type Given<Fs extends Fields> = Omit<Values<Fs>, DefaultedKeys<Fs>> &
  Partial<Pick<Values<Fs>, DefaultedKeys<Fs>>>

/** A kind of message: call it to make one. */
export interface Definition<Type extends string, Fs extends Fields> {
  (given: Given<Fs>): { readonly type: Type } & Values<Fs>
  readonly type: Type
  readonly tag: number
  readonly fields: Fs
}

export type AnyDefinition = Pick<Definition<string, Fields>, "type" | "tag" | "fields">

/** Any message, without knowing which. */
export interface Tagged {
  readonly type: string
}

/** Describe a kind of message. */
export function define<const Type extends string, Fs extends Fields>(
  type: Type,
  tag: number,
  fields: Fs,
): Definition<Type, Fs> {
  const make = (given: Given<Fs>) => ({ type, ...withDefaults(fields, given) }) as { readonly type: Type } & Values<Fs>
  return Object.assign(make, { type, tag, fields })
}

function withDefaults<Fs extends Fields>(fields: Fs, given: Given<Fs>): Record<string, unknown> {
  const named = given as Readonly<Record<string, unknown>>
  const entries = Object.entries(fields).map(([name, field]) => [name, named[name] ?? fallbackOf(field)])
  return Object.fromEntries(entries) as Record<string, unknown>
}

function fallbackOf(field: Field<unknown>): unknown {
  return "fallback" in field ? field.fallback : undefined
}

/** The array that stands for `message`. */
export function toArray(definition: AnyDefinition, message: Tagged): unknown[] {
  return [definition.tag, ...writeFields(definition.fields, message)]
}

/** The message that `array` (its tag first) stands for; throws `SchemaError`. */
export function fromArray(definition: AnyDefinition, array: readonly unknown[]): Tagged {
  return { type: definition.type, ...readFields(definition.fields, array.slice(1)) }
}

function writeFields(fields: Fields, value: object): unknown[] {
  const named = value as Readonly<Record<string, unknown>>
  return Object.entries(fields).map(([name, field]) => field.write(named[name]))
}

function readFields(fields: Fields, elements: readonly unknown[]): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, field], place) => {
    if (place < elements.length) return [name, field.read(elements[place])]
    require("fallback" in field, "a field is missing")
    return [name, fallbackOf(field)]
  })
  return Object.fromEntries(entries) as Record<string, unknown>
}

function require(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new SchemaError(otherwise)
}

function checked<T>(check: (value: unknown) => value is T, otherwise: string): Field<T> {
  return {
    read(value) {
      require(check(value), otherwise)
      return value
    },
    write: (value) => value,
  }
}

/** Bytes; lengths in bytes, both ends included. */
export function bytes(least: number, most: number = least): Field<Uint8Array> {
  const fits = (value: unknown): value is Uint8Array =>
    value instanceof Uint8Array && value.length >= least && value.length <= most
  return checked(fits, "bytes of another length, or none")
}

/** Text; lengths in characters (code points). */
export function text(least: number, most: number): Field<string> {
  const fits = (value: unknown): value is string =>
    typeof value === "string" && value.length >= least && characters(value, most) <= most
  return checked(fits, "text of another length, or none")
}

function characters(value: string, most: number): number {
  // A character takes at most two units, so that the long way round is seldom needed.
  return value.length <= most ? value.length : Array.from(value).length
}

/** Whole numbers, both ends included. What a JavaScript number cannot hold exactly is refused. */
export function integer(least: number, most: number): Field<number> {
  const fits = (value: unknown): value is number =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
  return checked(fits, "a number beyond its range, or none")
}

export const bool: Field<boolean> = checked((value) => typeof value === "boolean", "not true or false")

/** One of a few values. */
export function oneOf<const T extends string | number>(values: readonly T[]): Field<T> {
  return checked((value): value is T => values.includes(value as T), "none of the known values")
}

/** The field, or null. */
export function nullable<T>(field: Field<T>): Field<T | null> {
  return {
    read: (value) => (value === null ? null : field.read(value)),
    write: (value) => (value === null ? null : field.write(value)),
  }
}

/** The field, or null; null when it is left out. */
export function optional<T>(field: Field<T>): Defaulted<T | null> {
  return defaulted(nullable(field), null)
}

/** The field, or `fallback` when it is left out. */
export function defaulted<T>(field: Field<T>, fallback: T): Defaulted<T> {
  return { ...field, fallback }
}

/** Several values of one kind. */
export function list<T>(field: Field<T>, least: number, most: number): Field<readonly T[]> {
  return {
    read(value) {
      require(Array.isArray(value) && value.length >= least && value.length <= most, "a list of another length, or none")
      return value.map((element) => field.read(element))
    },
    write: (values) => values.map((value) => field.write(value)),
  }
}

/** A structure within a message, as an array without a tag. */
export function struct<Fs extends Fields>(fields: Fs): Field<Values<Fs>> {
  return {
    read(value) {
      require(Array.isArray(value), "not a structure")
      return readFields(fields, value) as Values<Fs>
    },
    write: (value) => writeFields(fields, value),
  }
}
