/** The time of day, by 24 hours. */

import type { Language } from "../i18n/catalogue.ts"

interface TimeProps {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly language: Language
}

export function Time({ at, language }: TimeProps) {
  const time = new Date(at)
  const shown = time.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
  return <time dateTime={time.toISOString()}>{shown}</time>
}
