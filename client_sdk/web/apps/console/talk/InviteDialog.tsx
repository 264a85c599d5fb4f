/** Whom to bring in: a person, anybody of a role, or whoever takes it from the queue. */

import { useState } from "preact/hooks"

import { LANGUAGES } from "../../shared/i18n/catalogue.ts"
import { NEEDS, needName } from "../../shared/i18n/names.ts"
import { ROLES, roleName } from "../../shared/i18n/roleNames.ts"
import { Choice } from "../../shared/parts/Choice.tsx"
import { ColleagueButtons, ColleagueChoice, ReasonField } from "./ColleagueChoice.tsx"
import { Dialog } from "../Dialog.tsx"
import type { Invitee } from "./inviting.ts"
import type { TalkDialogProps } from "./TalkDialogs.tsx"
import { useWording } from "../words.tsx"

const WAYS = ["person", "role", "queue"] as const

export function InviteDialog({ talk, desk, onClose }: TalkDialogProps) {
  const { t } = useWording()
  const [by, setBy] = useState<(typeof WAYS)[number]>("person")
  const [invitee, setInvitee] = useState<Invitee | null>(null)
  const [language, setLanguage] = useState("any")
  const [reason, setReason] = useState("")
  const go = (chosen: Invitee): void => {
    const spoken = language === "any" ? null : language
    void desk.invite(talk.id, chosen.by === "person" ? chosen : { ...chosen, language: spoken }, reason.trim())
    onClose()
  }
  return (
    <Dialog title={t("invite.title")} onClose={onClose}>
      <p>{t("invite.about")}</p>
      <Choice
        legend={t("invite.how")}
        group="invite-by"
        options={WAYS.map((value) => ({ value, text: t(`invite.by.${value}`) }))}
        chosen={by}
        onChoose={(value) => {
          setBy(value)
          setInvitee(null)
        }}
      />
      {by === "person" && (
        <ColleagueChoice
          desk={desk}
          onChoose={(colleague) => {
            setInvitee({ by, colleague })
          }}
        />
      )}
      {by === "role" && (
        <>
          <p class="muted">{t("invite.role.about")}</p>
          <Choice
            legend={t("invite.role")}
            group="invite-role"
            options={ROLES.map((value) => ({ value, text: roleName(t, value) }))}
            chosen={invitee?.by === "role" ? (ROLES.find((role) => role === invitee.role) ?? null) : null}
            onChoose={(role) => {
              setInvitee({ by, role, language: null })
            }}
          />
        </>
      )}
      {by === "queue" && (
        <>
          <p class="muted">{t("invite.queue.about")}</p>
          <Choice
            legend={t("invite.need")}
            group="invite-need"
            options={NEEDS.map((value) => ({ value, text: needName(t, value) }))}
            chosen={invitee?.by === "queue" ? (NEEDS.find((need) => need === invitee.need) ?? null) : null}
            onChoose={(need) => {
              setInvitee({ by, need, language: null })
            }}
          />
        </>
      )}
      {by !== "person" && <LanguageChoice chosen={language} onChoose={setLanguage} />}
      <ReasonField value={reason} onValue={setReason} />
      <ColleagueButtons colleague={invitee} text={t("invite.go")} onGo={go} onClose={onClose} />
    </Dialog>
  )
}

interface LanguageChoiceProps {
  readonly chosen: string
  readonly onChoose: (language: string) => void
}

function LanguageChoice({ chosen, onChoose }: LanguageChoiceProps) {
  const { t } = useWording()
  const known = Object.entries(LANGUAGES).map(([value, text]) => ({ value, text, language: value }))
  return (
    <Choice
      legend={t("invite.language")}
      group="invite-language"
      options={[{ value: "any", text: t("invite.language.any") }, ...known]}
      chosen={chosen}
      onChoose={onChoose}
    />
  )
}
