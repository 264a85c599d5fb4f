/** What the SDK tells, in the terms of the desk's state. */

import { hex } from "../../shared/talking.ts"
import type { Asked, NotYet, Person, Waiting } from "./deskState.ts"
import {
  ColleagueAbsent,
  DeviceNotProven,
  InvitationDeclined,
  NotLetIn,
  NotYetValid,
  RelayRefused,
  RequestGone,
  RequestUnusable,
  type Colleague,
  type Conversation,
  type Participant,
  type WaitingRequest,
} from "../sdk.ts"

/** The relay knows this device as a member no more: while it was away, she went on with somebody else, or it ended. */
export function isReplaced(reason: Error): boolean {
  return reason instanceof RelayRefused && reason.code === "unknown_conversation"
}

/** Both times, if the relay refused this device because by its clock the statement has not begun. */
export function notYetOf(failure: Error | null): NotYet | null {
  return failure instanceof NotYetValid ? { begins: failure.begins, relayTime: failure.relayTime } : null
}

export function whyNotAccepted(error: unknown): "gone" | "unanswered" | "unusable" | "unproven" | "lost" {
  if (error instanceof NotLetIn) return "unanswered"
  if (error instanceof RequestGone) return "gone"
  if (error instanceof DeviceNotProven) return "unproven"
  return error instanceof RequestUnusable ? "unusable" : "lost"
}

export function whyNotHandedOver(error: unknown): "declined" | "absent" | "failed" {
  if (error instanceof InvitationDeclined) return "declined"
  return error instanceof ColleagueAbsent ? "absent" : "failed"
}

export function waitingOf({ conversationId, details, waitedSeconds }: Omit<WaitingRequest, "known">): Waiting {
  const { need, language, preferredGender, region, urgency } = details
  const since = Date.now() - waitedSeconds * 1000
  return { id: hex(conversationId), need, language, preferredGender, region, urgency, since }
}

export function listedOf(request: WaitingRequest): Waiting {
  return { ...waitingOf(request), isKnown: request.known }
}

export function askedOf({ request }: Conversation): Asked | null {
  if (request === null) return null
  const { need, language, preferredGender, region, urgency } = request.details
  return { need, language, preferredGender, region, urgency, waitedSeconds: request.waitedSeconds }
}

export function personOf(participant: Participant): Person {
  return { key: hex(participant.deviceKey), name: participant.name, role: participant.role }
}

/** Who is available first, then who is busy, then who is away; the least loaded of each first. */
export function availableFirst(colleagues: readonly Colleague[]): readonly Colleague[] {
  return [...colleagues].sort(
    (one, other) => other.availability - one.availability || one.load - other.load || one.name.localeCompare(other.name),
  )
}
