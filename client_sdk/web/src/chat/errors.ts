/**
 * What can go wrong with a message inside the encryption, and whose fault it is.
 *
 *     MessageError
 *     ├── LocalMessageError      a message that this side may not send: it breaks a limit
 *     └── RemoteMessageError     what a member sent is no message of this version
 */

/** Base of both. */
export class MessageError extends Error {}

/** The message breaks a documented limit; nobody would read it. */
export class LocalMessageError extends MessageError {}

/** A member sent bytes that are no message. Show that something unreadable came; never the bytes. */
export class RemoteMessageError extends MessageError {}
