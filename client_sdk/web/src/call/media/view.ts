/** What a page shows of a call: one value, made anew whenever something changed. */

import type { CallState } from "../transitions.ts"
import type { Refusal, Source } from "./capture.ts"
import type { Quality } from "./quality.ts"
import type { Level, Reason } from "./thrift.ts"

/** As the session has it, but calling from the tap on; `ending` says why it is idle again, until the next call. */
export type CallPhase = CallState

/** Somebody else in the room. */
export interface CallPerson {
  /** The device's key in hexadecimal. */
  readonly key: string
  /** A survivor has none. */
  readonly name: string | null
  readonly role: string
}

/** What somebody sends. */
export interface Sending {
  readonly audio: boolean
  readonly video: boolean
  readonly screen: boolean
  /** Whether pictures ended because of the network, or because a device failed; null: they chose so. */
  readonly why: "network" | "device" | null
}

export type PeerState = "joining" | "connected" | "reconnecting" | "unreachable"

/** Another member of the call. */
export interface PeerView extends CallPerson {
  readonly leaf: number
  readonly state: PeerState
  readonly sending: Sending
  readonly sound: MediaStream | null
  readonly picture: MediaStream | null
  /** Null until it was measured. */
  readonly quality: Quality | null
  readonly isRecording: boolean
}

/** What of ours is on. */
export interface OwnView {
  readonly microphone: boolean
  readonly isMuted: boolean
  readonly camera: MediaStreamTrack | null
  readonly screen: MediaStreamTrack | null
  /** The device that could not be opened last, and why. */
  readonly refused: { readonly source: Source; readonly why: Refusal } | null
  /** By their ids; null is the usual one. */
  readonly chosen: Readonly<Record<"microphone" | "camera" | "speaker", string | null>>
  /** What is tried out, seen and heard by nobody else. */
  readonly tried: { readonly microphone: MediaStreamTrack | null; readonly camera: MediaStreamTrack | null }
}

/** Why the last call is over. */
export type CallEnding =
  | "hungUp"
  | "cancelled"
  | "timedOut"
  | "declined"
  | "busy"
  | "failed"
  | "lost"
  | "replaced"
  | "removed"
  | "network"
  /** We had it, but did not answer in time, or it was cancelled. */
  | "missed"
  /** Nothing was begun: calls are not set up here, the relay is away, TURN refused us, TURN is not there. */
  | "off"
  | "offline"
  | "refused"
  | "unreachable"
  /** This browser has no WebRTC: nothing was opened, nobody was rung. */
  | "unsupported"

export interface CallView {
  readonly phase: CallPhase
  /** Who rings, while somebody does. */
  readonly by: CallPerson | null
  /** Whether they would like to show pictures. */
  readonly withVideo: boolean
  readonly peers: readonly PeerView[]
  readonly own: OwnView
  readonly level: Level
  readonly reason: Reason | null
  /** The worst of the peers' qualities. */
  readonly quality: Quality | null
  /** Whether the call goes straight to the others: they learn each other's network addresses. */
  readonly isDirect: boolean
  readonly ending: { readonly why: CallEnding; readonly by: CallPerson | null } | null
  /** Others in this room are in a call that we are not in. */
  readonly running: readonly CallPerson[]
  /** Who would like to record, and waits for our yes. */
  readonly wouldRecord: readonly PeerView[]
  /** Who has our yes, which can be taken back. */
  readonly mayRecord: readonly PeerView[]
}
