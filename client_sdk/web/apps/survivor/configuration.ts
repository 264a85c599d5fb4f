/**
 * What the organisation decides about this page, read from the block that the server fills (see ../README.md).
 *
 * Whatever is missing or malformed in `page` is replaced by what stands here: a typing mistake in a configuration must
 * not close the door. A block without an organisation does: without its root key nobody could be verified.
 */

import { entriesOf, inAll, isShortText, languagesOf, listOf, ownText, readBlock, type Entries, type OwnText } from "../shared/block.ts"
import type { Language } from "../shared/i18n/catalogue.ts"

/** Has a number, a link, or both. */
export interface EmergencyContact {
  readonly number: string | null
  /** Where she can write instead: an https address. */
  readonly link: string | null
  readonly name: OwnText
  readonly about: OwnText
}

/** What the page looks like to somebody who must not know: nothing much, the weather, a recipe. */
export const SKINS = ["plain", "weather", "recipe"] as const
export type Skin = (typeof SKINS)[number]
/** Where she was told to press: the picture, the headline, or the small print at the end. */
export const PLACES = ["picture", "title", "footer"] as const
export type Place = (typeof PLACES)[number]
/** Where Exit is on a phone: in the header, or below at one of the thumbs. */
export const EXIT_PLACES = ["top", "bottom-left", "bottom-right"] as const
export type ExitPlace = (typeof EXIT_PLACES)[number]

export interface Configuration {
  /** As `readOrganisation` of the SDK takes it. */
  readonly organisation: unknown
  readonly organisationName: string
  /** The harmless site to which quick exit leads. */
  readonly exitUrl: string
  /** Where Exit is until she chooses another place. */
  readonly exitPlace: ExitPlace
  /** Offered, the organisation's own first. */
  readonly languages: readonly Language[]
  /** How far confidentiality goes, and when staff may have to tell somebody. */
  readonly confidentiality: OwnText
  /** When somebody is usually there. */
  readonly hours: OwnText
  /** How long people usually wait, in minutes; null when the organisation does not say. */
  readonly typicalWaitMinutes: number | null
  /** Kinds of help to choose from; those that stand here for want of others have names in the catalogue. */
  readonly needs: readonly string[]
  /** Coarse places to choose from; empty: nobody is asked for hers. */
  readonly regions: readonly string[]
  readonly emergencyNumbers: readonly EmergencyContact[]
  /** Whether the relay has a directory of services. */
  readonly hasDirectory: boolean
  /** Shown when the page comes back after it was hidden for so many seconds. */
  readonly cover: { readonly skin: Skin; readonly afterSeconds: number }
  /** What the page looks like until she presses in the right place; null: like itself. */
  readonly disguise: { readonly skin: Exclude<Skin, "plain">; readonly press: Place } | null
}

/** For media queries: held in a hand, and not so low, as above the keyboard of a phone that lies on its side, that no line can be spared. */
export const IN_HAND = "(pointer: coarse) and (min-height: 14rem)"

/** The address by which a browser calls a number. */
export const telephone = (number: string): string => `tel:${number.replace(/[^\d+*#]/g, "")}`

/** The weather, as where the server would lead. */
export const HARMLESS = "https://www.bmkg.go.id/"

const INDONESIA: readonly EmergencyContact[] = [
  {
    number: "129",
    link: null,
    name: inAll("SAPA 129"),
    about: { id: "Layanan perempuan dan anak, 24 jam", en: "Help for women and children, day and night" },
  },
  { number: "110", link: null, name: { id: "Polisi", en: "Police" }, about: {} },
  { number: "119", link: null, name: { id: "Ambulans", en: "Ambulance" }, about: {} },
]

/** Reads the block's text; raises `NotConfigured`. */
export function readConfiguration(text: string): Configuration {
  const { organisation, organisationName, page, entries } = readBlock(text)
  const disguise = disguiseOf(entriesOf(page["disguise"]))
  return {
    organisation,
    organisationName,
    exitUrl: webAddress(entries["exit_url"]) ?? HARMLESS,
    exitPlace: oneOf(page["exit_place"], EXIT_PLACES) ?? "top",
    languages: languagesOf(page["languages"]),
    confidentiality: ownText(page["confidentiality"]),
    hours: ownText(page["hours"]),
    typicalWaitMinutes: positive(page["typical_wait_minutes"]),
    needs: listOf(page["needs"], isShortText) ?? ["counseling", "medical", "legal", "shelter", "interpreter"],
    regions: listOf(page["regions"], isShortText) ?? [],
    emergencyNumbers: numbersOf(page["emergency_numbers"]),
    hasDirectory: entries["directory"] === true,
    cover: coverOf(entriesOf(page["cover"]), disguise?.skin),
    disguise,
  }
}

/** The emergency numbers of a block with which the page cannot start; never none. */
export function numbersIn(text: string): readonly EmergencyContact[] {
  try {
    return numbersOf(entriesOf(entriesOf(JSON.parse(text) as unknown)["page"])["emergency_numbers"])
  } catch {
    return INDONESIA
  }
}

const webAddress = (value: unknown): string | null => (typeof value === "string" && /^https?:\/\//.test(value) ? value : null)

const positive = (value: unknown): number | null => (typeof value === "number" && value > 0 ? value : null)

function oneOf<Value extends string>(value: unknown, allowed: readonly Value[]): Value | null {
  return allowed.find((one) => one === value) ?? null
}

const NUMBER = /^[+*#\d][\d ()*#-]{1,31}$/
// As the server takes them: one site and what is there, as RFC 3986 writes it, and nobody named before the site.
const LINK = /^https:\/\/[A-Za-z\d-]+(\.[A-Za-z\d-]+)+(:\d{1,5})?([/?#][\w.~:/?#[\]@!$&'()*+,;=%-]*)?$/
const MAX_CHARACTERS = 256

const matching = (value: unknown, pattern: RegExp): string | null =>
  typeof value === "string" && value.length <= MAX_CHARACTERS && pattern.test(value) ? value : null

/** The site to which a link leads, as she is shown it. */
export const siteOf = (link: string): string => /^https:\/\/([^/?#]+)/.exec(link)?.[1] ?? link

function numbersOf(value: unknown): readonly EmergencyContact[] {
  const numbers = (Array.isArray(value) ? value : []).map(entriesOf).flatMap((entry) => {
    const number = matching(entry["number"], NUMBER)
    const link = matching(entry["link"], LINK)
    if (number === null && link === null) return []
    return [{ number, link, name: ownText(entry["name"] ?? number ?? siteOf(link ?? "")), about: ownText(entry["about"]) }]
  })
  return numbers.length > 0 ? numbers : INDONESIA
}

function coverOf(cover: Entries, disguise: Skin | undefined): Configuration["cover"] {
  return {
    skin: disguise ?? oneOf(cover["skin"], SKINS) ?? "recipe",
    afterSeconds: positive(cover["after_seconds"]) ?? 60,
  }
}

function disguiseOf(disguise: Entries): Configuration["disguise"] {
  const skin = oneOf(disguise["skin"], ["weather", "recipe"] as const)
  return skin === null ? null : { skin, press: oneOf(disguise["press"], PLACES) ?? "picture" }
}
