/**
 * A call whose conversation is not shown: with whom, what of ours is on, and how to end it. So whatever staff look at, no
 * microphone is on without a sign.
 */

import type { CallView } from "../../../src/call/media/view.ts"
import type { Language } from "../i18n/catalogue.ts"
import { Button } from "./Button.tsx"
import type { CallControls } from "./callControls.ts"
import { callWordingOf, CallWordingContext, nameOf, useCallWording } from "./callWords.tsx"
import { HangUp, Mute, Sign } from "./Controls.tsx"
import { endingText, News } from "./News.tsx"

interface BarProps {
  readonly call: CallControls
  readonly view: CallView
  readonly language: Language
  /** How the page calls the conversation, and whoever has no name in it. */
  readonly name: string
  readonly onShow: () => void
  /** The words on how the call ended were read. */
  readonly onDismiss: () => void
}

export function CallBar({ language, ...props }: BarProps) {
  const { phase, ending } = props.view
  const isOn = phase === "calling" || phase === "in call"
  // That we hung up ourselves is no news.
  const isNews = phase === "idle" && ending !== null && !(ending.why === "hungUp" && ending.by === null)
  if (!isOn && !isNews) return null
  return (
    <CallWordingContext.Provider value={callWordingOf(language, props.name)}>
      {isOn ? <Going {...props} /> : <Ended {...props} />}
    </CallWordingContext.Provider>
  )
}

function Going({ call, view, name, onShow }: Omit<BarProps, "language">) {
  const wording = useCallWording()
  const { t } = wording
  const { own } = view
  return (
    <section class="call call-bar" aria-label={t("bar.title", { name })}>
      <div class="call-line">
        <strong>{t("bar.title", { name })}</strong>
        <News view={view} />
      </div>
      <Sign own={own} />
      {view.wouldRecord.map((peer) => (
        <p key={peer.leaf} role="alert">{t("record.ask", { name: nameOf(wording, peer) })}</p>
      ))}
      {view.peers.map((peer) => peer.isRecording && <strong key={peer.leaf}>{t("peer.recording", { name: nameOf(wording, peer) })}</strong>)}
      <div class="controls">
        <Mute call={call} own={own} />
        {own.camera !== null && <Button text={t("do.camera.off")} onPress={() => { call.cameraOff() }} />}
        {own.screen !== null && <Button text={t("do.screen.off")} onPress={() => { call.screenOff() }} />}
        <Button text={t("bar.show")} onPress={onShow} />
        <HangUp call={call} phase={view.phase} />
      </div>
    </section>
  )
}

function Ended({ view: { ending }, name, onShow, onDismiss }: Omit<BarProps, "language">) {
  const wording = useCallWording()
  const { t } = wording
  return (
    <section class="call call-bar call-line" aria-label={t("bar.title", { name })}>
      <p role="status">
        <strong>{t("bar.title", { name })}</strong> {ending !== null && endingText(wording, ending)}
      </p>
      <div class="controls">
        <Button text={t("bar.show")} onPress={onShow} />
        <Button text={t("call.close")} kind="quiet" onPress={onDismiss} />
      </div>
    </section>
  )
}
