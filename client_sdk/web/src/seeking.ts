/**
 * What the survivor's device knows of whether somebody else is needed, and how far the search has come.
 *
 *     told ──> lost ──> begin ──> (waits) ──> found ──> asked ──> yes: her commit ──> done
 *       ^        │                   ^          │         │
 *       └─ heard ┘                   └─ lapse ──┴─ no, or too late
 *
 * Staff do not seek; theirs stays as it began.
 */

import type { ChatMessage, OfCall, Unknown } from "./chat/messages.ts"
import type { StateEvent } from "./events.ts"
import type { AddMember } from "./groupChanges.ts"
import { toHex } from "./hazmat/bytes.ts"
import type { Participant, Room } from "./room.ts"

const MOST_UNHEARD = 200

export class Seeking {
  /** Whether she looks for somebody else. */
  isOn = false
  /** Who has taken the conversation, as long as the answer to her is open. */
  found: AddMember | null = null
  /** Whether she has said yes, and whoever it is is on her way in. */
  isDecided = false
  /** The device keys, in hex, of those who were not heard since they were lost. */
  silent = new Set<string>()
  /** Whether the relay says that nobody on the other side is connected, and nobody was heard since. */
  isLost = false
  /** Her texts by message id in hex that no device has said to have. */
  readonly #unheard = new Map<string, Uint8Array>()

  constructor(private readonly tell: (event: StateEvent) => void) {}

  /** Whether what she says waits for the one who comes, who cannot read what was said before. */
  get holdsBack(): boolean {
    return this.isOn && this.isLost
  }

  /** What must be said again to whoever comes. */
  get unheard(): readonly Uint8Array[] {
    return [...this.#unheard.values()]
  }

  /** The relay has spoken; `participants` are the staff in the room who have not said that they leave. */
  told(room: Room, participants: readonly Participant[], reachable: boolean): void {
    if (reachable || room.isEmpty) {
      this.#regain(new Set())
    } else if (!this.isLost) {
      this.isLost = true
      this.silent = new Set(room.staff.map(({ deviceKey }) => toHex(deviceKey)))
      this.tell({ type: "staffUnreachable", participants })
    }
  }

  /** Somebody has spoken just now, inside the encryption: that is better than the relay's word. */
  heard(sender: Participant): void {
    if (sender.isSurvivor) return
    const silent = new Set(this.silent)
    silent.delete(toHex(sender.deviceKey))
    this.#regain(silent)
  }

  #regain(silent: Set<string>): void {
    this.silent = silent
    if (!this.isLost) return
    this.isLost = false
    this.tell({ type: "staffReachable" })
  }

  /** Her answer came too late, or not; it waits again. */
  lapse(): void {
    this.isDecided = false
    if (this.found === null) return
    this.found = null
    this.tell({ type: "anotherLapsed" })
  }

  /** Nobody is sought any more. */
  end(): void {
    this.isOn = this.isDecided = false
    this.found = null
  }

  /** Somebody has come in. */
  done(): void {
    this.end()
    this.isLost = false
    this.silent = new Set()
  }

  /** She has said something. */
  said(message: ChatMessage, content: Uint8Array): void {
    if (message.type !== "text") return
    this.#unheard.set(toHex(message.id), content)
    const [oldest] = this.#unheard.keys()
    if (this.#unheard.size > MOST_UNHEARD && oldest !== undefined) this.#unheard.delete(oldest)
  }

  /** A device has these. */
  confirmed(message: ChatMessage | OfCall | Unknown): void {
    if (message.type === "receipt") for (const id of message.messageIds) this.#unheard.delete(toHex(id))
  }

  /** Forget whom she sought, and what she said. */
  forget(): void {
    this.end()
    this.#unheard.clear()
  }
}
