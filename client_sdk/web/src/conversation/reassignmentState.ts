/**
 * What the survivor's device knows of whether somebody else is needed, and how far the search has come.
 *
 *     told ──> lost ──> begin ──> (waits) ──> found ──> asked ──> yes: her commit ──> done
 *       ^        │                   ^          │         │
 *       └─ heard ┘                   └─ lapse ──┴─ no, or too late
 *
 * Staff do not seek; theirs stays as it began.
 */

import type { ChatMessage, OfCall, Unknown } from "../chat/messages.ts"
import type { AddMember } from "../group/groupChanges.ts"
import { toHex } from "../hazmat/bytes.ts"
import type { Participant, Room } from "../group/room.ts"
import type { StateOutput } from "./stateOutput.ts"

const MAX_UNDELIVERED = 200

export class ReassignmentState {
  /** Whether she looks for somebody else. */
  isOn = false
  /** Who has taken the conversation, as long as the answer to her is open. */
  candidate: AddMember | null = null
  /** Whether she has said yes, and whoever it is is on her way in. */
  isApproved = false
  /** The device keys, in hex, of those who were not heard since they were lost. */
  silent = new Set<string>()
  /** Whether the relay says that nobody on the other side is connected, and nobody was heard since. */
  isUnreachable = false
  /** Her texts by message id in hex that no device has said to have. */
  readonly #undelivered = new Map<string, Uint8Array>()

  constructor(private readonly output: Pick<StateOutput, "emit">) {}

  /** Whether what she says waits for the one who comes, who cannot read what was said before. */
  get holdsBack(): boolean {
    return this.isOn && this.isUnreachable
  }

  /** What must be said again to whoever comes. */
  get undelivered(): readonly Uint8Array[] {
    return [...this.#undelivered.values()]
  }

  /** The relay has spoken; `participants` are the staff in the room who have not said that they leave. */
  setReachable(room: Room, participants: readonly Participant[], reachable: boolean): void {
    if (reachable || room.isEmpty) {
      this.#regain(new Set())
    } else if (!this.isUnreachable) {
      this.isUnreachable = true
      this.silent = new Set(room.staff.map(({ deviceKey }) => toHex(deviceKey)))
      this.output.emit({ type: "staffUnreachable", participants })
    }
  }

  /** Somebody has spoken just now, inside the encryption: that is better than the relay's word. */
  receivedFrom(sender: Participant): void {
    if (sender.isSurvivor) return
    const silent = new Set(this.silent)
    silent.delete(toHex(sender.deviceKey))
    this.#regain(silent)
  }

  #regain(silent: Set<string>): void {
    this.silent = silent
    if (!this.isUnreachable) return
    this.isUnreachable = false
    this.output.emit({ type: "staffReachable" })
  }

  /** Her answer came too late, or not; it waits again. */
  lapse(): void {
    this.isApproved = false
    if (this.candidate === null) return
    this.candidate = null
    this.output.emit({ type: "reassignmentLapsed" })
  }

  /** Nobody is sought any more. */
  end(): void {
    this.isOn = this.isApproved = false
    this.candidate = null
  }

  /** Somebody has come in. */
  complete(): void {
    this.end()
    this.isUnreachable = false
    this.silent = new Set()
  }

  /** She has said something. */
  sent(message: ChatMessage, content: Uint8Array): void {
    if (message.type !== "text") return
    this.#undelivered.set(toHex(message.id), content)
    const [oldest] = this.#undelivered.keys()
    if (this.#undelivered.size > MAX_UNDELIVERED && oldest !== undefined) this.#undelivered.delete(oldest)
  }

  /** A device has these. */
  confirmDelivery(message: ChatMessage | OfCall | Unknown): void {
    if (message.type === "receipt") for (const id of message.messageIds) this.#undelivered.delete(toHex(id))
  }

  /** Forget whom she sought, and what she said. */
  forget(): void {
    this.end()
    this.#undelivered.clear()
  }
}
