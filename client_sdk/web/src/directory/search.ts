/**
 * What she is shown of a directory: pure, on her own device, so that nobody learns what she looks for.
 *
 *     age of assured_date    up to 180 days   as it is
 *                            up to 365 days   with "last checked on"
 *                            older            not shown
 *
 * Services nearer to her come first, then those that were checked of late, then in the order of the file.
 */

import { isOpen } from "./hours.ts"
import type { Service } from "./services.ts"

const DAY_MS = 24 * 3600 * 1000
const AGEING_DAYS = 180
const HIDDEN_DAYS = 365

/** What she looks for; what is left out asks for nothing. */
export interface Query {
  /** A term of `teduh-need`. */
  readonly need?: string | null
  /** A country or one of its parts (ISO 3166). */
  readonly region?: string | null
  /** ISO 639-1 or 639-3. */
  readonly language?: string | null
  readonly openNow?: boolean
}

/** A service, and what holds of it now. */
export interface Found {
  readonly service: Service
  /** Null: when it is open is not known. */
  readonly isOpen: boolean | null
  /** To be said beside it, for it is some time ago: milliseconds since 1970, the beginning of that day, UTC. */
  readonly lastChecked: number | null
}

/** The services that fit, the best first; `now` in milliseconds since 1970. */
export function searchServices(services: readonly Service[], query: Query, now: number): readonly Found[] {
  const today = Math.floor(now / DAY_MS) * DAY_MS
  return services
    .flatMap((service): readonly Found[] => {
      const age = (today - service.assured) / DAY_MS
      const isShown = service.status === "active" || service.status === "temporarily closed"
      if (!isShown || age > HIDDEN_DAYS || !fits(service, query)) return []
      const open = isOpenAt(service, now)
      if (query.openNow === true && open !== true) return []
      return [{ service, isOpen: open, lastChecked: age > AGEING_DAYS ? service.assured : null }]
    })
    .sort(
      (one, other) =>
        nearness(other.service, query) - nearness(one.service, query) ||
        Number(one.lastChecked !== null) - Number(other.lastChecked !== null),
    )
}

/** Null where it does not say when it is open. */
function isOpenAt({ status, schedules }: Service, now: number): boolean | null {
  if (status !== "active") return false
  return schedules.length === 0 ? null : schedules.some((schedule) => isOpen(schedule, now))
}

function fits({ needs, languages, areas }: Service, { need, language, region }: Query): boolean {
  return (
    (need == null || needs.has(need)) &&
    (language == null || languages.some(({ code }) => code === language)) &&
    (region == null || areas.some(({ extent }) => covers(extent, region)))
  )
}

const covers = (extent: string, region: string): boolean => region === extent || region.startsWith(`${extent}-`)

/** How closely its areas lie around the region: the length of the longest that covers it. */
function nearness({ areas }: Service, { region }: Query): number {
  if (region == null) return 0
  return Math.max(...areas.map(({ extent }) => (covers(extent, region) ? extent.length : 0)))
}
