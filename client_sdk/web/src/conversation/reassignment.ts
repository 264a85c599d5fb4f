/**
 * The driver of a survivor's search for somebody else: it asks the relay, and again whenever that may have an answer.
 *
 *     begin ──> RequestReassignment ──> done: she waits;   keyPackage: `reassignmentFound`, or `reassignmentRefused`
 *                  ^
 *                  └── position 0, a new connection, a commit that failed
 *
 *     end ──> CancelRequest, and again until it is done: with a new connection, or where the relay was too busy
 */

import { nowInSeconds } from "../net/clock.ts"
import type { ConversationState } from "./conversationState.ts"
import { TeduhCryptoError } from "../cryptoErrors.ts"
import { NotTrusted, RelayLost, RelayRefused, TeduhError } from "../errors.ts"
import type { StateEvent } from "../events.ts"
import { CancelRequest, NO_DETAILS, RequestReassignment, type RequestDetails } from "../relay/frames.ts"
import type { Answer, RelayLink } from "../net/relayLink.ts"

/** What the search needs of the conversation. */
export interface ReassignmentHost {
  readonly state: ConversationState
  readonly link: RelayLink
  act(work: () => void | Promise<void>): Promise<void>
  emit(event: StateEvent): void
  /** Do something later, unless it is over then. */
  later(work: () => void): void
  isBusy(refused: RelayRefused): boolean
}

export class Reassignment {
  #details = NO_DETAILS
  /** Whether the relay may still think that somebody is sought. */
  #isToCancel = false

  constructor(private readonly conversation: ReassignmentHost) {}

  /** Rejects with `NotJoined`, `ConversationOver`, `RelayRefused`, `RelayLost`. */
  async begin(details: RequestDetails): Promise<void> {
    this.#details = details
    this.#isToCancel = false
    const { state, link } = this.conversation
    await this.conversation.act(() => state.setReassignment(true, nowInSeconds()))
    await link.waitUntilUp()
    const answer = await new Promise<Answer>((answered) => {
      link.question(this.#frame, answered)
    })
    if (answer instanceof TeduhError) {
      await this.end()
      throw answer
    }
    await this.#take(answer)
  }

  /** Look for nobody else. */
  async end(): Promise<void> {
    const { state } = this.conversation
    this.#isToCancel = true
    this.cancel()
    await this.conversation.act(() => (state.isOver ? undefined : state.setReassignment(false, nowInSeconds())))
  }

  /** Take the conversation out of the queue, if it is there. */
  cancel(): void {
    const { state, link } = this.conversation
    const { conversationId } = state
    link.question(
      (ref) => CancelRequest({ ref, conversationId }),
      (answer) => {
        this.#cancelled(answer)
      },
    )
  }

  #cancelled(answer: Answer): void {
    if (answer instanceof RelayRefused && this.conversation.isBusy(answer)) {
      this.conversation.later(() => {
        if (this.#isToCancel) this.cancel()
      })
    } else if (!(answer instanceof RelayLost)) {
      this.#isToCancel = false
    }
  }

  /** Ask again, unless she has said yes; after a reconnect this is what keeps the place. */
  retry(): void {
    const { state, link } = this.conversation
    if (state.isOver) return
    if (this.#isToCancel) this.cancel()
    // Behind the commit it would put a conversation back into the queue into which somebody has just come.
    if (!state.reassignment.isOn || state.reassignment.isApproved) return
    link.question(this.#frame, (answer) => {
      void this.#take(answer).catch(ignore)
    })
  }

  /** Whoever was let in has not come. */
  failed(): void {
    this.conversation.state.reassignment.isApproved = false
    this.retry()
  }

  readonly #frame = (ref: number): RequestReassignment =>
    RequestReassignment({ ref, conversationId: this.conversation.state.conversationId, details: this.#details })

  async #take(answer: Answer): Promise<void> {
    const { state } = this.conversation
    if (answer instanceof RelayRefused && this.conversation.isBusy(answer)) {
      this.conversation.later(() => {
        this.retry()
      })
    }
    if (answer instanceof Error || answer.type !== "keyPackage") return
    try {
      await this.conversation.act(() => state.receiveCandidate(answer, nowInSeconds()))
    } catch (error) {
      if (!(error instanceof NotTrusted) && !(error instanceof TeduhCryptoError)) throw error
      await this.end()
      const reason = error instanceof NotTrusted ? error : new NotTrusted("who came is not proven", { cause: error })
      this.conversation.emit({ type: "reassignmentRefused", reason })
    }
  }
}

function ignore(): void {
  // It is asked again when there is reason to.
}
