/**
 * X-Wing (ML-KEM-768 and X25519), the KEM of the hybrid suite: hpke-js's, but for two things.
 *
 * It derives key pairs as draft-ietf-hpke-pq says, which TreeKEM needs to be the same at all members. And it lets the
 * browser have its turn before each piece of ML-KEM, which is JavaScript everywhere: a join is some twenty of them, and on
 * a poor phone each takes as long as a key that she types may wait. A piece itself is never interrupted, for the pieces
 * share their memory, and overwrite it at their end.
 */

import { XWing } from "@hpke/hybridkem-x-wing"
import { MlKem768, shake256 } from "mlkem"

import { concatenate, utf8 } from "../hazmat/bytes.ts"
import { PacedX25519 } from "../hazmat/x25519.ts"
import { nextTask } from "../nextTask.ts"

/** X-Wing with the DeriveKeyPair of draft-ietf-hpke-pq, 4: SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32). */
export class DraftXWing extends XWing {
  constructor() {
    super()
    this._m = new PacedMlKem768()
    this._x25519 = new PacedX25519()
  }

  override async deriveKeyPair(ikm: ArrayBufferLike | ArrayBufferView): Promise<CryptoKeyPair> {
    const label = utf8("DeriveKeyPair")
    const labeled = concatenate(
      bytesOf(ikm),
      utf8("HPKE-v1KEM"),
      Uint8Array.of(this.id >> 8, this.id & 0xff, 0, label.length),
      label,
      Uint8Array.of(0, 32),
    )
    return this.generateKeyPairDerand(shake256.create({ dkLen: 32 }).update(labeled).digest())
  }
}

/* eslint-disable @typescript-eslint/no-deprecated -- X-Wing is made of this class, and takes no other */
class PacedMlKem768 extends MlKem768 {
  override async deriveKeyPair(seed: Uint8Array): Promise<[Uint8Array, Uint8Array]> {
    await nextTask()
    return super.deriveKeyPair(seed)
  }

  override async encap(publicKey: Uint8Array, seed?: Uint8Array): Promise<[Uint8Array, Uint8Array]> {
    await nextTask()
    return super.encap(publicKey, seed)
  }

  override async decap(ciphertext: Uint8Array, privateKey: Uint8Array): Promise<Uint8Array> {
    await nextTask()
    return super.decap(ciphertext, privateKey)
  }
}
/* eslint-enable @typescript-eslint/no-deprecated */

function bytesOf(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)
}
