/** The keys of the desk: Alt and a letter, by where the key is, so that they are the same in every layout. */

export interface DeskKeys {
  readonly next: () => void
  readonly previous: () => void
  /** The person whose number it is: the list moves, the numbers do not. */
  readonly number: (place: number) => void
  readonly accept: () => void
  readonly search: () => void
  readonly replies: () => void
  readonly note: () => void
  readonly lock: () => void
}

/** What `KeysDialog` shows. */
export const KEYS = {
  next: "Alt + ↓",
  previous: "Alt + ↑",
  number: "Alt + 1 … 9",
  accept: "Alt + A",
  search: "Alt + S",
  replies: "Alt + R",
  note: "Alt + N",
  lock: "Alt + L",
} as const satisfies Record<keyof DeskKeys, string>

type Press = Pick<KeyboardEvent, "altKey" | "ctrlKey" | "metaKey" | "shiftKey" | "code">

/** What a key press means at the desk; null: nothing. */
export function meaningOf(press: Press): { readonly key: Exclude<keyof DeskKeys, "number"> } | { readonly place: number } | null {
  if (!press.altKey || press.ctrlKey || press.metaKey || press.shiftKey) return null
  const place = /^Digit([1-9])$/.exec(press.code)?.[1]
  if (place !== undefined) return { place: Number(place) }
  const key = MEANINGS[press.code]
  return key === undefined ? null : { key }
}

const MEANINGS: Readonly<Record<string, Exclude<keyof DeskKeys, "number">>> = {
  ArrowDown: "next",
  ArrowUp: "previous",
  KeyA: "accept",
  KeyS: "search",
  KeyR: "replies",
  KeyN: "note",
  KeyL: "lock",
}

/** Listen to them; returns how to stop. A dialog in front takes the keys for itself. */
export function onDeskKeys(keys: DeskKeys): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const meaning = meaningOf(event)
    if (meaning === null || document.querySelector("dialog[open]") !== null) return
    event.preventDefault()
    if ("place" in meaning) keys.number(meaning.place)
    else keys[meaning.key]()
  }
  window.addEventListener("keydown", onKey)
  return () => {
    window.removeEventListener("keydown", onKey)
  }
}
