/** What an application can do about an event, put beside it: say that it was read, say yes, say no. */

import { nowInSeconds } from "../net/clock.ts"
import type { ConversationState } from "./conversationState.ts"
import type { Event, InvitationReceived, StateEvent, TextReceived } from "../events.ts"

/** What it needs of the conversation. */
export interface Reacting {
  readonly state: ConversationState
  act(work: () => void | Promise<void>): Promise<void>
  cancelReassignment(): Promise<void>
}

export class Reactions {
  constructor(private readonly conversation: Reacting) {}

  /** The event, with what can be done about it; null for one that is not for the application. */
  beside(event: StateEvent): Event | null {
    switch (event.type) {
      case "commitLost":
      case "callSignal":
        return null
      case "textReceived":
        return this.#markable(event)
      case "invitationReceived":
        return this.#answerable(event)
      case "reassignmentFound": {
        const approve = (): Promise<void> => this.#act((state) => state.admitCandidate(nowInSeconds()))
        return { ...event, approve, decline: () => this.conversation.cancelReassignment() }
      }
      default:
        return event
    }
  }

  #markable(event: Omit<TextReceived, "markRead">): TextReceived {
    return { ...event, markRead: () => this.#act((state) => state.markRead(event.messageId, nowInSeconds())) }
  }

  #answerable(event: Omit<InvitationReceived, "approve" | "decline">): InvitationReceived {
    const answer = (accepted: boolean): Promise<void> =>
      this.#act((state) => state.answer(event.invitation, accepted, nowInSeconds()))
    return { ...event, approve: () => answer(true), decline: () => answer(false) }
  }

  #act(work: (state: ConversationState) => Promise<void>): Promise<void> {
    return this.conversation.act(() => work(this.conversation.state))
  }
}
