/** A supervisor asks to be brought in, and staff are asked: no conversation is named before one of them chooses it. */

import { useState } from "preact/hooks"

import { roleName } from "../../shared/i18n/roleNames.ts"
import { Choice } from "../../shared/parts/Choice.tsx"
import { ColleagueButtons, ColleagueChoice, ReasonField } from "./ColleagueChoice.tsx"
import type { Desk } from "../desk/desk.ts"
import type { DeskProps } from "../desk/deskProps.ts"
import { openTalks, type AskingToJoin, type Talk } from "../desk/deskState.ts"
import { Dialog } from "../Dialog.tsx"
import type { Colleague } from "../sdk.ts"
import { talkName } from "./TalkName.tsx"
import { useWording } from "../words.tsx"

/** The supervisor's button, and what it opens. */
export function AskToJoin({ desk }: { readonly desk: Desk }) {
  const { t } = useWording()
  const [isAsking, setAsking] = useState(false)
  const [colleague, setColleague] = useState<Colleague | null>(null)
  const [outcome, setOutcome] = useState<"sent" | "failed" | null>(null)
  const close = (): void => {
    setAsking(false)
    setOutcome(null)
  }
  return (
    <>
      <button
        type="button"
        class="button"
        data-ask-to-join
        onClick={() => {
          setAsking(true)
        }}
      >
        {t("join.open")}
      </button>
      {isAsking && (
        <Dialog title={t("join.title")} onClose={close}>
          <p>{t("join.about")}</p>
          <ColleagueChoice desk={desk} onChoose={setColleague} />
          {outcome !== null && <p role="status">{t(`join.${outcome}`)}</p>}
          <ColleagueButtons
            colleague={colleague}
            text={t("join.go")}
            closing="close"
            onGo={(chosen) => {
              void desk.askToJoin(chosen).then((isAsked) => {
                setOutcome(isAsked ? "sent" : "failed")
              })
            }}
            onClose={close}
          />
        </Dialog>
      )}
    </>
  )
}

/** Who asks us; nothing is told to a supervisor whom we do not bring in. */
export function AskedToJoin({ state, desk }: DeskProps) {
  return (
    <>
      {state.asking.map((asking) => (
        <Asked key={asking.id} asking={asking} talks={openTalks(state)} desk={desk} />
      ))}
    </>
  )
}

interface AskedProps {
  readonly asking: AskingToJoin
  readonly talks: readonly Talk[]
  readonly desk: Desk
}

function Asked({ asking, talks, desk }: AskedProps) {
  const { t } = useWording()
  const [talk, setTalk] = useState<string | null>(null)
  const [reason, setReason] = useState<string>(t("join.reason"))
  return (
    <div class="card asking" role="alert">
      <p>{t("join.asked", { name: asking.name, role: roleName(t, asking.role) })}</p>
      <Choice
        legend={t("join.which")}
        group={`join-${asking.id}`}
        options={talks.map((each) => ({ value: each.id, text: talkName(t, each) }))}
        chosen={talk}
        onChoose={setTalk}
      />
      <ReasonField value={reason} onValue={setReason} />
      <div class="row">
        <button
          type="button"
          class="button primary"
          disabled={talk === null}
          onClick={() => {
            if (talk !== null) void desk.addAsking(asking.id, talk, reason.trim())
          }}
        >
          {t("invite.go")}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => void desk.addAsking(asking.id, null, "")}
        >
          {t("join.no")}
        </button>
      </div>
    </div>
  )
}
