/** What the organisation decides about the console, read from the block that the server fills (see ../README.md). */

import { LANGUAGES, type Language } from "../shared/i18n/catalogue.ts"

export interface Configuration {
  /** As `readOrganisation` of the SDK takes it. */
  readonly organisation: unknown
  readonly organisationName: string
  /** Offered, the organisation's own first. */
  readonly languages: readonly Language[]
  /** The relay of a demonstration approves devices by itself, which the console has to say. */
  readonly isDemonstration: boolean
}

/** Thrown when the page was served without an organisation. */
export class NotConfigured extends Error {}

/** Reads the block's text; raises `NotConfigured`. */
export function readConfiguration(text: string): Configuration {
  const block = record(parsed(text))
  const organisation = record(block["organisation"])
  if (typeof organisation["name"] !== "string") throw new NotConfigured("the page was served without an organisation")
  return {
    organisation,
    organisationName: organisation["name"],
    languages: languagesOf(record(block["page"])["languages"]),
    isDemonstration: block["demonstration"] === true,
  }
}

/** The invitation code in the fragment of an address, for example `#invitation=CODE`; empty if there is none. */
export function invitationIn(fragment: string): string {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("invitation")?.trim() ?? ""
}

/** The code in what somebody pasted: the code itself, or the whole link. */
export function invitationFrom(pasted: string): string {
  const text = pasted.trim()
  const at = text.indexOf("#")
  return at === -1 ? text : invitationIn(text.slice(at)) || text
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new NotConfigured("the page was served with a broken block")
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}

function languagesOf(value: unknown): readonly Language[] {
  const known = (Array.isArray(value) ? value : []).filter(
    (one): one is Language => typeof one === "string" && Object.hasOwn(LANGUAGES, one),
  )
  return known.length > 0 ? known : (Object.keys(LANGUAGES) as Language[])
}
