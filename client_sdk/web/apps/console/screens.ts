/**
 * On a phone the list, a conversation and its details are screens, one at a time; on anything wider they stand side by side.
 *
 *     list ──a person──> talk ──Details──> details
 *     list <──Back────── talk <──Back───── details
 *
 * Whoever goes by keyboard or screen reader goes along: to the heading of a screen, and back to where it was left.
 */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"

import type { Talk } from "./desk/deskState.ts"

export type Screen = "list" | "talk" | "details" | "search"

/** As in the style sheet. */
const PHONE = "(max-width: 43.99rem)"

export function useScreens(isSearching: boolean, talk: Talk | undefined, hasDetails: boolean) {
  const [isPhone, setPhone] = useState(() => matchMedia(PHONE).matches)
  useEffect(() => {
    const width = matchMedia(PHONE)
    const changed = (): void => {
      setPhone(width.matches)
    }
    width.addEventListener("change", changed)
    return () => {
      width.removeEventListener("change", changed)
    }
  }, [])
  const screen = screenOf(isSearching, talk, hasDetails)
  useFocusOn(isPhone, screen, talk)
  return { isPhone, screen }
}

function screenOf(isSearching: boolean, talk: Talk | undefined, hasDetails: boolean): Screen {
  if (isSearching) return "search"
  if (talk === undefined) return "list"
  return hasDetails ? "details" : "talk"
}

function useFocusOn(isPhone: boolean, screen: Screen, talk: Talk | undefined): void {
  const before = useRef({ screen, talk: talk?.id })
  useLayoutEffect(() => {
    const left = before.current
    before.current = { screen, talk: talk?.id ?? left.talk }
    if (!isPhone || left.screen === screen) return
    const target =
      screen === "list" ? `[data-talk="${left.talk ?? ""}"]` : screen === "talk" && left.screen === "details" ? "[data-details]" : `[data-screen="${screen}"]`
    document.querySelector<HTMLElement>(target)?.focus()
  }, [isPhone, screen, talk?.id])
}
