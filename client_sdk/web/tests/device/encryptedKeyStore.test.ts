/** The key store in IndexedDB: what it keeps, who may open it, and what the database tells. */

import "fake-indexeddb/auto"

import { afterEach, describe, expect, it, vi } from "vitest"

import { EncryptedKeyStore, KeyStoreDamaged, KeyStoreError, WrongPassphrase } from "../../src/index.ts"
import { utf8 } from "../../src/hazmat/bytes.ts"
import { takeAwayCurves } from "../oldPhone.ts"

const DATABASE = "a test"
const unlock = { passphrase: "hujan di bulan juni" }
const secret = utf8("the secret of a group")
let open: EncryptedKeyStore[] = []

async function created(): Promise<EncryptedKeyStore> {
  const store = await EncryptedKeyStore.create(unlock, DATABASE)
  open.push(store)
  return store
}

async function opened(by: Parameters<typeof EncryptedKeyStore.open>[0] = unlock): Promise<EncryptedKeyStore> {
  const store = await EncryptedKeyStore.open(by, DATABASE)
  open.push(store)
  return store
}

/** Everything that the database holds, as it lies there. */
async function rawRecords(): Promise<Map<string, unknown>> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(DATABASE)
    request.addEventListener("success", () => {
      resolve(request.result)
    })
  })
  const records = new Map<string, unknown>()
  await new Promise<void>((resolve) => {
    const cursor = database.transaction("records").objectStore("records").openCursor()
    cursor.addEventListener("success", () => {
      if (cursor.result === null) {
        resolve()
        return
      }
      const { key } = cursor.result
      const value: unknown = cursor.result.value
      if (typeof key === "string") records.set(key, value)
      cursor.result.continue()
    })
  })
  database.close()
  return records
}

async function putRaw(name: string, value: unknown): Promise<void> {
  await new Promise<void>((resolve) => {
    const request = indexedDB.open(DATABASE)
    request.addEventListener("success", () => {
      const transaction = request.result.transaction("records", "readwrite")
      transaction.objectStore("records").put(value, name)
      transaction.addEventListener("complete", () => {
        request.result.close()
        resolve()
      })
    })
  })
}

afterEach(async () => {
  vi.restoreAllMocks()
  for (const store of open) store.lock()
  open = []
  await EncryptedKeyStore.erase(DATABASE)
})

describe("the encrypted key store", () => {
  it("gives back what was put, after it was closed and opened too", async () => {
    const store = await created()
    await store.put("conversation/1", secret)
    store.lock()
    const again = await opened()
    expect(await again.get("conversation/1")).toEqual(secret)
    expect(await again.get("conversation/2")).toBeNull()
    expect(await again.names("conversation/")).toEqual(["conversation/1"])
  })

  it("forgets what is deleted", async () => {
    const store = await created()
    await store.put("a", secret)
    await store.delete("a")
    expect([await store.get("a"), await store.names("")]).toEqual([null, []])
  })

  it("keeps a key pair that nobody can read, and that still signs", async () => {
    const store = await created()
    const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])
    await store.putKey("device_key", pair)
    const kept = await store.getKey("device_key")
    if (kept === null) throw new Error("the key pair is gone")
    expect(kept.privateKey.extractable).toBe(false)
    const signature = await crypto.subtle.sign("Ed25519", kept.privateKey, secret)
    expect(await crypto.subtle.verify("Ed25519", pair.publicKey, signature, secret)).toBe(true)
    await store.delete("device_key")
    expect(await store.getKey("device_key")).toBeNull()
  })

  it("opens by its passphrase and by no other", async () => {
    await created()
    await expect(opened({ passphrase: "hujan di bulan juli" })).rejects.toThrow(WrongPassphrase)
  })

  it("opens by a passkey that was added, and still by the passphrase", async () => {
    const store = await created()
    await store.put("a", secret)
    const prf = crypto.getRandomValues(new Uint8Array(32))
    await store.addUnlock({ prf })
    store.lock()
    expect([...(await EncryptedKeyStore.unlocks(DATABASE))].sort()).toEqual(["passphrase", "prf"])
    expect(await (await opened({ prf })).get("a")).toEqual(secret)
    expect(await (await opened()).get("a")).toEqual(secret)
    await expect(opened({ prf: new Uint8Array(32) })).rejects.toThrow(WrongPassphrase)
  })

  it("is not made with a short passphrase, nor over another one", async () => {
    await expect(EncryptedKeyStore.create({ passphrase: "1234567" }, DATABASE)).rejects.toThrow(KeyStoreError)
    await created()
    await expect(EncryptedKeyStore.create(unlock, DATABASE)).rejects.toThrow(KeyStoreError)
  })

  it("is not there before it is made, and not after it is erased", async () => {
    expect(await EncryptedKeyStore.exists(DATABASE)).toBe(false)
    const store = await created()
    expect(await EncryptedKeyStore.exists(DATABASE)).toBe(true)
    store.lock()
    await EncryptedKeyStore.erase(DATABASE)
    expect(await EncryptedKeyStore.exists(DATABASE)).toBe(false)
    await expect(opened()).rejects.toThrow(KeyStoreError)
  })

  it("leaves not even an empty database where it was erased, or never made, whoever asks for it", async () => {
    const names = async () => (await indexedDB.databases()).map(({ name }) => name)
    expect(await EncryptedKeyStore.exists(DATABASE)).toBe(false)
    expect(await names()).toEqual([])
    const store = await created()
    expect(await names()).toEqual([DATABASE])
    store.lock()
    await EncryptedKeyStore.erase(DATABASE)
    expect(await EncryptedKeyStore.exists(DATABASE)).toBe(false)
    expect(await EncryptedKeyStore.unlocks(DATABASE)).toEqual([])
    await expect(opened()).rejects.toThrow(KeyStoreError)
    expect(await names()).toEqual([])
  })

  it("says nothing when it is locked", async () => {
    const store = await created()
    store.lock()
    await expect(store.get("a")).rejects.toThrow(KeyStoreError)
    await expect(store.put("a", secret)).rejects.toThrow(KeyStoreError)
  })

  it("tells the database neither names nor values", async () => {
    const store = await created()
    await store.put("conversation/Sari", secret)
    const names = [...(await rawRecords()).keys()].join("\n")
    const values = [...(await rawRecords()).values()].filter((value) => value instanceof Uint8Array)
    expect(names).not.toContain("Sari")
    for (const value of values) {
      expect(Buffer.from(value).includes(Buffer.from(secret))).toBe(false)
      expect(Buffer.from(value).includes("Sari")).toBe(false)
    }
  })

  it("holds the device key of a browser without Ed25519, which anybody could export, encrypted as all else", async () => {
    vi.resetModules()
    takeAwayCurves()
    const { newDeviceKey, storedDeviceKey } = await import("../../src/device/device.ts")
    const store = await created()
    const { publicKey } = await newDeviceKey(store)
    expect((await storedDeviceKey(store))?.publicKey).toEqual(publicKey)
    const key = await store.get("device_private_key")
    expect(key).toHaveLength(32)
    const records = await rawRecords()
    expect([...records.keys()].filter((name) => name.startsWith("key/"))).toEqual([])
    for (const value of records.values())
      expect(Buffer.from(value as Uint8Array).includes(Buffer.from(key ?? []))).toBe(false)
  })

  it("notices a record that was changed or put in another's place", async () => {
    const store = await created()
    await store.put("a", secret)
    await store.put("b", secret)
    const [[one], [other, value]] = [...(await rawRecords())].filter(([name]) => name.startsWith("record/")) as [
      [string, unknown],
      [string, Uint8Array],
    ]
    await putRaw(one, value)
    store.lock()
    await expect(opened()).rejects.toThrow(KeyStoreDamaged)
    await putRaw(other, value.slice(0, -1))
    await expect(opened()).rejects.toThrow(KeyStoreDamaged)
  })
})
