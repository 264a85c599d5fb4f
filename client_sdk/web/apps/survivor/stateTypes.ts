/** What her page can know, and what can happen to it. Types alone: how it changes is in `state.ts` and `firstState.ts`. */

import type { VerificationBlocked } from "./sdk.ts"

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

/** Whether somebody else is needed, and how far the reassignment has come. `name` is null where nobody is left. */
export type Reassignment =
  | { readonly step: "away"; readonly name: string | null }
  | { readonly step: "waiting" | "refused" }
  | { readonly step: "found"; readonly name: string; readonly role: string }

export type Notice = "joined" | "left" | "welcomed" | "declined" | "unreadable" | "noteHandedOver"

/** Which service of the directory somebody told her of. */
export interface ServiceReference {
  readonly id: string
  /** Of the directory in which it was found. */
  readonly version: number
}

/** One line of the conversation. Times are milliseconds since 1970. */
export type Item =
  | { readonly kind: "own"; readonly id: string; readonly text: string; readonly at: number }
  | { readonly kind: "theirs"; readonly id: string; readonly text: string; readonly at: number; readonly by: Person; readonly service: ServiceReference | null }
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
  readonly hasRelaxedPreferences: boolean
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
  readonly verificationBlocked: VerificationBlocked | null
  /** Whether this device works for her request, which costs something now. */
  readonly isPaying: boolean
  readonly people: readonly Person[]
  readonly items: readonly Item[]
  /** By message id. Kept apart from the messages, for a receipt may be faster than the message's own id. */
  readonly progress: Readonly<Record<string, Progress>>
  readonly typing: readonly Person[]
  readonly proposals: readonly Proposal[]
  /** Null while those who are here can be reached, or she would rather wait for them. */
  readonly reassignment: Reassignment | null
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
  | { readonly type: "verificationBlocked"; readonly verificationBlocked: VerificationBlocked | null }
  | { readonly type: "paying"; readonly isPaying: boolean }
  | { readonly type: "joined" | "left"; readonly person: Person }
  | { readonly type: "said"; readonly id: string; readonly text: string; readonly at: number }
  /** The message that was called `here` is known to the others as `id`. */
  | { readonly type: "named"; readonly here: string; readonly id: string }
  | { readonly type: "heard"; readonly id: string; readonly by: Person; readonly text: string; readonly at: number; readonly service: ServiceReference | null }
  | { readonly type: "unreadable" | "noteHandedOver"; readonly by: Person }
  | { readonly type: "progressed"; readonly id: string; readonly progress: Progress }
  | { readonly type: "typing"; readonly person: Person; readonly active: boolean }
  | { readonly type: "proposed"; readonly proposal: Proposal }
  | { readonly type: "reassigned"; readonly reassignment: Reassignment | null }
  | { readonly type: "reached"; readonly unreachable: string | null }
  | { readonly type: "unconfirmed"; readonly names: readonly string[] }
  | { readonly type: "answered"; readonly id: string; readonly accepted: boolean | null }
  | { readonly type: "over"; readonly why: Ending; readonly by: string | null }
  | { readonly type: "again" | "uncovered" }
  | { readonly type: "hidden"; readonly at: number }
  /** `isDisguised`: the page looks like something else from the start, so that its first screen tells too much, too. */
  | { readonly type: "seen"; readonly at: number; readonly coverAfterMs: number; readonly isDisguised: boolean }
