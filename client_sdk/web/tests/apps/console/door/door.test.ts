import "fake-indexeddb/auto"

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { invitationFrom, invitationIn, readConfiguration } from "../../../../apps/console/configuration.ts"
import { NotConfigured } from "../../../../apps/shared/block.ts"
import { Door, passphraseFailure } from "../../../../apps/console/door/door.ts"
import { AT_THE_DOOR, reduceDoor, type DoorAction, type DoorState } from "../../../../apps/console/door/doorState.ts"
import { EncryptedKeyStore, readOrganisation, type Staff } from "../../../../src/index.ts"
import { keepStatement, newDeviceKey } from "../../../../src/device/device.ts"
import { vectors } from "../../../credentials/vectors.ts"

const after = (...actions: DoorAction[]): DoorState => actions.reduce(reduceDoor, AT_THE_DOOR)

describe("the door", () => {
  it("keeps the invitation that came with the address until the device is in", () => {
    const invited = after({ type: "invited", invitation: "CODE" }, { type: "new" })
    expect(invited).toMatchObject({ place: "new", invitation: "CODE" })
    expect(reduceDoor(invited, { type: "inside" }).invitation).toBe("")
  })

  it("says what went wrong until something else is tried", () => {
    const failed = after({ type: "new" }, { type: "busy" }, { type: "failed", failure: "invitation" })
    expect(failed).toMatchObject({ place: "new", isBusy: false, failure: "invitation" })
    expect(reduceDoor(failed, { type: "busy" }).failure).toBeNull()
  })

  it("shows the words to compare only while they are waited for", () => {
    const waiting = after({ type: "words", words: { en: ["one", "two", "three", "four"], id: [] } })
    expect(waiting.words.en).toHaveLength(4)
    expect(reduceDoor(waiting, { type: "locked", ways: ["passphrase"], isIdle: true })).toMatchObject({
      place: "locked",
      isIdle: true,
      words: { en: [], id: [] },
    })
  })
})

describe("two tabs", () => {
  const prf = new Uint8Array(32).fill(3)
  let givePasskey = (): void => undefined

  beforeEach(async () => {
    vi.stubGlobal("BroadcastChannel", madeUpChannel())
    const asked = (): Promise<unknown> =>
      new Promise((resolve) => {
        givePasskey = () => {
          resolve({ getClientExtensionResults: () => ({ prf: { results: { first: prf } } }) })
        }
      })
    vi.stubGlobal("navigator", { locks: madeUpLocks(), credentials: { get: asked } })
    const store = await EncryptedKeyStore.create({ prf })
    await newDeviceKey(store)
    await keepStatement(store, { statement: vectors.enrolment.statement, issuerStatement: undefined })
    store.lock()
  })

  afterEach(async () => {
    vi.unstubAllGlobals()
    await EncryptedKeyStore.erase()
  })

  /** Closes when it is told so; who asks a second time is not kept waiting, for there is nothing left to close. */
  function slowToClose() {
    let isClosed = (): void => undefined
    const closing = [new Promise<void>((resolve) => (isClosed = resolve))]
    return { close: () => closing.pop() ?? Promise.resolve(), isClosed }
  }

  function tab(onOutside = () => Promise.resolve()) {
    const onInside = vi.fn((staff: Staff) => void staff.close())
    const seen: DoorState[] = []
    const door = new Door({
      relayUrl: "http://127.0.0.1:9",
      organisation: readOrganisation(vectors.organisation),
      name: "Teduh",
      givenPassphrase: null,
      onChange: (state) => seen.push(state),
      onInside,
      onOutside,
    })
    return { door, onInside, place: () => seen.at(-1)?.place }
  }

  it("are never both inside, though the first is given its passkey after the second has taken over", async () => {
    const [first, second] = [tab(), tab()]
    await first.door.start("")
    await second.door.start("")
    expect([first.place(), second.place()]).toEqual(["locked", "elsewhere"])
    const unlocking = first.door.unlock("passkey")
    await second.door.takeOver()
    givePasskey()
    await unlocking
    expect([first.place(), second.place()]).toEqual(["elsewhere", "locked"])
    expect(first.onInside).not.toHaveBeenCalled()
  })

  it("cannot both be opened, though the first was just being locked when the second took over", async () => {
    const desk = slowToClose()
    const [first, second] = [tab(desk.close), tab()]
    await first.door.start("")
    await second.door.start("")
    const locking = first.door.lock(false)
    const taking = second.door.takeOver()
    desk.isClosed()
    await Promise.all([locking, taking])
    expect([first.place(), second.place()]).toEqual(["elsewhere", "locked"])
  })

  it("wait for a desk that is still closing: until then it needs the store", async () => {
    const desk = slowToClose()
    const [first, second] = [tab(desk.close), tab()]
    await first.door.start("")
    await second.door.start("")
    const unlocking = first.door.unlock("passkey")
    givePasskey()
    await unlocking
    expect(first.place()).toBe("inside")
    const lock = vi.spyOn(EncryptedKeyStore.prototype, "lock")
    const locking = first.door.lock(true)
    const taking = second.door.takeOver()
    await new Promise((resolve) => setTimeout(resolve))
    expect(lock).not.toHaveBeenCalled()
    desk.isClosed()
    await Promise.all([locking, taking])
    expect(lock).toHaveBeenCalledOnce()
    lock.mockRestore()
  })
})

/** Channels that hear each other, but not themselves. */
function madeUpChannel() {
  const all = new Set<EventTarget>()
  return class extends EventTarget {
    constructor() {
      super()
      all.add(this)
    }

    postMessage(data: unknown): void {
      for (const one of all) if (one !== this) one.dispatchEvent(new MessageEvent("message", { data }))
    }
  }
}

/** One lock, for one after the other. */
function madeUpLocks() {
  let isHeld = false
  let last: Promise<unknown> = Promise.resolve()
  const request = async (_: string, { ifAvailable = false }: LockOptions, hold: (lock: object | null) => Promise<void> | undefined) => {
    if (ifAvailable && isHeld) return hold(null)
    const before = last
    const held = (async () => {
      await before
      isHeld = true
      await hold({})
      isHeld = false
    })()
    last = held
    return held
  }
  return { request }
}

describe("a new passphrase", () => {
  it("has 8 characters and is typed twice", () => {
    expect(passphraseFailure("short", "short")).toBe("passphraseShort")
    expect(passphraseFailure("long enough", "long enough!")).toBe("passphraseDiffers")
    expect(passphraseFailure("long enough", "long enough")).toBeNull()
  })
})

describe("an invitation", () => {
  it("is read from the fragment of the address", () => {
    expect(invitationIn("#invitation=abc-DEF_1")).toBe("abc-DEF_1")
    expect(invitationIn("")).toBe("")
  })

  it("may be pasted as a code or as the whole link", () => {
    expect(invitationFrom(" abc ")).toBe("abc")
    expect(invitationFrom("https://staff.example/console/#invitation=abc")).toBe("abc")
  })
})

describe("the configuration", () => {
  const organisation = { format: 1, id: "x", name: "Rumah Aman", root_public_key: "AA" }

  it("is the organisation's, with both languages if it says nothing", () => {
    const read = readConfiguration(JSON.stringify({ organisation }))
    expect(read).toMatchObject({ organisationName: "Rumah Aman", isDemonstration: false, languages: ["id", "en"] })
  })

  it("keeps the organisation's order of languages, and drops what there are no texts in", () => {
    const read = readConfiguration(JSON.stringify({ organisation, page: { languages: ["en", "xx", "id"] } }))
    expect(read.languages).toEqual(["en", "id"])
  })

  it("has the organisation's prepared replies, without what is not one", () => {
    const replies = ["Halo.", { id: "Ya.", en: "Yes." }, 7, { xx: "?" }]
    expect(readConfiguration(JSON.stringify({ organisation, page: { replies } })).replies).toEqual([
      { id: "Halo.", en: "Halo." },
      { id: "Ya.", en: "Yes." },
    ])
    expect(readConfiguration(JSON.stringify({ organisation })).replies).toEqual([])
  })

  it("says that it is a demonstration only when it is one", () => {
    expect(readConfiguration(JSON.stringify({ organisation, demonstration: true })).isDemonstration).toBe(true)
    expect(readConfiguration(JSON.stringify({ organisation, demonstration: "true" })).isDemonstration).toBe(false)
  })

  it("is refused when the server filled nothing in", () => {
    expect(() => readConfiguration("null")).toThrow(NotConfigured)
    expect(() => readConfiguration("{")).toThrow(NotConfigured)
  })
})
