/** What routing goes by besides the statement: who one is and where, and until when; and being woken. All of it optional. */

import { useEffect, useState } from "preact/hooks"

import { GENDERS, genderName } from "../../shared/i18n/names.ts"
import { Select } from "../../shared/parts/Select.tsx"
import type { DeskProps } from "../desk/deskProps.ts"
import { nextTime, timeOf } from "./shift.ts"
import { Waking } from "./Waking.tsx"
import { useWording } from "../words.tsx"

interface ShiftProps extends DeskProps {
  readonly regions: readonly string[]
}

export function Shift({ state, desk, regions }: ShiftProps) {
  const { t } = useWording()
  return (
    <details class="shift">
      <summary>{t("shift.title")}</summary>
      <p class="muted">{t("shift.about")}</p>
      <Select
        label={t("shift.gender")}
        none={t("details.unknown")}
        options={GENDERS.map((value) => ({ value, text: genderName(t, value) }))}
        chosen={state.gender}
        onChoose={(gender) => void desk.prefer({ gender })}
      />
      {regions.length > 0 && (
        <Select
          label={t("details.region")}
          none={t("details.unknown")}
          options={regions.map((value) => ({ value, text: value }))}
          chosen={state.region}
          onChoose={(region) => void desk.prefer({ region })}
        />
      )}
      <label class="select">
        <span>{t("shift.until")}</span>
        <input
          type="time"
          autocomplete="off"
          value={timeOf(state.until)}
          onChange={({ currentTarget }) => void desk.prefer({ until: nextTime(currentTarget.value, new Date()) })}
        />
      </label>
      <Waking state={state} desk={desk} />
    </details>
  )
}

/** That nobody is offered any more, beside where presence is chosen. */
export function ShiftOver({ state }: Pick<DeskProps, "state">) {
  const { t } = useWording()
  const isOver = useIsOver(state.until)
  if (!isOver || state.presence !== "available") return null
  return (
    <p class="card care" role="status">
      {t("shift.over")}
    </p>
  )
}

/** Whether the shift has ended, also when that happens while nobody does anything. */
function useIsOver(until: number): boolean {
  const [now, setNow] = useState(() => Date.now())
  const left = until === 0 ? Infinity : until * 1000 - now
  useEffect(() => {
    if (left <= 0 || left === Infinity) return undefined
    const timer = setTimeout(() => {
      setNow(Date.now())
    }, left)
    return () => {
      clearTimeout(timer)
    }
  }, [left])
  return left <= 0
}
