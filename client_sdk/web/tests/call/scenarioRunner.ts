/**
 * Plays a scenario of `tests/vectors/call_scenarios.json`: sessions, a network that does what it is told, and a WebRTC
 * that always works unless told otherwise. `tests/support/calls/scenario_runner.py` does the same and writes the
 * same text, so that both languages are held against one file.
 */

import type { Action, CallEvent } from "../../src/call/actions.ts"
import { decodeCall, encodeCall } from "../../src/call/codec.ts"
import { CallNotAllowed } from "../../src/call/errors.ts"
import { MediaReason, mediaOf, type Candidate, type EndReason, type Media } from "../../src/call/messages.ts"
import { CallSession } from "../../src/call/session.ts"
import { toHex } from "../../src/hazmat/bytes.ts"

const START = 1_700_000_000_000

export interface Step {
  readonly do: string
  readonly at?: number
  readonly who?: number
  readonly args?: readonly unknown[]
  readonly message?: number | "all"
  readonly to?: number
  readonly from?: number
  readonly live?: boolean
  readonly until?: number
  readonly silent?: boolean
  readonly present?: Readonly<Record<string, string>>
  readonly is?: readonly string[]
  readonly out?: readonly string[]
}

export interface Scenario {
  readonly name: string
  readonly members: readonly number[]
  readonly clocks?: Readonly<Record<string, number>>
  readonly can_restart_ice?: readonly number[]
  readonly connects?: boolean
  readonly steps: readonly Step[]
}

interface OnItsWay {
  readonly number: number
  readonly to: number
}

export class CallScenarioRunner {
  readonly #scenario: Scenario
  readonly #keys: ReadonlyMap<number, string>
  readonly #clocks: Map<number, number>
  readonly #sessions = new Map<number, CallSession>()
  readonly #sent: { readonly sender: number; readonly data: Uint8Array }[] = []
  readonly #connections = new Map<string, number>()
  readonly #jobs: (() => string[])[] = []
  #pending: OnItsWay[] = []
  #now = 0
  #calls = 0

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#keys = new Map(scenario.members.map((leaf) => [leaf, `key ${leaf}`]))
    this.#clocks = new Map(Object.entries(scenario.clocks ?? {}).map(([leaf, off]) => [Number(leaf), off]))
    for (const leaf of scenario.members) this.#begin(leaf)
  }

  /** Everything that comes of one step. */
  play(step: Step): string[] {
    this.#now = step.at ?? this.#now
    const { who = -1, to = -1 } = step
    switch (step.do) {
      case "deliver_all":
        return this.#deliverAll()
      case "run":
        return this.#run(step.until ?? 0, step.silent ?? false)
      case "deliver":
        return this.#deliver(Number(step.message), to, step.live ?? true)
      case "drop":
        this.#pending = this.#pending.filter((one) => step.message !== "all" && one.number !== step.message)
        return []
      case "lose":
        this.#pending = this.#pending.filter((one) => one.to !== to || this.#sent[one.number]?.sender !== step.from)
        return []
      case "reload":
        for (const pair of [...this.#connections.keys()]) if (pair.startsWith(`${who} `)) this.#connections.delete(pair)
        this.#begin(who)
        return []
      case "set clock":
        this.#clocks.set(who, to)
        return []
      case "members": {
        const present = new Map(Object.entries(step.present ?? {}).map(([leaf, key]) => [Number(leaf), key]))
        return this.#done(who, this.#session(who).members(who, present, this.#time(who)))
      }
      case "expect":
        return this.#describe(who)
      default:
        return this.#input(who, step.do, step.args ?? [])
    }
  }

  // --- steps ---

  #begin(leaf: number): void {
    const newCallId = (): Uint8Array => {
      this.#calls += 1
      return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, this.#calls)
    }
    const canRestartIce = this.#scenario.can_restart_ice?.includes(leaf) ?? false
    this.#sessions.set(leaf, new CallSession({ own: leaf, present: this.#keys, newCallId, canRestartIce }))
  }

  #session(leaf: number): CallSession {
    const session = this.#sessions.get(leaf)
    if (session === undefined) throw new Error(`nobody is at ${leaf}`)
    return session
  }

  #clock(leaf: number): number {
    return this.#clocks.get(leaf) ?? 0
  }

  #time(leaf: number): number {
    return START + this.#now + this.#clock(leaf)
  }

  /** Until nothing is on its way: WebRTC does its part, then messages arrive in the order of sending. */
  #deliverAll(): string[] {
    const out: string[] = []
    for (;;) {
      const job = this.#jobs.shift()
      const [first] = this.#pending
      if (job !== undefined) out.push(...job())
      else if (first !== undefined) out.push(...this.#deliver(first.number, first.to, true))
      else return out
    }
  }

  /** Let time pass, with all timers; if silent, nothing of what is said meanwhile arrives. */
  #run(until: number, isSilent: boolean): string[] {
    const out: string[] = []
    for (;;) {
      const due = this.#nextTimer()
      if (due === null || due.at > until) break
      this.#now = Math.max(this.#now, due.at)
      out.push(...this.#done(due.leaf, this.#session(due.leaf).tick(this.#time(due.leaf))))
      if (isSilent) this.#pending = []
      out.push(...this.#deliverAll())
    }
    this.#now = until
    return out
  }

  #nextTimer(): { at: number; leaf: number } | null {
    const timers = [...this.#sessions].flatMap(([leaf, { nextTimer }]) =>
      nextTimer === null ? [] : [{ at: nextTimer - START - this.#clock(leaf), leaf }],
    )
    const [first] = timers.sort((one, other) => one.at - other.at || one.leaf - other.leaf)
    return first ?? null
  }

  #deliver(number: number, to: number, isLive: boolean): string[] {
    this.#pending = this.#pending.filter((one) => one.number !== number || one.to !== to)
    const sent = this.#sent[number]
    const message = sent === undefined ? null : decodeCall(sent.data)
    if (sent === undefined || message === null) throw new Error(`there is no message ${number}`)
    return this.#done(to, this.#session(to).receive(sent.sender, message, this.#time(to), isLive))
  }

  #describe(leaf: number): string[] {
    const session = this.#session(leaf)
    const said = [`${leaf} ${session.state}${session.call === null ? "" : ` ${Number(`0x${session.call}`)}`}`]
    for (const { leaf: peer, generation, state, isConnected, isUnreachable, media } of session.peers) {
      const isUp = isConnected ? "connected" : isUnreachable ? "unreachable" : "waiting"
      const bits = `${media.audio ? "a" : ""}${media.video ? "v" : ""}${media.screen ? "s" : ""}`
      said.push(`${leaf} sees ${peer} ${generation} ${state} ${isUp} ${bits}`.trimEnd())
    }
    if (session.awaited.length > 0) said.push(`${leaf} rings ${session.awaited.join()}`)
    if (session.running !== null) said.push(`${leaf} could join ${session.running.members.join()}`)
    if (session.mayRecord) said.push(`${leaf} may record`)
    return said
  }

  // --- inputs ---

  #input(leaf: number, name: string, given: readonly unknown[]): string[] {
    const session = this.#session(leaf)
    try {
      if (name === "set_busy") {
        session.setBusy(given[0] === true)
        return []
      }
      return this.#done(leaf, call(session, name, given, this.#time(leaf)))
    } catch (error) {
      if (error instanceof CallNotAllowed) return [`${leaf} may not`]
      throw error
    }
  }

  // --- what is to be done ---

  #done(leaf: number, todo: readonly Action[]): string[] {
    return todo.map((action) => this.#carryOut(leaf, action))
  }

  #carryOut(leaf: number, action: Action): string {
    switch (action.type) {
      case "send": {
        const { message, isEphemeral } = action
        const data = encodeCall(message)
        const number = this.#sent.push({ sender: leaf, data }) - 1
        const others = [...this.#sessions.keys()].filter((to) => to !== leaf).sort((one, other) => one - other)
        this.#pending.push(...others.map((to) => ({ number, to })))
        return `${leaf} ${isEphemeral ? "says beside the log" : "says"} ${number} ${message.type} ${toHex(data)}`
      }
      case "createOffer": {
        const { peer, generation, revision, restartsIce } = action
        this.#connections.set(`${leaf} ${peer}`, generation)
        this.#describeLater(leaf, peer, generation, revision, "offer")
        return `${leaf} offers ${peer} ${generation}.${revision}${restartsIce ? " new path" : ""}`
      }
      case "applyDescription": {
        const { peer, generation, revision, isOffer, sdp } = action
        this.#connections.set(`${leaf} ${peer}`, generation)
        if (isOffer) this.#describeLater(leaf, peer, generation, revision, "answer")
        else if (this.#scenario.connects ?? true) this.#jobs.push(() => this.#connect(leaf, peer, generation))
        return `${leaf} applies of ${peer} ${generation}.${revision} ${sdp}`
      }
      case "addCandidates": {
        const named = action.candidates.map((one) => one.candidate).join()
        return `${leaf} adds of ${action.peer} ${action.generation} ${named}`
      }
      case "closePeer":
        if (this.#connections.get(`${leaf} ${action.peer}`) !== action.generation) throw new Error("closed what is not")
        this.#connections.delete(`${leaf} ${action.peer}`)
        return `${leaf} closes ${action.peer} ${action.generation}`
      case "stopMedia":
        return `${leaf} stops media`
      case "tell":
        return `${leaf} tells ${told(action.event)}`
    }
  }

  #describeLater(leaf: number, peer: number, generation: number, revision: number, kind: string): void {
    const sdp = `${kind} ${generation}.${revision} of ${leaf}`
    const given = [peer, generation, revision, sdp, [`candidate of ${leaf}`]]
    this.#jobs.push(() => this.#input(leaf, "local_description", given))
  }

  #connect(leaf: number, peer: number, generation: number): string[] {
    if (this.#connections.get(`${peer} ${leaf}`) !== generation) return []
    const first = this.#input(leaf, "peer_connected", [peer, generation])
    return [...first, ...this.#input(peer, "peer_connected", [leaf, generation])]
  }
}

function call(session: CallSession, name: string, given: readonly unknown[], now: number): Action[] {
  const [first, second, third, fourth, fifth] = given
  switch (name) {
    case "ring":
      return session.ring(media(first), now, (second ?? []) as number[])
    case "accept":
      return session.accept(media(first), now)
    case "join":
      return session.join(media(first), now)
    case "set_media":
      return session.setMedia(media(first), now)
    case "decline":
      return session.decline(now)
    case "cancel":
      return session.cancel(now)
    case "leave":
      return session.leave(now)
    case "tick":
      return session.tick(now)
    case "hang_up":
      return first === undefined ? session.hangUp(now) : session.hangUp(now, first as EndReason)
    case "network_changed":
      return session.networkChanged(now)
    case "renegotiate":
      return session.renegotiate(now, (first ?? null) as number | null)
    case "peer_failed":
      return session.peerFailed(Number(first), Number(second), now)
    case "peer_alive":
      return session.peerAlive(Number(first), Number(second), now)
    case "peer_connected":
      return session.peerConnected(Number(first), Number(second), now)
    case "local_description":
      return session.localDescription(Number(first), Number(second), Number(third), String(fourth), candidates(fifth), now)
    case "local_candidates":
      return session.localCandidates(Number(first), Number(second), Number(third), candidates(fourth), now)
    default:
      return callAboutRecording(session, name, given, now)
  }
}

function callAboutRecording(session: CallSession, name: string, given: readonly unknown[], now: number): Action[] {
  switch (name) {
    case "ask_recording":
      return session.askRecording(now)
    case "answer_recording":
      return session.answerRecording(Number(given[0]), given[1] === true, now)
    case "withdraw_recording":
      return session.withdrawRecording(now)
    case "recording_started":
      return session.recordingStarted(now)
    case "recording_stopped":
      return session.recordingStopped(now)
    default:
      throw new Error(`no input is called ${name}`)
  }
}

/** `av`: microphone and camera; a word behind it is the reason. */
function media(given: unknown): Media {
  const [bits = "", reason = "CHOSEN"] = String(given).split(" ")
  const why = MediaReason[reason as keyof typeof MediaReason]
  return mediaOf({ audio: bits.includes("a"), video: bits.includes("v"), screen: bits.includes("s"), reason: why })
}

function candidates(given: unknown): Candidate[] {
  return (given as string[]).map((candidate) => ({ candidate, sdpMid: null, sdpMLineIndex: null }))
}

function told({ type, ...fields }: CallEvent): string {
  return `${type} ${JSON.stringify(sorted(fields))}`
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]))
}
