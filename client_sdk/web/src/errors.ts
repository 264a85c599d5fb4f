/**
 * What an application can catch, and whose fault it is.
 *
 *     TeduhError
 *     ├── LocalError                      the application's fault
 *     │   ├── ConversationOver            the conversation has ended; nothing can be sent any more
 *     │   ├── ClientClosed                the survivor's or staff's client was closed
 *     │   ├── NotJoined                   it needs somebody on the other side, and nobody is there yet
 *     │   └── MessageTooLong
 *     ├── RelayRefused                    the relay answered with an error; `code` says which
 *     │   ├── RequestGone                 somebody else took the request, or nobody waits
 *     │   │   └── NotLetIn                 she said no to this device, or did not answer in time
 *     │   ├── ConversationForgotten       the relay does not know the conversation, or us in it, any more
 *     │   └── AuthenticationRefused       the relay does not take this device for staff
 *     │       └── NotYetValid             by the relay's clock its statement has not begun
 *     ├── RelayLost                       the connection went away before the answer came
 *     ├── RelayMisbehaved                 the relay broke the protocol
 *     ├── NotTrusted                      promise 5: who is in the room could not be proven
 *     │   ├── RosterNotAdmitted           a change of members that she did not agree to
 *     │   │   └── DeviceNotProven          by this device's clock its own statement does not hold
 *     │   ├── WrongConversation           a group with another id than the conversation
 *     │   ├── EpochsDiffer                members do not agree on the keys of this epoch
 *     │   └── LogBroken                   entries were withheld, reordered or repeated
 *     ├── RequestUnusable                 what came with a request is no key package to answer
 *     ├── InvitationDeclined              the survivor said no to a new member
 *     ├── CommitConflict                  others kept changing the group first, three times
 *     ├── KeyStoreError
 *     │   ├── WrongPassphrase             or the records were tampered with
 *     │   └── KeyStoreDamaged
 *     ├── InvalidOrganisation             an organisation file that does not parse or whose keys are unusable
 *     ├── InvalidDirectory                a directory of services that does not parse
 *     └── EnrolmentFailed                 the invitation was refused, or the answer did not fit
 *
 * Errors of the cryptography that concern one bad message never get this far: the conversation drops the message and
 * reports it as an event.
 */

import type { ErrorCode, Price } from "./relay/frames.ts"

/** Base of every error that the SDK throws on purpose. */
export class TeduhError extends Error {}

/** The application asked for something that cannot be done. */
export class LocalError extends TeduhError {}

/** The conversation has ended, and its keys are wiped. */
export class ConversationOver extends LocalError {}

/** The `Survivor` or `Staff` is closed. */
export class ClientClosed extends LocalError {}

/** Nobody has joined yet. */
export class NotJoined extends LocalError {}

/** The text is longer than a message may be. */
export class MessageTooLong extends LocalError {}

/** The relay refused what it was asked; `code` is one of PROTOCOL.md's. */
export class RelayRefused extends TeduhError {
  constructor(
    readonly code: ErrorCode,
    detail: string,
    /** How long the relay asks to be left alone with this; 0: it does not say. */
    readonly retryAfterMs = 0,
    /** What a request costs; null: it does not say. */
    readonly price: Price | null = null,
  ) {
    super(`${code}: ${detail}`)
  }
}

/** Somebody else took the request, or nobody waits. */
export class RequestGone extends RelayRefused {}

/** The survivor, whose conversation goes on, said no to this device, or did not answer in time. */
export class NotLetIn extends RequestGone {}

/**
 * The relay does not know the conversation any more, or not that we are in it, although nobody has ended it: it lay unused
 * for too long, or the relay's store has lost it. The relay cannot tell which.
 */
export class ConversationForgotten extends RelayRefused {}

/** The relay does not take this device for staff: its statement has expired, was revoked, or does not fit. */
export class AuthenticationRefused extends RelayRefused {}

/**
 * By the relay's clock the statement of this device has not begun; both times are in seconds since 1970. One of the two
 * clocks, the relay's or that of whoever signed, is wrong.
 */
export class NotYetValid extends AuthenticationRefused {
  constructor(
    code: ErrorCode,
    detail: string,
    readonly begins: number,
    readonly relayTime: number,
  ) {
    super(code, detail)
  }
}

/** The connection was lost before the relay answered; whether it was done is not known. */
export class RelayLost extends TeduhError {}

/** The relay sent what the protocol does not allow. */
export class RelayMisbehaved extends TeduhError {}

/** Who is in the room could not be proven, so the conversation stopped. */
export class NotTrusted extends TeduhError {}

/** Members came or changed without the survivor's consent, or she herself was replaced. */
export class RosterNotAdmitted extends NotTrusted {}

/** By this device's clock its own statement does not hold: it is nobody who could be in a room. */
export class DeviceNotProven extends RosterNotAdmitted {}

/** The group's id is not the id of the conversation. */
export class WrongConversation extends NotTrusted {}

/** A member acknowledged other keys for this epoch than ours. */
export class EpochsDiffer extends NotTrusted {}

/** Entries of the conversation were withheld, reordered, repeated or are lost. */
export class LogBroken extends NotTrusted {}

/** The request cannot be answered, for its key package is not valid; it was taken off the queue. */
export class RequestUnusable extends TeduhError {}

/** The survivor does not want the invited colleague in the room. */
export class InvitationDeclined extends TeduhError {}

/** The colleague was let in but has not come, or has left; or nobody suitable is available. */
export class ColleagueAbsent extends TeduhError {}

/** Others changed the group first, each time that it was tried. */
export class CommitConflict extends TeduhError {}

/** The key store cannot be used. */
export class KeyStoreError extends TeduhError {}

/** The passphrase or passkey does not open the key store, or somebody changed it. */
export class WrongPassphrase extends KeyStoreError {}

/** A record of the key store does not parse. */
export class KeyStoreDamaged extends KeyStoreError {}

/** The organisation file does not parse, or its keys are unusable. */
export class InvalidOrganisation extends TeduhError {}

/** The directory of services is none, or says what no directory may. */
export class InvalidDirectory extends TeduhError {}

/** The invitation was refused, or what came back does not fit this device. */
export class EnrolmentFailed extends TeduhError {}
