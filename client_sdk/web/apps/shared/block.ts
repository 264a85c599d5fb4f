/** How the pages read the block of settings that the server fills in (see ../README.md). */

import { LANGUAGES, type Language } from "./i18n/catalogue.ts"

export type Entries = Readonly<Record<string, unknown>>

/** A text of the organisation, in some or all languages. */
export type OwnText = Readonly<Partial<Record<Language, string>>>

/** Thrown when the page was served without an organisation. */
export class NotConfigured extends Error {}

export interface Block {
  /** As `readOrganisation` of the SDK takes it. */
  readonly organisation: Entries
  readonly organisationName: string
  readonly page: Entries
  readonly entries: Entries
}

/** Read the block's text; raises `NotConfigured`. */
export function readBlock(text: string): Block {
  const entries = entriesOf(parsed(text))
  const organisation = entriesOf(entries["organisation"])
  const organisationName = organisation["name"]
  if (typeof organisationName !== "string") throw new NotConfigured("the page was served without an organisation")
  return { organisation, organisationName, page: entriesOf(entries["page"]), entries }
}

/** The entries of an object; none of anything else. */
export function entriesOf(value: unknown): Entries {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}

/** The sound items of a list; null if there are none. */
export function listOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): readonly Item[] | null {
  const items = Array.isArray(value) ? value.filter(isItem) : []
  return items.length > 0 ? items : null
}

/** A word or a few, as the relay takes them. */
export const isShortText = (value: unknown): value is string => typeof value === "string" && /^.{1,64}$/u.test(value)

/** The languages that the pages know among those that are named; all if none is. */
export function languagesOf(value: unknown): readonly Language[] {
  return listOf(value, isLanguage) ?? (Object.keys(LANGUAGES) as Language[])
}

/** One text for all languages, or an object of them. */
export function ownText(value: unknown): OwnText {
  if (typeof value === "string") return inAll(value)
  const texts = Object.entries(entriesOf(value)).filter(([language, text]) => isLanguage(language) && typeof text === "string")
  return Object.fromEntries(texts)
}

/** A list of such texts; those without any text are left out. */
export function ownTexts(value: unknown): readonly OwnText[] {
  return (Array.isArray(value) ? value : []).map(ownText).filter((text) => Object.keys(text).length > 0)
}

/** The same text in all languages. */
export const inAll = (text: string): OwnText => ({ id: text, en: text })

/** The organisation's text in `language`, else in the language it has; undefined when there is none. */
export function ownTextIn(text: OwnText, language: Language): string | undefined {
  return text[language] ?? Object.values(text)[0]
}

const isLanguage = (value: unknown): value is Language => typeof value === "string" && Object.hasOwn(LANGUAGES, value)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new NotConfigured("the page was served with a broken block")
  }
}
