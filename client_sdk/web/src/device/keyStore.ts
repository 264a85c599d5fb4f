/**
 * Where a staff device keeps its keys and its conversations between two runs; a survivor's keys live in memory only.
 *
 * The device's own key is a WebCrypto key that cannot be exported: the store keeps the key object itself, and not even
 * this program can read what is in it.
 */

/** Named secrets. A value that `put` has resolved for is kept, whatever happens next. */
export interface KeyStore {
  /** The value of `name`, or null. */
  get(name: string): Promise<Uint8Array | null>
  /** Keep `value` under `name`, instead of what was there. */
  put(name: string, value: Uint8Array): Promise<void>
  /** Forget `name`, be it a value or a key; nothing happens if it is not there. */
  delete(name: string): Promise<void>
  /** The names of all values that start with `prefix`, sorted. */
  names(prefix: string): Promise<readonly string[]>
  /** The key pair of `name`, or null. */
  getKey(name: string): Promise<CryptoKeyPair | null>
  /** Keep a key pair, which need not be extractable. */
  putKey(name: string, key: CryptoKeyPair): Promise<void>
}

/** Keeps until the page is left, and not a moment longer. */
export class MemoryKeyStore implements KeyStore {
  readonly #values = new Map<string, Uint8Array>()
  readonly #keys = new Map<string, CryptoKeyPair>()

  get(name: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.#values.get(name) ?? null)
  }

  put(name: string, value: Uint8Array): Promise<void> {
    this.#values.set(name, value.slice())
    return Promise.resolve()
  }

  delete(name: string): Promise<void> {
    this.#values.delete(name)
    this.#keys.delete(name)
    return Promise.resolve()
  }

  names(prefix: string): Promise<readonly string[]> {
    return Promise.resolve([...this.#values.keys()].filter((name) => name.startsWith(prefix)).sort())
  }

  getKey(name: string): Promise<CryptoKeyPair | null> {
    return Promise.resolve(this.#keys.get(name) ?? null)
  }

  putKey(name: string, key: CryptoKeyPair): Promise<void> {
    this.#keys.set(name, key)
    return Promise.resolve()
  }
}
