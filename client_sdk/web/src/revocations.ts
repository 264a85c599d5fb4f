/**
 * Fetches the organisation's revocation list from the relay, which can withhold it but not change it.
 *
 * A list is good for 24 hours. Without a fresh one nobody new is believed, so a relay that serves none, or an old one,
 * achieves that no conversation begins, and nothing else.
 */

import type { AuthenticationService } from "./authenticationService.ts"
import { nowInSeconds } from "./clock.ts"
import { RevocationListStale } from "./credentials/exceptions.ts"
import { ClientClosed } from "./errors.ts"
import { fetchJson } from "./fetchJson.ts"

const PATH = "/v1/revocations"
const REFRESH_MS = 15 * 60 * 1000
const RETRY_MS = 1000

/** Keeps the list of an authentication service fresh, from `run` on. */
export class RevocationFetch {
  readonly #url: string
  readonly #service: AuthenticationService
  readonly #fetched: () => void
  /** Whether the newest that came is too old by this device's clock. */
  isStale = false
  readonly #looked: () => void
  readonly #stop = new AbortController()
  #isFresh = false
  #waiting: (() => void)[] = []
  /** Looks again at once, where the next look is some time away. */
  #hurry: () => void = () => undefined

  /** `fetched` is called whenever there is a list, which may be a newer one, and `looked` whenever one was asked for. */
  constructor(relayUrl: string, service: AuthenticationService, fetched: () => void = () => undefined, looked: () => void = () => undefined) {
    this.#url = relayUrl.replace(/\/+$/, "") + PATH
    this.#service = service
    this.#fetched = fetched
    this.#looked = looked
  }

  /** Wait until there is a list that the organisation signed and that is fresh; rejects with `ClientClosed`. */
  async wait(): Promise<void> {
    // The one that came may have become too old since, or our clock another.
    if (this.#isFresh && this.#isOutdated()) {
      this.#isFresh = false
      this.#hurry()
    }
    while (!this.#isFresh) {
      if (this.#stop.signal.aborted) throw new ClientClosed("the client is closed")
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Fetch now and then, until closed. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const isFetched = await this.once()
      this.#looked()
      await this.#pause(isFetched ? this.#untilNextLook() : RETRY_MS)
    }
  }

  /** Fetch now; whether there is a fresh list. */
  async once(): Promise<boolean> {
    try {
      const list = listIn(await fetchJson(this.#url, { signal: this.#stop.signal }))
      await this.#service.adoptRevocations(list, nowInSeconds())
    } catch (error) {
      // Not reached, not understood, not signed or not fresh: all of it means that there is no list yet.
      this.isStale ||= error instanceof RevocationListStale || this.#isOutdated()
      return false
    }
    this.isStale = false
    this.#isFresh = true
    this.#wake()
    this.#fetched()
    return true
  }

  /** Somebody cannot be believed for want of a fresh list: look for one at once. */
  missed(): void {
    this.#hurry()
  }

  /** Fetch no more. */
  close(): void {
    this.#stop.abort()
    this.#wake()
  }

  /** Milliseconds: not past the end of the list in force, so that it is known when there is no fresh one. */
  #untilNextLook(): number {
    const left = (this.#service.verifier.revocations?.expires ?? 0) - this.#service.time(nowInSeconds())
    return Math.min(REFRESH_MS, Math.max(RETRY_MS, 1000 * left))
  }

  #isOutdated(): boolean {
    const inForce = this.#service.verifier.revocations
    return inForce !== undefined && this.#service.time(nowInSeconds()) >= inForce.expires
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async #pause(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#stop.signal.removeEventListener("abort", done)
        this.#hurry = () => undefined
        resolve()
      }
      this.#hurry = done
      const timer = setTimeout(done, milliseconds)
      this.#stop.signal.addEventListener("abort", done)
      if (this.#stop.signal.aborted) done()
    })
  }
}

function listIn(answer: unknown): string {
  const list: unknown = typeof answer === "object" && answer !== null && "list" in answer ? answer.list : undefined
  if (typeof list !== "string") throw new TypeError("the relay's answer holds no list")
  return list
}
