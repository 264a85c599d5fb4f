/** Which colleague: those who are connected, as their statements prove them; who is available first. */

import { useEffect, useState } from "preact/hooks"

import { roleName } from "../../shared/i18n/roleNames.ts"
import { Choice } from "../../shared/parts/Choice.tsx"
import { WRITING_SERVICES_OFF } from "../../shared/parts/writing.ts"
import type { Desk } from "../desk/desk.ts"
import { availableFirst } from "../desk/deskTerms.ts"
import type { Colleague } from "../sdk.ts"
import { useWording } from "../words.tsx"

interface ColleagueChoiceProps {
  readonly desk: Desk
  readonly onChoose: (colleague: Colleague) => void
}

export function ColleagueChoice({ desk, onChoose }: ColleagueChoiceProps) {
  const { t } = useWording()
  const [colleagues, setColleagues] = useState<readonly Colleague[] | null>(null)
  const [chosen, setChosen] = useState<string | null>(null)
  useEffect(() => {
    void desk.colleagues().then((connected) => {
      setColleagues(availableFirst(connected))
    })
  }, [])
  const options = (colleagues ?? []).map(({ name, role, availability }, at) => ({
    value: String(at),
    text: `${name} (${roleName(t, role)}), ${t(`availability.${availability}`)}`,
  }))
  if (colleagues?.length === 0) return <p class="muted">{t("invite.none")}</p>
  return (
    <Choice
      legend={t("invite.who")}
      group="colleague"
      options={options}
      chosen={chosen}
      onChoose={(value) => {
        setChosen(value)
        const colleague = colleagues?.[Number(value)]
        if (colleague !== undefined) onChoose(colleague)
      }}
    />
  )
}

interface ReasonFieldProps {
  readonly value: string
  readonly onValue: (value: string) => void
}

/** Why: she is told so. */
export function ReasonField({ value, onValue }: ReasonFieldProps) {
  const { t } = useWording()
  return (
    <label class="field">
      <span>{t("invite.reason")}</span>
      <input
        type="text"
        {...WRITING_SERVICES_OFF}
        maxLength={200}
        value={value}
        onInput={({ currentTarget }) => {
          onValue(currentTarget.value)
        }}
      />
    </label>
  )
}

interface ColleagueButtonsProps<Chosen> {
  readonly colleague: Chosen | null
  readonly text: string
  /** Whether all else that is asked is answered well. */
  readonly isReady?: boolean
  readonly onGo: (colleague: Chosen) => void
  readonly onClose: () => void
  /** What stands on the button that closes. */
  readonly closing?: "cancel" | "close"
}

/** The last row of what is asked about a colleague: to do it, once one is chosen, or not to. */
export function ColleagueButtons<Chosen>(props: ColleagueButtonsProps<Chosen>) {
  const { colleague, text, isReady = true, onGo, onClose, closing = "cancel" } = props
  const { t } = useWording()
  return (
    <div class="row">
      <button
        type="button"
        class="button primary"
        disabled={colleague === null || !isReady}
        onClick={() => {
          if (colleague !== null) onGo(colleague)
        }}
      >
        {text}
      </button>
      <button type="button" class="button" onClick={onClose}>
        {t(closing)}
      </button>
    </div>
  )
}
