/**
 * Who of the staff can be handed a note, as every member hears it; `HandOverNotes` is what staff can do besides.
 *
 *     newcomer   NoteKey: a fresh X-Wing key, said to all; MLS proves whose it is
 *     who stays  HandOverNote: HPKE to that key ──> opened once, and the key is gone
 */

import type { HandOverNote, NoteKey } from "../chat/messages.ts"
import { NotJoined } from "../errors.ts"
import type { StateEvent } from "../events.ts"
import { areEqual, toHex } from "../hazmat/bytes.ts"
import type { Participant, Room } from "../group/room.ts"
import type { SavedNotes } from "./savedConversation.ts"

/** What a note is bound to: from whose device to whose, in which conversation. */
export interface NotePath {
  readonly conversationId: Uint8Array
  readonly sender: Participant
  readonly receiver: Participant
}

export class NoteKeys {
  /** By the device's key in hex. */
  readonly keys = new Map<string, NoteKey>()
  /** Whether the colleagues have yet to hear our key. */
  owesKey = false

  /** A colleague can be written a note to: she is really here. */
  takeKey(key: NoteKey, by: Participant): StateEvent {
    if (by.isSurvivor) return { type: "messageRefused", reason: "a note key of somebody who gets no notes" }
    this.keys.set(toHex(by.deviceKey), key)
    return { type: "noteAwaited", participant: by }
  }

  /** A note has come, to us or to somebody else. Rejects with a `RemoteError` when it does not open. */
  async takeNote(note: HandOverNote, path: NotePath, room: Room): Promise<StateEvent> {
    const { sender } = path
    if (sender.isSurvivor) return { type: "messageRefused", reason: "a note of somebody who writes none" }
    const text = await this.open(note, path)
    if (text === null) return { type: "noteHandedOver", sender, to: this.#receiver(note, room) }
    return { type: "noteReceived", messageId: note.id, sender, text, sent: note.sent }
  }

  /* eslint-disable @typescript-eslint/no-unused-vars -- what only staff can do is given what staff need for it */

  /** Seal a note; rejects unless we are staff. `now` in seconds. */
  seal(_text: string, _path: NotePath, _now: number): Promise<HandOverNote> {
    return Promise.reject(new NotJoined("only staff hand over notes"))
  }

  /** What the note says, or null if it is not for us. */
  protected open(_note: HandOverNote, _path: NotePath): Promise<string | null> {
    return Promise.resolve(null)
  }

  /** The key to say to everybody, if there is one. `now` in seconds. */
  offer(_now: number): Promise<NoteKey | null> {
    this.owesKey = false
    return Promise.resolve(null)
  }

  /* eslint-enable @typescript-eslint/no-unused-vars */

  /** Somebody is out of the room. */
  forget(gone: Participant): void {
    this.keys.delete(toHex(gone.deviceKey))
  }

  /** Forget every key, at once. */
  wipe(): void {
    this.keys.clear()
    this.owesKey = false
  }

  save(): SavedNotes {
    return { own: null, keys: [], owesKey: false }
  }

  #receiver(note: HandOverNote, room: Room): Participant | null {
    for (const [device, key] of this.keys) {
      if (!areEqual(key.id, note.keyId)) continue
      // It is used up; who writes to her next waits for the next one.
      this.keys.delete(device)
      return room.participants.find((one) => toHex(one.deviceKey) === device) ?? null
    }
    return null
  }
}
