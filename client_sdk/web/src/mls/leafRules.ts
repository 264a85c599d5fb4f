/**
 * What a leaf must be to live in a conversation's tree (RFC 9420, 7.2, 7.3 and 12.4.3.1), as far as ts-mls does not ask
 * it. Leaves and trees are described by their shapes, so that this module does not depend on ts-mls.
 */

import { InvalidKeyPackage, InvalidWelcome } from "../cryptoErrors.ts"
import type { RemoteError } from "../cryptoErrors.ts"
import { encodeBase64url } from "../hazmat/bytes.ts"
import { BASIC_CREDENTIAL_TYPE, STAFF_CREDENTIAL_TYPE } from "./keyPackageBundle.ts"

const MLS10 = 1
const KEY_PACKAGE_SOURCE = 1
/** RFC 9420, 17.3 and 17.4: those that it defines are numbered from 1. */
const LAST_EXTENSION = 5
const LAST_PROPOSAL = 7
/** RFC 9420, 7.2: applications must define a maximum total lifetime. Seconds. */
export const LONGEST_LIFETIME = 100 * 24 * 3600

/** An error class for the peer's fault. */
export type Blame = new (message: string, options?: ErrorOptions) => RemoteError

/** What these rules read of a leaf node; only those made for key packages have a lifetime (seconds). */
export interface Leaf {
  readonly hpkePublicKey: Uint8Array
  readonly signaturePublicKey: Uint8Array
  readonly credential: { readonly credentialType: number }
  readonly capabilities: {
    readonly versions: readonly number[]
    readonly ciphersuites: readonly number[]
    readonly credentials: readonly number[]
    readonly extensions: readonly number[]
    readonly proposals: readonly number[]
  }
  readonly leafNodeSource: number
  readonly lifetime?: { readonly notBefore: bigint; readonly notAfter: bigint }
}

/** Each leaf supports what it lives in, and no key is at two places; throws `Fault`. */
export function requireSoundLeaves(
  leaves: readonly Leaf[],
  parentKeys: readonly Uint8Array[],
  suite: number,
  Fault: Blame,
): void {
  for (const leaf of leaves) requireSoundLeaf(leaf, suite, Fault)
  requireDistinct(
    leaves.map((leaf) => leaf.signaturePublicKey),
    Fault,
  )
  requireDistinct([...parentKeys, ...leaves.map((leaf) => leaf.hpkePublicKey)], Fault)
}

/** RFC 9420, 7.3 and 11.1: a leaf supports the group's version and suite, and its own credential; throws `Fault`. */
export function requireSoundLeaf({ capabilities, credential }: Leaf, suite: number, Fault: Blame): void {
  const { versions, ciphersuites, credentials, extensions, proposals } = capabilities
  if (!versions.includes(MLS10) || !ciphersuites.includes(suite))
    throw new Fault("a leaf does not support the version and cipher suite of the group")
  if (!credentials.includes(credential.credentialType)) throw new Fault("a leaf does not support its own credential")
  if (credential.credentialType !== BASIC_CREDENTIAL_TYPE && credential.credentialType !== STAFF_CREDENTIAL_TYPE)
    throw new Fault("members have no credentials of this type")
  // RFC 9420, 7.2: the default types are supported by everybody and must not be listed.
  if (extensions.some((type) => isWithin(type, LAST_EXTENSION)) || proposals.some((type) => isWithin(type, LAST_PROPOSAL)))
    throw new Fault("a leaf lists default types among its capabilities")
}

/** What is to be said against adding this leaf at `now` (seconds). */
export function lifetimeObjection(leaf: Leaf, now: number): RemoteError | undefined {
  if (leaf.leafNodeSource !== KEY_PACKAGE_SOURCE || leaf.lifetime === undefined)
    return new InvalidKeyPackage("the leaf was not made for a key package")
  const { notBefore, notAfter } = leaf.lifetime
  const second = BigInt(Math.floor(now))
  if (second < notBefore || second > notAfter) return new InvalidKeyPackage("the key package is not valid at this time")
  return isBounded(leaf) ? undefined : new InvalidKeyPackage("the key package lives longer than it may")
}

/**
 * No key package of the tree lives longer than it may; throws `InvalidWelcome`. Whether one has run out is not asked:
 * whoever has not committed since would lock every newcomer out.
 */
export function requireBoundedLifetimes(leaves: readonly Leaf[]): void {
  if (!leaves.every(isBounded)) throw new InvalidWelcome("a member's key package lives longer than it may")
}

function isWithin(type: number, last: number): boolean {
  return type >= 1 && type <= last
}

function isBounded({ lifetime }: Leaf): boolean {
  if (lifetime === undefined) return true
  return lifetime.notBefore <= lifetime.notAfter && lifetime.notAfter - lifetime.notBefore <= BigInt(LONGEST_LIFETIME)
}

function requireDistinct(keys: readonly Uint8Array[], Fault: Blame): void {
  if (new Set(keys.map(encodeBase64url)).size !== keys.length) throw new Fault("two places of the tree hold one key")
}
