/** Being woken when somebody waits, for who wants it: browsers ask, and only when the box was ticked. */

import { useState } from "preact/hooks"

import type { DeskProps } from "../desk/deskProps.ts"
import type { WakingFailure } from "./waking.ts"
import { useWording } from "../words.tsx"

export function Waking({ state, desk }: DeskProps) {
  const { t } = useWording()
  const [failure, setFailure] = useState<WakingFailure | null>(null)
  const [isBusy, setBusy] = useState(false)
  const change = async (wanted: boolean): Promise<void> => {
    setBusy(true)
    setFailure(wanted ? await desk.startWaking() : await desk.stopWaking())
    setBusy(false)
  }
  return (
    <>
      <label class="waking">
        <input
          type="checkbox"
          autocomplete="off"
          checked={state.isWoken}
          disabled={isBusy || !state.isConnected}
          onChange={({ currentTarget }) => {
            const wanted = currentTarget.checked
            // It is ticked when it is so, not when it was asked for.
            currentTarget.checked = state.isWoken
            void change(wanted)
          }}
        />
        <span>{t("waking.label")}</span>
      </label>
      <p class="muted">{t("waking.about")}</p>
      {failure !== null && (
        <p class="card care" role="alert">
          {t(`waking.${failure}`)}
        </p>
      )}
    </>
  )
}
