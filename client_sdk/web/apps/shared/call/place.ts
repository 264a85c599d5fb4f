/**
 * Where the calls of a conversation are: their code is fetched when somebody rings or wants to, and not before.
 *
 *     conversation ──first signal──> CallPlace ──import()──> call.ts ──> BrowserCall, which hears all from the first on
 *     page <── CallState ───────────────┘                                   │
 *     page <── CallState ───────────────────────────────────────────────────┘
 */

import type { BrowserCall, CallConversation } from "../../../src/call/media/browserCall.ts"
import type { CallView } from "../../../src/call/media/view.ts"

/** The module that is fetched. */
export type CallParts = typeof import("./call.ts")

/** What a page needs for showing the calls of one conversation. */
export interface ReadyCall {
  readonly parts: CallParts
  readonly call: BrowserCall
  readonly view: CallView
}

/** "none" until there is anything to show; "failed": the code did not come, and can be asked for again. */
export type CallState = ReadyCall | "none" | "loading" | "failed"

interface PlaceOptions {
  readonly load: () => Promise<CallParts>
  readonly onChange: (state: CallState) => void
  readonly beginsAt: "full" | "low"
}

type Listener = Parameters<CallConversation["listenToCalls"]>[0]
type Signal = Parameters<Listener["callSignal"]>

export class CallPlace {
  readonly #conversation: CallConversation
  readonly #options: PlaceOptions
  /** What came before the code did. */
  #early: Signal[] = []
  #opening: Promise<BrowserCall> | null = null
  #call: BrowserCall | null = null
  #isBusy = false
  #isGone = false

  constructor(conversation: CallConversation, options: PlaceOptions) {
    this.#conversation = conversation
    this.#options = options
    conversation.listenToCalls({
      callSignal: (...signal) => {
        this.#early.push(signal)
        this.open().catch(ignoreLoss)
      },
      roomChanged: () => undefined,
      conversationOver: () => {
        this.#over()
      },
    })
  }

  /** The call, its code fetched if need be. Rejects when that fails, which the state tells, too. */
  async open(): Promise<BrowserCall> {
    this.#opening ??= this.#open()
    return await this.#opening
  }

  /** There is a call elsewhere: whoever rings is told that we are busy, also before the code of calls is here. */
  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy
    this.#call?.setBusy(isBusy)
  }

  /** Nothing is captured, sent or received when this returns, and nothing is told any more. */
  vanish(): void {
    this.#isGone = true
    this.#early = []
    this.#stop()
  }

  #stop = (): void => undefined

  /** There are no calls without a conversation, and nothing of one may stay on the page. */
  #over(): void {
    if (this.#isGone) return
    this.vanish()
    this.#options.onChange("none")
  }

  async #open(): Promise<BrowserCall> {
    this.#options.onChange("loading")
    try {
      const parts = await this.#options.load()
      return this.#begin(parts)
    } catch (error) {
      this.#opening = null
      if (!this.#isGone) this.#options.onChange("failed")
      throw error
    }
  }

  #begin(parts: CallParts): BrowserCall {
    if (this.#isGone) throw new Error("the conversation is over")
    parts.styleCalls()
    const show = (view: CallView): void => {
      this.#options.onChange({ parts, call, view })
    }
    const { beginsAt } = this.#options
    const options = { onChange: show, beginsAt, isBusy: this.#isBusy }
    const call = (this.#call = new parts.BrowserCall(this.#heardFromTheFirst(), options))
    this.#stop = () => {
      call.vanish()
    }
    show(call.view)
    return call
  }

  /** The conversation, as if the call had listened from the beginning. */
  #heardFromTheFirst(): CallConversation {
    const conversation = this.#conversation
    return {
      get participants() {
        return conversation.participants
      },
      get me() {
        return conversation.me
      },
      sendCallSignal: (data, options) => {
        conversation.sendCallSignal(data, options)
      },
      iceServers: () => conversation.iceServers(),
      listenToCalls: (listener) => {
        conversation.listenToCalls({
          callSignal: listener.callSignal.bind(listener),
          roomChanged: listener.roomChanged.bind(listener),
          conversationOver: () => {
            this.#over()
          },
        })
        // Who is in the room has to be known before what they say.
        listener.roomChanged()
        for (const signal of this.#early.splice(0)) listener.callSignal(...signal)
      },
    }
  }
}

function ignoreLoss(): void {
  // The state tells it.
}
