/**
 * The page's texts in the language that she chose, for every component.
 *
 *     earlyTexts, firstTexts ──> useFirstWording      from the beginning
 *     survivorTexts ──addTexts──┴──> useWording      for what comes behind the first screen (`rest.ts`)
 */

import { createContext } from "preact"
import { useContext } from "preact/hooks"

import { translator, type Catalogue, type Language, type Translate } from "../shared/i18n/catalogue.ts"
import { shownTexts } from "../shared/i18n/direction.ts"
import { requestTexts } from "../shared/i18n/requestTexts.ts"
import type { sharedTexts } from "../shared/i18n/sharedTexts.ts"
import { earlyTexts } from "./earlyTexts.ts"
import { firstTexts } from "./firstTexts.ts"
import type { survivorTexts } from "./survivorTexts.ts"

type FirstTexts = typeof requestTexts.en & typeof earlyTexts.en & typeof firstTexts.en
type LaterTexts = typeof sharedTexts.en & typeof survivorTexts.en

const texts = shownTexts({
  en: { ...requestTexts.en, ...earlyTexts.en, ...firstTexts.en },
  id: { ...requestTexts.id, ...earlyTexts.id, ...firstTexts.id },
})

export type FirstWords = Translate<FirstTexts>
export type Words = Translate<FirstTexts & LaterTexts>

interface Wording<Known> {
  readonly language: Language
  readonly t: Known
}

/** The wording of one language, as far as it is there; what is added later is in it, too. */
export function wordingOf(language: Language): Wording<FirstWords> {
  return { language, t: translator(texts, language) }
}

/** Brings in the texts of what comes behind the first screen. */
export function addTexts(later: Catalogue<LaterTexts>): void {
  const shown = shownTexts(later)
  Object.assign(texts.en, shown.en)
  Object.assign(texts.id, shown.id)
}

export const WordingContext = createContext(wordingOf("en"))

/** For the first screen. */
export function useFirstWording(): Wording<FirstWords> {
  return useContext(WordingContext)
}

/** For everything behind it. */
export function useWording(): Wording<Words> {
  return useContext(WordingContext)
}
