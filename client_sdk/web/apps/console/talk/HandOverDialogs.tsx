/** What is asked before a colleague takes over one conversation, or all of them at the end of a shift. */

import { useState } from "preact/hooks"

import { WRITING_SERVICES_OFF } from "../../shared/parts/writing.ts"
import { ColleagueButtons, ColleagueChoice, ReasonField } from "./ColleagueChoice.tsx"
import type { Desk } from "../desk/desk.ts"
import { openTalks, type DeskState, type Talk } from "../desk/deskState.ts"
import { Dialog } from "../Dialog.tsx"
import type { Colleague } from "../sdk.ts"
import { talkName } from "./TalkName.tsx"
import { useWording } from "../words.tsx"

/** In UTF-8; see `Conversation.handOver`. */
const MOST_NOTE_BYTES = 4094

interface HandOverDialogProps {
  readonly talk: Talk
  readonly desk: Desk
  readonly onClose: () => void
}

export function HandOverDialog({ talk, desk, onClose }: HandOverDialogProps) {
  const { t } = useWording()
  const [colleague, setColleague] = useState<Colleague | null>(null)
  const [reason, setReason] = useState("")
  const [note, setNote] = useState(() => desk.unhanded.get(talk.id) ?? "")
  return (
    <Dialog title={t("handover.title")} onClose={onClose}>
      <p>{t("handover.about")}</p>
      <ColleagueChoice desk={desk} onChoose={setColleague} />
      <ReasonField value={reason} onValue={setReason} />
      <NoteField label={t("handover.note")} value={note} onValue={setNote} />
      <p class="muted">{t("handover.note.about")}</p>
      <ColleagueButtons
        colleague={colleague}
        text={t("handover.go")}
        isReady={!isTooLong(note)}
        onGo={(chosen) => {
          void desk.handOver(talk.id, chosen, reason.trim(), note.trim())
          onClose()
        }}
        onClose={onClose}
      />
    </Dialog>
  )
}

interface ShiftDialogProps {
  readonly state: DeskState
  readonly desk: Desk
  readonly onClose: () => void
}

/** Asks first, and then tells how each goes; it may be closed meanwhile. */
export function ShiftDialog({ state, desk, onClose }: ShiftDialogProps) {
  const { t } = useWording()
  const [going, setGoing] = useState<readonly string[] | null>(null)
  const open = openTalks(state)
  if (going === null && open.length > 0) {
    return (
      <Dialog title={t("endShift.title")} onClose={onClose}>
        <ShiftForm
          open={open}
          desk={desk}
          onClose={onClose}
          onGo={() => {
            setGoing(open.map(({ id }) => id))
          }}
        />
      </Dialog>
    )
  }
  const shown = state.talks.filter(({ id }) => going?.includes(id) === true)
  return (
    <Dialog title={t("endShift.title")} onClose={onClose}>
      {going === null ? <p>{t("endShift.none")}</p> : <Progress talks={shown} />}
      <div class="row">
        {going === null && state.presence !== "away" && (
          <button
            type="button"
            class="button primary"
            onClick={() => {
              void desk.setPresence("away")
              onClose()
            }}
          >
            {t("endShift.away")}
          </button>
        )}
        <button type="button" class="button" onClick={onClose}>
          {t("close")}
        </button>
      </div>
    </Dialog>
  )
}

interface ShiftFormProps {
  readonly open: readonly Talk[]
  readonly desk: Desk
  readonly onGo: () => void
  readonly onClose: () => void
}

function ShiftForm({ open, desk, onGo, onClose }: ShiftFormProps) {
  const { t } = useWording()
  const [colleague, setColleague] = useState<Colleague | null>(null)
  const [reason, setReason] = useState<string>(t("endShift.reason"))
  const [notes, setNotes] = useState<ReadonlyMap<string, string>>(() => new Map(desk.unhanded))
  return (
    <>
      <p>{t("endShift.about")}</p>
      <ColleagueChoice desk={desk} onChoose={setColleague} />
      <ReasonField value={reason} onValue={setReason} />
      {open.map(({ id, number, nickname }) => (
        <NoteField
          key={id}
          label={[t("endShift.note", { number }), nickname.trim()].filter(Boolean).join(", ")}
          value={notes.get(id) ?? ""}
          onValue={(note) => {
            setNotes(new Map([...notes, [id, note]]))
          }}
        />
      ))}
      <p class="muted">{t("handover.note.about")}</p>
      <ColleagueButtons
        colleague={colleague}
        text={t("endShift.go")}
        isReady={![...notes.values()].some(isTooLong)}
        onGo={(chosen) => {
          void desk.endShift(chosen, reason.trim(), notes)
          onGo()
        }}
        onClose={onClose}
      />
    </>
  )
}

function Progress({ talks }: { readonly talks: readonly Talk[] }) {
  const { t } = useWording()
  const hasFailed = talks.some(({ handOver }) => handOver !== null && !["going", "done"].includes(handOver.stage))
  return (
    <>
      <h3 id="shift-progress">{t("endShift.progress")}</h3>
      <dl class="facts" role="status" aria-labelledby="shift-progress">
        {talks.map(({ id, number, nickname, handOver }) => (
          <div key={id} class={`hand-over ${handOver?.stage ?? "going"}`}>
            <dt>{talkName(t, { number, nickname })}</dt>
            <dd>{handOver === null ? "" : t(`handover.stage.${handOver.stage}`, { name: handOver.who.name })}</dd>
          </div>
        ))}
      </dl>
      {hasFailed && <p>{t("endShift.stays")}</p>}
    </>
  )
}

interface NoteFieldProps {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
}

function NoteField({ label, value, onValue }: NoteFieldProps) {
  const { t } = useWording()
  return (
    <label class="field">
      <span>{label}</span>
      <textarea
        {...WRITING_SERVICES_OFF}
        rows={3}
        value={value}
        onInput={({ currentTarget }) => {
          onValue(currentTarget.value)
        }}
      />
      {isTooLong(value) && <span role="alert">{t("handover.long")}</span>}
    </label>
  )
}

function isTooLong(note: string): boolean {
  return new TextEncoder().encode(note.trim()).length > MOST_NOTE_BYTES
}
