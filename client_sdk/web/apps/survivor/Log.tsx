/**
 * What was said. Every word of a message goes into a text node: nothing in it is formatted, and no address in it
 * becomes a link that a slip of the thumb could open. What can be called is a service of the organisation's signed directory, of
 * which somebody told her: its number stands there in full, above what calls it.
 */

import type { ComponentChildren } from "preact"

import { roleName } from "../shared/i18n/roleNames.ts"
import { useEndInSight } from "../shared/parts/endInSight.ts"
import { Icon, type IconName } from "../shared/parts/Icon.tsx"
import { Time } from "../shared/parts/Time.tsx"
import type { Item, Person, Progress, State } from "./stateTypes.ts"
import { Referred } from "./WhoElse.tsx"
import { useWording } from "./words.tsx"

interface LogProps {
  readonly state: State
  /** What stands above the first message. */
  readonly children?: ComponentChildren
}

export function Log({ state, children }: LogProps) {
  const { t } = useWording()
  const { box, isAtEnd, onScroll, toEnd } = useEndInSight(state.items)
  return (
    <div class="log-frame">
      { }
      <div ref={box} class="scroll" tabIndex={0} role="region" aria-label={t("log.title")} onScroll={onScroll}>
        <div class="column">
          {children}
          <div role="log" aria-label={t("log.title")}>
            <ol class="items">
              {state.items.map((item) => (
                <Line key={item.id} item={item} fate={fateOf(state, item)} />
              ))}
            </ol>
          </div>
          <Typing people={state.typing} />
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" class="button latest" onClick={toEnd}>
          {t("log.latest")}
        </button>
      )}
    </div>
  )
}

/** How far a message has come. What was still kept when it was over will not be sent any more. */
type Fate = Progress | "lost"

function fateOf({ phase, progress }: State, { id }: Item): Fate {
  return progress[id] ?? (phase === "over" ? "lost" : "kept")
}

function Line({ item, fate }: { readonly item: Item; readonly fate: Fate }) {
  const { language, t } = useWording()
  if (item.kind === "notice")
    return (
      <li class={`notice ${item.notice}`}>
        {t(`notice.${item.notice}`, { name: item.name, role: roleName(t, item.role) })}
      </li>
    )
  const isOwn = item.kind === "own"
  const words = (
    <p class="words" dir="auto">
      {item.text}
    </p>
  )
  const speaker = isOwn ? t("log.you") : t("log.says", { name: item.by.name, role: roleName(t, item.by.role) })
  return (
    <li class={isOwn ? "message own" : "message"}>
      <p class={isOwn ? "speaker spoken" : "speaker"}>{speaker}</p>
      {isOwn || item.service === null ? words : <Referred service={item.service}>{words}</Referred>}
      <p class="fate">
        <Time at={item.at} language={language} />
        {isOwn && <Progressed fate={fate} />}
      </p>
    </li>
  )
}

const FATE_ICONS: Readonly<Record<Fate, IconName>> = {
  lost: "close",
  kept: "clock",
  sent: "tick",
  delivered: "ticks",
  read: "ticks",
}

function Progressed({ fate }: { readonly fate: Fate }) {
  const { t } = useWording()
  return (
    <span class={`progress ${fate}`}>
      <Icon name={FATE_ICONS[fate]} />
      {t(`message.${fate}`)}
    </span>
  )
}

function Typing({ people }: { readonly people: readonly Person[] }) {
  const { t } = useWording()
  return (
    <p class="typing" role="status">
      {people.map(({ name }) => t("typing", { name })).join(" ")}
    </p>
  )
}
