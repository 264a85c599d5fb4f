/** What is always there: who is in the room or the language, the link, the emergency numbers, and the way out. */

import type { ComponentChildren } from "preact"

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
        <Icon name="phone" />
        <span>{t("emergency.short")}</span>
      </button>
    </header>
  )
}

interface LinkStateProps {
  readonly link: Link
  /** What is said instead while she is connected, and nobody at the other end. */
  readonly oneSided?: string | null
}

/** How the link is, always in words beside the colour. */
export function LinkState({ link, oneSided = null }: LinkStateProps) {
  const { t } = useWording()
  const isOneSided = link === "connected" && oneSided !== null
  return (
    <span class={isOneSided ? "link one-sided" : `link ${link}`} role="status">
      {isOneSided ? oneSided : t(`link.${link}`)}
    </span>
  )
}

interface RoomButtonProps {
  readonly people: readonly Person[]
  readonly link: Link
  readonly unreachable: string | null
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
}

export function RoomButton({ people, link, unreachable, panel, onPanel }: RoomButtonProps) {
  const { t } = useWording()
  const names = people.map(({ name }) => name).join(", ")
  const alone = names === "" ? t("link.alone") : null
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
      <LinkState link={link} oneSided={unreachable === null ? alone : t("link.oneSided", { name: unreachable })} />
    </div>
  )
}
