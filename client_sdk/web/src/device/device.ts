/**
 * A staff device: its key, its statement, and the key packages by which colleagues can bring it in.
 *
 * All of it lives in the key store, under the names
 *
 *     device_key                     the key pair, which cannot be exported
 *     device_private_key             instead of it, where WebCrypto lacks Ed25519: 32 bytes, which rest encrypted like any
 *                                    value, but which this program, and whoever opens the store, can read
 *     device                         the statement and its issuer's
 *     key_package/<reference>        a published key package with its private keys; goes when it has been used
 *     conversation/<id>              see `savedConversation`
 */

import { decode, encode } from "@msgpack/msgpack"

import { signRelayAuthentication } from "../credentials/relayAuthentication.ts"
import { deviceId, encodeCredential, type StatementChain } from "../credentials/staffStatement.ts"
import { TeduhCryptoError } from "../cryptoErrors.ts"
import { KeyStoreDamaged, KeyStoreError } from "../errors.ts"
import { hasNativeEd25519, signerFromPrivateKey, signerOf, type Signer } from "../hazmat/ed25519.ts"
import type { KeyStore } from "./keyStore.ts"
import { keyPackageBundleFrom, newKeyPackage } from "../mls/group.ts"
import {
  STAFF_CREDENTIAL_TYPE,
  type Identity,
  type KeyPackageBundle,
  type MlsCredential,
} from "../mls/keyPackageBundle.ts"
import { Authenticate, type Hello } from "../relay/frames.ts"

const DEVICE = "device"
const DEVICE_KEY = "device_key"
const DEVICE_PRIVATE_KEY = "device_private_key"
const KEY_PACKAGE = "key_package/"

/** Who a staff member is to relay and conversations. */
export class Device {
  private constructor(
    readonly signer: Signer,
    readonly chain: StatementChain,
    /** By which the relay knows it: SHA-256 of the public key. */
    readonly deviceId: Uint8Array,
  ) {}

  static async of(signer: Signer, chain: StatementChain): Promise<Device> {
    return new Device(signer, chain, await deviceId(signer.publicKey))
  }

  /** 32 bytes. */
  get publicKey(): Uint8Array {
    return this.signer.publicKey
  }

  /** What it shows in an MLS group, and the key that speaks for it. */
  get identity(): Identity {
    return { credential: this.#credential, signer: this.signer }
  }

  get #credential(): MlsCredential {
    return { credentialType: STAFF_CREDENTIAL_TYPE, content: encodeCredential(this.chain) }
  }

  /** Prove to the relay at `origin`, which said `hello`, that the key is here. */
  async authenticate(origin: string, hello: Hello): Promise<Authenticate> {
    const signature = await signRelayAuthentication(this.signer, origin, hello.nonce)
    const { statement, issuerStatement = null } = this.chain
    return Authenticate({ statement, signature, issuerStatement })
  }

  /** A fresh key package; `now` in seconds. */
  newKeyPackage(suite: number, now: number): Promise<KeyPackageBundle> {
    return newKeyPackage(suite, this.#credential, this.signer, now)
  }
}

/** Make the device's key and keep it, instead of an older one. */
export async function newDeviceKey(store: KeyStore): Promise<Signer> {
  if (await hasNativeEd25519()) {
    const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])
    await store.delete(DEVICE_PRIVATE_KEY)
    await store.putKey(DEVICE_KEY, pair)
    return signerOf(pair)
  }
  const secret = crypto.getRandomValues(new Uint8Array(32))
  await store.delete(DEVICE_KEY)
  await store.put(DEVICE_PRIVATE_KEY, secret)
  return signerFromPrivateKey(secret)
}

/** The device's key, or null if none was made. */
export async function storedDeviceKey(store: KeyStore): Promise<Signer | null> {
  const pair = await store.getKey(DEVICE_KEY)
  if (pair !== null) return signerOf(pair)
  const secret = await store.get(DEVICE_PRIVATE_KEY)
  return secret === null ? null : signerFromPrivateKey(secret)
}

/** Keep the statement of the device whose key is in the store; it replaces an older one. */
export async function keepStatement(store: KeyStore, { statement, issuerStatement }: StatementChain): Promise<void> {
  await store.put(DEVICE, encode([statement, issuerStatement ?? null]))
}

/** Whether a device was enrolled into this key store. */
export async function isEnrolled(store: KeyStore): Promise<boolean> {
  return (await store.get(DEVICE)) !== null
}

/** The device in a key store; rejects with `KeyStoreError` if there is none, `KeyStoreDamaged`. */
export async function storedDevice(store: KeyStore): Promise<Device> {
  const data = await store.get(DEVICE)
  const signer = await storedDeviceKey(store)
  if (data === null || signer === null) throw new KeyStoreError("no device has been enrolled into this key store")
  return Device.of(signer, chainFrom(data))
}

function chainFrom(data: Uint8Array): StatementChain {
  const saved = decode(data)
  const [statement, issuerStatement] = Array.isArray(saved) ? (saved as unknown[]) : []
  const isText = (value: unknown): value is string => typeof value === "string"
  if (!isText(statement) || !(issuerStatement === null || isText(issuerStatement))) {
    throw new KeyStoreDamaged("the stored device does not parse")
  }
  return { statement, issuerStatement: issuerStatement ?? undefined }
}

/** Store a key package before it is published. */
export async function keepKeyPackage(store: KeyStore, bundle: KeyPackageBundle): Promise<void> {
  await store.put(KEY_PACKAGE + bundle.reference, bundle.toBytes())
}

/** Its Welcome has been opened: the keys behind it are not needed, and must not open it again. */
export async function forgetKeyPackage(store: KeyStore, bundle: KeyPackageBundle): Promise<void> {
  await store.delete(KEY_PACKAGE + bundle.reference)
}

/** The published key packages that may still be answered; the expired ones are forgotten. `now` in seconds. */
export async function storedKeyPackages(
  store: KeyStore,
  { signer }: Device,
  now: number,
): Promise<readonly KeyPackageBundle[]> {
  const bundles: KeyPackageBundle[] = []
  for (const name of await store.names(KEY_PACKAGE)) {
    const bundle = await bundleFrom((await store.get(name)) ?? new Uint8Array(), signer)
    if (bundle.published.notAfter < now) await store.delete(name)
    else bundles.push(bundle)
  }
  return bundles
}

async function bundleFrom(data: Uint8Array, signer: Signer): Promise<KeyPackageBundle> {
  try {
    return await keyPackageBundleFrom(data, signer)
  } catch (error) {
    if (error instanceof TeduhCryptoError) {
      throw new KeyStoreDamaged("a stored key package does not parse", { cause: error })
    }
    throw error
  }
}
