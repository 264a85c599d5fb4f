/** What is always there: who is in the room or the language, the link, the emergency numbers, and the way out. */

import type { ComponentChildren } from "preact"

import { Icon } from "../shared/parts/Icon.tsx"
import { useFirstWording } from "./words.tsx"

/** The panels below the header, of which at most one is open. */
export type Panel = "emergency" | "room" | null

interface HeaderProps {
  readonly children: ComponentChildren
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
  readonly onExit: () => void
}

export function Header({ children, panel, onPanel, onExit }: HeaderProps) {
  const { t } = useFirstWording()
  return (
    <header class="bar">
      <button type="button" class="button exit bar-button" title={t("exit.hint")} onClick={onExit}>
        <Icon name="leave" />
        <span>{t("exit")}</span>
      </button>
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
        <Icon name="warning" />
        <span>{t("emergency.short")}</span>
      </button>
    </header>
  )
}
