/** Named values in IndexedDB: one database, one object store, one transaction per operation. Knows no encryption. */

import { KeyStoreError } from "../errors.ts"

const STORE = "records"

export class Records {
  readonly #database: IDBDatabase

  private constructor(database: IDBDatabase) {
    this.#database = database
    // Whoever erases it does not wait for us.
    database.addEventListener("versionchange", () => {
      database.close()
    })
  }

  /** Open the database, which is made if it is not there; rejects with `KeyStoreError`. */
  static async open(name: string): Promise<Records> {
    const request = indexedDB.open(name, 1)
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE))
    return new Records(await answered(request))
  }

  /** Open the database if it is there; null if not, and none is made then. Rejects with `KeyStoreError`. */
  static async openIfThere(name: string): Promise<Records | null> {
    const request = indexedDB.open(name, 1)
    const found = { isNew: false }
    request.addEventListener("upgradeneeded", () => {
      found.isNew = true
      request.transaction?.abort()
    })
    try {
      return new Records(await answered(request))
    } catch (error) {
      if (found.isNew) return null
      throw error
    }
  }

  /** Delete the database. */
  static async erase(name: string): Promise<void> {
    await answered(indexedDB.deleteDatabase(name))
  }

  /** The value of `name`, or undefined. */
  async get(name: string): Promise<unknown> {
    return answered(this.#store("readonly").get(name))
  }

  /** All names that start with `prefix`, sorted. */
  async names(prefix: string): Promise<readonly string[]> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`)
    return (await answered(this.#store("readonly").getAllKeys(range))).map(String)
  }

  /** Keep `value`; done when it is on the disk. */
  async put(name: string, value: unknown): Promise<void> {
    await this.#write((store) => store.put(value, name))
  }

  /** Forget `name`. */
  async delete(name: string): Promise<void> {
    await this.#write((store) => store.delete(name))
  }

  close(): void {
    this.#database.close()
  }

  #store(mode: IDBTransactionMode): IDBObjectStore {
    try {
      return this.#database.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE)
    } catch (error) {
      throw new KeyStoreError("the key store is closed", { cause: error })
    }
  }

  async #write(change: (store: IDBObjectStore) => IDBRequest): Promise<void> {
    const store = this.#store("readwrite")
    await new Promise<void>((resolve, reject) => {
      const failed = (): void => {
        reject(new KeyStoreError("the key store cannot be written", { cause: store.transaction.error }))
      }
      store.transaction.addEventListener("complete", () => {
        resolve()
      })
      store.transaction.addEventListener("abort", failed)
      store.transaction.addEventListener("error", failed)
      change(store)
    })
  }
}

function answered<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => {
      resolve(request.result)
    })
    request.addEventListener("error", () => {
      reject(new KeyStoreError("the key store cannot be read", { cause: request.error }))
    })
  })
}
