/** What can be chosen in the directory of services, and how its days are written: on her page and in the console alike. */

import { NEEDS, type Directory, type Need } from "../../src/index.ts"
import type { Language } from "./i18n/catalogue.ts"

export interface Option {
  readonly value: string
  readonly text: string
}

export interface Choices {
  readonly needs: readonly Need[]
  readonly regions: readonly Option[]
  readonly languages: readonly Option[]
}

/** What is in the list, so that nothing can be chosen that leads to nothing. */
export function choicesOf(directory: Directory, language: Language): Choices {
  const shown = directory.search().map(({ service }) => service)
  const collator = new Intl.Collator(language)
  const sorted = (options: ReadonlyMap<string, string>): Option[] =>
    [...options].map(([value, text]) => ({ value, text })).sort((one, other) => collator.compare(one.text, other.text))
  const spoken = shown.flatMap(({ languages }) => languages.map(({ code, name }) => [code, languageName(code, name, language)] as const))
  const places = shown.flatMap(({ areas }) => areas.map(({ extent, name }) => [extent, name] as const))
  return {
    needs: NEEDS.filter((need) => shown.some(({ needs }) => needs.has(need))),
    regions: sorted(new Map(places)),
    languages: sorted(new Map(spoken)),
  }
}

/** As the browser calls it; old ones have no names. */
function languageName(code: string, name: string | null, language: Language): string {
  if (!("DisplayNames" in Intl)) return name ?? code
  return new Intl.DisplayNames(language, { type: "language" }).of(code) ?? name ?? code
}

export const day = (at: number, language: Language): string =>
  new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(at)
