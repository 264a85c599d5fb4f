/**
 * The directory of services: who else can help.
 *
 *     Directory.fetch ──> GET /v1/directory, whole ──> signed by the organisation? ──> search, here, as often as one likes
 *
 * Nothing is asked of anybody while she searches, so nobody learns what she looks for; nothing is kept.
 */

import type { Referral } from "../chat/messages.ts"
import { AuthenticationService } from "../trust/authenticationService.ts"
import { nowInSeconds } from "../net/clock.ts"
import { verifyDirectory, type DirectoryStatement } from "../credentials/directoryStatement.ts"
import type { Organisation } from "../credentials/organisation.ts"
import { searchServices, type Found, type Query } from "./search.ts"
import { MAX_DIRECTORY_BYTES, readServices, type Service } from "./services.ts"
import { InvalidDirectory } from "../errors.ts"
import { fetchJson } from "../net/fetchJson.ts"
import { utf8 } from "../hazmat/bytes.ts"
import { referralTo } from "./referral.ts"
import { signedIn } from "../trust/revocations.ts"

/** A directory that the organisation has signed, for as long as the page lives. */
export class Directory {
  private constructor(
    readonly services: readonly Service[],
    private readonly statement: DirectoryStatement,
    private readonly authentication: AuthenticationService,
  ) {}

  /**
   * The directory that the relay at `relayUrl` has; none that is older than the one `held`.
   *
   * Rejects with `InvalidDirectory`: the relay has none or cannot be reached, or the organisation did not sign this one,
   * or it is older, or has ended.
   */
  static async fetch(relayUrl: string, organisation: Organisation, held?: Directory): Promise<Directory> {
    const relay = relayUrl.replace(/\/+$/, "")
    const authentication = held?.authentication ?? AuthenticationService.of(organisation)
    try {
      const [answer] = await Promise.all([fetchJson(`${relay}/v1/directory`), adoptRevocations(relay, authentication)])
      const { statement: text, directory } = (answer ?? {}) as { readonly statement?: unknown; readonly directory?: unknown }
      if (typeof text !== "string" || typeof directory !== "string") throw new InvalidDirectory("the relay has no directory")
      if (directory.length > MAX_DIRECTORY_BYTES) throw new InvalidDirectory("a directory of too many bytes")
      const content = utf8(directory)
      const now = authentication.time(nowInSeconds())
      const statement = await verifyDirectory(text, content, authentication.verifier, { now, held: held?.statement })
      return new Directory(readServices(content), statement, authentication)
    } catch (error) {
      if (error instanceof InvalidDirectory) throw error
      throw new InvalidDirectory("the directory cannot be fetched, or is not to be believed", { cause: error })
    }
  }

  /** Rises with every directory of the organisation's. */
  get version(): number {
    return this.statement.version
  }

  /** What to say of a service of this directory by `Conversation.refer`; `note` has at most 1000 characters. */
  referralTo(service: Service, note = ""): Referral {
    return referralTo(service, this.version, { note })
  }

  /** The services that fit, the best first: near, then checked of late. Asks nobody. */
  search(query: Query = {}): readonly Found[] {
    return searchServices(this.services, query, 1000 * this.authentication.time(nowInSeconds()))
  }
}

/** An issuer may have signed the directory; whether it counts is told by these. The root's counts without. */
async function adoptRevocations(relay: string, authentication: AuthenticationService): Promise<void> {
  try {
    await authentication.adoptRevocations(signedIn(await fetchJson(`${relay}/v1/revocations`)), nowInSeconds())
  } catch {
    // None, stale, not to be believed, not reached: what was in force before stays so.
  }
}
