/**
 * A conversation at rest: what a staff device writes into its key store before it sends anything.
 *
 * Plain data in MessagePack, versioned; the key store encrypts it. Survivors never come here: their keys live in memory
 * only. The room is not stored but verified anew from the group, for a statement may have ended since.
 */

import { decode, encode } from "@msgpack/msgpack"

import { decodeMessage, encodeMessage } from "../chat/codec.ts"
import { Text, type Invitation } from "../chat/messages.ts"
import { KeyStoreDamaged } from "../errors.ts"
import type { MessageReceived, NoteReceived, StateEvent, TextReceived } from "../events.ts"
import type { Change } from "../group/groupChanges.ts"
import type { Signer } from "../hazmat/ed25519.ts"
import { Invitations } from "./invitations.ts"
import { LogOrder } from "./logOrder.ts"
import type { Membership } from "./membership.ts"
import { MlsGroup, readKeyPackage } from "../mls/group.ts"
import { Outbox, type InFlight } from "./outbox.ts"
import { decodeClientFrame, encode as encodeFrame } from "../relay/codec.ts"
import { Participant } from "../group/room.ts"
import {
  SchemaError,
  bool,
  bytes,
  defaulted,
  define,
  fromArray,
  integer,
  list,
  optional,
  struct,
  text,
  toArray,
  type ValueOf,
} from "../encoding/schema.ts"
import { SenderOrder } from "../group/senderOrder.ts"

const VERSION = 1
const MOST = 2 ** 31
const number = integer(-1, Number.MAX_SAFE_INTEGER)
const blob = bytes(0, MOST)
const some = text(0, MOST)

/** `add` is a key package, `remove` a signature key; neither means a refresh. */
const change = struct({ add: optional(blob), byCapability: bool, remove: optional(blob) })
type SavedChange = ValueOf<typeof change>

const counterOf = struct({ key: some, counter: number })

const membership = struct({
  group: optional(blob),
  pending: optional(struct({ counter: number, group: blob, change })),
  invitations: list(blob, 0, MOST),
  consents: list(struct({ deviceId: blob, name: some, role: some }), 0, MOST),
  senders: list(counterOf, 0, MOST),
  firstOfSenders: defaulted(list(counterOf, 0, MOST), []),
})
export type SavedMembership = ValueOf<typeof membership>

const place = struct({ member: number, cursor: number, nextOwn: number, withWelcome: list(number, 0, MOST) })
export type SavedPlace = ValueOf<typeof place>

/** Plaintexts, and appends with the very bytes that were sent. */
const outbox = struct({
  queued: list(blob, 0, MOST),
  inFlight: list(struct({ append: blob, content: optional(blob) }), 0, MOST),
  nextCounter: number,
})
export type SavedOutbox = ValueOf<typeof outbox>

/** What somebody said that the application has not taken yet. */
const savedHeard = struct({
  leafIndex: number,
  deviceKey: blob,
  name: optional(some),
  role: some,
  content: blob,
  isNote: defaulted(bool, false),
})
export type SavedHeard = ValueOf<typeof savedHeard>

/** Our note key, and those of colleagues by their device's key in hex. */
const notes = struct({
  own: optional(struct({ id: blob, privateKey: blob, publicKey: blob })),
  keys: list(struct({ device: some, key: blob }), 0, MOST),
  owesKey: bool,
})
export type SavedNotes = ValueOf<typeof notes>

const conversation = struct({
  conversationId: blob,
  membership,
  place,
  outbox,
  changes: list(change, 0, MOST),
  leaving: list(some, 0, MOST),
  receipts: list(struct({ kind: number, messageIds: list(blob, 0, MOST) }), 0, MOST),
  owesAcknowledgement: bool,
  notes: defaulted(notes, { own: null, keys: [], owesKey: false }),
  appendedBefore: defaulted(list(counterOf, 0, MOST), []),
  confirmed: optional(list(some, 0, MOST)),
})
/** Everything, but what the application has yet to be told: that is beside it in `Kept`. */
export type SavedConversation = ValueOf<typeof conversation>

export type Heard = Omit<TextReceived, "markRead"> | MessageReceived | NoteReceived

const Kept = define("kept", VERSION, { conversation, undeliveredEvents: list(savedHeard, 0, MOST) })
/** One record of the key store. */
export type Kept = ReturnType<typeof Kept>

/** The record. */
export function keptToBytes(saved: SavedConversation, undeliveredEvents: readonly SavedHeard[]): Uint8Array {
  return encode(toArray(Kept, Kept({ conversation: saved, undeliveredEvents })))
}

/** Read a record; throws `KeyStoreDamaged`. */
export function keptFromBytes(data: Uint8Array): Kept {
  const array = unpacked(data)
  if (!Array.isArray(array) || array[0] !== VERSION) {
    throw new KeyStoreDamaged("a saved conversation does not parse, or is of another version")
  }
  try {
    return fromArray(Kept, array) as Kept
  } catch (error) {
    if (error instanceof SchemaError) throw new KeyStoreDamaged("a saved conversation does not parse", { cause: error })
    throw error
  }
}

function unpacked(data: Uint8Array): unknown {
  try {
    return decode(data)
  } catch (error) {
    throw new KeyStoreDamaged("a saved conversation does not parse", { cause: error })
  }
}

/** What somebody said, as data. */
export function saveHeard(event: Heard): SavedHeard {
  const { leafIndex, deviceKey, name, role } = event.sender
  return { leafIndex, deviceKey, name, role, content: contentOf(event), isNote: event.type === "noteReceived" }
}

function contentOf(event: Heard): Uint8Array {
  if (event.type === "messageReceived") {
    return event.message.type === "unknown" ? event.message.raw : encodeMessage(event.message)
  }
  // Of a note too: the key that would open it once more is gone.
  const { messageId: id, sent, text: words } = event
  const replyTo = event.type === "textReceived" ? event.replyTo : null
  return encodeMessage(Text({ id, sent, text: words, replyTo }))
}

/** What somebody said, from data; throws `KeyStoreDamaged`. */
export async function restoreHeard({ leafIndex, deviceKey, name, role, content, isNote }: SavedHeard): Promise<StateEvent> {
  const sender = await Participant.of(leafIndex, deviceKey, name, role)
  const message = decodeMessage(content)
  switch (message.type) {
    case "text": {
      const { id: messageId, text: words, sent, replyTo } = message
      if (isNote) return { type: "noteReceived", messageId, sender, text: words, sent }
      return { type: "textReceived", messageId, sender, text: words, sent, replyTo }
    }
    case "attachment":
    case "location":
    case "form":
    case "referral":
    case "unknown":
      return { type: "messageReceived", sender, message }
    default:
      throw new KeyStoreDamaged("what was heard is nothing that people say")
  }
}

/** A change of the group as data. */
export function saveChange(made: Change): SavedChange {
  if (made.type === "addMember") return { add: made.keyPackage.encoded, byCapability: made.byCapability, remove: null }
  return { add: null, byCapability: false, remove: made.type === "removeMember" ? made.deviceKey : null }
}

/** A change of the group from data. */
export async function restoreChange(saved: SavedChange): Promise<Change> {
  if (saved.add !== null) {
    return { type: "addMember", keyPackage: await readKeyPackage(saved.add), byCapability: saved.byCapability }
  }
  return saved.remove === null ? { type: "refresh" } : { type: "removeMember", deviceKey: saved.remove }
}

/** An outbox as data. */
export function saveOutbox(box: Outbox): SavedOutbox {
  const inFlight = box.inFlight.map(({ append, content }) => ({ append: encodeFrame(append), content }))
  return { queued: box.queued, inFlight, nextCounter: box.nextCounter }
}

/** An outbox from data. */
export function restoreOutbox(saved: SavedOutbox): Outbox {
  return new Outbox(saved.queued, saved.inFlight.map(restoreInFlight), saved.nextCounter)
}

function restoreInFlight({ append, content }: { append: Uint8Array; content: Uint8Array | null }): InFlight {
  const frame = decodeClientFrame(append)
  if (frame.type !== "append") throw new KeyStoreDamaged("what was in flight is no append")
  return { append: frame, content }
}

/** How far the log was read, as data; what waits behind a gap is asked for again. */
export function saveOrder(order: LogOrder): SavedPlace {
  const { member, cursor, nextOwn, withWelcome } = order
  return { member, cursor, nextOwn, withWelcome: [...withWelcome] }
}

/** How far the log was read, from data. */
export function restoreOrder(saved: SavedPlace): LogOrder {
  return new LogOrder(saved.member, saved.cursor, saved.nextOwn, saved.withWelcome)
}

/** Our seat in the group as data. */
export function saveMembership(membership: Membership): SavedMembership {
  const { pending, invitations, senders } = membership
  return {
    group: membership.groupBytes(),
    pending:
      pending === null
        ? null
        : { counter: pending.counter, group: pending.group.toBytes(), change: saveChange(pending.change) },
    invitations: [...invitations.open.values()].map(encodeMessage),
    consents: [...invitations.consents.values()],
    senders: [...senders.last].map(([key, counter]) => ({ key, counter })),
    firstOfSenders: [...senders.first].map(([key, counter]) => ({ key, counter })),
  }
}

/**
 * Take our seat again, with the room verified anew; throws `RosterNotAdmitted` if it does not pass any more, a
 * `RemoteError` for damaged bytes. `now` in seconds.
 */
export async function restoreMembership(
  member: Membership,
  saved: SavedMembership,
  signer: Signer,
  now: number,
): Promise<void> {
  if (saved.group === null) return
  member.invitations = new Invitations(saved.invitations.map(restoreInvitation), saved.consents)
  member.senders = new SenderOrder(pairs(saved.senders), pairs(saved.firstOfSenders))
  await member.resume(await MlsGroup.fromBytes(saved.group, signer), now)
  const { pending } = saved
  if (pending === null) return
  const group = await MlsGroup.fromBytes(pending.group, signer)
  await member.resumePending(pending.counter, group, await restoreChange(pending.change), now)
}

function pairs(counters: SavedMembership["senders"]): (readonly [string, number])[] {
  return counters.map(({ key, counter }) => [key, counter])
}

function restoreInvitation(data: Uint8Array): Invitation {
  const message = decodeMessage(data)
  if (message.type !== "invitation") throw new KeyStoreDamaged("an open invitation is none")
  return message
}
