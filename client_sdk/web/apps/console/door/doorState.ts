/**
 * Where somebody stands before the desk: a pure function of what was and what happened.
 *
 *     starting ──> elsewhere ──> (another tab lets go)
 *        ├──> new ──────> words ──approved──> inside
 *        │     └────────> code (the code was refused) ──> words
 *        └──> locked ───> inside, or words, or code: wherever it was left
 *                ^──────────┘ idle, lock, or another tab takes over
 */

import type { ComparisonWords } from "../sdk.ts"

/** How the key store can be opened: `prf` is a passkey. */
export type Way = "passphrase" | "prf"
export type Place = "starting" | "elsewhere" | "new" | "code" | "words" | "locked" | "inside" | "broken"

export type DoorFailure =
  | "passphraseShort"
  | "passphraseDiffers"
  | "passphraseWrong"
  | "passkey"
  | "invitation"
  | "invitationUsed"
  | "relay"
  | "clock"
  | "damaged"

export interface DoorState {
  readonly place: Place
  readonly isBusy: boolean
  readonly failure: DoorFailure | null
  /** What the address brought, or was typed. */
  readonly invitation: string
  readonly ways: readonly Way[]
  /** Four words that stand for this device's key, in each language. */
  readonly words: ComparisonWords
  /** Locked by itself, for nobody did anything. */
  readonly isIdle: boolean
}

const NO_WORDS: ComparisonWords = { en: [], id: [] }

export const AT_THE_DOOR: DoorState = {
  place: "starting",
  isBusy: false,
  failure: null,
  invitation: "",
  ways: [],
  words: NO_WORDS,
  isIdle: false,
}

export type DoorAction =
  | { readonly type: "invited"; readonly invitation: string }
  | { readonly type: "elsewhere" }
  | { readonly type: "new" }
  | { readonly type: "locked"; readonly ways: readonly Way[]; readonly isIdle: boolean }
  | { readonly type: "code" }
  | { readonly type: "words"; readonly words: ComparisonWords }
  | { readonly type: "inside" }
  | { readonly type: "broken" }
  | { readonly type: "busy" }
  | { readonly type: "failed"; readonly failure: DoorFailure }

/** What follows from `state` when `action` happens. */
export function reduceDoor(state: DoorState, action: DoorAction): DoorState {
  const here = { ...state, isBusy: false, failure: null }
  switch (action.type) {
    case "invited":
      return { ...state, invitation: action.invitation }
    case "locked":
      return { ...here, place: "locked", ways: action.ways, words: NO_WORDS, isIdle: action.isIdle }
    case "words":
      return { ...here, place: "words", words: action.words }
    case "inside":
      // An invitation is good once.
      return { ...here, place: "inside", words: NO_WORDS, invitation: "" }
    case "elsewhere":
    case "new":
    case "code":
    case "broken":
      return { ...here, place: action.type, words: NO_WORDS }
    case "busy":
      return { ...state, isBusy: true, failure: null }
    case "failed":
      return { ...state, isBusy: false, failure: action.failure }
  }
}
