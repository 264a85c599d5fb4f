/**
 * Back asks before it ends her conversation, and no entry is added to the history for it: one more would be a trace.
 *
 *     gesture of a phone ── close watchers (Chromium 126, Firefox 149) ──> our question; the second gesture leaves
 *              └── a browser without them ── `beforeunload` ──> the browser's own question, each time
 *     keys, a mouse's own button ──> our question; the second press leaves
 *
 * What cannot be asked about: iPhones tell pages nothing beforehand. A browser's Back button that is clicked with a mouse
 * could be told from `beforeunload` alone, which asks when the tab is closed, too, and there a question stands in
 * her way when she has to be quick. The Navigation API helps nowhere: of a way to another site it tells nothing, and a way to
 * another document cannot be cancelled (HTML, 7.2.6.10.4 "Firing the navigate event").
 */

import { useLayoutEffect, useState } from "preact/hooks"

/** HTML, 6.5.2 "Close requests and close watchers", as far as it is used here; TypeScript does not know it yet. */
interface Watcher {
  onclose: (() => void) | null
  destroy: () => void
}

/** Whether the question is to be seen, and how to take it back. Behind a cover nothing is asked: what it hides may go. */
export function useBack(isShown: boolean): [boolean, (isGoingBack: boolean) => void] {
  const [isGoingBack, setGoingBack] = useState(false)
  useLayoutEffect(() => {
    if (!isShown) return undefined
    const ask = (): void => {
      setGoingBack(true)
    }
    const ends = [watchKeys(isGoingBack, ask), isInHand() ? watchGesture(isGoingBack, ask) : nothing]
    return () => {
      for (const end of ends) end()
    }
  }, [isShown, isGoingBack])
  return [isGoingBack, setGoingBack]
}

const nothing = (): void => undefined

/** With a mouse there is no such gesture, and Escape would take its place. */
const isInHand = (): boolean => !matchMedia("(pointer: fine)").matches

function watchGesture(isAsked: boolean, ask: () => void): () => void {
  const { CloseWatcher } = window as { CloseWatcher?: new () => Watcher }
  if (CloseWatcher === undefined) return watchUnload()
  if (isAsked) return nothing
  const watcher = new CloseWatcher()
  watcher.onclose = ask
  return () => {
    watcher.destroy()
  }
}

/** So long after a tap on it, what the page does is that tap's: slow phones take their time to begin a call. */
const TAP_MS = 5_000

function watchUnload(): () => void {
  let tapped = -Infinity
  const onTap = ({ target }: MouseEvent): void => {
    if (target instanceof Element && target.closest("a, .answers") !== null) tapped = performance.now()
  }
  const onUnload = (event: BeforeUnloadEvent): void => {
    // Exit has emptied the page before; a number to call, and "reload anyway", were her own wish.
    if (document.getElementById("page") === null || performance.now() - tapped < TAP_MS) return
    event.preventDefault()
  }
  window.addEventListener("click", onTap, { capture: true })
  window.addEventListener("beforeunload", onUnload)
  return () => {
    window.removeEventListener("click", onTap, { capture: true })
    window.removeEventListener("beforeunload", onUnload)
  }
}

function watchKeys(isAsked: boolean, ask: () => void): () => void {
  const onKey = (event: KeyboardEvent): void => {
    // A key that is held down is pressed once.
    if (!isBackKey(event) || (isAsked && !event.repeat)) return
    event.preventDefault()
    ask()
  }
  // The button at the side of a mouse goes back when it is let go.
  const onButton = (event: MouseEvent): void => {
    if (event.button !== 3 || isAsked) return
    event.preventDefault()
    ask()
  }
  window.addEventListener("keydown", onKey)
  window.addEventListener("mouseup", onButton)
  return () => {
    window.removeEventListener("keydown", onKey)
    window.removeEventListener("mouseup", onButton)
  }
}

function isBackKey({ key, altKey, metaKey, target }: KeyboardEvent): boolean {
  if (key === "BrowserBack") return true
  // Where Alt moves a word, and Command with an arrow to the beginning of a line that is written.
  if (/^(Mac|iP)/.test(navigator.platform))
    return metaKey && (key === "[" || (key === "ArrowLeft" && !(target instanceof HTMLTextAreaElement)))
  return altKey && key === "ArrowLeft"
}
