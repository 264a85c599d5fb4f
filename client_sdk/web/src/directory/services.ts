/**
 * What a directory says: services as in the Human Services Data Specification (HSDS) 3.1, nested in one file.
 *
 *     { "hsds_version": "3.1", "services": [ { "id", "name", "status", "organization", "phones", ... } ] }
 *
 * What a service must say here, and what is added to HSDS (`source`, `translations`), is told in
 * `teduh_signaling.directory.format`, which refuses what is refused here.
 */

import { readSchedule, type Schedule } from "./hours.ts"
import { dateIn, defaulted, entriesIn, failing, identifier, listOf, longText, matching, maybe, oneOf, shortText, type Entries } from "./values.ts"

export const MAX_SERVICES = 2000
/** Of the file. */
export const MAX_DIRECTORY_BYTES = 1024 * 1024
const MOST = 32

/** The terms of the taxonomy `teduh-need` by which one can search. */
export const NEEDS = [
  "emergency",
  "counseling",
  "medical",
  "mental-health",
  "legal",
  "shelter",
  "children",
  "complaint",
  "interpreter",
] as const
export type Need = (typeof NEEDS)[number]

/** One service. */
export interface Service {
  readonly id: string
  readonly name: string
  readonly status: "active" | "inactive" | "defunct" | "temporarily closed"
  /** When the facts were last checked: milliseconds since 1970, the beginning of that day. */
  readonly assured: number
  readonly source: string
  readonly organization: string
  readonly description: string | null
  readonly alert: string | null
  readonly fees: string | null
  readonly email: string | null
  readonly url: string | null
  /** Other addresses, such as one at which to write. */
  readonly additionalUrls: readonly { readonly url: string; readonly label: string | null }[]
  readonly phones: readonly { readonly number: string; readonly description: string | null }[]
  /** None: when it is open is not known. */
  readonly schedules: readonly Schedule[]
  readonly languages: readonly { readonly code: string; readonly name: string | null }[]
  /** Countries or their parts (ISO 3166). */
  readonly areas: readonly { readonly name: string; readonly extent: string }[]
  /** Terms of `teduh-need`, also such as only a newer release knows. */
  readonly needs: ReadonlySet<string>
  /** What it says in other languages than Indonesian. */
  readonly translations: ReadonlyMap<string, Translation>
}

/** What a service says in another language. */
export interface Translation {
  readonly name: string | null
  readonly description: string | null
  readonly alert: string | null
}

const LANGUAGE = /^[a-z]{2,3}$/
const NUMBER = /^[+*#0-9][0-9 ()*#-]{1,31}$/
const EXTENT = /^[A-Z]{2}(-[A-Z0-9]{1,3})?$/
const EMAIL = /^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/
const LINK = /^https:\/\/[A-Za-z\d-]+(\.[A-Za-z\d-]+)+(:\d{1,5})?([/?#][\w.~:/?#[\]@!$&'()*+,;=%-]*)?$/
const link = matching(LINK, 256)
const statuses = oneOf(["active", "inactive", "defunct", "temporarily closed"])

/** The services in these bytes; throws `InvalidDirectory`. */
export function readServices(content: Uint8Array): readonly Service[] {
  if (content.length > MAX_DIRECTORY_BYTES) failing("a directory of too many bytes")
  const directory = entriesIn(parsed(content))
  if (directory["hsds_version"] !== "3.1") failing("another version of HSDS")
  if (directory["services"] === undefined) failing("no services")
  const services = listOf(directory["services"], (value) => readService(entriesIn(value)), 0, MAX_SERVICES)
  if (new Set(services.map(({ id }) => id)).size !== services.length) failing("two services have the same id")
  return services
}

function parsed(content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content))
  } catch {
    return failing("not JSON")
  }
}

function readService(entries: Entries): Service {
  const service: Service = {
    id: identifier(entries["id"]),
    name: shortText(entries["name"]),
    status: statuses(entries["status"]),
    assured: dateIn(entries["assured_date"]),
    source: shortText(entries["source"]),
    organization: readOrganization(entriesIn(entries["organization"])),
    description: maybe(entries["description"], longText),
    alert: maybe(entries["alert"], longText),
    fees: maybe(entries["fees_description"], longText),
    email: maybe(entries["email"], matching(EMAIL)),
    url: maybe(entries["url"], link),
    additionalUrls: each(entries["additional_urls"], 0, ({ url, label }) => ({ url: link(url), label: maybe(label, shortText) })),
    phones: each(entries["phones"], 0, ({ number, type, description }) => {
      maybe(type, shortText)
      return { number: matching(NUMBER)(number), description: maybe(description, shortText) }
    }),
    schedules: listOf(entries["schedules"], (value) => readSchedule(entriesIn(value)), 0, MOST),
    languages: each(entries["languages"], 1, ({ code, name }) => ({ code: matching(LANGUAGE)(code), name: maybe(name, shortText) })),
    areas: each(entries["service_areas"], 1, ({ name, extent, extent_type }) => {
      defaulted(extent_type, oneOf(["text"]), null)
      return { name: shortText(name), extent: matching(EXTENT)(extent) }
    }),
    needs: new Set(each(entries["attributes"], 1, ({ taxonomy_term }) => needIn(taxonomy_term)).filter((need) => need !== null)),
    translations: new Map(readTranslations(entries["translations"])),
  }
  const { phones, url, email, additionalUrls } = service
  if (phones.length + additionalUrls.length === 0 && url === null && email === null)
    failing("a service needs a phone, a url or an email")
  if (service.needs.size === 0) failing("a service needs an attribute of the taxonomy teduh-need")
  return service
}

/** Things that have an identifier each. */
function each<T>(value: unknown, least: number, read: (entries: Entries) => T): readonly T[] {
  return listOf(
    value,
    (one) => {
      const entries = entriesIn(one)
      identifier(entries["id"])
      return read(entries)
    },
    least,
    MOST,
  )
}

function readOrganization({ id, name, description, website }: Entries): string {
  identifier(id)
  longText(description)
  maybe(website, link)
  return shortText(name)
}

function needIn(value: unknown): string | null {
  return maybe(value, (term) => {
    const { id, name, description, taxonomy, code } = entriesIn(term)
    identifier(id)
    shortText(name)
    longText(description)
    const known = maybe(code, shortText)
    return maybe(taxonomy, shortText) === "teduh-need" ? known : null
  })
}

function readTranslations(value: unknown): readonly (readonly [string, Translation])[] {
  const entries = Object.entries(defaulted(value, entriesIn, {}))
  if (entries.length > MOST) failing("too many translations")
  return entries.map(([language, texts]) => {
    const { name, description, alert } = entriesIn(texts)
    const translation = { name: maybe(name, shortText), description: maybe(description, longText), alert: maybe(alert, longText) }
    return [matching(LANGUAGE)(language), translation]
  })
}
