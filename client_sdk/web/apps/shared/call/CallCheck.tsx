/**
 * Before a call, or in it: which devices are used, whether the microphone hears, what the camera sees, and whether a call
 * can get through at all. Nothing goes on before it is tapped, and all of it is off when this is closed.
 */

import { useEffect, useState } from "preact/hooks"

import { devicesHere, onDevices, type Device, type Devices } from "../../../src/call/media/devices.ts"
import { listenTo } from "../../../src/call/media/loudness.ts"
import type { RouteResult } from "../../../src/call/media/routeTest.ts"
import type { CallView } from "../../../src/call/media/view.ts"
import { Button } from "./Button.tsx"
import type { CallControls } from "./callControls.ts"
import { useCallWording } from "./callWords.tsx"
import { OwnPicture } from "./Media.tsx"
import { refusalText } from "./News.tsx"

interface CheckProps {
  readonly call: CallControls
  readonly view: CallView
  readonly onClose: () => void
}

export function CallCheck({ call, view, onClose }: CheckProps) {
  const wording = useCallWording()
  const { t } = wording
  const devices = useDevices(view)
  const { tried, chosen } = view.own
  useEffect(() => () => {
    call.stopTrying()
  }, [])
  return (
    <div class="card call-check">
      <h2>{t("check.title")}</h2>
      <p class="muted">{t("check.about")}</p>
      {tried.microphone === null ? (
        <Button text={t("check.microphone.try")} onPress={() => void call.tryOut("microphone")} />
      ) : (
        <div class="call-check-line">
          <Loudness track={tried.microphone} />
          <Button text={t("check.stop")} onPress={() => { call.stopTrying("microphone") }} />
        </div>
      )}
      {tried.camera === null ? (
        <Button text={t("check.camera.try")} onPress={() => void call.tryOut("camera")} />
      ) : (
        <div class="call-check-line">
          <div class="tile preview">
            <OwnPicture track={tried.camera} label={t("check.camera")} isMirrored />
          </div>
          <Button text={t("check.stop")} onPress={() => { call.stopTrying("camera") }} />
        </div>
      )}
      <p class="sign" role="status">
        {tried.microphone !== null && <span class="live">{t("check.microphone.on")}</span>}
        {tried.camera !== null && <span class="live">{t("check.camera.on")}</span>}
      </p>
      <p role="status">{refusalText(wording, view.own)}</p>
      <Route call={call} />
      {/* Below what is tried: a browser tells late what there is, and no device may go on by a tap that was meant for another. */}
      <Picker
        label={t("check.microphone")}
        devices={devices.microphones}
        chosen={chosen.microphone}
        onChoose={(id) => void call.choose("microphone", id)}
      />
      <Picker
        label={t("check.camera")}
        devices={devices.cameras}
        chosen={chosen.camera}
        onChoose={(id) => void call.choose("camera", id)}
      />
      <Picker
        label={t("check.speaker")}
        devices={devices.speakers}
        chosen={chosen.speaker}
        onChoose={(id) => void call.choose("speaker", id)}
      />
      <Button text={t("call.close")} onPress={onClose} />
    </div>
  )
}

/** What there is to choose from; asked for anew when something was opened, for only then there are names. */
function useDevices(view: CallView): Devices {
  const [devices, setDevices] = useState<Devices>({ cameras: [], microphones: [], speakers: [] })
  useEffect(() => {
    const look = (): void => void devicesHere().then(setDevices)
    look()
    return onDevices(look)
  }, [view.own.microphone, view.own.camera, view.own.tried.microphone, view.own.tried.camera])
  return devices
}

interface PickerProps {
  readonly label: string
  readonly devices: readonly Device[]
  /** Null is the usual one. */
  readonly chosen: string | null
  readonly onChoose: (id: string | null) => void
}

function Picker({ label, devices, chosen, onChoose }: PickerProps) {
  const { t } = useCallWording()
  if (devices.length < 2) return null
  return (
    <label class="call-check-line">
      <span>{label}</span>
      <select
        autocomplete="off"
        value={chosen ?? ""}
        onChange={({ currentTarget }) => {
          onChoose(currentTarget.value === "" ? null : currentTarget.value)
        }}
      >
        <option value="">{t("check.usual")}</option>
        {devices.map(({ id, name }, at) => (
          <option key={id} value={id}>
            {name === "" ? t("check.unnamed", { number: at + 1 }) : name}
          </option>
        ))}
      </select>
    </label>
  )
}

function Loudness({ track }: { readonly track: MediaStreamTrack }) {
  const { t } = useCallWording()
  const [loudness, setLoudness] = useState(0)
  useEffect(() => listenTo(track, setLoudness), [track])
  return <meter class="loudness" min={0} max={1} value={loudness} aria-label={t("check.loudness")} />
}

function Route({ call }: { readonly call: CallControls }) {
  const { t } = useCallWording()
  const [result, setResult] = useState<RouteResult | "off" | "trying" | null>(null)
  const test = async (): Promise<void> => {
    setResult("trying")
    setResult(await call.testRoute())
  }
  return (
    <div class="call-check-line">
      <Button text={t("check.route.try")} onPress={() => void test()} />
      <p role="status">
        {result === "trying"
          ? t("check.route.trying")
          : result === "off"
            ? t("check.route.off")
            : result === null
              ? t("check.route")
              : result.isOpen
                ? t("check.route.open", { delay: Math.round(result.roundTripMs / 2) })
                : t(`check.route.${result.why}`)}
      </p>
    </div>
  )
}
