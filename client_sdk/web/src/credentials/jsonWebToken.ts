/**
 * Signed statements as JWTs, each labelled with the one purpose it was made for.
 *
 * Every kind of token carries its purpose in the `typ` header (RFC 8725, 3.11: explicit typing), which the signature
 * covers, and a verifier accepts exactly the one that it asks for. So no token of one kind can be passed off as
 * another, though the same key signs several kinds.
 *
 * Header and payload are canonical JSON (`canonicalJson.ts`), and each of the three parts is the one base64url text of
 * its bytes: a token that two readers could read differently is refused, whoever signed it.
 */

import { decodeBase64url, encodeBase64url, utf8 } from "../hazmat/bytes.ts"
import { isPublicKey, isSignatureBy } from "../hazmat/ed25519.ts"
import type { Signer } from "../hazmat/ed25519.ts"
import { decodeCanonical } from "./canonicalJson.ts"
import { MalformedStatement, MalformedToken, UnknownRoot, WrongTokenType } from "./exceptions.ts"

const ALGORITHM = "EdDSA"

/** Characters of one token; a revocation list may be longer. */
export const MAX_TOKEN_LENGTH = 4096

const HEADER_NAMES: ReadonlySet<string> = new Set(["alg", "typ", "kid"])
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const KEY_TYPE = /^OKP$/
const CURVE = /^Ed25519$/
const ENCODED_KEY = /^[A-Za-z0-9_-]{43}$/

/** The purpose of a token: its domain tag. */
export type TokenType =
  | "teduh-staff+jwt"
  | "teduh-revocations+jwt"
  | "teduh-authority+jwt"
  | "teduh-directory+jwt"
  | "teduh-invitation+jwt"
  | "teduh-enrolment+jwt"

/** The error that says that a token of this type is not well made. */
export function malformed(type: TokenType, reason: string, options?: ErrorOptions): MalformedToken {
  const Kind = type === "teduh-staff+jwt" ? MalformedStatement : MalformedToken
  return new Kind(`${type}: ${reason}`, options)
}

/** The claims of a verified token, read one by one with their types and bounds. Patterns match as a whole. */
export class Claims {
  readonly #claims: ReadonlyMap<string, unknown>

  constructor(
    readonly type: TokenType,
    claims: object,
  ) {
    this.#claims = new Map(Object.entries(claims))
  }

  /** The error to throw for a claim that is not as it must be. */
  malformed(reason: string): MalformedToken {
    return malformed(this.type, reason)
  }

  /** A string that matches `pattern`. */
  text(name: string, pattern: RegExp): string {
    const value = this.#claims.get(name)
    if (typeof value !== "string" || !pattern.test(value))
      throw this.malformed(`claim ${name} is missing or not allowed`)
    return value
  }

  /** At most `most` strings, each of which matches `pattern`, none twice. */
  texts(name: string, pattern: RegExp, most: number): readonly string[] {
    const values = this.#claims.get(name)
    if (!Array.isArray(values) || values.length > most)
      throw this.malformed(`claim ${name} is missing, not a list, or too long`)
    const texts = values.filter((value): value is string => typeof value === "string" && pattern.test(value))
    if (texts.length !== values.length || new Set(texts).size !== texts.length)
      throw this.malformed(`claim ${name} holds something that is not allowed, or the same thing twice`)
    return texts
  }

  /** A whole number from 0 to 2**53 - 1. */
  integer(name: string): number {
    const value = this.#claims.get(name)
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw this.malformed(`claim ${name} is missing or not a number in range`)
    return value
  }

  /** An object within. */
  claims(name: string): Claims {
    const value = this.#claims.get(name)
    if (!isObject(value)) throw this.malformed(`claim ${name} is missing or not an object`)
    return new Claims(this.type, value)
  }

  /** The Ed25519 public key in `cnf` (RFC 7800, 3.2: a JWK; RFC 8037, 2: an OKP key). */
  confirmationKey(): Uint8Array {
    const key = this.claims("cnf").claims("jwk")
    key.text("kty", KEY_TYPE)
    key.text("crv", CURVE)
    const publicKey = decodeBase64url(key.text("x", ENCODED_KEY))
    if (publicKey === undefined || !isPublicKey(publicKey)) throw this.malformed("cnf holds no Ed25519 key")
    return publicKey
  }
}

/** Sign `claims` for the one purpose `type`; returns a compact JWS (RFC 7515, 7.1). */
export async function signToken(type: TokenType, claims: object, signer: Signer): Promise<string> {
  const header = { alg: ALGORITHM, typ: type }
  const input = [header, claims].map((part) => encodeBase64url(utf8(JSON.stringify(part)))).join(".")
  return `${input}.${encodeBase64url(await signer.sign(utf8(input)))}`
}

/**
 * The claims of `token`, if `publicKey` signed them for the purpose `type`. The times in the claims are not looked at.
 *
 * Throws `MalformedToken`, `WrongTokenType`, or `UnknownRoot` for a signature by another key.
 */
export async function verifyToken(
  token: string,
  type: TokenType,
  publicKey: Uint8Array,
  maxLength = MAX_TOKEN_LENGTH,
): Promise<Claims> {
  const { claims, signed, signature } = read(token, type, maxLength)
  if (!isPublicKey(publicKey)) throw new MalformedToken("not an Ed25519 public key")
  if (!(await isSignatureBy(publicKey, signed, signature))) throw new UnknownRoot(`${type}: signed by another key`)
  return claims
}

/** The claims as they are asserted: only to find the key under which to verify the token. */
export function unverifiedClaims(token: string, type: TokenType, maxLength = MAX_TOKEN_LENGTH): Claims {
  return read(token, type, maxLength).claims
}

/** The `cnf` claim for an Ed25519 public key (RFC 7800, 3.2; RFC 8037, 2). */
export function confirmation(publicKey: Uint8Array): object {
  return { jwk: { kty: "OKP", crv: "Ed25519", x: encodeBase64url(publicKey) } }
}

/** A token taken apart, with its signature yet to be verified. */
interface UnverifiedToken {
  readonly claims: Claims
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

function read(token: string, type: TokenType, maxLength: number): UnverifiedToken {
  if (token.length > maxLength || !COMPACT.test(token)) throw malformed(type, "too large, or not three base64url parts")
  const [header, payload, signature] = token.split(".").map(decodeBase64url)
  if (header === undefined || payload === undefined || signature === undefined)
    throw malformed(type, "not the one encoding of a token")
  checkHeader(decoded(header, type), type)
  const claims = decoded(payload, type)
  if (!isObject(claims)) throw malformed(type, "the payload is not a JSON object")
  return { claims: new Claims(type, claims), signed: utf8(token.slice(0, token.lastIndexOf("."))), signature }
}

function decoded(part: Uint8Array, type: TokenType): unknown {
  try {
    return decodeCanonical(part)
  } catch (error) {
    throw malformed(type, "not the one encoding of a token", { cause: error })
  }
}

/** Refuse another algorithm or purpose, and any header beyond `alg`, `typ` and `kid`, `crit` (RFC 7515, 4.1.11) too. */
function checkHeader(value: unknown, type: TokenType): void {
  const header = new Map<string, unknown>(isObject(value) ? Object.entries(value) : [])
  const isKnown = [...header].every(([name, text]) => HEADER_NAMES.has(name) && typeof text === "string")
  if (!isKnown || header.get("alg") !== ALGORITHM)
    throw malformed(type, "header not allowed")
  if (header.get("typ") !== type) throw new WrongTokenType(`expected a token of the type ${type}`)
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
