/** What is always in sight: own presence, the queue, and all conversations. */

import { useLayoutEffect, useRef, useState } from "preact/hooks"

import { needName } from "../../shared/i18n/names.ts"
import { Board } from "../board/Board.tsx"
import type { Configuration } from "../configuration.ts"
import type { DeskProps } from "./deskProps.ts"
import { inOrder, type DeskState, type Presence, type Talk } from "./deskState.ts"
import { ShiftDialog } from "../talk/HandOverDialogs.tsx"
import { Calling, MINUTE_MS, Queue, Urgent, useNow } from "../queue/Queue.tsx"
import { Shift, ShiftOver } from "../shift/Shift.tsx"
import { TalkMark, TalkName } from "../talk/TalkName.tsx"
import { useWording, type Words } from "../words.tsx"

const PRESENCES: readonly Presence[] = ["available", "busy", "away"]
const CAPACITIES = [1, 2, 3, 4, 5, 6]

interface SideProps extends DeskProps {
  readonly configuration: Configuration
  readonly onShow: (id: string) => void
  readonly onErase: () => void
}

export function Side({ state, desk, configuration, onShow, onErase }: SideProps) {
  const side = useRef<HTMLElement>(null)
  const count = state.talks.length
  // All that are in somebody's care are in sight as soon as one more is, wherever it was accepted.
  useLayoutEffect(() => {
    side.current?.scrollTo({ top: 0 })
  }, [count])
  return (
    <nav ref={side} class="side">
      <PresenceChoice state={state} desk={desk} />
      <Calling state={state} desk={desk} />
      <Talks state={state} onShow={onShow} />
      <Queue state={state} desk={desk} />
      <Work state={state} desk={desk} configuration={configuration} />
      <Board state={state} desk={desk} />
      <Device onErase={onErase} />
    </nav>
  )
}

function PresenceChoice({ state, desk }: DeskProps) {
  const { t } = useWording()
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
      <ShiftOver state={state} />
    </section>
  )
}

/** What is set once in a shift, and its end. */
function Work({ state, desk, configuration }: DeskProps & Pick<SideProps, "configuration">) {
  const { t } = useWording()
  const [isEnding, setEnding] = useState(false)
  return (
    <section class="block" aria-labelledby="work">
      <h2 id="work">{t("menu.shift")}</h2>
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

/** Apart from all that is pressed every day, for it cannot be taken back. */
function Device({ onErase }: Pick<SideProps, "onErase">) {
  const { t } = useWording()
  return (
    <section class="block device" aria-labelledby="device">
      <h2 id="device">{t("menu.device")}</h2>
      <button type="button" class="button" data-menu="erase" onClick={onErase}>
        {t("menu.erase")}
      </button>
    </section>
  )
}

function Talks({ state, onShow }: { readonly state: DeskState; readonly onShow: (id: string) => void }) {
  const { t } = useWording()
  const now = useNow(10_000)
  const { talks, hold } = useSteadyOrder(state)
  return (
    <section class="block talks" aria-labelledby="talks">
      <h2 id="talks">{t("talks.title")}</h2>
      {talks.length === 0 && <p class="muted">{t("talks.none")}</p>}
      <ul {...hold}>
        {talks.map((talk) => (
          <li key={talk.id}>
            <TalkButton talk={talk} isShown={talk.id === state.shown} now={now} onShow={onShow} />
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Nothing moves under a finger, a pointer or the focus: a word for one person must not reach another. */
function useSteadyOrder({ talks }: DeskState) {
  const [isHeld, setHeld] = useState(false)
  const order = useRef<readonly string[]>([])
  const ordered = inOrder(talks)
  const placeOf = ({ id }: Talk): number => (order.current.includes(id) ? order.current.indexOf(id) : ordered.length)
  const steady = isHeld ? [...ordered].sort((one, other) => placeOf(one) - placeOf(other)) : ordered
  order.current = steady.map(({ id }) => id)
  const hold = (): void => {
    setHeld(true)
  }
  const letGo = (): void => {
    setHeld(false)
  }
  return { talks: steady, hold: { onPointerEnter: hold, onPointerLeave: letGo, onFocusIn: hold, onFocusOut: letGo } }
}

interface TalkButtonProps {
  readonly talk: Talk
  readonly isShown: boolean
  readonly now: number
  readonly onShow: (id: string) => void
}

function TalkButton({ talk, isShown, now, onShow }: TalkButtonProps) {
  const { t } = useWording()
  return (
    <button
      type="button"
      class="talk-button"
      data-talk={talk.id}
      aria-current={isShown ? "true" : undefined}
      onClick={() => {
        onShow(talk.id)
      }}
    >
      <TalkMark talk={talk} />
      <span class="talk-name">
        <TalkName talk={talk} />
      </span>
      {talk.unread > 0 && (
        <span class="unread">
          <span aria-hidden="true">{talk.unread}</span>
          <span class="spoken">{t("talk.unread", { count: talk.unread })}</span>
        </span>
      )}
      <span class="talk-about">
        {talk.asked !== null && <Urgent urgency={talk.asked.urgency} />}
        {talk.asked?.need == null ? "" : needName(t, talk.asked.need)}
      </span>
      {talk.waitsSince !== null && talk.ending === null && <span class="talk-waits">{waitsText(t, now - talk.waitsSince)}</span>}
      <span class="talk-last muted">{lastOf(t, talk)}</span>
    </button>
  )
}

function waitsText(t: Words, waitedMs: number): string {
  const minutes = Math.floor(waitedMs / MINUTE_MS)
  return minutes < 1 ? t("talk.waits.now") : t("talk.waits", { minutes })
}

function lastOf(t: Words, talk: Talk): string {
  if (talk.ending !== null) return t("talk.over")
  if (talk.typing.length > 0) return t("talk.writing")
  const last = talk.items.findLast((item) => item.kind !== "notice")
  return last === undefined ? t("talk.nobody") : last.text
}
