/** Replays tests/vectors/relay_link.json, which the Python SDK replays too: the link to the relay by steps. */

import { readFileSync } from "node:fs"

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { AuthenticationRefused, NotYetValid, RelayLost } from "../../src/errors.ts"
import * as errors from "../../src/errors.ts"
import { toHex } from "../../src/hazmat/bytes.ts"
import { decodeClientFrame, decodeRelayFrame, encode } from "../../src/relay/codec.ts"
import { ErrorCode, ErrorFrame, Leave, type Authenticate } from "../../src/relay/frames.ts"
import { RelayLink, refusal, type Answer } from "../../src/net/relayLink.ts"
import { Backoff, type Socket } from "../../src/net/transport.ts"
import { HeldSocket } from "../heldSocket.ts"

type Step =
  | { does: "hears" | "said" | "received"; frames: string[] }
  | { does: "told" | "answers"; what: string[] }
  | { does: "up" | "reachable" | "hangs" | "owes"; is: boolean }
  | { does: "drains"; to: number }
  | { does: "passes"; seconds: number }
  | { does: "dialled"; times: number }
  | { does: "breaks" | "asks" | "refused" | "hurries" }
interface Vectors {
  refusals: Record<string, keyof typeof errors>
  not_yet: { frame: string; begins: number; relay_time: number }
  links: { name: string; introduces: string | null; steps: Step[] }[]
}

const file = new URL("../../../../tests/vectors/relay_link.json", import.meta.url)
const { refusals, not_yet: notYet, links } = JSON.parse(readFileSync(file, "utf-8")) as Vectors
const conversationId = Uint8Array.from({ length: 16 }, (_, at) => at)

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"))
}

/** A link, the relay's end of it, and what each of them has said since somebody looked. */
class ScenarioRunner {
  readonly sockets: HeldSocket[] = []
  dialled = 0
  isReachable = true
  isHanging = false
  isOwing = false
  #told: string[] = []
  #answered: string[] = []
  #received: string[] = []
  readonly link: RelayLink

  constructor(introduces: string | null) {
    const introduction = introduces === null ? null : (decodeClientFrame(fromHex(introduces)) as Authenticate)
    const listener = {
      receive: (frame: Parameters<typeof encode>[0]) => this.#received.push(toHex(encode(frame))),
      onUp: () => this.#told.push("up"),
      onDown: () => this.#told.push("down"),
      introduce: () => introduction,
      owes: () => this.isOwing,
    }
    this.link = new RelayLink(() => this.#dial(), listener, new Backoff((_, longest) => longest))
  }

  get socket(): HeldSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error("nobody has dialled")
    return socket
  }

  async #dial(): Promise<Socket> {
    this.dialled += 1
    if (!this.isReachable && this.dialled > 1) throw new RelayLost("nobody there")
    if (this.isHanging && this.dialled > 1) return new Promise(() => undefined)
    this.sockets.push(new HeldSocket())
    return Promise.resolve(this.socket)
  }

  async play(step: Step): Promise<void> {
    if (step.does === "hears") this.socket.say(...step.frames.map(fromHex))
    else if (step.does === "breaks") this.socket.close()
    else if (step.does === "reachable") this.isReachable = step.is
    else if (step.does === "passes") await vi.advanceTimersByTimeAsync(1000 * step.seconds)
    else if (step.does === "asks") this.#ask()
    else if (step.does === "hangs") this.isHanging = step.is
    else if (step.does === "owes") this.isOwing = step.is
    else if (step.does === "drains") this.socket.unsent = step.to
    else if (step.does === "hurries") this.link.hurry()
    else await this.#look(step)
    await vi.advanceTimersByTimeAsync(0)
  }

  #ask(): void {
    this.link.question(
      (ref) => Leave({ ref, conversationId }),
      (answer: Answer) => this.#answered.push(answer instanceof Error ? answer.constructor.name : toHex(encode(answer))),
    )
  }

  /** Compare with what has happened; what was looked at is not seen again. */
  async #look(step: Step): Promise<void> {
    switch (step.does) {
      case "dialled":
        expect(this.dialled).toBe(step.times)
        break
      case "up":
        expect(this.link.isUp).toBe(step.is)
        break
      case "said":
        expect(this.sockets.flatMap(({ sent }) => sent.splice(0)).map(toHex)).toEqual(step.frames)
        break
      case "told":
        expect(this.#told.splice(0)).toEqual(step.what)
        break
      case "received":
        expect(this.#received.splice(0)).toEqual(step.frames)
        break
      case "answers":
        expect(this.#answered.splice(0)).toEqual(step.what)
        break
      default:
        await expect(this.link.waitUntilUp()).rejects.toThrow(AuthenticationRefused)
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe("the link to the relay", () => {
  it.each(links)("$name", async ({ introduces, steps }) => {
    const runner = new ScenarioRunner(introduces)
    void runner.link.run()
    await vi.advanceTimersByTimeAsync(0)
    for (const step of steps) await runner.play(step)
    runner.link.close()
  })
})

describe("a refusal", () => {
  it("of a statement that has not begun names both times", () => {
    const raised = refusal(decodeRelayFrame(fromHex(notYet.frame)) as ErrorFrame)
    expect(raised).toBeInstanceOf(NotYetValid)
    expect(raised).toMatchObject({ begins: notYet.begins, relayTime: notYet.relay_time })
  })

  it.each(Object.values(ErrorCode))("%s is the exception of its code", (code) => {
    const raised = refusal(ErrorFrame({ code, detail: "why", fatal: false }))
    expect([raised.constructor.name, raised.code]).toEqual([refusals[code], code])
  })
})
