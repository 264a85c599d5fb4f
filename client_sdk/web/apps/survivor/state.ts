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
import type { Action, Ending, Item, Notice, Person, Progress, Sighting, State } from "./stateTypes.ts"

export { INITIAL } from "./firstState.ts"

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
    case "verificationBlocked":
      return { ...state, verificationBlocked: action.verificationBlocked }
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
    case "reassigned":
      return { ...state, reassignment: action.reassignment, sightings: action.reassignment?.step === "waiting" ? state.sightings : [] }
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
  return withNotice({ ...state, phase, reassignment: null, unreachable: null, people: [...state.people, person] }, "joined", person)
}

function left(state: State, person: Person): State {
  const people = state.people.filter(({ key }) => key !== person.key)
  // Of who has left nothing more is said; whoever stays may be reached.
  const unreachable = people.some(({ name }) => name === state.unreachable) ? state.unreachable : null
  return withNotice({ ...state, people, unreachable, typing: typing(state.typing, person, false) }, "left", person)
}

function heard(state: State, { id, by, text, at, service }: Action & { type: "heard" }): State {
  const items: readonly Item[] = [...state.items, { kind: "theirs", id, by, text, at, service }]
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
  return { ...state, phase: "over", ending: { why, by }, typing: [], proposals: [], reassignment: null }
}
