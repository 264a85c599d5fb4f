/** Which language the console speaks. */

import { LANGUAGES, type Language } from "../shared/i18n/catalogue.ts"
import { useWording } from "./words.tsx"

export interface LanguagesProps {
  readonly offered: readonly Language[]
  readonly chosen: Language
  readonly onChoose: (language: Language) => void
}

export function Languages({ offered, chosen, onChoose }: LanguagesProps) {
  const { t } = useWording()
  if (offered.length < 2) return null
  return (
    <div role="group" aria-label={t("language")} class="languages">
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
