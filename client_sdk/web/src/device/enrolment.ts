/**
 * How a new staff device comes to its statement: with an invitation code from the coordinator.
 *
 *     code ──> enrolDevice ──> (new key, kept with the code) ──> POST /v1/enrolments
 *                                  │
 *              words read out loud: coordinator and staff member compare them
 *                                  │
 *              wait ──> GET /v1/enrolments/{id} ... approved ──> statement verified ──> key store
 *
 * Waiting may take days: `pendingEnrolment` goes on with what was begun before the page was left.
 */

import { AuthenticationService } from "../trust/authenticationService.ts"
import { nowInSeconds } from "../net/clock.ts"
import { comparisonWords, type ComparisonWords } from "../credentials/comparisonWords.ts"
import { enrol, enrolmentId, openStatement, parseInvitationCode, type InvitationCode } from "../credentials/enrolment.ts"
import { CredentialError, MalformedToken } from "../credentials/exceptions.ts"
import { unverifiedClaims } from "../credentials/jsonWebToken.ts"
import type { Organisation } from "../credentials/organisation.ts"
import type { StatementChain } from "../credentials/staffStatement.ts"
import { keepStatement, newDeviceKey, storedDeviceKey } from "./device.ts"
import { EnrolmentFailed } from "../errors.ts"
import { fetchJson, type FetchOptions } from "../net/fetchJson.ts"
import { areEqual, decodeBase64url, utf8 } from "../hazmat/bytes.ts"
import type { Signer } from "../hazmat/ed25519.ts"
import type { KeyStore } from "./keyStore.ts"
import { RevocationFetch } from "../trust/revocations.ts"

const PATH = "/v1/enrolments"
const PENDING = "enrolment"
const BEGUN = "enrolment_begun"
const ASK_EVERY_MS = 2000
/** What the relay says of itself, and not of the enrolment. */
const PASSING: readonly string[] = ["unavailable", "rate_limited"]

/** A submitted enrolment. */
export class Enrolment {
  readonly #id: string

  /** @internal */
  constructor(
    readonly relayUrl: string,
    readonly organisation: Organisation,
    private readonly code: InvitationCode,
    private readonly signer: Signer,
    private readonly store: KeyStore,
    /**
     * Four words that stand for the device's key in this enrolment, in each language, to be read to the coordinator: what she sees must be
     * the same.
     */
    readonly words: ComparisonWords,
  ) {
    this.#id = enrolmentId(code.invitation)
  }

  /** Bring the device's public key to the relay; rejects with `EnrolmentFailed`. @internal */
  async submit(): Promise<void> {
    const { invitation } = this.code
    await this.#ask("", { method: "POST", content: { invitation, enrolment: await enrol(this.code, this.signer) } })
  }

  /** Wait until the coordinator has approved; keeps the statement. Rejects with `EnrolmentFailed`. */
  async wait(signal?: AbortSignal): Promise<void> {
    let answer = await this.#state(signal)
    while (answer["state"] !== "approved") {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
      if (signal?.aborted === true) throw new EnrolmentFailed("nobody waits for it any more")
      answer = await this.#state(signal)
    }
    await keepStatement(this.store, await this.#opened(answer["sealed"]))
    await this.store.delete(PENDING)
    await this.store.delete(BEGUN)
  }

  #state(signal?: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask(`/${this.#id}`, signal === undefined ? {} : { signal })
  }

  async #opened(sealed: unknown): Promise<StatementChain> {
    const service = AuthenticationService.of(this.organisation)
    const fetch = new RevocationFetch(this.relayUrl, service)
    if (!(await fetch.once())) {
      const why = fetch.isStale
        ? "the revocation list does not count, or is too old by this device's clock"
        : "the relay cannot show a fresh revocation list to check the statement against"
      throw new EnrolmentFailed(why)
    }
    try {
      const content = typeof sealed === "string" ? decodeBase64url(sealed) : undefined
      if (content === undefined) throw new MalformedToken("nothing was sealed")
      const chain = await openStatement(this.code.sealingKey, this.#id, content)
      // Our clock may be behind; it was signed a moment ago, so that it begins no later than now.
      const begins = unverifiedClaims(chain.statement, "teduh-staff+jwt").integer("nbf")
      const now = Math.max(service.time(nowInSeconds()), begins)
      await service.verifier.verify(chain, { now, deviceKey: this.signer.publicKey })
      return chain
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error
      throw new EnrolmentFailed("the statement that came is not one for this device", { cause: error })
    }
  }

  async #ask(path: string, options: FetchOptions): Promise<Readonly<Record<string, unknown>>> {
    let answer: unknown
    try {
      answer = await fetchJson(this.relayUrl.replace(/\/+$/, "") + PATH + path, options)
    } catch (error) {
      throw new EnrolmentFailed("the relay cannot be reached, or does not answer as it should", { cause: error })
    }
    const fields = typeof answer === "object" && answer !== null ? (answer as Readonly<Record<string, unknown>>) : {}
    if (typeof fields["error"] === "string" && fields["error"] !== "") {
      const isPassing = PASSING.includes(fields["error"])
      throw new EnrolmentFailed(`the relay ${isPassing ? "cannot answer now" : "refused"}: ${fields["error"]}`)
    }
    return fields
  }
}

/**
 * Make a key for this device, keep it with the code, and submit it; rejects with `EnrolmentFailed`. A key that the store
 * held before is replaced, unless it was made for this code: the relay may have it, and only its answer was lost.
 */
export async function enrolDevice(
  relayUrl: string,
  organisation: Organisation,
  code: string,
  store: KeyStore,
): Promise<Enrolment> {
  const parsed = parsedCode(code)
  const signer = await deviceKeyFor(code, store)
  const enrolment = await enrolmentOf(relayUrl, organisation, parsed, signer, store)
  await enrolment.submit()
  await store.put(PENDING, utf8(code))
  return enrolment
}

async function deviceKeyFor(code: string, store: KeyStore): Promise<Signer> {
  const begun = await store.get(BEGUN)
  const stored = begun !== null && areEqual(begun, utf8(code.trim())) ? await storedDeviceKey(store) : null
  if (stored !== null) return stored
  await store.delete(BEGUN)
  const signer = await newDeviceKey(store)
  await store.put(BEGUN, utf8(code.trim()))
  return signer
}

/** The enrolment that was submitted earlier and not finished; null if there is none. */
export async function pendingEnrolment(
  relayUrl: string,
  organisation: Organisation,
  store: KeyStore,
): Promise<Enrolment | null> {
  const code = await store.get(PENDING)
  const signer = await storedDeviceKey(store)
  if (code === null || signer === null) return null
  return enrolmentOf(relayUrl, organisation, parsedCode(new TextDecoder().decode(code)), signer, store)
}

async function enrolmentOf(
  relayUrl: string,
  organisation: Organisation,
  code: InvitationCode,
  signer: Signer,
  store: KeyStore,
): Promise<Enrolment> {
  const words = await comparisonWords(signer.publicKey, code.invitation)
  try {
    return new Enrolment(relayUrl, organisation, code, signer, store, words)
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error
    throw new EnrolmentFailed("this is not an invitation code", { cause: error })
  }
}

function parsedCode(code: string): InvitationCode {
  try {
    return parseInvitationCode(code)
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error
    throw new EnrolmentFailed("this is not an invitation code", { cause: error })
  }
}
