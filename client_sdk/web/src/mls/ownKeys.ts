/**
 * Whether the private keys that a path secret gave us belong to the public keys that it came with (RFC 9420, 7.5 and
 * 12.4.3.1), which ts-mls does not ask. Whoever holds others could not follow the next commit, and nobody would see why.
 */

import { areEqual } from "../hazmat/bytes.ts"
import type { Blame } from "./leafRules.ts"
import type { Hpke } from "./suites.ts"

const NOTHING = new Uint8Array()

/** A private key of ours, raw, and the public key in its place of the tree. */
export interface OwnKey {
  readonly privateKey: Uint8Array
  readonly publicKey: Uint8Array
}

/** Each private key opens what is sealed to its public key; throws `Fault`. */
export async function requireOwnKeys(keys: readonly OwnKey[], hpke: Hpke, Fault: Blame): Promise<void> {
  for (const key of keys) {
    if (!(await isPair(key, hpke))) throw new Fault("a path secret does not give the keys that came with it")
  }
}

async function isPair({ privateKey, publicKey }: OwnKey, hpke: Hpke): Promise<boolean> {
  const word = crypto.getRandomValues(new Uint8Array(16))
  try {
    const { ct, enc } = await hpke.seal(await hpke.importPublicKey(publicKey), word, NOTHING)
    return areEqual(await hpke.open(await hpke.importPrivateKey(privateKey), enc, ct, NOTHING), word)
  } catch {
    return false
  }
}
