/** Who we are in a group, and a key package with the private keys behind it. No MLS is done here. */

import { decode, encode } from "@msgpack/msgpack"

import { DecodingError } from "../cryptoErrors.ts"
import { copyOf, erase } from "../hazmat/bytes.ts"
import type { Signer } from "../hazmat/ed25519.ts"

/** RFC 9420, 17.5: `basic`, the survivor's. */
export const BASIC_CREDENTIAL_TYPE = 0x0001

/** A private-use type (RFC 9420, 17.5), whose content is a staff statement. */
export const STAFF_CREDENTIAL_TYPE = 0xf7ed

/** What a member shows; `content` is the identity of a basic credential, or the text of a staff statement. */
export interface MlsCredential {
  readonly credentialType: number
  readonly content: Uint8Array
}

/** Who we are in one group: what we show, and the key that speaks for it. */
export interface Identity {
  readonly credential: MlsCredential
  readonly signer: Signer
}

/** A key package as others see it. Times in seconds. */
export interface KeyPackage {
  /** The MLSMessage. */
  readonly encoded: Uint8Array
  readonly suite: number
  readonly credential: MlsCredential
  /** 32 bytes. */
  readonly signatureKey: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  /** KeyPackageRef (RFC 9420, 5.2), as hexadecimal: by which a Welcome names it. */
  readonly reference: string
}

/** A key package of ours. To be used once: erase it when its Welcome has been opened. */
export class KeyPackageBundle {
  readonly #initKey: Uint8Array
  readonly #encryptionKey: Uint8Array

  constructor(
    readonly published: KeyPackage,
    readonly signer: Signer,
    initKey: Uint8Array,
    encryptionKey: Uint8Array,
  ) {
    this.#initKey = initKey
    this.#encryptionKey = encryptionKey
  }

  /** The encoded MLSMessage, as the relay carries it. */
  get keyPackage(): Uint8Array {
    return this.published.encoded
  }

  /** As hexadecimal. */
  get reference(): string {
    return this.published.reference
  }

  get suite(): number {
    return this.published.suite
  }

  /** Both private keys, raw: for the MLS group alone. */
  get hazmatPrivateKeys(): { readonly initKey: Uint8Array; readonly encryptionKey: Uint8Array } {
    return { initKey: this.#initKey, encryptionKey: this.#encryptionKey }
  }

  /** What a key store keeps: the key package and its two private keys. As secret as they are. */
  toBytes(): Uint8Array {
    return encode([this.keyPackage, this.#initKey, this.#encryptionKey])
  }

  /** Forget the private keys. */
  erase(): void {
    erase(this.#initKey)
    erase(this.#encryptionKey)
  }
}

/** The three parts that `KeyPackageBundle.toBytes` wrote; throws `DecodingError`. */
export function readBundle(
  data: Uint8Array,
): readonly [keyPackage: Uint8Array, initKey: Uint8Array, encryptionKey: Uint8Array] {
  let parts: unknown
  try {
    parts = decode(data)
  } catch (error) {
    throw new DecodingError("not a stored key package", { cause: error })
  }
  const [keyPackage, initKey, encryptionKey, ...rest] = Array.isArray(parts) ? (parts as unknown[]) : []
  const isBytes = (part: unknown): part is Uint8Array => part instanceof Uint8Array
  if (!isBytes(keyPackage) || !isBytes(initKey) || !isBytes(encryptionKey) || rest.length > 0)
    throw new DecodingError("not a stored key package")
  // Copies, so that erasing them does not depend on what else looks into `data`.
  return [copyOf(keyPackage), copyOf(initKey), copyOf(encryptionKey)]
}
