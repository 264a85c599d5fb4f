/**
 * When a service is open: weekly rules as HSDS takes them from RFC 5545, by the clock of the service.
 *
 *     freq WEEKLY, byday MO,TU,WE,TH,FR, opens_at 08:00+07:00, closes_at 16:00+07:00
 *     byday SA, opens_at 20:00, closes_at 02:00, timezone 7       until two on Sunday
 *     byday MO,TU,WE,TH,FR,SA,SU, opens_at 00:00, closes_at 00:00 day and night
 *
 * A time zone is an offset from UTC, for HSDS knows no other: where clocks change with the season it is right for a part of
 * the year only. Rules that are not weekly are refused, not passed over.
 */

import { dateIn, defaulted, failing, integerOne, maybe, numberIn, oneOf, onlyNames, shortText, longText, identifier, type Entries } from "./values.ts"

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const
const TIME = /^([01]\d|2[0-3]):([0-5]\d)(?::00)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/
const DAY_MINUTES = 24 * 60
const DAY_MS = DAY_MINUTES * 60_000
const QUARTER = 15
/** Minutes; no clock on Earth is further from UTC. */
const WEST = -12 * 60
const EAST = 14 * 60
const NAMES: ReadonlySet<string> = new Set([
  "id", "byday", "opens_at", "closes_at", "freq", "timezone", "valid_from", "valid_to", "wkst", "interval", "description",
  "notes", "attending_type",
])

/** One weekly rule. */
export interface Schedule {
  /** Days of the week, Monday is 0. */
  readonly days: ReadonlySet<number>
  /** Minutes of the day. */
  readonly opens: number
  /** Minutes for which it is open, up to a whole day. */
  readonly length: number
  /** Minutes east of UTC. */
  readonly offset: number
  /** Milliseconds since 1970 of the first and the last day on which it begins; null: no such day. */
  readonly from: number | null
  readonly to: number | null
}

/** The rule in these entries; throws `InvalidDirectory`. */
export function readSchedule(entries: Entries): Schedule {
  onlyNames(entries, NAMES)
  identifier(entries["id"])
  defaulted(entries["freq"], oneOf(["WEEKLY"]), null)
  maybe(entries["wkst"], oneOf(DAYS))
  defaulted(entries["interval"], integerOne, null)
  maybe(entries["description"], longText)
  maybe(entries["notes"], longText)
  maybe(entries["attending_type"], shortText)
  const [opens, opensZone] = readTime(entries["opens_at"])
  const [closes, closesZone] = readTime(entries["closes_at"])
  const zones = new Set([opensZone, closesZone, zoneIn(maybe(entries["timezone"], numberIn))].filter((zone) => zone !== null))
  const [offset] = zones
  if (zones.size !== 1 || offset === undefined) failing("a schedule needs one time zone, such as 08:00+07:00")
  if (offset < WEST || offset > EAST) failing("no clock on Earth is that far from UTC")
  return {
    days: readDays(shortText(entries["byday"])),
    opens,
    length: ((closes - opens - 1 + DAY_MINUTES) % DAY_MINUTES) + 1,
    offset,
    from: maybe(entries["valid_from"], dateIn),
    to: maybe(entries["valid_to"], dateIn),
  }
}

/** Whether it is open at `now`, in milliseconds since 1970. */
export function isOpen(schedule: Schedule, now: number): boolean {
  const { offset, opens, length } = schedule
  const there = now + offset * 60_000
  const today = Math.floor(there / DAY_MS) * DAY_MS
  const minute = Math.floor((there - today) / 60_000)
  return (
    (beginsOn(schedule, today) && opens <= minute && minute < opens + length) ||
    (beginsOn(schedule, today - DAY_MS) && minute + DAY_MINUTES < opens + length)
  )
}

function beginsOn({ days, from, to }: Schedule, day: number): boolean {
  // The first of January 1970 was a Thursday.
  const weekday = (((day / DAY_MS + 3) % 7) + 7) % 7
  return days.has(weekday) && (from === null || day >= from) && (to === null || day <= to)
}

function readDays(text: string): ReadonlySet<number> {
  const named = text.split(",")
  const days = new Set(named.map((day) => DAYS.findIndex((one) => one === day)))
  if (days.size !== named.length || days.has(-1)) failing("byday is not like MO,TU,FR")
  return days
}

/** The minute of the day, and how many minutes the clock is east of UTC if that is said. */
function readTime(value: unknown): readonly [number, number | null] {
  const [, hours, minutes, zone] = TIME.exec(shortText(value)) ?? failing("a time is not like 08:00 or 08:00+07:00")
  return [Number(hours) * 60 + Number(minutes), zone === undefined ? null : offsetOf(zone)]
}

function offsetOf(zone: string): number {
  if (zone === "Z") return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))
  return zone.startsWith("-") ? -minutes : minutes
}

function zoneIn(hours: number | null): number | null {
  if (hours === null) return null
  const minutes = hours * 60
  // -0 is not another zone than 0.
  return minutes % QUARTER === 0 ? minutes + 0 : failing("timezone is not an offset from UTC in hours")
}
