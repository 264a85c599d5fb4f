/**
 * The calls of all conversations on the desk. Whoever is in one is busy in the others.
 *
 *     conversation ──> CallPlace ──CallState──┐
 *     conversation ──> CallPlace ──CallState──┴──> DeskCalls ──> whoever listens
 */

import type { BrowserCall } from "../../../src/call/media/browserCall.ts"
import { CallPlace, type CallState } from "../../shared/call/place.ts"
import type { Conversation } from "../sdk.ts"

export class DeskCalls {
  readonly #places = new Map<string, CallPlace>()
  readonly #states = new Map<string, CallState>()
  readonly #listeners = new Set<() => void>()

  /** Hear the calls of a conversation from now on. */
  begin(id: string, conversation: Conversation): void {
    this.forget(id)
    const place = new CallPlace(conversation, {
      load: () => import("../../shared/call/call.ts"),
      onChange: (state) => {
        const wasTalking = isTalking(this.state(id))
        this.#states.set(id, state)
        if (isTalking(state) && !wasTalking) this.#hangUpOthers(id)
        this.#changed()
      },
      beginsAt: "low",
    })
    this.#places.set(id, place)
    this.#changed()
  }

  /** How the calls of a conversation stand. */
  state(id: string): CallState {
    return this.#states.get(id) ?? "none"
  }

  /** The conversations in which somebody rings. */
  get ringing(): readonly string[] {
    return [...this.#states].filter(([, state]) => phaseOf(state) === "ringing").map(([id]) => id)
  }

  /** Whether anything of ours may be on: nobody who talks is away, however still the mouse is. */
  get isTalking(): boolean {
    return [...this.#states.values()].some(isTalking)
  }

  /** Call, at once. Never rejects: what comes of it is in the state. */
  async ring(id: string, camera: boolean): Promise<void> {
    const call = await this.#opened(id)
    await call?.ring({ camera })
  }

  /** Fetch what calls need. Never rejects. */
  async prepare(id: string): Promise<void> {
    await this.#opened(id)
  }

  /** Nothing of its calls goes on when this returns. */
  forget(id: string): void {
    this.#places.get(id)?.vanish()
    this.#places.delete(id)
    this.#states.delete(id)
    this.#changed()
  }

  /**
   * No call goes on when this returns, and nobody here is told anything. Gives the conversations in which there was one:
   * the goodbye to the others is on its way.
   */
  close(): readonly string[] {
    this.#listeners.clear()
    const left = [...this.#states].filter(([, state]) => phaseOf(state) !== "idle").map(([id]) => id)
    for (const place of this.#places.values()) place.vanish()
    this.#places.clear()
    this.#states.clear()
    return left
  }

  /** Call `changed` after every change; gives how to stop that. */
  listen(changed: () => void): () => void {
    this.#listeners.add(changed)
    return () => {
      this.#listeners.delete(changed)
    }
  }

  async #opened(id: string): Promise<BrowserCall | undefined> {
    // That it failed is in the state.
    return await this.#places.get(id)?.open().catch(() => undefined)
  }

  /** Two people who sought help must never hear each other, nor what is said to the other. */
  #hangUpOthers(id: string): void {
    for (const [other, state] of [...this.#states])
      if (other !== id && typeof state !== "string" && isTalking(state)) state.call.hangUp()
  }

  #changed(): void {
    const talking = [...this.#states].filter(([, state]) => isTalking(state)).map(([id]) => id)
    for (const [id, place] of this.#places) place.setBusy(talking.some((other) => other !== id))
    for (const changed of [...this.#listeners]) changed()
  }
}

function phaseOf(state: CallState) {
  return typeof state === "string" ? "idle" : state.view.phase
}

function isTalking(state: CallState): boolean {
  return phaseOf(state) === "calling" || phaseOf(state) === "in call"
}
