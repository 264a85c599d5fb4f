/**
 * The SDK of Teduh for the browser: an end-to-end encrypted conversation between somebody who seeks help and those who
 * help. Nothing else than this is public.
 *
 *     Survivor.ask() ──> Conversation <── Request.accept() ── Staff.requests()
 *
 * A `Conversation` is iterated over for events, and spoken into by `send`. Everything that a relay may not know is
 * encrypted before it leaves, and nobody is in a conversation whose statement was not verified.
 */

export type { HandOver } from "./conversation/invite.ts"
export type { CallListener } from "./conversation/callSignals.ts"
export type { Attachment, Form, Invitation, Location, Referral, Unknown } from "./chat/messages.ts"
export { MAX_TEXT_CHARACTERS } from "./chat/messages.ts"
export type { ClientOptions, VerificationBlocked } from "./client.ts"
export type { Colleague } from "./trust/colleague.ts"
export { Conversation, type RequestOrigin } from "./conversation/conversation.ts"
export type { ComparisonWords, WordLanguage } from "./credentials/comparisonWords.ts"
export type { Organisation } from "./credentials/organisation.ts"
export { Directory } from "./directory/directory.ts"
export type { Found, Query } from "./directory/search.ts"
export { NEEDS, type Need, type Service } from "./directory/services.ts"
export { isEnrolled } from "./device/device.ts"
export { EncryptedKeyStore, type Unlock } from "./device/encryptedKeyStore.ts"
export { Enrolment, enrolDevice, pendingEnrolment } from "./device/enrolment.ts"
export * from "./errors.ts"
export type * from "./events.ts"
export type { IceServers } from "./net/iceServers.ts"
export { MemoryKeyStore, type KeyStore } from "./device/keyStore.ts"
export { CLASSIC_SUITE, HYBRID_SUITE } from "./mls/suites.ts"
export { readOrganisation, fetchOrganisation } from "./trust/organisation.ts"
export {
  Availability,
  CallPolicy,
  Preference,
  Urgency,
  type Board,
  type BoardDay,
  type QueueAlert,
  type QueueListing,
  type RequestDetails,
  type Tally,
  type WaitingRequest,
} from "./relay/frames.ts"
export { Participant } from "./group/room.ts"
export { InvitedTo, Request, Staff, type Shift } from "./staff/staff.ts"
export type { OpenOffer, PushAddress, StaffRouting } from "./staff/staffRouting.ts"
export { Survivor } from "./survivor.ts"
export type { Dial, Socket } from "./net/transport.ts"
