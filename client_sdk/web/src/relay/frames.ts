/**
 * Every frame that a client and the relay may exchange: all that the relay can ever see.
 *
 * One WebSocket message carries one frame; a frame is one MessagePack array whose first element is the tag. PROTOCOL.md
 * and teduh_signaling.relay.frames are the contract, and say what each frame is for; the order of fields is the order
 * of the array.
 *
 *     client                                relay
 *       |  <------------------------------ Hello            nonce, limits, price
 *       |  Authenticate (staff only) ---->                  statement + possession of its key
 *       |  <------------------------------ Authenticated
 *       |  OpenRequest (survivor) ------->                  key package, capability
 *       |  <------------------------------ RequestOpened, QueuePosition ...
 *       |  Claim (staff) ---------------->
 *       |  <------------------------------ Claimed          the survivor's key package
 *       |  Append (commit + welcome) ---->                  epoch 0 -> 1
 *       |  <------------------------------ Accepted         it is in the conversation log
 *       |  <------------------------------ Entry            to every other subscribed member
 *       |  Acknowledge ------------------>                  cumulative; lets the log be trimmed
 */

import {
  bool,
  bytes,
  defaulted,
  define,
  integer,
  list,
  nullable,
  oneOf,
  optional,
  struct,
  text,
  type Field,
  type ValueOf,
} from "../encoding/schema.ts"

export const PROTOCOL_VERSION = 1
export const SUBPROTOCOL = "teduh.1"

/** No frame is larger, in either direction; a peer that sends more is closed. */
export const MAX_FRAME_BYTES = 256 * 1024
/** The largest ciphertext of one entry, and the largest Welcome. */
export const MAX_PAYLOAD_BYTES = 128 * 1024
/** The largest ciphertext that is passed on without being stored. */
export const MAX_EPHEMERAL_BYTES = 8 * 1024
export const MAX_KEY_PACKAGE_BYTES = 16 * 1024
export const MAX_KEY_PACKAGES = 50
export const MAX_MEMBERS_CHANGED = 16
export const MAX_COLLEAGUES = 256
export const MAX_STATEMENT_CHARACTERS = 8192
export const MAX_PROOF_OF_WORK_BYTES = 64
export const MAX_CONTINUATION_BYTES = 512
export const MAX_PROOF_OF_WORK_BITS = 32
export const MAX_PRICE_PUZZLES = 16
export const MAX_PRICE_BITS = 10
export const MAX_PRICE_MEMORY = 14
export const MAX_PRICE_ATTEMPTS = 2048
export const MAX_LISTED_REQUESTS = 64
export const MAX_PREFERENCES = 4
export const MAX_TALLIES = 32
export const MAX_BOARD_DAYS = 31
export const MAX_PUSH_ENDPOINT_CHARACTERS = 1024
export const MAX_ICE_URLS = 8
export const MAX_ICE_URL_CHARACTERS = 256
export const MAX_TURN_CREDENTIAL_CHARACTERS = 128

export const SURVIVOR_MEMBER = 0
/** The ref of an error that answers no question. */
export const NO_REF = 0

/** What an entry is to the order of the log; its content stays hidden. */
export const EntryKind = { MESSAGE: 0, COMMIT: 1, WELCOME: 2 } as const
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind]

export const Urgency = { NORMAL: 0, URGENT: 1, EMERGENCY: 2 } as const
export type Urgency = (typeof Urgency)[keyof typeof Urgency]

export const Availability = { AWAY: 0, BUSY: 1, AVAILABLE: 2 } as const
export type Availability = (typeof Availability)[keyof typeof Availability]

/** How the members of a conversation may reach each other in a call. */
export const CallPolicy = { OFF: 0, RELAY: 1, DIRECT: 2 } as const
export type CallPolicy = (typeof CallPolicy)[keyof typeof CallPolicy]

/** What of her preferences a request can go without, in the order in which they are dropped. */
export const Preference = { REGION: 0, GENDER: 1, NEED: 2, LANGUAGE: 3 } as const
export type Preference = (typeof Preference)[keyof typeof Preference]

/** Why a frame was refused. Documented one by one in PROTOCOL.md. */
export const ErrorCode = {
  MALFORMED_FRAME: "malformed_frame",
  FRAME_TOO_LARGE: "frame_too_large",
  UNEXPECTED_FRAME: "unexpected_frame",
  AUTHENTICATION_FAILED: "authentication_failed",
  STATEMENT_EXPIRED: "statement_expired",
  STATEMENT_REVOKED: "statement_revoked",
  UNKNOWN_CONVERSATION: "unknown_conversation",
  WRONG_EPOCH: "wrong_epoch",
  COUNTER_GAP: "counter_gap",
  REQUEST_GONE: "request_gone",
  QUEUE_EMPTY: "queue_empty",
  NO_KEY_PACKAGE: "no_key_package",
  NOT_PERMITTED: "not_permitted",
  TOO_MANY: "too_many",
  RATE_LIMITED: "rate_limited",
  PROOF_OF_WORK_REQUIRED: "proof_of_work_required",
  UNAVAILABLE: "unavailable",
  SHUTTING_DOWN: "shutting_down",
  INTERNAL: "internal",
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** Why the WebSocket is closed. The numbers are RFC 6455's, 7.4.1, and IANA's registry. */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  TRY_AGAIN_LATER: 1013,
} as const
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

const uint32 = integer(0, 2 ** 32 - 1)
// Counted things. The protocol allows 2^63 - 1; nothing counts that far, and a JavaScript number could not.
const uint64 = integer(0, Number.MAX_SAFE_INTEGER)
const conversationId = bytes(16)
const deviceId = bytes(32)
const capability = bytes(32)
const keyPackage = bytes(1, MAX_KEY_PACKAGE_BYTES)
const payload = bytes(1, MAX_PAYLOAD_BYTES)
const ephemeralPayload = bytes(1, MAX_EPHEMERAL_BYTES)
const statement = text(1, MAX_STATEMENT_CHARACTERS)
const shortText = text(1, 64)
const availability = oneOf(Object.values(Availability))

const writtenDetails = struct({
  need: optional(shortText),
  language: optional(shortText),
  preferredGender: optional(shortText),
  region: optional(shortText),
  urgency: defaulted(oneOf(Object.values(Urgency)), Urgency.NORMAL),
  isUrgencySaid: defaulted(bool, false),
})
/** What a survivor may choose to let the relay route by: coarse, and every part optional (null). */
export interface RequestDetails extends Omit<ValueOf<typeof writtenDetails>, "urgency" | "isUrgencySaid"> {
  /** Null: nothing was said of it, and it is served as `NORMAL`. */
  readonly urgency: Urgency | null
}
// Earlier releases take nothing but a number for an urgency, and send no more than that.
const requestDetails: Field<RequestDetails> = {
  read(value) {
    const { urgency, isUrgencySaid, ...others } = writtenDetails.read(value)
    return { ...others, urgency: isUrgencySaid || urgency !== Urgency.NORMAL ? urgency : null }
  },
  write: ({ urgency, ...others }) =>
    writtenDetails.write({ ...others, urgency: urgency ?? Urgency.NORMAL, isUrgencySaid: typeof urgency === "number" }),
}

export const NO_DETAILS: RequestDetails = {
  need: null,
  language: null,
  preferredGender: null,
  region: null,
  urgency: null,
}

// --- client to relay ---

export const Authenticate = define("authenticate", 0x01, {
  statement,
  signature: bytes(64),
  issuerStatement: optional(statement),
})
export type Authenticate = ReturnType<typeof Authenticate>

export const OpenRequest = define("openRequest", 0x02, {
  ref: uint32,
  capability,
  keyPackage,
  details: defaulted(requestDetails, NO_DETAILS),
  proofOfWork: defaulted(bytes(0, MAX_PROOF_OF_WORK_BYTES), new Uint8Array()),
  continues: optional(capability),
  continuation: defaulted(bytes(0, MAX_CONTINUATION_BYTES), new Uint8Array()),
})
export type OpenRequest = ReturnType<typeof OpenRequest>

export const CancelRequest = define("cancelRequest", 0x03, { ref: uint32, conversationId })
export type CancelRequest = ReturnType<typeof CancelRequest>

export const Claim = define("claim", 0x04, { ref: uint32, conversationId: optional(conversationId) })
export type Claim = ReturnType<typeof Claim>

export const Subscribe = define("subscribe", 0x05, {
  ref: uint32,
  conversationId,
  after: uint64,
  capability: optional(capability),
})
export type Subscribe = ReturnType<typeof Subscribe>

export const Unsubscribe = define("unsubscribe", 0x06, { conversationId })
export type Unsubscribe = ReturnType<typeof Unsubscribe>

export const Append = define("append", 0x07, {
  conversationId,
  counter: integer(1, Number.MAX_SAFE_INTEGER),
  kind: oneOf([EntryKind.MESSAGE, EntryKind.COMMIT]),
  epoch: uint64,
  payload,
  welcome: optional(payload),
  added: defaulted(list(deviceId, 0, MAX_MEMBERS_CHANGED), []),
  removed: defaulted(list(deviceId, 0, MAX_MEMBERS_CHANGED), []),
  has: defaulted(uint64, 0),
})
export type Append = ReturnType<typeof Append>

export const Ephemeral = define("ephemeral", 0x08, { conversationId, payload: ephemeralPayload })
export type Ephemeral = ReturnType<typeof Ephemeral>

export const Acknowledge = define("acknowledge", 0x09, { conversationId, seq: uint64 })
export type Acknowledge = ReturnType<typeof Acknowledge>

export const Leave = define("leave", 0x0a, { ref: uint32, conversationId })
export type Leave = ReturnType<typeof Leave>

export const PublishKeyPackages = define("publishKeyPackages", 0x0b, {
  ref: uint32,
  keyPackages: list(keyPackage, 1, MAX_KEY_PACKAGES),
})
export type PublishKeyPackages = ReturnType<typeof PublishKeyPackages>

export const FetchKeyPackage = define("fetchKeyPackage", 0x0c, {
  ref: uint32,
  deviceId,
  conversationId: optional(conversationId),
})
export type FetchKeyPackage = ReturnType<typeof FetchKeyPackage>

export const SetAvailability = define("setAvailability", 0x0d, {
  ref: uint32,
  availability,
  capacity: defaulted(integer(0, 1000), 1),
  gender: optional(shortText),
  region: optional(shortText),
  until: defaulted(uint64, 0),
})
export type SetAvailability = ReturnType<typeof SetAvailability>

export const ListColleagues = define("listColleagues", 0x0e, { ref: uint32, after: optional(deviceId) })
export type ListColleagues = ReturnType<typeof ListColleagues>

export const AcknowledgeInbox = define("acknowledgeInbox", 0x0f, { seq: uint64 })
export type AcknowledgeInbox = ReturnType<typeof AcknowledgeInbox>

export const Ping = define("ping", 0x10, { ref: uint32 })
export type Ping = ReturnType<typeof Ping>

export const FetchIceServers = define("fetchIceServers", 0x11, { ref: uint32, conversationId })
export type FetchIceServers = ReturnType<typeof FetchIceServers>

export const WatchQueue = define("watchQueue", 0x12, { ref: uint32, watching: defaulted(bool, true) })
export type WatchQueue = ReturnType<typeof WatchQueue>

export const AnswerOffer = define("answerOffer", 0x13, { ref: uint32, conversationId, accepted: bool })
export type AnswerOffer = ReturnType<typeof AnswerOffer>

export const WatchBoard = define("watchBoard", 0x14, { ref: uint32, watching: defaulted(bool, true) })
export type WatchBoard = ReturnType<typeof WatchBoard>

export const FetchPushKey = define("fetchPushKey", 0x15, { ref: uint32 })
export type FetchPushKey = ReturnType<typeof FetchPushKey>

export const SubscribePush = define("subscribePush", 0x16, {
  ref: uint32,
  endpoint: text(1, MAX_PUSH_ENDPOINT_CHARACTERS),
  publicKey: bytes(65),
  secret: bytes(16),
})
export type SubscribePush = ReturnType<typeof SubscribePush>

export const UnsubscribePush = define("unsubscribePush", 0x17, { ref: uint32 })
export type UnsubscribePush = ReturnType<typeof UnsubscribePush>

export const ReportAbuse = define("reportAbuse", 0x18, { ref: uint32, conversationId })
export type ReportAbuse = ReturnType<typeof ReportAbuse>

/** Supervisor: ask a staff device whether it brings us into a conversation of its choice; none is named. */
export const AskToJoin = define("askToJoin", 0x1f, { ref: uint32, deviceId })
export type AskToJoin = ReturnType<typeof AskToJoin>

export const RequestReassignment = define("requestReassignment", 0x1e, {
  ref: uint32,
  conversationId,
  details: defaulted(requestDetails, NO_DETAILS),
})
export type RequestReassignment = ReturnType<typeof RequestReassignment>

// --- relay to client ---

const limits = struct({
  frameBytes: uint32,
  payloadBytes: uint32,
  subscriptions: uint32,
  appendsInFlight: uint32,
  heartbeatSeconds: uint32,
})
/** What this relay allows one connection. */
export type Limits = ValueOf<typeof limits>

export const Hello = define("hello", 0x40, {
  version: uint32,
  nonce: bytes(32),
  time: uint64,
  limits,
  proofOfWorkBits: defaulted(integer(0, MAX_PROOF_OF_WORK_BITS), 0),
})
export type Hello = ReturnType<typeof Hello>

export const Authenticated = define("authenticated", 0x41, {
  deviceId,
  expires: uint64,
  keyPackagesLeft: uint32,
  offers: defaulted(bool, false),
})
export type Authenticated = ReturnType<typeof Authenticated>

export const RequestOpened = define("requestOpened", 0x42, { ref: uint32, conversationId, position: uint32 })
export type RequestOpened = ReturnType<typeof RequestOpened>

export const QueuePosition = define("queuePosition", 0x43, {
  conversationId,
  position: uint32,
  leastSeconds: optional(uint32),
  mostSeconds: optional(uint32),
})
export type QueuePosition = ReturnType<typeof QueuePosition>

export const Claimed = define("claimed", 0x44, {
  ref: uint32,
  conversationId,
  keyPackage: bytes(0, MAX_KEY_PACKAGE_BYTES),
  details: requestDetails,
  waitedSeconds: uint32,
  leaseSeconds: uint32,
  member: uint32,
  epoch: defaulted(uint64, 0),
})
export type Claimed = ReturnType<typeof Claimed>

export const Subscribed = define("subscribed", 0x45, {
  ref: uint32,
  conversationId,
  member: uint32,
  epoch: uint64,
  lastSeq: uint64,
  firstSeq: uint64,
  counter: uint64,
})
export type Subscribed = ReturnType<typeof Subscribed>

export const Accepted = define("accepted", 0x46, { conversationId, counter: uint64, seq: uint64 })
export type Accepted = ReturnType<typeof Accepted>

export const Entry = define("entry", 0x47, {
  conversationId,
  seq: uint64,
  member: uint32,
  counter: uint64,
  kind: oneOf(Object.values(EntryKind)),
  epoch: uint64,
  payload,
})
export type Entry = ReturnType<typeof Entry>

export const EphemeralEntry = define("ephemeralEntry", 0x48, {
  conversationId,
  member: uint32,
  payload: ephemeralPayload,
})
export type EphemeralEntry = ReturnType<typeof EphemeralEntry>

const price = struct({
  challenge: bytes(32),
  puzzles: integer(1, MAX_PRICE_PUZZLES),
  bits: integer(1, MAX_PRICE_BITS),
  memory: integer(1, MAX_PRICE_MEMORY),
})
/** What one request costs, on this connection, once. */
export type Price = ValueOf<typeof price>

export const ErrorFrame = define("error", 0x49, {
  code: oneOf(Object.values(ErrorCode)),
  detail: text(0, 256),
  ref: defaulted(uint32, NO_REF),
  conversationId: optional(conversationId),
  counter: defaulted(uint64, 0),
  expected: defaulted(uint64, 0),
  retryAfterMs: defaulted(uint32, 0),
  fatal: defaulted(bool, false),
  price: optional(price),
})
/** Named Error in the protocol; JavaScript has one of that name already. */
export type ErrorFrame = ReturnType<typeof ErrorFrame>

export const InboxItem = define("inboxItem", 0x4a, { seq: uint64, conversationId, after: uint64 })
export type InboxItem = ReturnType<typeof InboxItem>

export const KeyPackage = define("keyPackage", 0x4b, { ref: uint32, deviceId, keyPackage })
export type KeyPackage = ReturnType<typeof KeyPackage>

const colleague = struct({
  deviceId,
  availability,
  statement,
  issuerStatement: optional(statement),
  load: defaulted(uint32, 0),
})
/** A connected staff device. Verify the statement before you show the name in it. */
export type ColleagueFrame = ValueOf<typeof colleague>

export const Colleagues = define("colleagues", 0x4c, {
  ref: uint32,
  colleagues: list(colleague, 0, MAX_COLLEAGUES),
  more: defaulted(bool, false),
})
export type Colleagues = ReturnType<typeof Colleagues>

export const Done = define("done", 0x4d, {
  ref: uint32,
  continuation: defaulted(bytes(0, MAX_CONTINUATION_BYTES), new Uint8Array()),
})
export type Done = ReturnType<typeof Done>

export const Moving = define("moving", 0x4e, { withinMs: uint32 })
export type Moving = ReturnType<typeof Moving>

export const Pong = define("pong", 0x4f, { ref: uint32 })
export type Pong = ReturnType<typeof Pong>

export const QueueChanged = define("queueChanged", 0x50, { waiting: uint32 })
export type QueueChanged = ReturnType<typeof QueueChanged>

export const MembershipEnded = define("membershipEnded", 0x51, { conversationId })
export type MembershipEnded = ReturnType<typeof MembershipEnded>

const turnCredential = text(0, MAX_TURN_CREDENTIAL_CHARACTERS)
export const IceServers = define("iceServers", 0x52, {
  ref: uint32,
  policy: oneOf(Object.values(CallPolicy)),
  urls: defaulted(list(text(1, MAX_ICE_URL_CHARACTERS), 0, MAX_ICE_URLS), []),
  username: defaulted(turnCredential, ""),
  credential: defaulted(turnCredential, ""),
  expires: defaulted(uint64, 0),
})
export type IceServers = ReturnType<typeof IceServers>

/** To staff: this supervisor asks to be brought in. The relay's word alone; verify the statement before the name is shown. */
export const JoinAsked = define("joinAsked", 0x5f, { deviceId, statement, issuerStatement: optional(statement) })
export type JoinAsked = ReturnType<typeof JoinAsked>

export const StaffReachable = define("staffReachable", 0x5e, { conversationId, reachable: bool })
export type StaffReachable = ReturnType<typeof StaffReachable>

export const MemberDisconnected = define("memberDisconnected", 0x53, { conversationId, member: uint32 })
export type MemberDisconnected = ReturnType<typeof MemberDisconnected>

const preferences = list(oneOf(Object.values(Preference)), 0, MAX_PREFERENCES)
const waitingRequest = struct({
  conversationId,
  details: requestDetails,
  waitedSeconds: uint32,
  known: defaulted(bool, false),
})
/** One request that waits, as it is told to staff. */
export type WaitingRequest = ValueOf<typeof waitingRequest>

export const QueueListing = define("queueListing", 0x54, {
  waiting: uint32,
  requests: list(waitingRequest, 0, MAX_LISTED_REQUESTS),
})
export type QueueListing = ReturnType<typeof QueueListing>

export const Offer = define("offer", 0x55, {
  conversationId,
  details: requestDetails,
  waitedSeconds: uint32,
  secondsLeft: uint32,
  dropped: defaulted(preferences, []),
})
export type Offer = ReturnType<typeof Offer>

export const OfferEnded = define("offerEnded", 0x56, { conversationId })
export type OfferEnded = ReturnType<typeof OfferEnded>

export const PreferencesRelaxed = define("preferencesRelaxed", 0x57, { conversationId, dropped: preferences })
export type PreferencesRelaxed = ReturnType<typeof PreferencesRelaxed>

export const OpeningTime = define("openingTime", 0x58, { conversationId, opens: nullable(uint64) })
export type OpeningTime = ReturnType<typeof OpeningTime>

const tally = struct({ name: nullable(shortText), count: nullable(uint32) })
/** How many of one kind; null: some, but fewer than five. */
export type Tally = ValueOf<typeof tally>

const boardDay = struct({
  date: shortText,
  opened: nullable(uint32),
  answered: nullable(uint32),
  withinGoal: nullable(uint32),
  abandoned: nullable(uint32),
})
/** One day by the organisation's clock; null: some, but fewer than five. */
export type BoardDay = ValueOf<typeof boardDay>

export const Board = define("board", 0x59, {
  waiting: uint32,
  longestWaitSeconds: uint32,
  active: uint32,
  available: uint32,
  busy: uint32,
  away: uint32,
  seats: uint32,
  load: uint32,
  goalSeconds: uint32,
  needs: defaulted(list(tally, 0, MAX_TALLIES), []),
  languages: defaulted(list(tally, 0, MAX_TALLIES), []),
  days: defaulted(list(boardDay, 0, MAX_BOARD_DAYS), []),
  sought: defaulted(uint32, 0),
})
export type Board = ReturnType<typeof Board>

export const QueueAlert = define("queueAlert", 0x5a, { conversationId, waitedSeconds: uint32, refusals: uint32 })
export type QueueAlert = ReturnType<typeof QueueAlert>

export const PushKey = define("pushKey", 0x5b, { ref: uint32, publicKey: nullable(bytes(65)) })
export type PushKey = ReturnType<typeof PushKey>

export const CLIENT_FRAMES = [
  Authenticate,
  OpenRequest,
  CancelRequest,
  Claim,
  Subscribe,
  Unsubscribe,
  Append,
  Ephemeral,
  Acknowledge,
  Leave,
  PublishKeyPackages,
  FetchKeyPackage,
  SetAvailability,
  ListColleagues,
  AcknowledgeInbox,
  Ping,
  FetchIceServers,
  WatchQueue,
  AnswerOffer,
  WatchBoard,
  FetchPushKey,
  SubscribePush,
  UnsubscribePush,
  ReportAbuse,
  RequestReassignment,
  AskToJoin,
] as const
export type ClientFrame = ReturnType<(typeof CLIENT_FRAMES)[number]>

export const RELAY_FRAMES = [
  Hello,
  Authenticated,
  RequestOpened,
  QueuePosition,
  Claimed,
  Subscribed,
  Accepted,
  Entry,
  EphemeralEntry,
  ErrorFrame,
  InboxItem,
  KeyPackage,
  Colleagues,
  Done,
  Moving,
  Pong,
  QueueChanged,
  MembershipEnded,
  IceServers,
  MemberDisconnected,
  StaffReachable,
  QueueListing,
  Offer,
  OfferEnded,
  PreferencesRelaxed,
  OpeningTime,
  Board,
  QueueAlert,
  PushKey,
  JoinAsked,
] as const
export type RelayFrame = ReturnType<(typeof RELAY_FRAMES)[number]>
