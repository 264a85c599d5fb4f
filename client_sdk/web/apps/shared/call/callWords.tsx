/** The texts of calls in the page's language, for every component of a call. */

import { createContext } from "preact"
import { useContext } from "preact/hooks"

import type { CallPerson } from "../../../src/call/media/view.ts"
import { translator, type Language, type Translate } from "../i18n/catalogue.ts"
import { pseudoTexts } from "../i18n/pseudo.ts"
import { callTexts } from "./callTexts.ts"

const texts =
  import.meta.env.MODE === "pseudo" ? { en: pseudoTexts(callTexts.en), id: pseudoTexts(callTexts.id) } : callTexts

export type CallWords = Translate<typeof callTexts.en>

export interface CallWording {
  readonly t: CallWords
  /** How the page calls somebody without a name. */
  readonly nobody: string
}

export function callWordingOf(language: Language, nobody?: string): CallWording {
  const t = translator(texts, language)
  return { t, nobody: nobody ?? t("call.somebody") }
}

export const CallWordingContext = createContext<CallWording>(callWordingOf("en"))

export function useCallWording(): CallWording {
  return useContext(CallWordingContext)
}

/** What somebody is called. */
export function nameOf({ nobody }: CallWording, person: Pick<CallPerson, "name">): string {
  return person.name ?? nobody
}
