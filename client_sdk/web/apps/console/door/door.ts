/** From opening the page to the desk: one tab, the key store, and a device that the organisation has let in. */

import { invitationFrom } from "../configuration.ts"
import { AT_THE_DOOR, reduceDoor, type DoorAction, type DoorFailure, type DoorState } from "./doorState.ts"
import { createPasskey, NoPasskey, passkeySecret } from "./passkey.ts"
import {
  EncryptedKeyStore,
  enrolDevice,
  EnrolmentFailed,
  isEnrolled,
  KeyStoreError,
  pendingEnrolment,
  Staff,
  WrongPassphrase,
  type Enrolment,
  type Organisation,
  type Unlock,
} from "../sdk.ts"
import { Tabs } from "../desk/tabs.ts"
import { forgetWaking } from "../shift/waking.ts"

const SHORTEST_PASSPHRASE = 8

/** How somebody would like to open it: a passphrase, or a passkey. */
export type Key = { readonly passphrase: string } | "passkey"

export interface DoorOptions {
  readonly relayUrl: string
  readonly organisation: Organisation
  /** What passkeys show as their name. */
  readonly name: string
  /** A demonstration's passphrase, with which it sets itself up and opens by itself; null asks people for theirs. */
  readonly givenPassphrase: string | null
  readonly onChange: (state: DoorState) => void
  /** The device is in: hand over to the desk. */
  readonly onInside: (staff: Staff, store: EncryptedKeyStore) => void
  /** Leave the desk; resolves when nothing is used any more. */
  readonly onOutside: () => Promise<void>
}

export class Door {
  readonly #options: DoorOptions
  readonly #tabs: Tabs
  #state: DoorState = AT_THE_DOOR
  #store: EncryptedKeyStore | null = null
  #waiting: AbortController | null = null
  /** Aborted when we leave: what was begun before, such as the question for a passkey, must bring nobody in after it. */
  #stay = new AbortController()
  /** The last leaving. */
  #left: Promise<void> = Promise.resolve()

  constructor(options: DoorOptions) {
    this.#options = options
    this.#tabs = new Tabs(async () => {
      await this.#leave()
      this.#dispatch({ type: "elsewhere" })
    })
  }

  /** Look whether this tab may, and what is stored. `invitation` came with the address. */
  async start(invitation: string): Promise<void> {
    this.#dispatch({ type: "invited", invitation })
    try {
      if (await this.#tabs.own()) await this.#arrive(this.#stay.signal)
      else this.#dispatch({ type: "elsewhere" })
    } catch {
      // No database, or no locks: a private window of some browsers, or one that is too old.
      this.#dispatch({ type: "broken" })
    }
  }

  /** Make this the tab that is used. */
  async takeOver(): Promise<void> {
    this.#dispatch({ type: "busy" })
    await this.#tabs.takeOver()
    await this.#arrive(this.#stay.signal)
  }

  /** Make a key store, and bring in this device by an invitation. Never rejects. */
  async create(key: Key, invitation: string): Promise<void> {
    this.#dispatch({ type: "invited", invitation })
    await this.#try(async (signal) => {
      const unlock = await unlockBy(key, () => createPasskey(this.#options.name))
      signal.throwIfAborted()
      // A refused code must not leave a key store without a way on; the page says so at its next step.
      const store = this.#held(await EncryptedKeyStore.create(unlock), signal)
      await this.#enrol(store, invitation, signal, () => {
        this.#dispatch({ type: "code" })
      })
    })
  }

  /** Open the key store. Never rejects. */
  async unlock(key: Key): Promise<void> {
    await this.#try(async (signal) => {
      const store = this.#held(await EncryptedKeyStore.open(await unlockBy(key, passkeySecret)), signal)
      await this.#goOn(store, signal)
    })
  }

  /** Try another invitation. Never rejects. */
  async enrol(invitation: string): Promise<void> {
    this.#dispatch({ type: "invited", invitation })
    await this.#try(async (signal) => {
      if (this.#store !== null) await this.#enrol(this.#store, invitation, signal)
    })
  }

  /** Forget the keys until somebody opens the key store again. */
  async lock(isIdle: boolean): Promise<void> {
    await this.#look(isIdle, await this.#leave())
  }

  /** Erase everything of this device in this browser: keys, conversations, notes. */
  async signOut(): Promise<void> {
    const signal = await this.#leave()
    // The browser may refuse; what is erased must not depend on it.
    await forgetWaking().catch(() => undefined)
    await EncryptedKeyStore.erase()
    await this.#look(false, signal)
  }

  /** As `#look`; a demonstration goes on to the desk, once there is a device or an invitation for one. */
  async #arrive(signal: AbortSignal): Promise<void> {
    await this.#look(false, signal)
    if (signal.aborted) return
    const { givenPassphrase: passphrase } = this.#options
    const { place, ways, invitation } = this.#state
    if (passphrase === null) return
    if (place === "new" && invitation !== "") await this.create({ passphrase }, invitation)
    else if (place === "locked" && ways.includes("passphrase")) await this.unlock({ passphrase })
  }

  /** Says what is there, unless another tab has taken over meanwhile. */
  async #look(isIdle: boolean, signal: AbortSignal): Promise<void> {
    const ways = (await EncryptedKeyStore.exists()) ? await EncryptedKeyStore.unlocks() : null
    if (signal.aborted) return
    this.#dispatch(ways === null ? { type: "new" } : { type: "locked", ways, isIdle })
  }

  /** Keeps hold of it until we leave; rejects if we have left already. */
  #held(store: EncryptedKeyStore, signal: AbortSignal): EncryptedKeyStore {
    if (signal.aborted) store.lock()
    signal.throwIfAborted()
    this.#store = store
    return store
  }

  async #goOn(store: EncryptedKeyStore, signal: AbortSignal): Promise<void> {
    const { relayUrl, organisation } = this.#options
    if (await isEnrolled(store)) {
      await this.#enter(store, signal)
      return
    }
    const pending = await pendingEnrolment(relayUrl, organisation, store)
    signal.throwIfAborted()
    if (pending === null) this.#dispatch({ type: "code" })
    else this.#await(store, pending)
  }

  async #enrol(store: EncryptedKeyStore, invitation: string, signal: AbortSignal, before?: () => void): Promise<void> {
    const { relayUrl, organisation } = this.#options
    try {
      const enrolment = await enrolDevice(relayUrl, organisation, invitationFrom(invitation), store)
      signal.throwIfAborted()
      this.#await(store, enrolment)
    } catch (error) {
      if (!signal.aborted) before?.()
      throw error
    }
  }

  #await(store: EncryptedKeyStore, enrolment: Enrolment): void {
    const waiting = (this.#waiting = new AbortController())
    this.#dispatch({ type: "words", words: enrolment.words })
    void this.#trying(async () => {
      await untilApproved(enrolment, waiting.signal, () => {
        this.#dispatch({ type: "failed", failure: "clock" })
      })
      if (!waiting.signal.aborted) await this.#enter(store, waiting.signal)
    }, waiting.signal)
  }

  async #enter(store: EncryptedKeyStore, signal: AbortSignal): Promise<void> {
    const { relayUrl, organisation, onInside } = this.#options
    const staff = await Staff.open(relayUrl, organisation, store)
    if (signal.aborted) await staff.close()
    signal.throwIfAborted()
    this.#dispatch({ type: "inside" })
    onInside(staff, store)
  }

  /** Gives what is aborted when we leave again. */
  async #leave(): Promise<AbortSignal> {
    this.#stay.abort()
    const { signal } = (this.#stay = new AbortController())
    this.#waiting?.abort()
    this.#waiting = null
    // One after the other: locked under a desk that is still closing, the store would fail its conversations.
    this.#left = this.#left.catch(() => undefined).then(() => this.#letGo())
    await this.#left
    return signal
  }

  async #letGo(): Promise<void> {
    try {
      await this.#options.onOutside()
    } finally {
      this.#store?.lock()
      this.#store = null
    }
  }

  async #try(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stay
    this.#dispatch({ type: "busy" })
    await this.#trying(() => work(signal), signal)
  }

  async #trying(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (signal.aborted) return
      const failure = failureOf(error)
      if (failure === null) throw error
      this.#dispatch({ type: "failed", failure })
    }
  }

  #dispatch(action: DoorAction): void {
    this.#state = reduceDoor(this.#state, action)
    this.#options.onChange(this.#state)
  }
}

const PATIENCE_MS = 5000

/**
 * Waits on while the relay cannot be reached: an approval may take days. `tellOfClock` where nobody can be believed by it;
 * that ends by itself, too.
 */
async function untilApproved(enrolment: Enrolment, signal: AbortSignal, tellOfClock: () => void): Promise<void> {
  for (;;) {
    try {
      await enrolment.wait(signal)
      return
    } catch (error) {
      if (signal.aborted || !(error instanceof EnrolmentFailed)) throw error
      const why = whyNotEnrolled(error)
      if (why === "clock") tellOfClock()
      else if (why !== "relay") throw error
      await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))
    }
  }
}

async function unlockBy(key: Key, passkey: () => Promise<Uint8Array>): Promise<Unlock> {
  return key === "passkey" ? { prf: await passkey() } : key
}

/** What is wrong with a new passphrase; null if nothing is. */
export function passphraseFailure(passphrase: string, again: string): DoorFailure | null {
  if (passphrase.length < SHORTEST_PASSPHRASE) return "passphraseShort"
  return passphrase === again ? null : "passphraseDiffers"
}

function failureOf(error: unknown): DoorFailure | null {
  if (error instanceof NoPasskey) return "passkey"
  if (error instanceof WrongPassphrase) return "passphraseWrong"
  if (error instanceof EnrolmentFailed) return whyNotEnrolled(error)
  return error instanceof KeyStoreError ? "damaged" : null
}

/** What to say of it: `relay` and `clock` are waited for, anything else is not. */
export function whyNotEnrolled({ message }: EnrolmentFailed): DoorFailure {
  if (message.includes("invitation_used")) return "invitationUsed"
  if (message.endsWith("this device's clock")) return "clock"
  return message.startsWith("the relay cannot") ? "relay" : "invitation"
}
