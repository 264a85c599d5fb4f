/** Dates in somebody's language. */

/** What the device's clock says, to be compared with another one; `at` in milliseconds since 1970. */
export function wholeDate(language: string, at: number): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" }).format(at)
}
