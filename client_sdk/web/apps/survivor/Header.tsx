/** What is always there: who is in the room or the language, the link, the emergency numbers, and the way out. */

import type { ComponentChildren } from "preact"

import { LANGUAGES, type Language } from "../shared/i18n/catalogue.ts"
import { Icon } from "../shared/parts/Icon.tsx"
import type { Link, Person } from "./state.ts"
import { useWording } from "./words.tsx"

/** The panels below the header, of which at most one is open. */
export type Panel = "emergency" | "room" | null

interface HeaderProps {
  readonly children: ComponentChildren
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
  readonly onExit: () => void
}

export function Header({ children, panel, onPanel, onExit }: HeaderProps) {
  const { t } = useWording()
  return (
    <header class="bar">
      <div class="bar-start">{children}</div>
      <button
        type="button"
        class="button quiet bar-button emergency-button"
        aria-expanded={panel === "emergency"}
        aria-controls="emergency"
        aria-label={t("emergency")}
        onClick={() => {
          onPanel(panel === "emergency" ? null : "emergency")
        }}
      >
        <Icon name="phone" />
        <span>{t("emergency.short")}</span>
      </button>
      <button type="button" class="button exit bar-button" title={t("exit.hint")} onClick={onExit}>
        <Icon name="leave" />
        <span>{t("exit")}</span>
      </button>
    </header>
  )
}

interface LanguagesProps {
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

/** How the link is, always in words beside the colour. */
export function LinkState({ link }: { readonly link: Link }) {
  const { t } = useWording()
  return (
    <span class={`link ${link}`} role="status">
      {t(`link.${link}`)}
    </span>
  )
}

interface RoomButtonProps {
  readonly people: readonly Person[]
  readonly link: Link
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
}

export function RoomButton({ people, link, panel, onPanel }: RoomButtonProps) {
  const { t } = useWording()
  const names = people.map(({ name }) => name).join(", ")
  return (
    <div class="room-summary">
      <button
        type="button"
        class="button quiet room-button"
        aria-expanded={panel === "room"}
        aria-controls="room"
        aria-label={names === "" ? t("room.title") : t("room.open", { names })}
        onClick={() => {
          onPanel(panel === "room" ? null : "room")
        }}
      >
        <Icon name="verified" />
        <span class="room-names">{names === "" ? t("room.title") : names}</span>
      </button>
      <LinkState link={link} />
    </div>
  )
}
