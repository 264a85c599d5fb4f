/**
 * The conversation that is shown. Every word of a message goes into a text node: nothing in it is formatted, and no
 * address in it becomes a link.
 */

import { useState } from "preact/hooks"

import { needName } from "../../shared/i18n/names.ts"
import { roleName } from "../../shared/i18n/roleNames.ts"
import { useEndInSight } from "../../shared/parts/endInSight.ts"
import { Icon, type IconName } from "../../shared/parts/Icon.tsx"
import { Time } from "../../shared/parts/Time.tsx"
import { Composer } from "./Composer.tsx"
import type { Configuration } from "../configuration.ts"
import type { DeskProps } from "../desk/deskProps.ts"
import { wantsAttention, type Item, type Person, type Progress, type Talk } from "../desk/deskState.ts"
import { Urgent } from "../queue/Queue.tsx"
import { CallButtons, TalkCalls } from "./TalkCalls.tsx"
import { ReferDialog } from "./ReferDialog.tsx"
import { EndDialog } from "./TalkDialogs.tsx"
import { TalkMark, TalkName, talkName } from "./TalkName.tsx"
import { useWording, type Words } from "../words.tsx"

interface TalkViewProps extends DeskProps {
  readonly talk: Talk
  readonly configuration: Configuration
  readonly hasDetails: boolean
  readonly onDetails: () => void
  /** On a phone, where the list is another screen. */
  readonly onBack: (() => void) | null
}

export function TalkView({ talk, state, desk, configuration, hasDetails, onDetails, onBack }: TalkViewProps) {
  const { t } = useWording()
  const [isEnding, setEnding] = useState(false)
  const [isStartingCall, setStartingCall] = useState(false)
  const [isReferring, setReferring] = useState(false)
  return (
    <div class={`talk ${talk.colour}`}>
      <div class="talk-head">
        <BackToList state={state} onBack={onBack} />
        <div class="talk-title">
          <TalkMark talk={talk} />
          <h2 id="talk-title" tabIndex={-1} data-screen="talk">
            <TalkName talk={talk} />
          </h2>
          {talk.asked !== null && <Urgent urgency={talk.asked.urgency} />}
          {talk.asked?.need != null && <span class="muted">{needName(t, talk.asked.need)}</span>}
          {talk.ending === null && talk.link !== "connected" && (state.isConnected || onBack !== null) && (
            <span class={`link ${talk.link}`}>{t(`link.${talk.link}`)}</span>
          )}
        </div>
        <CallButtons
          calls={desk.calls}
          talk={talk}
          onStart={() => {
            setStartingCall(true)
          }}
        />
        <button type="button" class="button" data-details aria-expanded={hasDetails} onClick={onDetails}>
          {t("talk.details")}
        </button>
        <button
          type="button"
          class="button exit"
          onClick={() => {
            setEnding(true)
          }}
        >
          {t(talk.ending === null ? "talk.end" : "talk.file")}
        </button>
      </div>
      <TalkCalls
        calls={desk.calls}
        talk={talk}
        isStarting={isStartingCall}
        onDone={() => {
          setStartingCall(false)
        }}
      />
      <Log talk={talk} desk={desk} />
      {talk.ending === null && talk.unconfirmed.length > 0 && (
        <p class="card care" role="alert">
          {t("talk.unconfirmed", { names: talk.unconfirmed.map((person) => nameOf(t, person, talk)).join(", ") })}
        </p>
      )}
      {talk.ending === null ? (
        <Composer
          talk={talk}
          state={state}
          desk={desk}
          prepared={configuration.replies}
          takesFocus={onBack === null}
          onRefer={
            configuration.hasDirectory
              ? () => {
                  setReferring(true)
                }
              : null
          }
        />
      ) : (
        <p class={`card ending ${talk.ending.why === "ended" || talk.ending.why === "handedOver" ? "" : "care"}`} role="status">
          {endingText(t, talk.ending)}
        </p>
      )}
      {isReferring && (
        <ReferDialog
          talk={talk}
          desk={desk}
          organisation={configuration.organisation}
          onClose={() => {
            setReferring(false)
          }}
        />
      )}
      {isEnding && (
        <EndDialog
          talk={talk}
          desk={desk}
          onClose={() => {
            setEnding(false)
          }}
        />
      )}
    </div>
  )
}

/** With how many things in the list want to be looked at: they are out of sight. */
function BackToList({ state, onBack }: Pick<TalkViewProps, "state" | "onBack">) {
  const { t } = useWording()
  if (onBack === null) return null
  const count = wantsAttention(state)
  return (
    <>
      <button type="button" class="button quiet back" onClick={onBack}>
        <Icon name="back" />
        <span class="spoken">{t("talk.back")}</span>
        {count > 0 && (
          <span class="unread" aria-hidden="true">
            {count}
          </span>
        )}
      </button>
      <p class="spoken" role="status">
        {count > 0 ? t("list.wants", { count }) : ""}
      </p>
    </>
  )
}

function endingText(t: Words, { why, by }: NonNullable<Talk["ending"]>): string {
  if (why === "handedOver") return t("ending.handedOver", { name: by ?? "" })
  return why === "ended" && by !== null ? t("ending.ended.by", { name: by }) : t(`ending.${why}`)
}

function Log({ talk, desk }: Pick<TalkViewProps, "talk" | "desk">) {
  const { t } = useWording()
  const { box, isAtEnd, onScroll, toEnd } = useEndInSight(talk.items)
  return (
    <div class="log-frame">
      <div ref={box} class="scroll" tabIndex={0} role="region" aria-labelledby="talk-title" onScroll={onScroll}>
        <div role="log" aria-labelledby="talk-title">
          <ol class="items">
            {talk.items.map((item) => (
              <Line key={item.id} item={item} talk={talk} />
            ))}
          </ol>
        </div>
        {talk.proposal !== null && (
          <p class="notice" role="status">
            {t("proposal", { name: talk.proposal.name, role: roleName(t, talk.proposal.role) })}
          </p>
        )}
        {talk.isLooking && (
          <p class="notice" role="status">
            {t("invite.looking")}{" "}
            <button
              type="button"
              class="button quiet"
              onClick={() => {
                desk.inviting.stop(talk.id)
              }}
            >
              {t("invite.stop")}
            </button>
          </p>
        )}
        {talk.handOver !== null && talk.handOver.stage !== "done" && (
          <p class="notice" role="status">
            {t(`handover.stage.${talk.handOver.stage}`, { name: talk.handOver.who.name })}
          </p>
        )}
        <p class="typing" role="status">
          {talk.typing.map((person) => t("typing", { name: nameOf(t, person, talk) })).join(" ")}
        </p>
      </div>
      {!isAtEnd && (
        <button type="button" class="button latest" onClick={toEnd}>
          {t("talk.latest")}
        </button>
      )}
    </div>
  )
}

/** Bring a message of the shown conversation into sight. */
export function scrollToMessage(id: string): void {
  document.getElementById(`message-${id}`)?.scrollIntoView({ block: "center" })
}

function nameOf(t: Words, { name }: Person, talk: Talk): string {
  return name ?? talkName(t, talk)
}

function Line({ item, talk }: { readonly item: Item; readonly talk: Talk }) {
  const { language, t } = useWording()
  if (item.kind === "note") return <HandOverNote item={item} />
  if (item.kind === "notice") return <li class={`notice ${item.notice}`}>{noticeText(t, item)}</li>
  const isOwn = item.kind === "own"
  return (
    <li class={isOwn ? "message own" : "message"} id={`message-${item.id}`}>
      <p class={isOwn ? "speaker spoken" : "speaker"}>{isOwn ? t("talk.you") : speaker(t, item.by, talk)}</p>
      <p class="words" dir="auto">
        {item.text}
      </p>
      <p class="fate">
        <Time at={item.at} language={language} />
        {isOwn && <Fate progress={talk.progress[item.id] ?? "kept"} />}
      </p>
    </li>
  )
}

function HandOverNote({ item }: { readonly item: Item & { kind: "note" } }) {
  const { language, t } = useWording()
  return (
    <li class="message hand-over-note" id={`message-${item.id}`}>
      <p class="speaker">{t("talk.note", { name: item.by.name ?? "", role: roleName(t, item.by.role) })}</p>
      <p class="words" dir="auto">
        {item.text}
      </p>
      <p class="fate">
        <Time at={item.at} language={language} />
      </p>
    </li>
  )
}

function speaker(t: Words, by: Person, talk: Talk): string {
  return by.name === null ? nameOf(t, by, talk) : t("talk.says", { name: by.name, role: roleName(t, by.role) })
}

function noticeText(t: Words, { notice, name, role }: Item & { kind: "notice" }): string {
  if (notice === "left" && name === "") return t("notice.left.survivor")
  return t(`notice.${notice}`, { name, role: roleName(t, role) })
}

const FATE_ICONS: Readonly<Record<Progress, IconName>> = { kept: "clock", sent: "tick", delivered: "ticks", read: "ticks" }

function Fate({ progress }: { readonly progress: Progress }) {
  const { t } = useWording()
  return (
    <span class={`progress ${progress}`}>
      <Icon name={FATE_ICONS[progress]} />
      {t(`message.${progress}`)}
    </span>
  )
}
