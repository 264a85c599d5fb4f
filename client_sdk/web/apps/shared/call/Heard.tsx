/**
 * What is heard of a call, whatever is shown of it: the voices, and, by screen readers, what has changed. A page keeps this
 * in place for as long as the call lasts.
 */

import { useEffect, useRef, useState } from "preact/hooks"

import type { CallView } from "../../../src/call/media/view.ts"
import type { Language } from "../i18n/catalogue.ts"
import { callWordingOf, CallWordingContext, type CallWording } from "./callWords.tsx"
import { changesBetween } from "./changes.ts"
import { Sound } from "./Media.tsx"

interface HeardProps {
  readonly view: CallView
  readonly language: Language
  /** How the page calls somebody without a name. */
  readonly nobody?: string
}

export function Heard({ view, language, nobody }: HeardProps) {
  const wording = callWordingOf(language, nobody)
  const news = useChanges(view, wording)
  return (
    <CallWordingContext.Provider value={wording}>
      {view.peers.map(
        ({ leaf, sound }) => sound !== null && <Sound key={leaf} stream={sound} speaker={view.own.chosen.speaker ?? ""} />,
      )}
      <p class="spoken" role="status" data-changes>
        {news}
      </p>
    </CallWordingContext.Provider>
  )
}

/** The last that changed; it stays, for a screen reader reads out what is new. */
function useChanges(view: CallView, wording: CallWording): string {
  const [news, setNews] = useState("")
  const before = useRef(view)
  useEffect(() => {
    const changes = changesBetween(before.current, view, wording)
    before.current = view
    if (changes.length > 0) setNews(changes.join(" "))
  }, [view])
  return news
}
