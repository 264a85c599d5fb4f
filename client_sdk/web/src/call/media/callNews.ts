/** What was told of a call and is still to be shown: who rings, who is in trouble, who records, and how it ended. */

import type { CallEvent } from "../actions.ts"
import { EndReason } from "../messages.ts"
import type { CallEnding, CallPerson, CallView, PeerState } from "./view.ts"

export class CallNews {
  ringing: { readonly by: CallPerson; readonly withVideo: boolean } | null = null
  ending: CallView["ending"] = null
  running: readonly CallPerson[] = []
  readonly recording = new Set<number>()
  readonly wouldRecord = new Set<number>()
  readonly #reconnecting = new Set<number>()
  readonly #person: (leaf: number) => CallPerson

  /** `person` says who is at a leaf. */
  constructor(person: (leaf: number) => CallPerson) {
    this.#person = person
  }

  note(event: CallEvent): void {
    switch (event.type) {
      case "ringing":
        this.ending = null
        this.ringing = { by: this.#person(event.by), withVideo: event.media.video }
        break
      case "began":
        this.ringing = null
        break
      case "ended":
        this.ending = endingOf(event.reason, event.by === null ? null : this.#person(event.by))
        break
      case "missed":
        this.ending = { why: "missed", by: this.#person(event.by) }
        this.ringing = null
        break
      case "peerConnected":
        this.#reconnecting.delete(event.peer)
        break
      case "peerReconnecting":
        this.#reconnecting.add(event.peer)
        break
      case "peerLeft":
        this.#forgetPeer(event.peer)
        break
      case "running":
        this.running = event.members.map((leaf) => this.#person(leaf))
        break
      case "recordingAsked":
        this.wouldRecord.add(event.by)
        break
      case "peerRecording":
        if (event.isRecording) this.recording.add(event.peer)
        else this.recording.delete(event.peer)
        break
      default:
        // The session itself holds what is shown of it.
        break
    }
  }

  /** Somebody's wish to record was answered. */
  answered(leaf: number): void {
    this.wouldRecord.delete(leaf)
  }

  /** Where a connection stands that is not made. */
  stateOf(leaf: number): PeerState {
    return this.#reconnecting.has(leaf) ? "reconnecting" : "joining"
  }

  /** The call is over; how it ended stays. */
  forget(): void {
    this.ringing = null
    for (const of of [this.recording, this.wouldRecord, this.#reconnecting]) of.clear()
  }

  #forgetPeer(leaf: number): void {
    for (const of of [this.recording, this.wouldRecord, this.#reconnecting]) of.delete(leaf)
  }
}

/** Null for what we did ourselves, and know. */
function endingOf(reason: EndReason, by: CallPerson | null): CallView["ending"] {
  const isOurs = by === null && (reason === EndReason.DECLINED || reason === EndReason.CANCELLED)
  return isOurs ? null : { why: ENDINGS[reason], by }
}

const ENDINGS: Readonly<Record<EndReason, CallEnding>> = {
  [EndReason.HUNG_UP]: "hungUp",
  [EndReason.CANCELLED]: "cancelled",
  [EndReason.TIMED_OUT]: "timedOut",
  [EndReason.DECLINED]: "declined",
  [EndReason.BUSY]: "busy",
  [EndReason.FAILED]: "failed",
  [EndReason.LOST]: "lost",
  [EndReason.REPLACED]: "replaced",
  [EndReason.REMOVED]: "removed",
  [EndReason.NETWORK]: "network",
}

