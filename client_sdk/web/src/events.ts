/**
 * What an application is told of a conversation, in order.
 *
 *     before        waiting, preferencesRelaxed, staffAvailable, joined
 *     talk          textReceived, messageReceived, sent, delivered, read, typingSeen
 *     the room      joined, left, memberDisconnected, callsUnsupported, unconfirmed
 *                   invitationReceived, invitationAnswered
 *     staff         noteAwaited, noteReceived, noteHandedOver
 *     somebody else staffUnreachable, staffReachable, waiting, reassignmentFound, reassignmentLapsed, reassignmentRefused
 *     trouble       reconnecting, connected, relayUnavailable, relayAvailable, messageRefused, rosterRefused, stopped
 *     the end       ended
 */

import type { Attachment, Form, Invitation, Location, Referral, Unknown } from "./chat/messages.ts"
import type { NotTrusted, TeduhError } from "./errors.ts"
import type { Change } from "./group/groupChanges.ts"
import type { Preference } from "./relay/frames.ts"
import type { Participant } from "./group/room.ts"

/** She waits in the queue; `position` 1 is next, 0 means that somebody has taken her request and is joining. */
export interface Waiting {
  readonly type: "waiting"
  readonly position: number
  /** Four of five waits are between these; null while the relay knows too little. */
  readonly leastSeconds: number | null
  readonly mostSeconds: number | null
}

/** Nobody suitable came, so these of her preferences no longer count: all that were dropped so far. */
export interface PreferencesRelaxed {
  readonly type: "preferencesRelaxed"
  readonly dropped: readonly Preference[]
}

/** Whether somebody takes requests now; if nobody does, when somebody will (seconds since 1970), if that is known. */
export interface StaffAvailable {
  readonly type: "staffAvailable"
  readonly somebody: boolean
  readonly opens: number | null
}

/** The link to the relay is up, and what was missed has been asked for. */
export interface Connected {
  readonly type: "connected"
}

/** The link to the relay broke; what is said meanwhile is kept and sent when it is back. */
export interface Reconnecting {
  readonly type: "reconnecting"
}

/**
 * The relay answers, and cannot take what is said: its store is away or full. It is kept and sent again by itself, until
 * `relayAvailable`.
 */
export interface RelayUnavailable {
  readonly type: "relayUnavailable"
}

/** The relay takes what is said again. */
export interface RelayAvailable {
  readonly type: "relayAvailable"
}

/** Somebody is in the room, proven: on the first epoch everybody, later the newcomer. */
export interface Joined {
  readonly type: "joined"
  readonly participant: Participant
}

/** Somebody has left, or was removed. */
export interface Left {
  readonly type: "left"
  readonly participant: Participant
}

/**
 * The relay says that the survivor has left without a word: her page was closed. Its word alone, told once; what is said
 * to her now nobody reads.
 */
export interface MemberDisconnected {
  readonly type: "memberDisconnected"
  readonly participant: Participant
}

/** This member's device says that it can take part in no call, as a browser without WebRTC; told once. */
export interface CallsUnsupported {
  readonly type: "callsUnsupported"
  readonly participant: Participant
}

/**
 * Whose devices have not confirmed the present keys for 60 s in which we were connected; told whenever these change, and
 * empty when there is nobody any more.
 *
 * They may be offline. If they are not, the relay may have led the conversation apart: what is said here may not reach
 * them, and what they say not us. Tell people so.
 */
export interface Unconfirmed {
  readonly type: "unconfirmed"
  readonly participants: readonly Participant[]
}

/**
 * To the survivor: the relay says that no device of staff has been connected for a while. Its word alone. She can look
 * for somebody else by `Conversation.requestReassignment`, and keep the conversation.
 */
export interface StaffUnreachable {
  readonly type: "staffUnreachable"
  /** Those who have not said that they leave. */
  readonly participants: readonly Participant[]
}

/** Somebody on the other side is connected again: the relay says so, or a word from there. */
export interface StaffReachable {
  readonly type: "staffReachable"
}

/**
 * Somebody, proven, has taken the conversation, and comes in if the survivor approves; until `reassignmentLapsed` she can. To
 * decline ends the search.
 */
export interface ReassignmentFound {
  readonly type: "reassignmentFound"
  /** Not in the room yet. */
  readonly participant: Participant
  readonly approve: () => Promise<void>
  readonly decline: () => Promise<void>
}

/** The survivor did not answer in time; the conversation waits again in its old place. */
export interface ReassignmentLapsed {
  readonly type: "reassignmentLapsed"
}

/** Promise 5: whoever the relay offered is not proven. Nobody was let in, and the search has ended. */
export interface ReassignmentRefused {
  readonly type: "reassignmentRefused"
  readonly reason: NotTrusted
}

/** Somebody wrote. `sent` is seconds since 1970 by the sender's clock: to show, not to order by. */
export interface TextReceived {
  readonly type: "textReceived"
  readonly messageId: Uint8Array
  readonly sender: Participant
  readonly text: string
  readonly sent: number
  readonly replyTo: Uint8Array | null
  /** Tells the sender that a person has seen it. */
  readonly markRead: () => Promise<void>
}

/** Something else than text came; `unknown` is from a newer client than this. */
export interface MessageReceived {
  readonly type: "messageReceived"
  readonly sender: Participant
  readonly message: Attachment | Location | Form | Referral | Unknown
}

/** The relay has it: it will not be lost. Told again when it was said anew, to somebody who took over. */
export interface Sent {
  readonly type: "sent"
  readonly messageId: Uint8Array
}

/** The device of `by` has decrypted it. */
export interface Delivered {
  readonly type: "delivered"
  readonly messageId: Uint8Array
  readonly by: Participant
}

/** It has been shown to the person. */
export interface Read {
  readonly type: "read"
  readonly messageId: Uint8Array
  readonly by: Participant
}

/** Somebody writes, or has stopped. Forget it after some seconds without another. */
export interface TypingSeen {
  readonly type: "typingSeen"
  readonly participant: Participant
  readonly active: boolean
}

/** A staff member would like to bring somebody in. The survivor approves or declines; others watch. */
export interface InvitationReceived {
  readonly type: "invitationReceived"
  readonly invitation: Invitation
  readonly proposedBy: Participant
  readonly approve: () => Promise<void>
  readonly decline: () => Promise<void>
}

/** The survivor said yes or no to an invitation. */
export interface InvitationAnswered {
  readonly type: "invitationAnswered"
  readonly invitation: Invitation
  readonly accepted: boolean
}

/** A colleague's device is here and has said to which key a hand-over note for it is sealed. */
export interface NoteAwaited {
  readonly type: "noteAwaited"
  readonly participant: Participant
}

/** Staff: a hand-over note, which only this device can read. `sent` as in `textReceived`. */
export interface NoteReceived {
  readonly type: "noteReceived"
  readonly messageId: Uint8Array
  readonly sender: Participant
  readonly text: string
  readonly sent: number
}

/**
 * A staff member has handed a colleague a note; nobody else can read it. `to` is null if we came later than the key to
 * which it is sealed.
 */
export interface NoteHandedOver {
  readonly type: "noteHandedOver"
  readonly sender: Participant
  readonly to: Participant | null
}

/** Somebody's device says something about a call; for whoever listens to calls. Not told on. */
export interface CallSignal {
  readonly type: "callSignal"
  readonly sender: Participant
  readonly data: Uint8Array
  readonly isLive: boolean
}

/** Somebody else changed the group first, so that our change was not made; it is tried again. Not told on. */
export interface CommitLost {
  readonly type: "commitLost"
  readonly change: Change
}

/** A change of the group could not even be tried: its key package or its statement does not hold. */
export interface ChangeFailed {
  readonly type: "changeFailed"
  readonly change: Change
  readonly reason: Error
}

/** One entry could not be opened or read, and was dropped: garbage, or a replay. */
export interface MessageRefused {
  readonly type: "messageRefused"
  readonly reason: string
}

/** Promise 5: the next state of the room was not proven or not agreed to. It was discarded; nobody hears us. */
export interface RosterRefused {
  readonly type: "rosterRefused"
  readonly reason: NotTrusted
}

/** A text that was said here and is not known to be in the log when the conversation is over. */
export interface Unsent {
  readonly messageId: Uint8Array
  readonly text: string
  /** Whether it was on its way: then the others may have it all the same. */
  readonly wasTried: boolean
}

/**
 * The conversation cannot go on, and nobody has ended it; its keys are wiped. A new one has to be asked for. Among the
 * reasons: `ConversationForgotten`, `LogBroken`, `RosterNotAdmitted`.
 */
export interface Stopped {
  readonly type: "stopped"
  readonly reason: TeduhError
  /** What was not sent, in order. Empty as well where the client stops and a key store keeps it. */
  readonly unsent: readonly Unsent[]
}

/** A person has ended the conversation, or has taken this device out of it; its keys are wiped. */
export interface Ended {
  readonly type: "ended"
  /** Who; null: we ourselves, before anybody was there. */
  readonly by: Participant | null
  /** What was not sent, in order. */
  readonly unsent: readonly Unsent[]
}

/** Everything that a conversation can tell. */
export type Event =
  | Waiting
  | PreferencesRelaxed
  | StaffAvailable
  | Connected
  | Reconnecting
  | RelayUnavailable
  | RelayAvailable
  | Joined
  | Left
  | MemberDisconnected
  | CallsUnsupported
  | Unconfirmed
  | StaffUnreachable
  | StaffReachable
  | ReassignmentFound
  | ReassignmentLapsed
  | ReassignmentRefused
  | TextReceived
  | MessageReceived
  | Sent
  | Delivered
  | Read
  | TypingSeen
  | InvitationReceived
  | InvitationAnswered
  | NoteAwaited
  | NoteReceived
  | NoteHandedOver
  | ChangeFailed
  | MessageRefused
  | RosterRefused
  | Stopped
  | Ended

/** An event before the driver has put its reactions in, or that is for the driver alone. */
export type StateEvent =
  | Exclude<Event, TextReceived | InvitationReceived | ReassignmentFound>
  | Omit<TextReceived, "markRead">
  | Omit<InvitationReceived, "approve" | "decline">
  | Omit<ReassignmentFound, "approve" | "decline">
  | CommitLost
  | CallSignal
