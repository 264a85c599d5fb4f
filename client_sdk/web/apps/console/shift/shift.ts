/** The end of a shift, as people say it: a time of day. */

/** The next time that it is `time` (`HH:MM`, as time fields have it) after `now`, in seconds since 1970; 0 for none. */
export function nextTime(time: string, now: Date): number {
  const parts = /^(\d\d):(\d\d)$/.exec(time)
  if (parts === null) return 0
  const then = new Date(now)
  then.setHours(Number(parts[1]), Number(parts[2]), 0, 0)
  // By the calendar, for a day with a change of the clocks is not 24 hours long.
  if (then <= now) then.setDate(then.getDate() + 1)
  return then.getTime() / 1000
}

/** The same the other way round; empty for none. */
export function timeOf(until: number): string {
  if (until === 0) return ""
  const then = new Date(until * 1000)
  return [then.getHours(), then.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":")
}
