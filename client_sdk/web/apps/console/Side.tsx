/** What is always in sight: own presence, the queue, and all conversations. */

import { useState } from "preact/hooks"

import { needName } from "../shared/i18n/names.ts"
import { Board } from "./Board.tsx"
import type { Configuration } from "./configuration.ts"
import type { DeskProps } from "./DeskScreen.tsx"
import { openTalks, type DeskState, type Presence, type Talk } from "./deskState.ts"
import { ShiftDialog } from "./HandOverDialogs.tsx"
import { Queue, Urgent } from "./Queue.tsx"
import { Shift } from "./Shift.tsx"
import { useWording, type Words } from "./words.tsx"

const PRESENCES: readonly Presence[] = ["available", "busy", "away"]
const CAPACITIES = [1, 2, 3, 4, 5, 6]

interface SideProps extends DeskProps {
  readonly configuration: Configuration
  readonly onShow: (id: string) => void
}

export function Side({ state, desk, configuration, onShow }: SideProps) {
  return (
    <nav class="side">
      <PresenceChoice state={state} desk={desk} configuration={configuration} />
      <Queue state={state} desk={desk} />
      <Board state={state} desk={desk} />
      <Talks state={state} onShow={onShow} />
    </nav>
  )
}

function PresenceChoice({ state, desk, configuration }: Omit<SideProps, "onShow">) {
  const { t } = useWording()
  const [isEnding, setEnding] = useState(false)
  const isFull = openTalks(state).length >= state.capacity
  return (
    <section class="block">
      <fieldset class="presence">
        <legend>{t("presence.title")}</legend>
        <div class="segments">
          {PRESENCES.map((presence) => (
            <label key={presence} class={`segment ${presence}`}>
              <input
                type="radio"
                name="presence"
                autocomplete="off"
                checked={state.presence === presence}
                onChange={() => void desk.setPresence(presence)}
              />
              <span>{t(`presence.${presence}`)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <label class="capacity">
        <span>{t("presence.capacity")}</span>
        <select
          autocomplete="off"
          value={state.capacity}
          onChange={({ currentTarget }) => void desk.prefer({ capacity: Number(currentTarget.value) })}
        >
          {CAPACITIES.map((capacity) => (
            <option key={capacity} value={capacity}>
              {capacity}
            </option>
          ))}
        </select>
      </label>
      <Shift state={state} desk={desk} regions={configuration.regions} />
      {isFull && state.presence === "available" && <p class="muted">{t("presence.full")}</p>}
      <button
        type="button"
        class="button"
        data-end-shift
        onClick={() => {
          setEnding(true)
        }}
      >
        {t("endShift.open")}
      </button>
      {isEnding && (
        <ShiftDialog
          state={state}
          desk={desk}
          onClose={() => {
            setEnding(false)
          }}
        />
      )}
    </section>
  )
}

function Talks({ state, onShow }: { readonly state: DeskState; readonly onShow: (id: string) => void }) {
  const { t } = useWording()
  return (
    <section class="block talks" aria-labelledby="talks">
      <h2 id="talks">{t("talks.title")}</h2>
      {state.talks.length === 0 && <p class="muted">{t("talks.none")}</p>}
      <ul>
        {state.talks.map((talk) => (
          <li key={talk.id}>
            <TalkButton talk={talk} isShown={talk.id === state.shown} onShow={onShow} />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface TalkButtonProps {
  readonly talk: Talk
  readonly isShown: boolean
  readonly onShow: (id: string) => void
}

function TalkButton({ talk, isShown, onShow }: TalkButtonProps) {
  const { t } = useWording()
  return (
    <button
      type="button"
      class="talk-button"
      aria-current={isShown ? "true" : undefined}
      onClick={() => {
        onShow(talk.id)
      }}
    >
      <span class="talk-name">{t("talk.name", { number: talk.number })}</span>
      {talk.unread > 0 && (
        <span class="unread">
          <span aria-hidden="true">{talk.unread}</span>
          <span class="spoken">{t("talk.unread", { count: talk.unread })}</span>
        </span>
      )}
      <span class="talk-about">
        <Urgent urgency={talk.asked?.urgency ?? 0} />
        {talk.asked?.need == null ? "" : needName(t, talk.asked.need)}
      </span>
      <span class="talk-last muted">{lastOf(t, talk)}</span>
    </button>
  )
}

function lastOf(t: Words, talk: Talk): string {
  if (talk.ending !== null) return t("talk.over")
  if (talk.typing.length > 0) return t("talk.writing")
  const last = talk.items.findLast((item) => item.kind !== "notice")
  return last === undefined ? t("talk.nobody") : last.text
}
