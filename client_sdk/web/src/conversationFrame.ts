/** The frames by which the relay speaks of one conversation, without having been asked. */

import type {
  Accepted,
  Entry,
  EphemeralEntry,
  ErrorFrame,
  MemberGone,
  MembershipEnded,
  QueuePosition,
  RelayFrame,
} from "./relay/frames.ts"

export type ConversationFrame =
  | Entry
  | Accepted
  | ErrorFrame
  | EphemeralEntry
  | QueuePosition
  | MemberGone
  | MembershipEnded

const TYPES: readonly RelayFrame["type"][] = [
  "entry",
  "accepted",
  "error",
  "ephemeralEntry",
  "queuePosition",
  "memberGone",
  "membershipEnded",
]

export function isOfConversation(frame: RelayFrame): frame is ConversationFrame {
  return TYPES.includes(frame.type)
}
