/**
 * What the devices in a conversation tell each other about a call.
 *
 * One decrypted application message, as in `chat/messages.ts`, with the tags from 0x20 to 0x3F. All of them begin alike:
 * the call, when the sender sent it, and since when the sender is in the call. Whoever does not take part in calls can
 * skip them, and whoever has waited with one too long can drop it unsent.
 *
 *     ringing      Ring -> Join | Decline | Cancel
 *     connecting   Description (offer) -> Description (answer), Candidates both ways, Renegotiate
 *     in the call  MediaState, Recording, HangUp
 *     ephemeral    Heartbeat: all that its sender believes, over and over; it heals whatever was lost
 *
 * `joined` tells one participation of a device from the next: it is the sender's clock when it rang or joined, so that a
 * device that was reloaded is not taken for what it was before. Times are milliseconds since 1970.
 */

import {
  bool,
  bytes,
  defaulted,
  define,
  integer,
  list,
  oneOf,
  optional,
  struct,
  text,
  type ValueOf,
} from "../encoding/schema.ts"

/** Candidates in one message. */
export const MAX_CANDIDATES = 32
/** Members that one message can name; calls are for four. */
export const MAX_CALL_MEMBERS = 16

/** Why a call, or somebody's part in it, is over. */
export const EndReason = {
  HUNG_UP: 1,
  /** By who rang, before anybody answered. */
  CANCELLED: 2,
  /** Nobody answered. */
  TIMED_OUT: 3,
  DECLINED: 4,
  BUSY: 5,
  /** No connection could be made. */
  FAILED: 6,
  /** It fell silent without a goodbye. */
  LOST: 7,
  /** The same device began anew, or the call gave way to one that began at the same time. */
  REPLACED: 8,
  /** From the conversation. */
  REMOVED: 9,
  /** The connection is too poor even for voice: on to text. */
  NETWORK: 10,
} as const
export type EndReason = (typeof EndReason)[keyof typeof EndReason]

/** Why a device sends what it sends: its user chose it, the connection allows no more, or a device failed. */
export const MediaReason = { CHOSEN: 1, NETWORK: 2, DEVICE: 3 } as const
export type MediaReason = (typeof MediaReason)[keyof typeof MediaReason]

/** What a device that may not offer asks the other for: a new offer, a new path, or a new connection. */
export const NegotiationWish = { MEDIA: 1, RESTART: 2, REBUILD: 3 } as const
export type NegotiationWish = (typeof NegotiationWish)[keyof typeof NegotiationWish]

/** About the recording of a call; REFUSE: no, or not any more. */
export const RecordingStep = { ASK: 1, GRANT: 2, REFUSE: 3, STARTED: 4, STOPPED: 5 } as const
export type RecordingStep = (typeof RecordingStep)[keyof typeof RecordingStep]

/** Where the sender of a heartbeat stands. */
export const Phase = { CALLING: 1, IN_CALL: 2 } as const
export type Phase = (typeof Phase)[keyof typeof Phase]

const milliseconds = integer(0, Number.MAX_SAFE_INTEGER)
const leaf = integer(0, 2 ** 32 - 1)
const generation = integer(0, 2 ** 32 - 1)
const revision = integer(1, 2 ** 32 - 1)
const leaves = list(leaf, 0, MAX_CALL_MEMBERS)
const reason = oneOf(Object.values(EndReason))

const media = struct({
  audio: bool,
  video: bool,
  screen: defaulted(bool, false),
  reason: defaulted(oneOf(Object.values(MediaReason)), MediaReason.CHOSEN),
})
/** What a device sends at the moment: muted is `audio: false`. */
export type Media = ValueOf<typeof media>

/** What a device sends; nothing that is not named. */
export function mediaOf({
  audio = false,
  video = false,
  screen = false,
  reason = MediaReason.CHOSEN,
}: Partial<Media>): Media {
  return { audio, video, screen, reason }
}

const candidate = struct({
  candidate: text(0, 1024),
  sdpMid: optional(text(0, 64)),
  sdpMLineIndex: optional(integer(0, 255)),
})
/** One ICE candidate, as `RTCIceCandidateInit` has it; an empty one says that there are no more. */
export type Candidate = ValueOf<typeof candidate>

/** What all messages about calls begin with. */
const common = { call: bytes(8), sent: milliseconds, joined: milliseconds }
/** What concerns the connection between two devices. Every member can read it; one is meant. */
const addressed = { ...common, to: leaf, toJoined: milliseconds, generation }

/** I would like to talk with these members; with everybody if `to` is empty. */
export const Ring = define("ring", 0x20, {
  ...common,
  media,
  to: defaulted(leaves, []),
  canRestartIce: defaulted(bool, false),
})
export type Ring = ReturnType<typeof Ring>

/** I am in this call now: the answer to a ring, or an arrival later. */
export const Join = define("join", 0x21, { ...common, media, canRestartIce: defaulted(bool, false) })
export type Join = ReturnType<typeof Join>

/** I do not come; `joined` is that of whoever rang. */
export const Decline = define("decline", 0x22, { ...common, reason })
export type Decline = ReturnType<typeof Decline>

/** I no longer ring. */
export const Cancel = define("cancel", 0x23, { ...common, reason })
export type Cancel = ReturnType<typeof Cancel>

/** I leave the call. */
export const HangUp = define("hangUp", 0x24, { ...common, reason })
export type HangUp = ReturnType<typeof HangUp>

/** An SDP offer or answer, with the candidates that were known already. */
export const Description = define("description", 0x25, {
  ...addressed,
  revision,
  isOffer: bool,
  restartsIce: bool,
  sdp: text(1, 32 * 1024),
  candidates: defaulted(list(candidate, 0, MAX_CANDIDATES), []),
})
export type Description = ReturnType<typeof Description>

/** More candidates, of the sender's description with this generation and revision. */
export const Candidates = define("candidates", 0x26, {
  ...addressed,
  revision,
  candidates: list(candidate, 1, MAX_CANDIDATES),
})
export type Candidates = ReturnType<typeof Candidates>

/** Please make me an offer; `generation` is the one that I know. */
export const Renegotiate = define("renegotiate", 0x27, {
  ...addressed,
  wish: oneOf(Object.values(NegotiationWish)),
})
export type Renegotiate = ReturnType<typeof Renegotiate>

/** What I send has changed. */
export const MediaState = define("mediaState", 0x28, { ...common, media })
export type MediaState = ReturnType<typeof MediaState>

/** I ask everybody, I answer `to`, or I have started or stopped. Nobody records whom not all allow it. */
export const Recording = define("recording", 0x29, {
  ...common,
  step: oneOf(Object.values(RecordingStep)),
  to: optional(leaf),
})
export type Recording = ReturnType<typeof Recording>

const present = struct({ leaf, joined: milliseconds })
/** Whom the sender of a heartbeat believes to be in the call with it. */
export type Present = ValueOf<typeof present>

/** I am still here, and this is how I see the call. Travels as an Ephemeral, not in the log. */
export const Heartbeat = define("heartbeat", 0x2a, {
  ...common,
  phase: oneOf(Object.values(Phase)),
  media,
  canRestartIce: bool,
  /** Whom I ring. */
  awaited: leaves,
  peers: list(present, 0, MAX_CALL_MEMBERS),
  /** Who may record me. */
  grants: defaulted(leaves, []),
  isRecording: defaulted(bool, false),
})
export type Heartbeat = ReturnType<typeof Heartbeat>

export const CALL_MESSAGES = [
  Ring,
  Join,
  Decline,
  Cancel,
  HangUp,
  Description,
  Candidates,
  Renegotiate,
  MediaState,
  Recording,
  Heartbeat,
] as const
export type CallMessage = ReturnType<(typeof CALL_MESSAGES)[number]>
export type Addressed = Description | Candidates | Renegotiate
