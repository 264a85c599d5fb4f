/** Replays tests/vectors/conversation_scenarios.json, which the Python SDK replays too. */

import { readFileSync } from "node:fs"

import { describe, expect, it } from "vitest"

import { ConversationState } from "../../src/conversation/conversationState.ts"
import { HandOverNotes } from "../../src/conversation/handOverNotes.ts"
import { EntryKind, MembershipEnded, StaffReachable, type Entry } from "../../src/relay/frames.ts"
import { verifyRoom } from "../../src/group/room.ts"
import { Pair, nothing, type Seat, type StaffDevice, type Tamper, type Withhold } from "../scriptedLog.ts"

type Who = "survivor" | "counselor" | "medic"
type Withheld = "first message" | "counselor" | "medic"
type How = "withhold" | "miscount" | "repeat" | "spoil"
type Step =
  | { does: "says"; who: Who; text: string }
  | { does: "reads" | "types" | "breaks" | "connects" | "restarts" | "refreshes" | "leaves" | "ends"; who: Who }
  | { does: "pumps" | "forgets" | "is_lost" }
  | { does: "is_out"; who: Who }
  | { does: "brings_in_medic"; meanwhile?: string; withheld?: Withheld }
  | { does: "meets"; withheld: Withheld }
  | { does: "withholds"; who: Who; withheld: Withheld }
  | { does: "forks"; who: Who }
  | { does: "sleeps"; who: Who; seconds: number }
  | { does: "loses"; is: boolean }
  | { does: "passes"; seconds: number }
  | { does: "asks_for_medic"; yes: boolean }
  | { does: "tampers"; who: Who; how: How }
  | { does: "is_told"; who: Who; reachable: boolean }
  | Look
type Look =
  | { does: "happens"; who: Who; events: string[] }
  | { does: "appends"; who: Who; counters: number[] }
  | { does: "is"; who: Who; cursor: number; epoch: number; confirmed: boolean }
  | { does: "is_in"; who: Who; epoch: number }
  | { does: "present"; who: Who; people: string[] }
  | { does: "stopped"; who: Who; why: string; unsent: string[] }
  | { does: "ended"; who: Who; by: string; unsent: string[] }

const file = new URL("../../../../tests/vectors/conversation_scenarios.json", import.meta.url)
const scenarios = JSON.parse(readFileSync(file, "utf-8")) as { name: string; steps: Step[] }[]

/** The people of a scenario, and what they have not read. */
class ScenarioRunner {
  readonly #seats = new Map<Who, Seat>()
  readonly #unread = new Map<Who, Uint8Array[]>()

  private constructor(
    readonly pair: Pair,
    readonly medic: StaffDevice,
  ) {
    this.#seats.set("survivor", pair.survivor).set("counselor", pair.counselor)
    for (const { sent } of this.#seats.values()) sent.length = 0
  }

  static async make(withholds = nothing): Promise<ScenarioRunner> {
    const pair = await Pair.talking(withholds)
    return new ScenarioRunner(pair, await pair.organisation.staff("Dewi", "medic"))
  }

  seat(who: Who): Seat {
    const seat = this.#seats.get(who)
    if (seat === undefined) throw new Error(`${who} is not there`)
    return seat
  }

  async play(step: Step): Promise<void> {
    const { log } = this.pair
    switch (step.does) {
      case "says":
        await this.seat(step.who).state.sendText(step.text, this.pair.log.now)
        break
      case "reads":
        for (const id of this.#unread.get(step.who) ?? []) await this.seat(step.who).state.markRead(id, this.pair.log.now)
        break
      case "types":
        await this.seat(step.who).state.type(true, this.pair.log.now)
        break
      case "breaks":
        log.disconnect(this.seat(step.who))
        break
      case "connects":
        await log.connect(this.seat(step.who))
        break
      case "restarts":
        await this.#restartCounselor()
        break
      case "pumps":
        await log.pump()
        break
      case "loses":
        log.losesAnswers = step.is
        break
      default:
        await this.#playInRoom(step)
    }
  }

  async #playInRoom(step: Step): Promise<void> {
    switch (step.does) {
      case "refreshes":
        await this.seat(step.who).state.change({ type: "refresh" }, this.pair.log.now)
        break
      case "leaves":
      case "ends":
        await this.seat(step.who).state.leave(this.pair.log.now, step.does === "ends")
        break
      case "asks_for_medic":
        await this.pair.accept(this.medic, step.yes)
        break
      case "brings_in_medic":
        this.#seats.set("medic", await this.pair.addInvited(this.medic, 2, { ...step, withholds: withholding(step.withheld) }))
        break
      case "withholds":
        this.seat(step.who).withholds = withholding(step.withheld)
        break
      case "tampers":
        this.seat(step.who).tamper = tampering(step.how)
        break
      case "forks":
        this.pair.log.fork(this.seat(step.who))
        break
      case "passes":
        await this.pair.log.passes(step.seconds)
        break
      case "sleeps":
        this.pair.log.now += step.seconds
        await this.seat(step.who).state.watch(this.pair.log.now)
        break
      case "forgets":
        this.pair.log.entries.pop()
        break
      case "is_lost":
        this.pair.log.isLost = true
        break
      case "is_out":
        await this.#isOut(this.seat(step.who))
        break
      case "is_told":
        await this.#isTold(step)
        break
      default:
        this.#look(step as Look)
    }
  }

  /** Compare with what has happened; what was looked at is not seen again. */
  #look(step: Look): void {
    const { state, sent } = this.seat(step.who)
    switch (step.does) {
      case "happens":
        expect(this.#happened(step.who)).toEqual(step.events)
        break
      case "appends":
        expect(sent.splice(0).flatMap((frame) => (frame.type === "append" ? [frame.counter] : []))).toEqual(step.counters)
        break
      case "is":
        expect([state.cursor, state.epoch, state.isConfirmed]).toEqual([step.cursor, step.epoch, step.confirmed])
        break
      case "is_in":
        expect(state.epoch).toBe(step.epoch)
        break
      case "present":
        expect(state.participants.map(String)).toEqual(step.people)
        break
      default:
        this.#isOver(this.seat(step.who), step)
    }
  }

  #isOver(seat: Seat, step: Look & { does: "stopped" | "ended" }): void {
    const ends = seat.collect().flatMap((event) => {
      if (event.type === "stopped") return [[event.reason.constructor.name, event.unsent.map(({ text }) => text)]]
      return event.type === "ended" ? [[String(event.by), event.unsent.map(({ text }) => text)]] : []
    })
    expect(ends).toEqual([[step.does === "stopped" ? step.why : step.by, step.unsent]])
    expect(seat.state.isOver).toBe(true)
    expect(seat.state.takeFrames()).toEqual([])
  }

  #happened(who: Who): string[] {
    return this.seat(who).collect().map((event) => {
      if (event.type === "unconfirmed") return [event.type, ...event.participants.map(({ name }) => name ?? "survivor")].join(" ")
      if (event.type !== "textReceived") return event.type
      this.#unread.set(who, [...(this.#unread.get(who) ?? []), event.messageId])
      return `${event.type} ${event.text}`
    })
  }

  async #isTold({ who, reachable }: Step & { does: "is_told" }): Promise<void> {
    const { state } = this.seat(who)
    await state.receive(StaffReachable({ conversationId: state.conversationId, reachable }), this.pair.log.now)
  }

  async #isOut({ state }: Seat): Promise<void> {
    await state.receive(MembershipEnded({ conversationId: state.conversationId }), this.pair.log.now)
  }

  async #restartCounselor(): Promise<void> {
    const { log, device, organisation } = this.pair
    const old = this.seat("counselor")
    const saved = old.state.save()
    const notes = HandOverNotes.restore(saved.notes)
    const state = await ConversationState.restore(saved, device.signer, verifyRoom(organisation.service), notes, this.pair.log.now)
    log.disconnect(old)
    const again = log.seat(state, old.number)
    again.counter = old.counter
    this.#seats.set("counselor", again)
    await log.connect(again)
  }
}

/** Which entries are kept back. The first that fits decides, and the answer stays the same. */
function withholding(what?: Withheld): Withhold {
  if (what === undefined) return nothing
  const number = { "first message": undefined, counselor: 1, medic: 2 }[what]
  let first: Entry | undefined
  return (entry) => {
    if (entry.kind !== EntryKind.MESSAGE || (number !== undefined && entry.member !== number)) return false
    first ??= entry
    return number === undefined ? entry.seq === first.seq : entry.epoch === first.epoch
  }
}

function tampering(how: How): Tamper {
  let withheld = 0
  const withhold = (entry: Entry): readonly Entry[] => {
    withheld ||= entry.seq
    return entry.seq === withheld ? [] : [{ ...entry, seq: entry.seq - 1 }]
  }
  const spoil = (entry: Entry): readonly Entry[] => {
    const payload = entry.payload.slice()
    payload[payload.length - 1] = (payload.at(-1) ?? 0) ^ 1
    return [{ ...entry, payload }]
  }
  const miscount: Tamper = (entry) => [{ ...entry, counter: entry.counter + 1 }]
  return { withhold, spoil, miscount, repeat: (entry: Entry) => [entry, entry] }[how]
}

describe("a conversation", () => {
  it.each(scenarios)("$name", async ({ steps }) => {
    const [first] = steps
    const meets = first?.does === "meets" ? first : undefined
    const runner = await ScenarioRunner.make(withholding(meets?.withheld))
    for (const step of steps.filter((one) => one !== meets)) await runner.play(step)
  })
})
