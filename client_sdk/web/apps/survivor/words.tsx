/** The page's texts in the language that she chose, for every component. */

import { createContext } from "preact"
import { useContext } from "preact/hooks"

import { translator, type Language, type Translate } from "../shared/i18n/catalogue.ts"
import { pseudoTexts } from "../shared/i18n/pseudo.ts"
import { sharedTexts } from "../shared/i18n/sharedTexts.ts"
import { survivorTexts } from "./survivorTexts.ts"

const pageTexts = {
  en: { ...sharedTexts.en, ...survivorTexts.en },
  id: { ...sharedTexts.id, ...survivorTexts.id },
}
/** Built with `--mode pseudo`, all texts are the pseudo-language's, and run from right to left. */
const IS_PSEUDO = import.meta.env.MODE === "pseudo"
const texts = IS_PSEUDO ? { en: pseudoTexts(pageTexts.en), id: pseudoTexts(pageTexts.id) } : pageTexts

export type Words = Translate<typeof pageTexts.en>

export interface Wording {
  readonly language: Language
  readonly t: Words
}

/** The wording of one language. */
export function wordingOf(language: Language): Wording {
  return { language, t: translator(texts, language) }
}

/** Tells the browser, and with it screen readers, in what language and direction the page is. */
export function tellBrowser(language: Language): void {
  document.documentElement.lang = language
  document.documentElement.dir = IS_PSEUDO ? "rtl" : "ltr"
}

export const WordingContext = createContext<Wording>(wordingOf("en"))

export function useWording(): Wording {
  return useContext(WordingContext)
}

const ROLES = ["counselor", "medic", "interpreter", "legal_aid", "shelter", "supervisor"] as const
const NEEDS = ["counseling", "medical", "legal", "shelter"] as const

/** What a staff statement's role is called. */
export function roleName(t: Words, role: string): string {
  return t(`role.${ROLES.find((known) => known === role) ?? "other"}`)
}

/** What a kind of help is called; the organisation's own kinds are called what it calls them. */
export function needName(t: Words, need: string): string {
  const known = NEEDS.find((one) => one === need)
  return known === undefined ? need : t(`need.${known}`)
}
