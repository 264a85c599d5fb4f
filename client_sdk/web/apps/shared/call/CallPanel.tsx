/**
 * All that a page shows of a call: who rings, the call itself, how it ended. Both pages have the same; hers stays silent,
 * and staff can show their screen. What is heard is `Heard`, for this may be out of sight.
 */

import type { ComponentChildren } from "preact"
import { useEffect, useState } from "preact/hooks"

import { canConnect } from "../../../src/call/media/peer.ts"
import type { CallView } from "../../../src/call/media/view.ts"
import type { Language } from "../i18n/catalogue.ts"
import { Button } from "./Button.tsx"
import { CallCheck } from "./CallCheck.tsx"
import type { CallControls } from "./callControls.ts"
import { callWordingOf, CallWordingContext, nameOf, useCallWording } from "./callWords.tsx"
import { Controls } from "./Controls.tsx"
import { endingText, News } from "./News.tsx"
import { Recording } from "./Recording.tsx"
import { Tiles } from "./Tiles.tsx"

export interface CallPanelProps {
  readonly call: CallControls
  readonly view: CallView
  readonly language: Language
  readonly isStaff: boolean
  /** How the page calls somebody without a name. */
  readonly nobody?: string
  /** Whether to ask how to begin. */
  readonly isStarting: boolean
  /** The question was answered, or the words on how the last call ended were read. */
  readonly onDismiss: () => void
}

export function CallPanel({ call, view, language, isStaff, nobody, isStarting, onDismiss }: CallPanelProps) {
  const [isChecking, setChecking] = useState(false)
  const { phase, ending, running } = view
  const isIdle = phase === "idle"
  const isSeen = !isIdle || ending !== null || running.length > 0 || isChecking || isStarting
  const toggleCheck = (): void => {
    setChecking(!isChecking)
  }
  // Whoever was called while she was asked how to call has her answer; what she is told afterwards is how that call ended.
  useEffect(() => {
    if (isStarting && phase === "in call") onDismiss()
  }, [phase])
  if (!isSeen) return null
  return (
    <CallWordingContext.Provider value={callWordingOf(language, nobody)}>
      <CallRegion>
        {phase === "ringing" && <Incoming call={call} view={view} isStaff={isStaff} />}
        {isIdle && running.length > 0 && canConnect() && <RunningCall call={call} view={view} isStaff={isStaff} />}
        {isIdle && isStarting && !isChecking && <Start call={call} isStaff={isStaff} onCheck={toggleCheck} onDone={onDismiss} />}
        {(phase === "calling" || phase === "in call") && (
          <>
            {phase === "in call" && <Tiles view={view} isStaff={isStaff} />}
            <Recording call={call} view={view} />
            <News view={view} />
            <Controls call={call} view={view} isStaff={isStaff} isChecking={isChecking} onCheck={toggleCheck} />
          </>
        )}
        {isChecking && <CallCheck call={call} view={view} onClose={toggleCheck} />}
        {isIdle && ending !== null && !isStarting && <Over ending={ending} onDismiss={onDismiss} />}
      </CallRegion>
    </CallWordingContext.Provider>
  )
}

function CallRegion({ children }: { readonly children: ComponentChildren }) {
  const { t } = useCallWording()
  return (
    <section class="call" aria-label={t("call.title")}>
      {children}
    </section>
  )
}

interface PartProps {
  readonly call: CallControls
  readonly view: CallView
}

interface StartProps extends Pick<PartProps, "call"> {
  readonly isStaff: boolean
  readonly onCheck: () => void
  readonly onDone: () => void
}

/** What kind of call. Nothing goes on before one of these is tapped. */
function Start({ call, isStaff, onCheck, onDone }: StartProps) {
  const { t } = useCallWording()
  useEffect(() => {
    call.prepare()
  }, [call])
  const ring = (camera: boolean): void => {
    onDone()
    void call.ring({ camera })
  }
  if (!canConnect())
    return (
      <div class="card question">
        <p role="status">{t("ending.unsupported")}</p>
        <div class="answers">
          <Button text={t("call.close")} kind="primary" onPress={onDone} />
        </div>
      </div>
    )
  return (
    <div class="card question">
      <h2>{t("start.title")}</h2>
      {!isStaff && <p>{t("start.aloud")}</p>}
      <p class="muted">{t("start.about")}</p>
      {!isStaff && <p class="muted">{t("start.trace")}</p>}
      <div class="answers">
        <Button text={t("start.no")} onPress={onDone} />
        <Button text={t("start.check")} onPress={onCheck} />
        <Button text={t("start.video")} onPress={() => { ring(true) }} />
        <Button text={t("start.voice")} kind="primary" onPress={() => { ring(false) }} />
      </div>
    </div>
  )
}

/** Somebody rings. On her page without any sound: whoever is near must not hear it. */
function Incoming({ call, view, isStaff }: PartProps & { readonly isStaff: boolean }) {
  const wording = useCallWording()
  const { t } = wording
  const name = view.by === null ? wording.nobody : nameOf(wording, view.by)
  const title = t(view.withVideo ? "ring.title.video" : "ring.title", { name })
  if (!canConnect())
    return (
      <div class="card question" role="alert">
        <h2>{title}</h2>
        <p>{t("ending.unsupported")}</p>
        <div class="answers">
          <Button text={t("ring.no")} kind="primary" onPress={() => { call.decline() }} />
        </div>
      </div>
    )
  return (
    <div class="card question" role="alert">
      <h2>{title}</h2>
      {!isStaff && <p>{t("start.aloud")}</p>}
      <p class="muted">{t(isStaff ? "ring.seen" : "ring.silent")}</p>
      {!isStaff && <p class="muted">{t("start.trace")}</p>}
      <div class="answers">
        <Button text={t("ring.no")} onPress={() => { call.decline() }} />
        {!isStaff && <Button text={t("ring.listen")} onPress={() => void call.accept({ microphone: false })} />}
        {isStaff && <Button text={t("ring.answer.video")} onPress={() => void call.accept({ camera: true })} />}
        <Button text={t("ring.answer")} kind="primary" onPress={() => void call.accept()} />
      </div>
    </div>
  )
}

function RunningCall({ call, view, isStaff }: PartProps & { readonly isStaff: boolean }) {
  const wording = useCallWording()
  const names = view.running.map((one) => nameOf(wording, one)).join(", ")
  return (
    <div class="card call-line">
      <p>{wording.t("running.title", { names })}</p>
      {!isStaff && <p>{wording.t("start.aloud")}</p>}
      <Button text={wording.t("running.join")} kind="primary" onPress={() => void call.join()} />
    </div>
  )
}

function Over({ ending, onDismiss }: { readonly ending: NonNullable<CallView["ending"]>; readonly onDismiss: () => void }) {
  const wording = useCallWording()
  return (
    <div class="card call-line">
      <p role="status">{endingText(wording, ending)}</p>
      <Button text={wording.t("call.close")} kind="quiet" onPress={onDismiss} />
    </div>
  )
}
