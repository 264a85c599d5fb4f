/** How the link is, and who is in the room: in the header, and in the panel below it. */

import type { ComponentChildren } from "preact"

import { roleName } from "../shared/i18n/roleNames.ts"
import { Icon } from "../shared/parts/Icon.tsx"
import type { Panel } from "./Header.tsx"
import { PanelCard } from "./Panels.tsx"
import type { Link, Person, State } from "./stateTypes.ts"
import { useWording } from "./words.tsx"

interface StandingProps {
  readonly state: State
  readonly panel: Panel
  readonly onPanel: (panel: Panel) => void
}

/** In the header, once she has asked. */
export function MemberState({ state, panel, onPanel }: StandingProps) {
  if (state.phase === "waiting") return <LinkState link={state.link} />
  if (state.phase !== "talking") return null
  const { people, link, unreachable } = state
  return <RoomButton people={people} link={link} unreachable={unreachable} panel={panel} onPanel={onPanel} />
}

interface LinkStateProps {
  readonly link: Link
  /** What is said instead while she is connected, and nobody at the other end. */
  readonly oneSided?: string | null
}

/** How the link is, always in words beside the colour. */
function LinkState({ link, oneSided = null }: LinkStateProps) {
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

function RoomButton({ people, link, unreachable, panel, onPanel }: RoomButtonProps) {
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

interface RoomProps {
  readonly people: readonly Person[]
  readonly organisation: string
  readonly onEnd: () => void
  readonly onClose: () => void
  readonly children: ComponentChildren
}

export function RoomPanel({ people, organisation, onEnd, onClose, children }: RoomProps) {
  const { t } = useWording()
  return (
    <PanelCard id="room" title={t("room.title")} onClose={onClose}>
      <ul class="people">
        <li>
          <strong>{t("room.you")}</strong>
          <span class="muted">{t("room.you.about")}</span>
        </li>
        {people.map(({ key, name, role }) => (
          <li key={key}>
            <strong>{name}</strong> <span>{roleName(t, role)}</span>
            <span class="verified">
              <Icon name="verified" />
              {t("room.verified")}
            </span>
          </li>
        ))}
      </ul>
      {people.length === 0 ? <p>{t("room.nobody")}</p> : <p class="muted">{t("room.verified.about", { organisation })}</p>}
      <p class="muted">{t("room.alone")}</p>
      <p class="muted">{t("keep.open")}</p>
      {children}
      <button type="button" class="button" onClick={onEnd}>
        {t("room.end")}
      </button>
    </PanelCard>
  )
}
