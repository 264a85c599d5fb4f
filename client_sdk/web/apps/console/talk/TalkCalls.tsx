/** Calls in the console: the buttons, the call of the conversation that is shown, and what goes on or rings in others. */

import { Fragment } from "preact"
import { useEffect, useMemo, useRef, useState } from "preact/hooks"

import { Tone } from "../desk/alerts.ts"
import type { DeskCalls } from "../desk/deskCalls.ts"
import type { DeskState, Talk } from "../desk/deskState.ts"
import { talkName } from "./TalkName.tsx"
import { useWording } from "../words.tsx"

const RINGS_EVERY_MS = 3_000

interface CallsProps {
  readonly calls: DeskCalls
  readonly talk: Talk
}

/** One tap calls with pictures; whoever wants to choose taps the other. */
export function CallButtons({ calls, talk, onStart }: CallsProps & { readonly onStart: () => void }) {
  const { t } = useWording()
  const state = useCalls(calls, () => calls.state(talk.id))
  const isElsewhere = useCalls(calls, () => calls.isTalking)
  const isFree = state === "none" || (typeof state !== "string" && state.view.phase === "idle")
  if (!isFree || isElsewhere || talk.people.length === 0 || talk.ending !== null) return null
  if (!talk.hasCalls) return <p class="no-calls muted">{t("call.unsupported")}</p>
  return (
    <>
      <button
        type="button"
        class="button"
        onClick={() => {
          void calls.prepare(talk.id)
          onStart()
        }}
      >
        {t("call.start")}
      </button>
      <button type="button" class="button" onClick={() => void calls.ring(talk.id, true)}>
        {t("call.video")}
      </button>
    </>
  )
}

/** What is shown of the calls of a conversation. */
export function TalkCalls({ calls, talk, isStarting, onDone }: CallsProps & { readonly isStarting: boolean; readonly onDone: () => void }) {
  const { language, t } = useWording()
  const state = useCalls(calls, () => calls.state(talk.id))
  if (typeof state === "string") return state === "failed" ? <p class="card care" role="alert">{t("call.failed")}</p> : null
  const { CallPanel } = state.parts
  return (
    <CallPanel
      call={state.call}
      view={state.view}
      language={language}
      isStaff
      nobody={talkName(t, talk)}
      isStarting={isStarting}
      onDismiss={() => {
        onDone()
        state.call.dismiss()
      }}
    />
  )
}

interface OthersProps {
  readonly calls: DeskCalls
  readonly talks: DeskState["talks"]
  /** The conversation that is really in sight: none while staff search. */
  readonly shown: string | undefined
  readonly onShow: (id: string) => void
}

/** All calls, whichever conversation is shown: they are heard, and those out of sight have a bar that says what is on. */
export function GoingCalls({ calls, talks, shown, onShow }: OthersProps) {
  const { language, t } = useWording()
  const states = useCalls(calls, () => talks.map(({ id }) => calls.state(id)))
  return (
    <>
      {talks.map((talk, at) => {
        const { id } = talk
        const state = states[at]
        if (state === undefined || typeof state === "string") return null
        const { CallBar, Heard } = state.parts
        const name = talkName(t, talk)
        return (
          <Fragment key={id}>
            <Heard view={state.view} language={language} nobody={name} />
            {id !== shown && (
              <CallBar
                call={state.call}
                view={state.view}
                language={language}
                name={name}
                onShow={() => { onShow(id) }}
                onDismiss={() => { state.call.dismiss() }}
              />
            )}
          </Fragment>
        )
      })}
    </>
  )
}

/** Rings aloud for as long as somebody calls, and leads to the conversation if another is shown. */
export function Ringing({ calls, talks, shown, hasSound, onShow }: OthersProps & { readonly hasSound: boolean }) {
  const { t } = useWording()
  const tone = useMemo(() => new Tone(), [])
  const ringing = useCalls(calls, () => calls.ringing)
  const isRinging = ringing.length > 0
  useEffect(() => {
    if (!isRinging || !hasSound) return undefined
    tone.play()
    const timer = setInterval(() => {
      tone.play()
    }, RINGS_EVERY_MS)
    return () => {
      clearInterval(timer)
    }
  }, [isRinging, hasSound])
  const elsewhere = talks.filter(({ id }) => id !== shown && ringing.includes(id))
  return (
    <>
      {elsewhere.map((talk) => (
        <div key={talk.id} class="card care ringing" role="alert">
          <p>{t("call.elsewhere", { name: talkName(t, talk) })}</p>
          <button type="button" class="button" onClick={() => { onShow(talk.id) }}>
            {t("call.show")}
          </button>
        </div>
      ))}
    </>
  )
}

/** A part of how the calls stand, anew after every change. */
function useCalls<Part>(calls: DeskCalls, read: () => Part): Part {
  const [, setCount] = useState(0)
  const listening = useRef<DeskCalls | null>(null)
  useEffect(() => {
    const stop = calls.listen(() => {
      setCount((count) => count + 1)
    })
    // What happened since this was drawn.
    if (listening.current !== calls) setCount((count) => count + 1)
    listening.current = calls
    return stop
  }, [calls])
  return read()
}
