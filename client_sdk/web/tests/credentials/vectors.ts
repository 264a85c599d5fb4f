/** tests/vectors/credentials.json, which Python runs too; its format is told by the script that writes it. */

import { readFileSync } from "node:fs"

import { decodeBase64url } from "../../src/hazmat/bytes.ts"

interface Case {
  readonly name: string
  readonly error: string | null
}

interface Vectors {
  readonly now: number
  readonly organisation: object
  readonly authority: string
  readonly list: string
  readonly statements: readonly (Case & {
    readonly credential: string
    readonly device_key: string
    readonly authority: string
    readonly revocations: string | null
    readonly now: number
    readonly says: Readonly<Record<string, unknown>> | null
  })[]
  readonly revocations: readonly (Case & { readonly lists: readonly string[]; readonly now: number })[]
  readonly authority_statements: readonly (Case & {
    readonly documents: readonly (readonly [string | null, string])[]
    readonly now: number
  })[]
  readonly directories: readonly (Case & {
    readonly authority: string | null
    readonly list: string
    readonly documents: readonly (readonly [string, string])[]
    readonly now: number
  })[]
  readonly rosters: readonly (Case & { readonly members: readonly (readonly [number, number, string, string])[] })[]
  readonly enrolment: Readonly<
    Record<"code" | "invitation" | "enrolment_id" | "private_key" | "enrolment" | "sealed" | "statement", string>
  >
  readonly relay_authentication: Readonly<Record<"private_key" | "origin" | "nonce" | "bytes" | "signature", string>>
  readonly comparison_words: readonly { readonly public_key: string; readonly invitation: string; readonly words: { readonly en: readonly string[]; readonly id: readonly string[] } }[]
}

const file = new URL("../../../../tests/vectors/credentials.json", import.meta.url)

export const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors

/** The bytes of a vector. */
export function bytes(text: string): Uint8Array {
  const decoded = decodeBase64url(text)
  if (decoded === undefined) throw new Error("the vectors hold base64url")
  return decoded
}

/** The name of the error that `work` throws; null if it throws none. */
export async function errorOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work()
    return null
  } catch (error) {
    if (error instanceof Error) return error.name
    throw error
  }
}
