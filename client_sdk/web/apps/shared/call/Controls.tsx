/** What can be done in a call, and the sign of what is on: in words, never by colour alone. */

import { useEffect, useState } from "preact/hooks"

import { devicesHere } from "../../../src/call/media/devices.ts"
import type { CallView, OwnView } from "../../../src/call/media/view.ts"
import { Button } from "./Button.tsx"
import type { CallControls } from "./callControls.ts"
import { useCallWording } from "./callWords.tsx"

interface ControlsProps {
  readonly call: CallControls
  readonly view: CallView
  readonly isStaff: boolean
  readonly isChecking: boolean
  readonly onCheck: () => void
}

export function Controls({ call, view, isStaff, isChecking, onCheck }: ControlsProps) {
  const { t } = useCallWording()
  const { own, phase } = view
  return (
    <div class="call-foot">
      <Sign own={own} />
      <div class="controls">
        <Mute call={call} own={own} />
        {own.camera === null ? (
          <Button text={t("do.camera")} onPress={() => void call.camera()} />
        ) : (
          <>
            <Button text={t("do.camera.off")} onPress={() => { call.cameraOff() }} />
            <OtherCamera call={call} track={own.camera} />
          </>
        )}
        {isStaff && canShareScreen() && (
          <Button
            text={t(own.screen === null ? "do.screen" : "do.screen.off")}
            onPress={() => {
              if (own.screen === null) void call.screen()
              else call.screenOff()
            }}
          />
        )}
        <Toggle text={t("do.devices")} isExpanded={isChecking} onPress={onCheck} />
        <HangUp call={call} phase={phase} />
      </div>
    </div>
  )
}

export function Mute({ call, own }: Pick<ControlsProps, "call"> & { readonly own: OwnView }) {
  const { t } = useCallWording()
  if (!own.microphone) return <Button text={t("do.microphone")} onPress={() => void call.microphone()} />
  return <Toggle text={t(own.isMuted ? "do.unmute" : "do.mute")} isOn={own.isMuted} onPress={() => { call.mute(!own.isMuted) }} />
}

export function HangUp({ call, phase }: Pick<ControlsProps, "call"> & Pick<CallView, "phase">) {
  const { t } = useCallWording()
  return <Button text={t(phase === "calling" ? "do.cancel" : "do.hangUp")} kind="exit" onPress={() => { call.hangUp() }} />
}

/** Always there while anything could be on. */
export function Sign({ own }: { readonly own: OwnView }) {
  const { t } = useCallWording()
  const isHeard = own.microphone && !own.isMuted
  const microphone = !own.microphone ? "sign.microphone.off" : own.isMuted ? "sign.muted" : "sign.microphone"
  return (
    <p class="sign" role="status">
      <span class={isHeard ? "live" : ""}>{t(microphone)}</span>
      <span class={own.camera === null ? "" : "live"}>{t(own.camera === null ? "sign.camera.off" : "sign.camera")}</span>
      {own.screen !== null && <span class="live">{t("sign.screen")}</span>}
    </p>
  )
}

/** Phones have two cameras, and whoever has several can go through them. */
function OtherCamera({ call, track }: { readonly call: CallControls; readonly track: MediaStreamTrack }) {
  const { t } = useCallWording()
  const [cameras, setCameras] = useState<readonly string[]>([])
  useEffect(() => {
    void devicesHere().then((devices) => {
      setCameras(devices.cameras.map(({ id }) => id))
    })
  }, [track])
  if (cameras.length < 2) return null
  const next = (): void => {
    const { facingMode, deviceId = "" } = track.getSettings()
    if (facingMode !== undefined) void call.camera({ facing: facingMode === "environment" ? "user" : "environment" })
    else void call.camera({ deviceId: cameras[(cameras.indexOf(deviceId) + 1) % cameras.length] ?? null })
  }
  return <Button text={t("do.switch")} onPress={next} />
}

interface ToggleProps {
  readonly text: string
  readonly isOn?: boolean
  readonly isExpanded?: boolean
  readonly onPress: () => void
}

function Toggle({ text, isOn, isExpanded, onPress }: ToggleProps) {
  return (
    <button type="button" class={isOn === true ? "button pressed" : "button"} aria-expanded={isExpanded} onClick={onPress}>
      {text}
    </button>
  )
}

function canShareScreen(): boolean {
  return "mediaDevices" in navigator && "getDisplayMedia" in navigator.mediaDevices
}
