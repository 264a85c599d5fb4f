/**
 * What travels inside the encryption of a conversation: what people say, and what their devices tell each other.
 *
 * One decrypted MLS application message, its padding removed, is one MessagePack array whose first element is the tag.
 * Elements that a newer client appends are ignored, and a tag that is not known here becomes `Unknown`, so that an older
 * client survives a newer one. Who said it is never in the message: MLS proves the sender.
 *
 *     people     Text, Attachment, Location, Form, Referral
 *     devices    Receipt, EpochAcknowledgement
 *     the room   Invitation -> InvitationAnswer (before anybody is brought in), Leaving, Ending
 *     staff      NoteKey -> HandOverNote, which the survivor's device receives too and cannot open
 *     calls      `OfCall`: see `call/messages.ts`
 *
 * Typing is none of them: it may be lost, so it is spared the message keys and travels as an Ephemeral.
 *
 * Times (`sent`) are the sender's clock in seconds since 1970: shown, never trusted for order, which is the log's.
 */

import { bool, bytes, defaulted, define, integer, list, oneOf, optional, struct, text, type ValueOf } from "../encoding/schema.ts"

/** The largest encoded message, before padding. */
export const MAX_MESSAGE_BYTES = 60 * 1024
export const MAX_TEXT_CHARACTERS = 8000
export const MAX_RECEIPT_IDS = 256
export const MAX_BEGINNINGS = 256
/** Whether a tag is that of a message about a call, which is one of `call/messages.ts`. */
export const CALL_TAGS = { includes: (tag: number): boolean => tag >= 0x20 && tag < 0x40 }

/** How far a message has come: decrypted by the receiver's device, or shown to a person. */
export const ReceiptKind = { DELIVERED: 1, READ: 2 } as const
export type ReceiptKind = (typeof ReceiptKind)[keyof typeof ReceiptKind]

const id = bytes(16)
const sent = integer(0, Number.MAX_SAFE_INTEGER)
const size = integer(0, Number.MAX_SAFE_INTEGER)
const label = text(1, 128)
const note = defaulted(text(0, 1000), "")

export const Text = define("text", 0x01, { id, sent, text: text(1, MAX_TEXT_CHARACTERS), replyTo: optional(id) })
export type Text = ReturnType<typeof Text>

/** These messages of yours were delivered, or read. Read implies delivered. */
export const Receipt = define("receipt", 0x02, {
  kind: oneOf(Object.values(ReceiptKind)),
  messageIds: list(id, 1, MAX_RECEIPT_IDS),
})
export type Receipt = ReturnType<typeof Receipt>

/** The sender wipes her keys now; a staff member who stays commits her removal. */
export const Leaving = define("leaving", 0x03, { sent })
export type Leaving = ReturnType<typeof Leaving>

/** The conversation is over for everybody: wipe. */
export const Ending = define("ending", 0x04, { sent })
export type Ending = ReturnType<typeof Ending>

const beginning = struct({ leaf: integer(0, 2 ** 32 - 1), appended: integer(0, Number.MAX_SAFE_INTEGER) })
/** Where a member, at its leaf, begins to hear the sender: how many entries the sender had appended when it came. */
export type Beginning = ValueOf<typeof beginning>

/** After a commit: I am in this epoch, and see this of it. Another digest means that we do not agree. */
export const EpochAcknowledgement = define("epochAcknowledgement", 0x05, {
  epoch: integer(0, Number.MAX_SAFE_INTEGER),
  digest: bytes(32, 64),
  beginnings: defaulted(list(beginning, 0, MAX_BEGINNINGS), []),
  cannotCall: defaulted(bool, false),
})
export type EpochAcknowledgement = ReturnType<typeof EpochAcknowledgement>

/** Staff: I would like to bring somebody in. Nobody is added before the survivor has accepted. */
export const Invitation = define("invitation", 0x06, {
  id,
  sent,
  deviceId: bytes(32),
  name: label,
  role: label,
  reason: note,
})
export type Invitation = ReturnType<typeof Invitation>

/** Survivor: yes or no. A yes holds for this device and this invitation only. */
export const InvitationAnswer = define("invitationAnswer", 0x07, { invitationId: id, sent, accepted: bool })
export type InvitationAnswer = ReturnType<typeof InvitationAnswer>

/** A file, encrypted under a key of its own, that waits in the attachment store. `size` in bytes, without padding. */
export const Attachment = define("attachment", 0x08, {
  id,
  sent,
  attachmentId: bytes(16, 32),
  key: bytes(32),
  digest: bytes(32),
  size,
  mediaType: label,
  fileName: optional(label),
  evidence: defaulted(bool, false),
})
export type Attachment = ReturnType<typeof Attachment>

/** Where the sender is, or where to come: WGS 84, in ten-millionths of a degree. */
export const Location = define("location", 0x09, {
  id,
  sent,
  latitudeE7: integer(-900_000_000, 900_000_000),
  longitudeE7: integer(-1_800_000_000, 1_800_000_000),
  accuracyMetres: defaulted(integer(0, 100_000), 0),
  note,
})
export type Location = ReturnType<typeof Location>

/** A form of the organisation, filled in (a safety plan, a risk assessment). */
export const Form = define("form", 0x0a, {
  id,
  sent,
  form: label,
  answers: list(struct({ field: label, value: text(0, 1000) }), 0, 64),
})
export type Form = ReturnType<typeof Form>

/**
 * Staff: a service that can help further, and how to reach it. `serviceId` is its UUID in the directory of that version, where
 * it is from there: she is shown what her own signed directory says of it.
 */
export const Referral = define("referral", 0x0b, {
  id,
  sent,
  service: label,
  kind: label,
  contact: text(0, 1000),
  note,
  serviceId: optional(id),
  directoryVersion: optional(integer(0, Number.MAX_SAFE_INTEGER)),
})
export type Referral = ReturnType<typeof Referral>

/** Staff who have just come in: seal a hand-over note to this X-Wing key; it is for this and nothing else. */
export const NoteKey = define("noteKey", 0x0c, { id, sent, publicKey: bytes(1216) })
export type NoteKey = ReturnType<typeof NoteKey>

/**
 * Staff: what a colleague should know, sealed to her device. Others learn that there was a note. `keyId` is that of the
 * `NoteKey`. Every note has one size, so that nobody learns how much there was to say.
 */
export const HandOverNote = define("handOverNote", 0x0d, { id, sent, keyId: id, enc: bytes(1120), sealed: bytes(4112) })
export type HandOverNote = ReturnType<typeof HandOverNote>

/** A message of a tag that this version does not know; tell the person rather than drop it silently. */
export interface Unknown {
  readonly type: "unknown"
  readonly tag: number
  readonly raw: Uint8Array
}

/** A message about a call, for whoever takes part in calls to decode. */
export interface OfCall {
  readonly type: "ofCall"
  readonly raw: Uint8Array
}

export const MESSAGES = [
  Text,
  Receipt,
  Leaving,
  Ending,
  EpochAcknowledgement,
  Invitation,
  InvitationAnswer,
  Attachment,
  Location,
  Form,
  Referral,
  NoteKey,
  HandOverNote,
] as const
export type ChatMessage = ReturnType<(typeof MESSAGES)[number]>
