/** The frames by which the relay speaks of one conversation, without having been asked. */

import type { StateEvent } from "../events.ts"
import type {
  Accepted,
  Entry,
  EphemeralEntry,
  ErrorFrame,
  MemberDisconnected,
  MembershipEnded,
  OpeningTime,
  QueuePosition,
  RelayFrame,
  StaffReachable,
  PreferencesRelaxed,
} from "../relay/frames.ts"

/** What the relay tells her who waits. */
export type QueueNews = QueuePosition | PreferencesRelaxed | OpeningTime

export type ConversationFrame =
  | Entry
  | Accepted
  | ErrorFrame
  | EphemeralEntry
  | QueueNews
  | MemberDisconnected
  | StaffReachable
  | MembershipEnded

const TYPES: readonly RelayFrame["type"][] = [
  "entry",
  "accepted",
  "error",
  "ephemeralEntry",
  "queuePosition",
  "preferencesRelaxed",
  "openingTime",
  "memberDisconnected",
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
    case "preferencesRelaxed":
      return { type: "preferencesRelaxed", dropped: news.dropped }
    case "openingTime":
      return { type: "staffAvailable", somebody: news.opens === 0, opens: news.opens === 0 ? null : news.opens }
  }
}
