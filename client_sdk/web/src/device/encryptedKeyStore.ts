/**
 * A key store in the browser: IndexedDB, every record encrypted.
 *
 *     passphrase ── PBKDF2-SHA-512 ──┐
 *                                    ├──> wraps the master key (32 random bytes, AES-256-GCM)
 *     passkey ── PRF ── HKDF ────────┘         │ HKDF
 *                                              ├──> record key    nonce (12) || AES-256-GCM(name || value)
 *                                              └──> name key      HMAC-SHA-256(name) is what a record is found by
 *
 * So the database tells how many records there are, but not of what. The device's key pair lies beside them as a
 * WebCrypto key that cannot be exported; whoever copies the profile folder may use it on another machine but finds no
 * statement to go with it.
 *
 * A value is written in one strict transaction, so that a message key that was used is never found unused again.
 *
 * Limitations: what a disk keeps of overwritten records is beyond us, and somebody who can write to the profile can put
 * back an older record whole. One page at a time may use it.
 */

import { decode, encode } from "@msgpack/msgpack"

import { KeyStoreDamaged, KeyStoreError, WrongPassphrase } from "../errors.ts"
import { copyOf, erase, toHex, utf8, type Bytes } from "../hazmat/bytes.ts"
import type { KeyStore } from "./keyStore.ts"
import { Records } from "../conversation/records.ts"

const DATABASE = "teduh"
const SHORTEST_PASSPHRASE = 8
const SHORTEST_PRF = 32
/** OWASP's password storage cheat sheet, for PBKDF2-HMAC-SHA512: 210 000; a console is opened a few times a day. */
const ROUNDS = 600_000
const NONCE = 12
const WRAPPED = "wrapped/"
const RECORD = "record/"
const KEY_PAIR = "key/"

/** How it is opened: by a passphrase, or by the output of a passkey's PRF extension (at least 32 bytes). */
export type Unlock = { readonly passphrase: string } | { readonly prf: Uint8Array }

export type UnlockKind = "passphrase" | "prf"

interface Keys {
  readonly master: Bytes
  readonly records: CryptoKey
  readonly names: CryptoKey
}

export class EncryptedKeyStore implements KeyStore {
  readonly #records: Records
  /** The names of all records, by the name under which the database holds them. */
  readonly #names: Map<string, string>
  #keys: Keys | null

  private constructor(records: Records, keys: Keys, names: Map<string, string>) {
    this.#records = records
    this.#keys = keys
    this.#names = names
  }

  /** Whether there is one in this browser. To ask leaves nothing there. */
  static async exists(database = DATABASE): Promise<boolean> {
    return (await EncryptedKeyStore.unlocks(database)).length > 0
  }

  /** Make a new one; rejects with `KeyStoreError` for a passphrase under 8 characters, or where there is one. */
  static async create(unlock: Unlock, database = DATABASE): Promise<EncryptedKeyStore> {
    const records = await Records.open(database)
    if ((await records.names(WRAPPED)).length > 0) throw new KeyStoreError("there is a key store already")
    const keys = await keysFrom(crypto.getRandomValues(new Uint8Array(32)))
    await wrap(records, keys, unlock)
    return new EncryptedKeyStore(records, keys, new Map())
  }

  /** Open an existing one; rejects with `WrongPassphrase`, `KeyStoreDamaged`, `KeyStoreError` if there is none. */
  static async open(unlock: Unlock, database = DATABASE): Promise<EncryptedKeyStore> {
    const records = await Records.openIfThere(database)
    if (records === null) throw new KeyStoreError("there is no key store")
    const keys = await keysFrom(await unwrap(records, unlock))
    const names = new Map<string, string>()
    for (const hidden of await records.names(RECORD)) {
      const sealed = await records.get(hidden)
      const [name] = await opened(keys, hidden, sealed instanceof Uint8Array ? sealed : new Uint8Array())
      names.set(hidden, name)
    }
    return new EncryptedKeyStore(records, keys, names)
  }

  /** Forget everything, whoever may open it. Other pages that use it lose it. */
  static async erase(database = DATABASE): Promise<void> {
    await Records.erase(database)
  }

  /** A second way to open it, or another passphrase instead of the old one. */
  async addUnlock(unlock: Unlock): Promise<void> {
    await wrap(this.#records, this.#require(), unlock)
  }

  /** In which ways it can be opened; none if there is none. */
  static async unlocks(database = DATABASE): Promise<readonly UnlockKind[]> {
    const records = await Records.openIfThere(database)
    if (records === null) return []
    const names = await records.names(WRAPPED)
    records.close()
    return names.map((name) => (name === `${WRAPPED}prf` ? "prf" : "passphrase"))
  }

  /** Forget the keys: every later call rejects with `KeyStoreError`. */
  lock(): void {
    if (this.#keys !== null) erase(this.#keys.master)
    this.#keys = null
    this.#names.clear()
    this.#records.close()
  }

  async get(name: string): Promise<Uint8Array | null> {
    const keys = this.#require()
    const hidden = await hiddenName(keys, name)
    const sealed = await this.#records.get(hidden)
    if (!(sealed instanceof Uint8Array)) return null
    return (await opened(keys, hidden, sealed))[1]
  }

  async put(name: string, value: Uint8Array): Promise<void> {
    const keys = this.#require()
    const hidden = await hiddenName(keys, name)
    await this.#records.put(hidden, await seal(keys.records, hidden, encode([name, value])))
    this.#names.set(hidden, name)
  }

  async delete(name: string): Promise<void> {
    const hidden = await hiddenName(this.#require(), name)
    await this.#records.delete(hidden)
    await this.#records.delete(KEY_PAIR + name)
    this.#names.delete(hidden)
  }

  names(prefix: string): Promise<readonly string[]> {
    this.#require()
    return Promise.resolve([...this.#names.values()].filter((name) => name.startsWith(prefix)).sort())
  }

  async getKey(name: string): Promise<CryptoKeyPair | null> {
    this.#require()
    const pair = await this.#records.get(KEY_PAIR + name)
    return isKeyPair(pair) ? pair : null
  }

  async putKey(name: string, key: CryptoKeyPair): Promise<void> {
    this.#require()
    // A plain object of two keys: what some engines return as a pair cannot be stored.
    await this.#records.put(KEY_PAIR + name, { publicKey: key.publicKey, privateKey: key.privateKey })
  }

  #require(): Keys {
    if (this.#keys === null) throw new KeyStoreError("the key store is locked")
    return this.#keys
  }
}

async function keysFrom(master: Bytes): Promise<Keys> {
  const root = await crypto.subtle.importKey("raw", master, "HKDF", false, ["deriveKey"])
  const derived = (info: string, type: AesKeyAlgorithm | HmacKeyGenParams, uses: KeyUsage[]): Promise<CryptoKey> =>
    crypto.subtle.deriveKey(expansion(info), root, type, false, uses)
  return {
    master,
    records: await derived("teduh key store 1 records", { name: "AES-GCM", length: 256 }, ["encrypt", "decrypt"]),
    names: await derived("teduh key store 1 names", { name: "HMAC", hash: "SHA-256", length: 256 }, ["sign"]),
  }
}

function expansion(info: string): HkdfParams {
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(info) }
}

async function hiddenName(keys: Keys, name: string): Promise<string> {
  return RECORD + toHex(new Uint8Array(await crypto.subtle.sign("HMAC", keys.names, utf8(name))))
}

async function opened(keys: Keys, hidden: string, sealed: Uint8Array): Promise<[name: string, value: Uint8Array]> {
  const record = decode(await unseal(keys.records, hidden, sealed))
  const [name, value] = Array.isArray(record) ? (record as unknown[]) : []
  if (typeof name !== "string" || !(value instanceof Uint8Array)) throw new KeyStoreDamaged("a record does not parse")
  return [name, value]
}

async function wrap(records: Records, keys: Keys, unlock: Unlock): Promise<void> {
  const salt = crypto.getRandomValues(new Uint8Array(16))
  const key = await wrappingKey(unlock, salt, ROUNDS)
  const name = WRAPPED + kindOf(unlock)
  await records.put(name, encode([1, salt, ROUNDS, await seal(key, name, keys.master)]))
}

async function unwrap(records: Records, unlock: Unlock): Promise<Bytes> {
  const name = WRAPPED + kindOf(unlock)
  const data = await records.get(name)
  if (!(data instanceof Uint8Array)) throw new KeyStoreError("there is no key store that opens in this way")
  const header = decode(data)
  const [version, salt, rounds, sealed] = Array.isArray(header) ? (header as unknown[]) : []
  const isSound = version === 1 && salt instanceof Uint8Array && sealed instanceof Uint8Array
  if (!isSound || typeof rounds !== "number" || rounds < 1 || rounds > 100 * ROUNDS) {
    throw new KeyStoreDamaged("the header holds values that this version never writes")
  }
  try {
    return await unseal(await wrappingKey(unlock, copyOf(salt), rounds), name, sealed)
  } catch (error) {
    if (error instanceof KeyStoreDamaged) throw new WrongPassphrase("this does not open the key store")
    throw error
  }
}

function kindOf(unlock: Unlock): UnlockKind {
  return "prf" in unlock ? "prf" : "passphrase"
}

async function wrappingKey(unlock: Unlock, salt: Bytes, iterations: number): Promise<CryptoKey> {
  const key = { name: "AES-GCM", length: 256 }
  if ("prf" in unlock) {
    if (unlock.prf.length < SHORTEST_PRF) throw new KeyStoreError("a passkey's secret has at least 32 bytes")
    const secret = await crypto.subtle.importKey("raw", copyOf(unlock.prf), "HKDF", false, ["deriveKey"])
    const parameters = { ...expansion("teduh key store 1 passkey"), salt }
    return crypto.subtle.deriveKey(parameters, secret, key, false, ["encrypt", "decrypt"])
  }
  if (unlock.passphrase.length < SHORTEST_PASSPHRASE) throw new KeyStoreError("a passphrase has at least 8 characters")
  const secret = await crypto.subtle.importKey("raw", utf8(unlock.passphrase.normalize("NFC")), "PBKDF2", false, [
    "deriveKey",
  ])
  const parameters = { name: "PBKDF2", hash: "SHA-512", salt, iterations }
  return crypto.subtle.deriveKey(parameters, secret, key, false, ["encrypt", "decrypt"])
}

async function seal(key: CryptoKey, name: string, value: Uint8Array): Promise<Bytes> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE))
  const parameters = { name: "AES-GCM", iv, additionalData: utf8(name) }
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, key, copyOf(value)))
  const whole = new Uint8Array(NONCE + sealed.length)
  whole.set(iv)
  whole.set(sealed, NONCE)
  return whole
}

async function unseal(key: CryptoKey, name: string, sealed: Uint8Array): Promise<Bytes> {
  const whole = copyOf(sealed)
  const parameters = { name: "AES-GCM", iv: whole.subarray(0, NONCE), additionalData: utf8(name) }
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, whole.subarray(NONCE)))
  } catch (error) {
    if (error instanceof DOMException) throw new KeyStoreDamaged("a record was changed")
    throw error
  }
}

function isKeyPair(value: unknown): value is CryptoKeyPair {
  return typeof value === "object" && value !== null && "publicKey" in value && "privateKey" in value
}
