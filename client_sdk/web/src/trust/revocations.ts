/**
 * Fetches the organisation's revocation list from the relay, which can withhold it but not change it.
 *
 * It comes together with the root's authority statement, without which no list counts. A list is good for 24 hours, the
 * statement for days. Without both fresh nobody new is believed, so a relay that serves none, or old ones, achieves that
 * no conversation begins, and nothing else.
 */

import type { AuthenticationService } from "./authenticationService.ts"
import { nowInSeconds } from "../net/clock.ts"
import { CredentialError, RevocationListStale } from "../credentials/exceptions.ts"
import type { SignedRevocations } from "../credentials/statementVerifier.ts"
import { ClientClosed } from "../errors.ts"
import { fetchJson } from "../net/fetchJson.ts"

const PATH = "/v1/revocations"
const REFRESH_MS = 15 * 60 * 1000
const RETRY_MS = 1000

/** Keeps the list of an authentication service fresh, from `run` on. */
export class RevocationFetch {
  readonly #url: string
  readonly #service: AuthenticationService
  readonly #fetched: () => void
  /** Whether what came is too old by this device's clock, or nothing to be believed has come yet. */
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
      const signed = signedIn(await fetchJson(this.#url, { signal: this.#stop.signal }))
      await this.#service.adoptRevocations(signed, nowInSeconds())
    } catch (error) {
      // Not reached, not understood, not signed or not fresh: all of it means that there is no list yet.
      const isFirst = this.#service.verifier.expires === undefined && error instanceof CredentialError
      this.isStale ||= isFirst || error instanceof RevocationListStale || this.#isOutdated()
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

  /** Milliseconds: not past the end of what is in force, so that it is known when it is fresh no more. */
  #untilNextLook(): number {
    const left = (this.#service.verifier.expires ?? 0) - this.#service.time(nowInSeconds())
    return Math.min(REFRESH_MS, Math.max(RETRY_MS, 1000 * left))
  }

  #isOutdated(): boolean {
    const { expires } = this.#service.verifier
    return expires !== undefined && this.#service.time(nowInSeconds()) >= expires
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

/** The relay's answer; a relay of an earlier release has no authority statement to show. */
export function signedIn(answer: unknown): SignedRevocations {
  const { list, authority } = (answer ?? {}) as { readonly list?: unknown; readonly authority?: unknown }
  if (typeof list !== "string") throw new TypeError("the relay's answer holds no list")
  return { list, authority: typeof authority === "string" ? authority : undefined }
}
