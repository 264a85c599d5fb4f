/** The console's texts in the language that was chosen, for every component. */

import { createContext } from "preact"
import { useContext } from "preact/hooks"

import { translator, type Language, type Translate } from "../shared/i18n/catalogue.ts"
import { shownTexts } from "../shared/i18n/direction.ts"
import { sharedTexts } from "../shared/i18n/sharedTexts.ts"
import { boardTexts } from "./board/boardTexts.ts"
import { handOverTexts } from "./talk/handOverTexts.ts"
import { inviteTexts } from "./talk/inviteTexts.ts"
import { consoleTexts } from "./consoleTexts.ts"
import { referTexts } from "./talk/referTexts.ts"

const texts = shownTexts({
  en: { ...sharedTexts.en, ...consoleTexts.en, ...boardTexts.en, ...handOverTexts.en, ...inviteTexts.en, ...referTexts.en },
  id: { ...sharedTexts.id, ...consoleTexts.id, ...boardTexts.id, ...handOverTexts.id, ...inviteTexts.id, ...referTexts.id },
})

export type Words = Translate<typeof texts.en>

export interface Wording {
  readonly language: Language
  readonly t: Words
}

/** The wording of one language. */
export function wordingOf(language: Language): Wording {
  return { language, t: translator(texts, language) }
}

export const WordingContext = createContext<Wording>(wordingOf("en"))

export function useWording(): Wording {
  return useContext(WordingContext)
}
