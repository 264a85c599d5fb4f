/**
 * Staff bring a colleague in, and hand over to her.
 *
 *     invitation ──> her yes ──> key package ──> commit ──> the colleague is here ──> note, opened ──> we may leave
 *
 * Or whoever takes it from the queue, who is proposed to her by name like anybody else:
 *
 *     RequestReassignment ──> waits ──> a colleague claims it ──> key package ──> invitation ──> her yes ──> commit
 *
 * A part of its own, which the survivor's page does not load.
 */

import type { Colleague } from "../trust/colleague.ts"
import type { ConversationState } from "./conversationState.ts"
import { nowInSeconds } from "../net/clock.ts"
import { TeduhCryptoError } from "../cryptoErrors.ts"
import { ColleagueAbsent, InvitationDeclined, NotTrusted, RelayLost, type TeduhError } from "../errors.ts"
import type { StateEvent } from "../events.ts"
import type { AddMember, RemoveMember } from "../group/groupChanges.ts"
import { requireShortEnough } from "./handOverNotes.ts"
import { areEqual } from "../hazmat/bytes.ts"
import { readKeyPackage } from "../mls/group.ts"
import { CancelRequest, FetchKeyPackage, RequestReassignment, type KeyPackage, type RequestDetails } from "../relay/frames.ts"
import type { Answer, RelayLink } from "../net/relayLink.ts"
import type { Participant } from "../group/room.ts"

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

/** Is told of whom the survivor is being asked. */
export type Proposed = (name: string, role: string) => void

/** How a colleague is looked for in the queue; `signal` ends it as long as nobody has taken it. */
export interface FromQueue {
  readonly proposed?: Proposed
  readonly signal?: AbortSignal
}

/** How a colleague takes over. `note` is for her device alone; `within` is how many seconds she may take to come. */
export interface HandOver {
  readonly reason?: string
  readonly note?: string
  readonly within?: number
}

export class Inviting {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  /** See `Conversation.invite`. */
  async invite(colleague: Colleague, reason: string, within: number | null = null): Promise<Participant> {
    const { state, turn } = this.#host
    const invitation = await turn(() => state.invite(colleague, reason, nowInSeconds()))
    await this.#answerTo(invitation.id)
    return this.addInvited(colleague, within)
  }

  /** See `Conversation.addInvited`. */
  async addInvited({ deviceId }: Pick<Colleague, "deviceId">, within: number | null = null): Promise<Participant> {
    const { link, state } = this.#host
    const { conversationId } = state
    const answer = await link.ask((ref) => FetchKeyPackage({ ref, deviceId, conversationId }), "keyPackage")
    try {
      const newcomer = await this.#change(await addition(answer.keyPackage))
      if (within !== null) await this.#awaitOrTakeOut(newcomer, within)
      return newcomer
    } catch (error) {
      throw asOurs(error)
    }
  }

  /** See `Conversation.inviteFromQueue`. */
  async inviteFromQueue(details: RequestDetails, reason: string, how: FromQueue): Promise<Participant> {
    const { state, link, turn } = this.#host
    const { conversationId } = state
    try {
      const { deviceId, keyPackage } = await this.#whoTakes(details, how.signal)
      const change = await addition(keyPackage)
      const newcomer = await this.#preview(change)
      if (!areEqual(newcomer.deviceId, deviceId)) throw new NotTrusted("the key package is of another device")
      const who = { deviceId, name: newcomer.name ?? "", role: newcomer.role }
      how.proposed?.(who.name, who.role)
      const invitation = await turn(() => state.invite(who, reason, nowInSeconds()))
      await this.#answerTo(invitation.id)
      return await this.#change(change)
    } catch (error) {
      throw asOurs(error)
    } finally {
      link.question((ref) => CancelRequest({ ref, conversationId }), ignore)
    }
  }

  /** See `Conversation.handOver`; whoever calls it leaves when this is done. */
  async handOver(colleague: Colleague, { reason = "", note = "", within = 300 }: HandOver): Promise<Participant> {
    if (note !== "") requireShortEnough(note)
    const newcomer = this.#withDevice(colleague.deviceId) ?? (await this.invite(colleague, reason, within))
    await this.#inTime(within, async (isLate) => {
      await this.#isHere(newcomer, isLate)
      if (note !== "") await this.#giveNote(newcomer, note, isLate)
    })
    return newcomer
  }

  async #inTime(within: number, work: (isLate: () => boolean) => Promise<void>): Promise<void> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      // Whoever waits looks again.
      void this.#host.turn(() => undefined)
    }, 1000 * within)
    try {
      await work(() => isLate)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Whoever does not come is a member no longer: the survivor agreed to somebody who is here. */
  async #awaitOrTakeOut(newcomer: Participant, within: number): Promise<void> {
    try {
      await this.#inTime(within, (isLate) => this.#isHere(newcomer, isLate))
    } catch (error) {
      if (this.#has(newcomer)) await this.#change({ type: "removeMember", deviceKey: newcomer.deviceKey })
      throw error
    }
  }

  /** The key package of the device that has taken this conversation from the queue. */
  async #whoTakes(details: RequestDetails, signal?: AbortSignal): Promise<KeyPackage> {
    const { state, link, turn, until, finished } = this.#host
    const { conversationId } = state
    const isStopped = (): boolean => signal?.aborted === true
    signal?.addEventListener("abort", () => void turn(() => undefined))
    for (;;) {
      const reason = isStopped() ? new ColleagueAbsent("nobody is looked for any more") : finished()
      if (reason !== null) throw reason
      await link.waitUntilUp()
      let isNews = false
      // Before it is asked, or the news could come between the two.
      const news = until((event) => {
        isNews ||= event?.type === "connected" || (event?.type === "waiting" && event.position === 0)
        return isNews || isStopped() || finished() !== null
      })
      const answer = await new Promise<Answer>((answered) => {
        link.question((ref) => RequestReassignment({ ref, conversationId, details }), answered)
      })
      if (answer instanceof Error && !(answer instanceof RelayLost)) throw answer
      if (!(answer instanceof Error) && answer.type === "keyPackage") return answer
      await news
    }
  }

  /** Who would come in, proven. */
  async #preview(change: AddMember): Promise<Participant> {
    const { state, turn, until, finished } = this.#host
    const { membership } = state
    for (;;) {
      await until(() => membership.pending === null || finished() !== null)
      const reason = finished()
      if (reason !== null) throw reason
      // Whatever commit of ours is under way comes first.
      const newcomer = await turn(() => (membership.pending === null ? membership.preview(change, nowInSeconds()) : null))
      if (newcomer !== null) return newcomer
    }
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

  /** Change the group; gives whom the change is about. */
  async #change(change: AddMember | RemoveMember): Promise<Participant> {
    const { state, turn, until, finished } = this.#host
    const key = change.type === "addMember" ? change.keyPackage.signatureKey : change.deviceKey
    const failures: Error[] = []
    const someone = (): Participant | undefined => state.participants.find((one) => one.hasKey(key))
    const before = someone()
    // She has come in already, by another invitation.
    if (before !== undefined && change.type === "addMember") return before
    const decided = until((event) => {
      if (event?.type === "changeFailed" && event.change === change) failures.push(event.reason)
      return failures.length > 0 || finished() !== null || (someone() === undefined) !== (before === undefined)
    })
    await turn(() => state.change(change, nowInSeconds()))
    await decided
    const who = someone() ?? before
    const reason = failures[0] ?? (who === undefined ? finished() : null)
    if (reason !== null) throw reason
    if (who === undefined) throw new ColleagueAbsent("the colleague did not come in")
    return who
  }
}

async function addition(keyPackage: Uint8Array): Promise<AddMember> {
  return { type: "addMember", keyPackage: await readKeyPackage(keyPackage), byCapability: false }
}

function ignore(): void {
  // Where it is over, the relay has taken it out of the queue itself.
}

function asOurs(error: unknown): unknown {
  if (!(error instanceof TeduhCryptoError)) return error
  return new NotTrusted("the colleague's key package is not valid", { cause: error })
}
