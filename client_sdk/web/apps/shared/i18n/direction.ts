/** In which language and direction the page is: what the browser, and with it screen readers, are told. */

import type { Language } from "./catalogue.ts"
import { pseudoTexts } from "./pseudo.ts"

/** Built with `--mode pseudo`, all texts are the pseudo-language's, and run from right to left. */
const IS_PSEUDO = import.meta.env.MODE === "pseudo"

/** The texts of a page as this build shows them. */
export function shownTexts<Texts extends Record<Language, Readonly<Record<string, string>>>>(texts: Texts): Texts {
  return IS_PSEUDO ? ({ en: pseudoTexts(texts.en), id: pseudoTexts(texts.id) } as unknown as Texts) : texts
}

/** Tells it the browser. */
export function tellBrowser(language: Language): void {
  document.documentElement.lang = language
  document.documentElement.dir = IS_PSEUDO ? "rtl" : "ltr"
}
