/**
 * What a session asks its driver to do, and what it tells the application.
 *
 * Actions are done in their order. An event says what has happened to people; it holds no description and no candidate.
 * `call` is the id of the call in hexadecimal, `peer`, `by` and `members` are leaf indices.
 */

import type { CallMessage, Candidate, EndReason, Media } from "./messages.ts"

export type CallEvent =
  /** We ring. */
  | { readonly type: "calling"; readonly call: string; readonly media: Media }
  /** Somebody rings us: accept or decline. */
  | { readonly type: "ringing"; readonly call: string; readonly by: number; readonly media: Media }
  /** We are in a call now. */
  | { readonly type: "began"; readonly call: string }
  /** The call is over for us: because of `by`, or of ourselves or the time (null). */
  | { readonly type: "ended"; readonly call: string; readonly reason: EndReason; readonly by: number | null }
  /** A ring has stopped that was not answered here. */
  | { readonly type: "missed"; readonly call: string; readonly by: number; readonly reason: EndReason }
  /** Somebody is in the call; media follow. */
  | { readonly type: "peerJoined"; readonly peer: number; readonly media: Media }
  /** Somebody is no longer in the call; the connection is closed. */
  | { readonly type: "peerLeft"; readonly peer: number; readonly reason: EndReason }
  /** Somebody who was rung does not come: declined, busy, or did not answer. */
  | { readonly type: "peerDeclined"; readonly peer: number; readonly reason: EndReason }
  /** The connection stands. */
  | { readonly type: "peerConnected"; readonly peer: number }
  /** The connection broke; another is being made. */
  | { readonly type: "peerReconnecting"; readonly peer: number }
  /** No connection could be made, however often; the others of the call are not concerned. */
  | { readonly type: "peerUnreachable"; readonly peer: number }
  /** What somebody sends has changed, and why. */
  | { readonly type: "peerMedia"; readonly peer: number; readonly media: Media }
  /** Others of the conversation are in a call that we can join; no members: not any more. */
  | { readonly type: "running"; readonly call: string; readonly members: readonly number[] }
  /** Somebody asks whether the call may be recorded. */
  | { readonly type: "recordingAsked"; readonly by: number }
  /** Somebody allows us to record, or does not, or no longer. */
  | { readonly type: "recordingAnswered"; readonly peer: number; readonly granted: boolean }
  /** Everybody in the call allows us to record. */
  | { readonly type: "recordingAllowed" }
  /** Not everybody allows it any more, because of `peer`: stop, and keep nothing from here on. */
  | { readonly type: "recordingMustStop"; readonly peer: number }
  /** Somebody records, or has stopped: show it. */
  | { readonly type: "peerRecording"; readonly peer: number; readonly isRecording: boolean }

/** Send this to all members: in the log, or, if ephemeral, beside it. */
export interface Send {
  readonly type: "send"
  readonly message: CallMessage
  readonly isEphemeral: boolean
}

/** Make an offer, in a new connection if there is none of this generation; give it to `localDescription`. */
export interface CreateOffer {
  readonly type: "createOffer"
  readonly peer: number
  readonly generation: number
  readonly revision: number
  readonly restartsIce: boolean
}

/**
 * Set the remote description, in a new connection if there is none of this generation. Of an offer, make the answer and
 * give it to `localDescription`.
 */
export interface ApplyDescription {
  readonly type: "applyDescription"
  readonly peer: number
  readonly generation: number
  readonly revision: number
  readonly isOffer: boolean
  readonly restartsIce: boolean
  readonly sdp: string
}

/** Add remote candidates; the description that they belong to was applied before. */
export interface AddCandidates {
  readonly type: "addCandidates"
  readonly peer: number
  readonly generation: number
  readonly candidates: readonly Candidate[]
}

/** Close the connection of this generation, at once. */
export interface ClosePeer {
  readonly type: "closePeer"
  readonly peer: number
  readonly generation: number
}

/** The call is over for us: camera, microphone and screen off. */
export interface StopMedia {
  readonly type: "stopMedia"
}

/** Tell the application. */
export interface Tell {
  readonly type: "tell"
  readonly event: CallEvent
}

export type Action = Send | CreateOffer | ApplyDescription | AddCandidates | ClosePeer | StopMedia | Tell
