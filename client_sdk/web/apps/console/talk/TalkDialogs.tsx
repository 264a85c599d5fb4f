/** What is asked about one conversation: how it ended. */

import { useState } from "preact/hooks"

import { Choice } from "../../shared/parts/Choice.tsx"
import type { Desk } from "../desk/desk.ts"
import { OUTCOMES, type Outcome, type Talk } from "../desk/deskState.ts"
import { Dialog } from "../Dialog.tsx"
import { useWording } from "../words.tsx"

export interface TalkDialogProps {
  readonly talk: Talk
  readonly desk: Desk
  readonly onClose: () => void
}

export function EndDialog({ talk, desk, onClose }: TalkDialogProps) {
  const { t } = useWording()
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [keepsNote, setKeepsNote] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [isReporting, setReporting] = useState(false)
  const hasColleagues = talk.people.some(({ name }) => name !== null)
  const isOver = talk.ending !== null
  const file = (forAll: boolean): void => {
    if (outcome === null) return
    setBusy(true)
    void desk.file(talk.id, outcome, { forAll, keepsNote })
  }
  if (isReporting && !isOver) return <ReportDialog talk={talk} desk={desk} onClose={onClose} />
  const options = OUTCOMES.map((one) => ({ value: one, text: t(`outcome.${one}`) }))
  return (
    <Dialog title={t(isOver ? "end.file.title" : "end.title")} onClose={onClose}>
      <p>{t("end.about")}</p>
      <Choice legend={t("end.outcome")} group="outcome" options={options} chosen={outcome} onChoose={setOutcome} />
      {talk.note.trim() !== "" && (
        <label class="check">
          <input
            type="checkbox"
            autocomplete="off"
            checked={keepsNote}
            onChange={({ currentTarget }) => {
              setKeepsNote(currentTarget.checked)
            }}
          />
          <span>{t("end.keep")}</span>
        </label>
      )}
      <div class="row">
        <button
          type="button"
          class="button exit"
          disabled={outcome === null || isBusy}
          onClick={() => {
            file(true)
          }}
        >
          {t(isOver ? "end.file" : "end.for.all")}
        </button>
        {hasColleagues && !isOver && (
          <button
            type="button"
            class="button"
            disabled={outcome === null || isBusy}
            onClick={() => {
              file(false)
            }}
          >
            {t("end.leave")}
          </button>
        )}
        <button type="button" class="button" onClick={onClose}>
          {t("cancel")}
        </button>
      </div>
      {!isOver && (
        <button
          type="button"
          class="button quiet wide"
          disabled={isBusy}
          onClick={() => {
            setReporting(true)
          }}
        >
          {t("report.open")}
        </button>
      )}
    </Dialog>
  )
}

/** Asked before it is said, for others who share an internet address are sent to ask again. */
function ReportDialog({ talk, desk, onClose }: TalkDialogProps) {
  const { t } = useWording()
  const [step, setStep] = useState<"asking" | "going" | "failed">("asking")
  return (
    <Dialog title={t("report.title")} onClose={onClose}>
      <p>{t("report.about")}</p>
      <p>{t("report.others")}</p>
      {step === "failed" && (
        <p class="card care" role="alert">
          {t("report.failed")}
        </p>
      )}
      <div class="row">
        <button
          type="button"
          class="button exit"
          disabled={step === "going"}
          onClick={() => {
            setStep("going")
            void desk.report(talk.id).then((isTold) => {
              if (!isTold) setStep("failed")
            })
          }}
        >
          {t("report.go")}
        </button>
        <button type="button" class="button" onClick={onClose}>
          {t("cancel")}
        </button>
      </div>
    </Dialog>
  )
}
