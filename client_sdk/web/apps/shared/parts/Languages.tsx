/** Which language the page speaks. */

import { LANGUAGES, type Language } from "../i18n/catalogue.ts"

export interface LanguagesProps {
  /** What this choice is called. */
  readonly label: string
  readonly offered: readonly Language[]
  readonly chosen: Language
  readonly onChoose: (language: Language) => void
}

export function Languages({ label, offered, chosen, onChoose }: LanguagesProps) {
  if (offered.length < 2) return null
  return (
    <div role="group" aria-label={label} class="languages">
      {offered.map((language) => (
        <button
          key={language}
          type="button"
          class="button quiet"
          lang={language}
          title={LANGUAGES[language]}
          aria-pressed={language === chosen}
          onClick={() => {
            onChoose(language)
          }}
        >
          <span aria-hidden="true">{language.toUpperCase()}</span>
          <span class="spoken">{LANGUAGES[language]}</span>
        </button>
      ))}
    </div>
  )
}
