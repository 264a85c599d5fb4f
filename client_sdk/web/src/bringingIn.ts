/**
 * Staff bring a colleague in, and hand over to her.
 *
 *     invitation ──> her yes ──> key package ──> commit ──> the colleague is here ──> note, opened ──> we may leave
 *
 * A part of its own, which the survivor's page does not load.
 */

import type { Colleague } from "./colleague.ts"
import type { ConversationState } from "./conversationState.ts"
import { nowInSeconds } from "./clock.ts"
import { TeduhCryptoError } from "./cryptoErrors.ts"
import { ColleagueAbsent, InvitationDeclined, NotTrusted, type TeduhError } from "./errors.ts"
import type { StateEvent } from "./events.ts"
import type { Change } from "./groupChanges.ts"
import { requireShortEnough } from "./handOverNotes.ts"
import { areEqual } from "./hazmat/bytes.ts"
import { readKeyPackage } from "./mls/group.ts"
import { FetchKeyPackage } from "./relay/frames.ts"
import type { RelayLink } from "./relayLink.ts"
import type { Participant } from "./room.ts"

/** What a conversation lends for it. */
export interface Host {
  readonly state: ConversationState
  readonly link: RelayLink
  /** Do something with the state in its turn. */
  readonly turn: <Result>(work: () => Result | Promise<Result>) => Promise<Result>
  /** Wait for what an event, or the state, tells. */
  readonly until: (condition: (event: StateEvent | null) => boolean) => Promise<void>
  /** Why it goes on no more; null while it does. */
  readonly finished: () => TeduhError | null
}

/** How a colleague takes over. `note` is for her device alone; `within` is how many seconds she may take to come. */
export interface HandOver {
  readonly reason?: string
  readonly note?: string
  readonly within?: number
}

export class BringingIn {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  /** See `Conversation.invite`. */
  async invite(colleague: Colleague, reason: string): Promise<Participant> {
    const { state, link, turn } = this.#host
    const invitation = await turn(() => state.invite(colleague, reason, nowInSeconds()))
    await this.#answerTo(invitation.id)
    const { deviceId } = colleague
    const answer = await link.ask((ref) => FetchKeyPackage({ ref, deviceId }), "keyPackage")
    try {
      return await this.#bringIn(await readKeyPackage(answer.keyPackage))
    } catch (error) {
      throw asOurs(error)
    }
  }

  /** See `Conversation.handOver`; whoever calls it leaves when this is done. */
  async handOver(colleague: Colleague, { reason = "", note = "", within = 300 }: HandOver): Promise<Participant> {
    if (note !== "") requireShortEnough(note)
    const newcomer = this.#withDevice(colleague.deviceId) ?? (await this.invite(colleague, reason))
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      // Whoever waits looks again.
      void this.#host.turn(() => undefined)
    }, 1000 * within)
    try {
      await this.#isHere(newcomer, () => isLate)
      if (note !== "") await this.#giveNote(newcomer, note, () => isLate)
    } finally {
      clearTimeout(timer)
    }
    return newcomer
  }

  async #isHere(newcomer: Participant, isLate: () => boolean): Promise<void> {
    const { state } = this.#host
    await this.#host.until(() => state.awaitsNote(newcomer) || !this.#has(newcomer) || isLate())
    this.#require(newcomer)
    if (!state.awaitsNote(newcomer)) throw new ColleagueAbsent("the colleague has not come in")
  }

  async #giveNote(newcomer: Participant, text: string, isLate: () => boolean): Promise<void> {
    const { state, turn } = this.#host
    const opened: StateEvent[] = []
    let noteId: Uint8Array | null = null
    const decided = this.#host.until((event) => {
      if (event?.type === "delivered" && noteId !== null && areEqual(event.messageId, noteId)) opened.push(event)
      return opened.length > 0 || !this.#has(newcomer) || isLate()
    })
    noteId = await turn(() => state.handOverNote(newcomer, text, nowInSeconds()))
    await decided
    if (opened.length > 0) return
    this.#require(newcomer)
    throw new ColleagueAbsent("the colleague's device has not opened the note")
  }

  #has(newcomer: Participant): boolean {
    return this.#host.finished() === null && this.#host.state.participants.some((one) => one.hasKey(newcomer.deviceKey))
  }

  #require(newcomer: Participant): void {
    const reason = this.#host.finished()
    if (reason !== null) throw reason
    if (!this.#has(newcomer)) throw new ColleagueAbsent("the colleague has left again")
  }

  #withDevice(deviceId: Uint8Array): Participant | undefined {
    return this.#host.state.participants.find((one) => !one.isSurvivor && areEqual(one.deviceId, deviceId))
  }

  async #answerTo(invitationId: Uint8Array): Promise<void> {
    const answers: boolean[] = []
    await this.#host.until((event) => {
      if (event?.type === "invitationAnswered" && areEqual(event.invitation.id, invitationId)) answers.push(event.accepted)
      return answers.length > 0 || this.#host.finished() !== null
    })
    const [accepted] = answers
    const reason = this.#host.finished()
    if (accepted === undefined && reason !== null) throw reason
    if (accepted !== true) throw new InvitationDeclined("the survivor said no")
  }

  async #bringIn(keyPackage: Awaited<ReturnType<typeof readKeyPackage>>): Promise<Participant> {
    const { state, turn, until, finished } = this.#host
    const change: Change = { type: "addMember", keyPackage, byCapability: false }
    const failures: Error[] = []
    const newcomer = (): Participant | undefined => state.participants.find((one) => one.hasKey(keyPackage.signatureKey))
    const decided = until((event) => {
      if (event?.type === "changeFailed" && event.change === change) failures.push(event.reason)
      return failures.length > 0 || finished() !== null || newcomer() !== undefined
    })
    await turn(() => state.change(change, nowInSeconds()))
    await decided
    const came = newcomer()
    const reason = failures[0] ?? (came === undefined ? finished() : null)
    if (reason !== null) throw reason
    if (came === undefined) throw new ColleagueAbsent("the colleague did not come in")
    return came
  }
}

function asOurs(error: unknown): unknown {
  if (!(error instanceof TeduhCryptoError)) return error
  return new NotTrusted("the colleague's key package is not valid", { cause: error })
}
