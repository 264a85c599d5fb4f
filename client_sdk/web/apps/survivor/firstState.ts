/** How the page begins, and what can change while its first screen is all that has come: what she chooses, who looks. */

import type { Action, Chosen, State } from "./stateTypes.ts"

export const INITIAL: State = {
  phase: "welcome",
  need: null,
  preferredGender: null,
  region: null,
  urgency: null,
  link: "connecting",
  sightings: [],
  prospect: { minutes: null, opens: 0, hasRelaxedPreferences: false },
  verificationBlocked: null,
  isPaying: false,
  people: [],
  items: [],
  progress: {},
  typing: [],
  proposals: [],
  reassignment: null,
  unreachable: null,
  unconfirmed: [],
  ending: null,
  couldNotAsk: false,
  covered: false,
  hiddenSince: null,
}

/** As `reduce` in `state.ts`, of which this is the beginning; anything else changes nothing yet. */
export function reduceFirst(state: State, action: Action): State {
  switch (action.type) {
    case "chosen":
      return chosen(state, action)
    case "hidden":
      return { ...state, hiddenSince: state.hiddenSince ?? action.at }
    case "seen":
      return seen(state, action)
    case "uncovered":
      return { ...state, covered: false }
    default:
      return state
  }
}

function chosen(state: State, wishes: Partial<Chosen>): State {
  const { need = state.need, preferredGender = state.preferredGender, region = state.region } = wishes
  return { ...state, need, preferredGender, region, urgency: wishes.urgency ?? state.urgency }
}

/** By so much clocks are set right all the time. */
const CORRECTED_MS = 1000

function seen(state: State, { at, coverAfterMs, isDisguised }: Action & { type: "seen" }): State {
  const away = state.hiddenSince === null ? 0 : at - state.hiddenSince
  // A clock that was set back meanwhile, as on borrowed phones, does not tell for how long it was.
  const isLong = away >= coverAfterMs || away < -CORRECTED_MS
  const hasSomething = isDisguised || state.phase !== "welcome"
  return { ...state, hiddenSince: null, covered: state.covered || (hasSomething && isLong) }
}
