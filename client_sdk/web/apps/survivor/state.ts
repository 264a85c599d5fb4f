/**
 * All that the page knows, and all the ways in which it changes: a pure function of what was and what happened.
 *
 *     welcome ──asked──> waiting ──joined──> talking ──over──> over ──again──> welcome
 *        ^                  │                                   ^
 *        └────askFailed─────┴────────────────over───────────────┘
 *
 * Nothing here is written anywhere: the state lives in memory, and `vanished` leaves nothing of it. What can happen on the
 * first screen already is in `firstState.ts`.
 */

import { INITIAL, reduceFirst } from "./firstState.ts"
import type { Hindrance } from "./sdk.ts"

export { INITIAL } from "./firstState.ts"

export type Phase = "welcome" | "waiting" | "talking" | "over"
/** `held`: the relay answers, and cannot take what she writes. */
export type Link = "connecting" | "connected" | "reconnecting" | "held"
export type Progress = "kept" | "sent" | "delivered" | "read"

/** A verified member other than herself. */
export interface Person {
  /** Her device's key in hexadecimal: who she is, whatever name somebody else may bear. */
  readonly key: string
  readonly name: string
  readonly role: string
}

/** Somebody whom a staff member would like to bring in. */
export interface Proposal {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly reason: string
  readonly by: Person
}

/** Whether somebody else is needed, and how far the search has come. `name` is null where nobody is left. */
export type Search =
  | { readonly step: "away"; readonly name: string | null }
  | { readonly step: "seeking" | "refused" }
  | { readonly step: "found"; readonly name: string; readonly role: string }

export type Notice = "joined" | "left" | "welcomed" | "declined" | "unreadable" | "noteHandedOver"

/** One line of the conversation. Times are milliseconds since 1970. */
export type Item =
  | { readonly kind: "own"; readonly id: string; readonly text: string; readonly at: number }
  | { readonly kind: "theirs"; readonly id: string; readonly text: string; readonly at: number; readonly by: Person }
  | { readonly kind: "notice"; readonly id: string; readonly notice: Notice; readonly name: string; readonly role: string }

/** Where in the queue she stood, and when that was said. Position 1 is next; 0: somebody is about to join. */
export interface Sighting {
  readonly position: number
  readonly at: number
}

/** What the relay says of her waiting. */
export interface Prospect {
  /** Between how many minutes it will probably take. */
  readonly minutes: { readonly least: number; readonly most: number } | null
  /** When somebody will be there, in seconds since 1970; null: nobody knows; 0: somebody is. */
  readonly opens: number | null
  /** Whether some of what she wished for no longer counts. */
  readonly isWidened: boolean
}

/** Why a conversation is over. */
export type Ending = "left" | "ended" | "stranger" | "disagreement" | "gap" | "forgotten" | "trouble"

export interface State {
  readonly phase: Phase
  readonly need: string | null
  readonly preferredGender: string | null
  readonly region: string | null
  /** Null until she chooses, and for the relay as much as 0. */
  readonly urgency: 0 | 1 | 2 | null
  readonly link: Link
  readonly sightings: readonly Sighting[]
  readonly prospect: Prospect
  /** Why her request cannot go out, though the relay answers. */
  readonly hindrance: Hindrance | null
  /** Whether this device works for her request, which costs something now. */
  readonly isPaying: boolean
  readonly people: readonly Person[]
  readonly items: readonly Item[]
  /** By message id. Kept apart from the messages, for a receipt may be faster than the message's own id. */
  readonly progress: Readonly<Record<string, Progress>>
  readonly typing: readonly Person[]
  readonly proposals: readonly Proposal[]
  /** Null while those who are here can be reached, or she would rather wait for them. */
  readonly search: Search | null
  /** Who cannot be reached, also while she waits for them. */
  readonly unreachable: string | null
  /** The names of those who do not confirm to be in this conversation: it may be led apart. */
  readonly unconfirmed: readonly string[]
  readonly ending: { readonly why: Ending; readonly by: string | null } | null
  readonly couldNotAsk: boolean
  readonly covered: boolean
  readonly hiddenSince: number | null
}

/** What she can say of whom she looks for. */
export type Chosen = Pick<State, "need" | "preferredGender" | "region" | "urgency">

export type Action =
  | ({ readonly type: "chosen" } & Partial<Chosen>)
  | { readonly type: "asked" }
  | { readonly type: "askFailed" }
  | { readonly type: "placed"; readonly position: number; readonly at: number }
  | { readonly type: "foreseen"; readonly prospect: Partial<Prospect> }
  | { readonly type: "linked"; readonly link: Link }
  | { readonly type: "hindered"; readonly hindrance: Hindrance | null }
  | { readonly type: "paying"; readonly isPaying: boolean }
  | { readonly type: "joined" | "left"; readonly person: Person }
  | { readonly type: "said"; readonly id: string; readonly text: string; readonly at: number }
  /** The message that was called `here` is known to the others as `id`. */
  | { readonly type: "named"; readonly here: string; readonly id: string }
  | { readonly type: "heard"; readonly id: string; readonly by: Person; readonly text: string; readonly at: number }
  | { readonly type: "unreadable" | "noteHandedOver"; readonly by: Person }
  | { readonly type: "progressed"; readonly id: string; readonly progress: Progress }
  | { readonly type: "typing"; readonly person: Person; readonly active: boolean }
  | { readonly type: "proposed"; readonly proposal: Proposal }
  | { readonly type: "searched"; readonly search: Search | null }
  | { readonly type: "reached"; readonly unreachable: string | null }
  | { readonly type: "unconfirmed"; readonly names: readonly string[] }
  | { readonly type: "answered"; readonly id: string; readonly accepted: boolean | null }
  | { readonly type: "over"; readonly why: Ending; readonly by: string | null }
  | { readonly type: "again" | "uncovered" }
  | { readonly type: "hidden"; readonly at: number }
  /** `isDisguised`: the page looks like something else from the start, so that its first screen tells too much, too. */
  | { readonly type: "seen"; readonly at: number; readonly coverAfterMs: number; readonly isDisguised: boolean }

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "asked":
      return {
        ...state,
        phase: "waiting",
        link: "connecting",
        sightings: [],
        prospect: INITIAL.prospect,
        couldNotAsk: false,
      }
    case "askFailed":
      // What she had written meanwhile stays, and is sent when asking succeeds.
      return { ...state, phase: "welcome", couldNotAsk: true }
    case "placed":
      return placed(state, action)
    case "foreseen":
      return { ...state, prospect: { ...state.prospect, ...action.prospect } }
    case "linked":
      // A new connection is told only what differs from this: what the one before was told holds no more.
      return { ...state, link: action.link, prospect: action.link === "reconnecting" ? INITIAL.prospect : state.prospect }
    case "hindered":
      return { ...state, hindrance: action.hindrance }
    case "paying":
      return { ...state, isPaying: action.isPaying }
    case "joined":
      return joined(state, action.person)
    case "left":
      return left(state, action.person)
    case "said":
      return { ...state, items: [...state.items, { kind: "own", id: action.id, text: action.text, at: action.at }] }
    case "named":
      return { ...state, items: state.items.map((item) => (item.id === action.here ? { ...item, id: action.id } : item)) }
    case "heard":
      return heard(state, action)
    case "unreadable":
    case "noteHandedOver":
      return withNotice(state, action.type, action.by)
    case "progressed":
      return progressed(state, action.id, action.progress)
    case "typing":
      return { ...state, typing: typing(state.typing, action.person, action.active) }
    case "proposed":
      return { ...state, proposals: [...state.proposals.filter(({ id }) => id !== action.proposal.id), action.proposal] }
    case "searched":
      return { ...state, search: action.search, sightings: action.search?.step === "seeking" ? state.sightings : [] }
    case "reached":
      return { ...state, unreachable: action.unreachable }
    case "unconfirmed":
      return { ...state, unconfirmed: action.names }
    case "answered":
      return answered(state, action.id, action.accepted)
    case "over":
      return over(state, action)
    case "again":
      return { ...INITIAL, items: isUnheard(state) ? state.items : [], covered: state.covered, hiddenSince: state.hiddenSince }
    default:
      return reduceFirst(state, action)
  }
}

/** Whether she wrote something that came to nobody, and has not taken it back: it goes out when she asks again. */
export function isUnheard({ items, ending }: Pick<State, "items" | "ending">): boolean {
  return items.length > 0 && items.every(({ kind }) => kind === "own") && ending?.why !== "left"
}

/**
 * What she wrote and nobody has got, where she did not end it herself and it is not sent by itself when she asks again: it
 * goes back into the field then.
 */
export function unsentOf(state: Pick<State, "items" | "ending" | "progress">): string {
  if (state.ending?.why === "left" || isUnheard(state)) return ""
  const unsent = state.items.flatMap((item) => (item.kind === "own" && state.progress[item.id] === undefined ? [item.text] : []))
  return unsent.join("\n")
}

function placed(state: State, { position, at }: Sighting): State {
  const last = state.sightings.at(-1)
  // Told again, as after each break of the link: she has stood there since she heard of it first.
  if (position === last?.position) return state
  // A place further back is a new queue (a lease that lapsed, a relay that forgot): the old pace says nothing about it.
  const kept = last !== undefined && position > last.position ? [] : state.sightings
  return { ...state, sightings: [...kept, { position, at }] }
}

function joined(state: State, person: Person): State {
  if (state.people.some(({ key }) => key === person.key)) return state
  const phase = state.phase === "over" ? "over" : "talking"
  return withNotice({ ...state, phase, search: null, unreachable: null, people: [...state.people, person] }, "joined", person)
}

function left(state: State, person: Person): State {
  const people = state.people.filter(({ key }) => key !== person.key)
  // Of who has left nothing more is said; whoever stays may be reached.
  const unreachable = people.some(({ name }) => name === state.unreachable) ? state.unreachable : null
  return withNotice({ ...state, people, unreachable, typing: typing(state.typing, person, false) }, "left", person)
}

function heard(state: State, { id, by, text, at }: Action & { type: "heard" }): State {
  const items: readonly Item[] = [...state.items, { kind: "theirs", id, by, text, at }]
  return { ...state, items, typing: typing(state.typing, by, false) }
}

function withNotice(state: State, notice: Notice, { name, role }: { readonly name: string; readonly role: string }): State {
  const id = `notice-${state.items.length}`
  return { ...state, items: [...state.items, { kind: "notice", id, notice, name, role }] }
}

const ORDER: readonly Progress[] = ["kept", "sent", "delivered", "read"]

function progressed(state: State, id: string, progress: Progress): State {
  const before = state.progress[id] ?? "kept"
  if (ORDER.indexOf(progress) <= ORDER.indexOf(before)) return state
  return { ...state, progress: { ...state.progress, [id]: progress } }
}

function typing(before: readonly Person[], person: Person, active: boolean): readonly Person[] {
  const others = before.filter(({ key }) => key !== person.key)
  return active ? [...others, person] : others
}

function answered(state: State, id: string, accepted: boolean | null): State {
  const proposal = state.proposals.find((one) => one.id === id)
  if (proposal === undefined) return state
  const without = { ...state, proposals: state.proposals.filter((one) => one !== proposal) }
  return accepted === null ? without : withNotice(without, accepted ? "welcomed" : "declined", proposal)
}

function over(state: State, { why, by }: { readonly why: Ending; readonly by: string | null }): State {
  // The first reason is the true one: what follows it is its consequence.
  if (state.phase === "over") return state
  return { ...state, phase: "over", ending: { why, by }, typing: [], proposals: [], search: null }
}
