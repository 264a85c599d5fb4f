/**
 * The time of day, by 24 hours.
 *
 * By arithmetic: a formatter of the browser's for each message is, on a poor phone, the longest piece of work that a message
 * is, and while it lasts nothing that she types is shown.
 */

import type { Language } from "../i18n/catalogue.ts"

interface TimeProps {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly language: Language
}

export function Time({ at, language }: TimeProps) {
  const time = new Date(at)
  return <time dateTime={time.toISOString()}>{timeOfDay(time, language)}</time>
}

/** Between hours and minutes. */
const MARK: Readonly<Record<Language, string>> = { en: ":", id: "." }

/** For example 08:05, or 08.05 in Indonesian. */
export function timeOfDay(time: Date, language: Language): string {
  const [hours, minutes] = [time.getHours(), time.getMinutes()].map((one) => String(one).padStart(2, "0"))
  return `${hours}${MARK[language]}${minutes}`
}
