/**
 * What the console itself keeps between two openings, in the SDK's encrypted key store beside keys and groups:
 *
 *     console/talk/<id>     what was said in a conversation that goes on, the note on it, and the nickname and colour by which
 *                           staff tell it apart; deleted with it
 *     console/filed         notes of conversations that are over, and how many ended how: these stay on this device
 *     console/drafts        what was being written when the console was locked; deleted as soon as it is open again
 *     console/replies       the own canned replies
 *     console/preferences   the language, how many conversations at once, the shift, whether there is a sound
 *
 * One change after the other, in the order in which they were asked for: what is deleted must not be written again by a
 * slower change from before. Of a record that changes faster than it can be written only the newest is: with a record at
 * every key the last words of a note would come to the disk long after they were typed.
 */

import type { KeyStore } from "../sdk.ts"
import { newTalk, type DeskState, type FiledNote, type Preferences, type Talk } from "../desk/deskState.ts"

const TALK = "console/talk/"
const FILED = "console/filed"
const DRAFTS = "console/drafts"
const REPLIES = "console/replies"
const PREFERENCES = "console/preferences"

/** What is kept of a talk: who is in it and how its link is, the SDK knows. */
interface SavedTalk extends Omit<Talk, "people" | "typing" | "unconfirmed" | "link" | "proposal" | "isLooking" | "handOver"> {
  /** Missing in what was kept when an urgency that was not said was kept as 0. */
  readonly isUrgencyAsSaid?: true
}
const NOT_KEPT = { people: [], typing: [], unconfirmed: [], link: "reconnecting", proposal: null, isLooking: false, handOver: null } as const
export type Filed = Pick<DeskState, "filed" | "tally">

export class Cabinet {
  readonly #store: KeyStore
  #last: Promise<void> = Promise.resolve()
  /** Records whose writing has not begun. */
  readonly #waiting = new Map<string, { bytes: Uint8Array; readonly kept: Promise<void> }>()

  constructor(store: KeyStore) {
    this.#store = store
  }

  async keepTalk(talk: Talk): Promise<void> {
    const { id, number, since, asked, items, progress, unread, waitsSince, answeredAt, ending, note, nickname, colour, hasCalls } = talk
    const saved: SavedTalk = {
      id, number, since, asked, items, progress, unread, waitsSince, answeredAt, ending, note, nickname, colour, hasCalls,
      isUrgencyAsSaid: true,
    }
    await this.#put(TALK + id, saved)
  }

  async talks(): Promise<readonly Talk[]> {
    const talks: Talk[] = []
    for (const name of await this.#store.names(TALK)) {
      const saved = await this.#get<SavedTalk>(name)
      if (saved === null) continue
      const { isUrgencyAsSaid = false, ...talk } = saved
      const asked = isUrgencyAsSaid || talk.asked?.urgency !== 0 ? talk.asked : { ...talk.asked, urgency: null }
      talks.push({ ...newTalk(talk.id, talk.number, talk.since, null, []), ...talk, asked, ...NOT_KEPT })
    }
    return talks
  }

  async dropTalk(id: string): Promise<void> {
    // What is written of it from now on is written after this.
    this.#waiting.delete(TALK + id)
    await this.#change(() => this.#store.delete(TALK + id))
  }

  async keepFiled({ filed, tally }: Filed): Promise<void> {
    await this.#put(FILED, { filed, tally })
  }

  async filed(): Promise<Filed> {
    return (await this.#get<Filed>(FILED)) ?? { filed: [] as readonly FiledNote[], tally: {} }
  }

  /** By conversation. */
  async keepDrafts(drafts: ReadonlyMap<string, string>): Promise<void> {
    const begun = [...drafts].filter(([, text]) => text.trim() !== "")
    if (begun.length > 0) await this.#put(DRAFTS, begun)
  }

  /** They are kept no longer, so that nothing of a conversation outlives it here. */
  async takeDrafts(): Promise<readonly (readonly [string, string])[]> {
    const drafts = await this.#get<readonly (readonly [string, string])[]>(DRAFTS)
    if (drafts === null) return []
    await this.#change(() => this.#store.delete(DRAFTS))
    return drafts
  }

  async keepReplies(replies: readonly string[]): Promise<void> {
    await this.#put(REPLIES, replies)
  }

  async replies(): Promise<readonly string[]> {
    return (await this.#get<readonly string[]>(REPLIES)) ?? []
  }

  async keepPreferences(state: Preferences): Promise<void> {
    const { language, capacity, gender, region, until, isWoken, hasSound } = state
    await this.#put(PREFERENCES, { language, capacity, gender, region, until, isWoken, hasSound })
  }

  /** What was preferred when it was last open; nothing the first time. */
  async preferences(): Promise<Partial<Preferences>> {
    return (await this.#get<Preferences>(PREFERENCES)) ?? {}
  }

  /** Resolves when all that was asked for is kept: the store may be locked then. Never rejects. */
  async written(): Promise<void> {
    for (let last = null; last !== this.#last; ) {
      last = this.#last
      await last
    }
  }

  async #put(name: string, value: unknown): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify({ version: 1, value }))
    const waiting = this.#waiting.get(name)
    if (waiting !== undefined) {
      waiting.bytes = bytes
      await waiting.kept
      return
    }
    const kept = this.#change(() => {
      if (this.#waiting.get(name) === record) this.#waiting.delete(name)
      return this.#store.put(name, record.bytes)
    })
    const record = { bytes, kept }
    this.#waiting.set(name, record)
    await kept
  }

  #change(change: () => Promise<void>): Promise<void> {
    const changed = this.#last.then(change)
    // Whoever asked is told of a failure; the next change does not depend on it.
    this.#last = changed.catch(() => undefined)
    return changed
  }

  /** Only this console writes these records, and nobody can change them unseen; another version's are not read. */
  async #get<Value>(name: string): Promise<Value | null> {
    const bytes = await this.#store.get(name)
    if (bytes === null) return null
    const record = JSON.parse(new TextDecoder().decode(bytes)) as { version: number; value: Value }
    return record.version === 1 ? record.value : null
  }
}
