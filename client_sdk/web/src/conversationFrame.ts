/** The frames by which the relay speaks of one conversation, without having been asked. */

import type { StateEvent } from "./events.ts"
import type {
  Accepted,
  Entry,
  EphemeralEntry,
  ErrorFrame,
  MemberGone,
  MembershipEnded,
  OpensAt,
  QueuePosition,
  RelayFrame,
  StaffReachable,
  Widened,
} from "./relay/frames.ts"

/** What the relay tells her who waits. */
export type QueueNews = QueuePosition | Widened | OpensAt

export type ConversationFrame =
  | Entry
  | Accepted
  | ErrorFrame
  | EphemeralEntry
  | QueueNews
  | MemberGone
  | StaffReachable
  | MembershipEnded

const TYPES: readonly RelayFrame["type"][] = [
  "entry",
  "accepted",
  "error",
  "ephemeralEntry",
  "queuePosition",
  "widened",
  "opensAt",
  "memberGone",
  "staffReachable",
  "membershipEnded",
]

export function isOfConversation(frame: RelayFrame): frame is ConversationFrame {
  return TYPES.includes(frame.type)
}

/** The event that says the same. */
export function eventOf(news: QueueNews): StateEvent {
  switch (news.type) {
    case "queuePosition":
      return {
        type: "waiting",
        position: news.position,
        leastSeconds: news.leastSeconds,
        mostSeconds: news.mostSeconds,
      }
    case "widened":
      return { type: "widened", dropped: news.dropped }
    case "opensAt":
      return { type: "staffed", somebody: news.opens === 0, opens: news.opens === 0 ? null : news.opens }
  }
}
