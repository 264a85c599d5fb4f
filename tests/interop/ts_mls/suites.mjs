// Cipher suites for ts-mls by their code: its own for the seven of RFC 9420, and one made here for 0xF0B2.
//
// ts-mls names X-Wing suites of its own, but with another hash and with a key derivation that the draft does
// not have, so that 0xF0B2 is put together from parts.

import { Aes256Gcm, CipherSuite, HkdfSha384 } from "@hpke/core"
import { XWing } from "@hpke/hybridkem-x-wing"
import { p256, p384, p521 } from "@noble/curves/nist.js"
import { shake256 } from "@noble/hashes/sha3.js"
import { defaultCryptoProvider } from "ts-mls"

const TEDUH_HYBRID = 0xf0b2
const ECDSA_CURVES = { 2: p256, 5: p521, 7: p384 }
const [ED25519_SUITE, SHA384_SUITE] = [1, 7]
const ascii = (text) => new TextEncoder().encode(text)

/** X-Wing with the DeriveKeyPair of draft-ietf-hpke-pq, section 4: SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32). */
class DraftXWing extends XWing {
  async deriveKeyPair(ikm) {
    const suiteId = Uint8Array.of(...ascii("KEM"), this.id >> 8, this.id & 0xff)
    const label = ascii("DeriveKeyPair")
    const labeled = [...new Uint8Array(ikm), ...ascii("HPKE-v1"), ...suiteId, 0, label.length, ...label, 0, 32]
    return this.generateKeyPairDerand(shake256(Uint8Array.from(labeled), { dkLen: 32 }))
  }
}

/** The HPKE face that ts-mls expects, over hpke-js. */
function hybridHpke(aead) {
  const hpke = new CipherSuite({ kem: new DraftXWing(), kdf: new HkdfSha384(), aead: new Aes256Gcm() })
  const { kem } = hpke
  return {
    async seal(recipientPublicKey, plaintext, info, aad = new Uint8Array()) {
      const { ct, enc } = await hpke.seal({ recipientPublicKey, info }, plaintext, aad)
      return { ct: new Uint8Array(ct), enc: new Uint8Array(enc) }
    },
    async open(recipientKey, enc, ciphertext, info, aad = new Uint8Array()) {
      return new Uint8Array(await hpke.open({ recipientKey, enc, info }, ciphertext, aad))
    },
    async exportSecret(recipientPublicKey, exporterContext, length, info) {
      const context = await hpke.createSenderContext({ recipientPublicKey, info })
      return { enc: new Uint8Array(context.enc), secret: new Uint8Array(await context.export(exporterContext, length)) }
    },
    async importSecret(recipientKey, exporterContext, enc, length, info) {
      const context = await hpke.createRecipientContext({ recipientKey, enc, info })
      return new Uint8Array(await context.export(exporterContext, length))
    },
    importPrivateKey: (bytes) => kem.deserializePrivateKey(bytes),
    importPublicKey: (bytes) => kem.deserializePublicKey(bytes),
    exportPrivateKey: async (key) => new Uint8Array(await kem.serializePrivateKey(key)),
    exportPublicKey: async (key) => new Uint8Array(await kem.serializePublicKey(key)),
    deriveKeyPair: (ikm) => kem.deriveKeyPair(ikm),
    generateKeyPair: () => kem.generateKeyPair(),
    encryptAead: aead.encryptAead,
    decryptAead: aead.decryptAead,
    keyLength: hpke.aead.keySize,
    nonceLength: hpke.aead.nonceSize,
  }
}

async function hybridSuite() {
  const [ed25519, sha384] = await Promise.all([ED25519_SUITE, SHA384_SUITE].map(defaultCryptoProvider.getCiphersuiteImpl))
  // Suite 7 brings SHA-384, HKDF-SHA384 and AES-256-GCM; suite 1 brings Ed25519.
  return { ...sha384, signature: ed25519.signature, hpke: hybridHpke(sha384.hpke), id: TEDUH_HYBRID }
}

/** RFC 9420, 5.1.2: an ECDSA public key is an uncompressed point; ts-mls makes and publishes compressed ones. */
function withUncompressedKeys(suite, { Point }) {
  const keygen = async () => {
    const { signKey, publicKey } = await suite.signature.keygen()
    return { signKey, publicKey: Point.fromBytes(publicKey).toBytes(false) }
  }
  return { ...suite, signature: { ...suite.signature, keygen } }
}

/** The implementation of a cipher suite; throws for a code that neither side knows. */
export async function suiteOf(code) {
  if (code === TEDUH_HYBRID) return hybridSuite()
  const suite = await defaultCryptoProvider.getCiphersuiteImpl(code)
  return code in ECDSA_CURVES ? withUncompressedKeys(suite, ECDSA_CURVES[code]) : suite
}
