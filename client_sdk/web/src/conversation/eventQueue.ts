/**
 * What the application has yet to be told, and what it has in hand: it is done with an event when it comes back for the
 * next.
 */

import type { Event } from "../events.ts"
import type { Heard } from "./savedConversation.ts"

export class EventQueue {
  #events: Event[] = []
  #inHand: Event | null = null
  #isAtEnd = false
  #wakeReader: (() => void) | null = null

  /** `done` is called when the application is done with what somebody said. */
  constructor(private readonly done: () => void) {}

  /** What people said that the application has not been told, or not finished with. */
  get heard(): readonly Heard[] {
    return [this.#inHand, ...this.#events].filter(isHeard)
  }

  /** Whether the application has been told that it is over. */
  get isAtEnd(): boolean {
    return this.#isAtEnd
  }

  /** One more. */
  put(event: Event): void {
    this.#events.push(event)
    this.#wakeReader?.()
  }

  /** The next; waits for it. */
  async next(): Promise<IteratorResult<Event, undefined>> {
    this.letGo()
    while (this.#events.length === 0) {
      if (this.#isAtEnd) return { done: true, value: undefined }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
    const event = this.#events.shift()
    if (event === undefined) return { done: true, value: undefined }
    this.#inHand = event
    this.#isAtEnd ||= event.type === "ended" || event.type === "stopped"
    return { done: false, value: event }
  }

  /** The application wants nothing more, or the next: it is done with the last one. */
  letGo(): void {
    const finished = this.#inHand
    this.#inHand = null
    if (isHeard(finished)) this.done()
  }

  /** Forget all of it, at once. */
  clear(): void {
    this.#events = []
    this.#inHand = null
  }
}

/** Whether this is something that somebody said, which is kept until the application is done with it. */
export function isHeard<Any extends { readonly type: string }>(
  event: Any | null,
): event is Extract<Any, { readonly type: Heard["type"] }> {
  return event?.type === "textReceived" || event?.type === "messageReceived" || event?.type === "noteReceived"
}
