/** What the desk shows in front of everything: the keys, the notes that were kept, and the last question. */

import { OUTCOMES, type DeskState } from "./deskState.ts"
import type { Desk } from "./desk.ts"
import { Dialog } from "../Dialog.tsx"
import { KEYS, type DeskKeys } from "./keys.ts"
import { useWording } from "../words.tsx"

interface OverlayProps {
  readonly onClose: () => void
}

export function KeysDialog({ onClose }: OverlayProps) {
  const { t } = useWording()
  return (
    <Dialog title={t("keys.title")} onClose={onClose}>
      <dl class="facts">
        {(Object.keys(KEYS) as (keyof DeskKeys)[]).map((key) => (
          <>
            <dt>{t(`keys.${key}`)}</dt>
            <dd>
              <kbd>{KEYS[key]}</kbd>
            </dd>
          </>
        ))}
      </dl>
    </Dialog>
  )
}

interface NotesProps extends OverlayProps {
  readonly state: DeskState
  readonly desk: Desk
}

export function NotesDialog({ state, desk, onClose }: NotesProps) {
  const { language, t } = useWording()
  const counted = OUTCOMES.flatMap((outcome) => ((state.tally[outcome] ?? 0) > 0 ? [outcome] : []))
  return (
    <Dialog title={t("notes.title")} onClose={onClose}>
      <p class="muted">{t("details.note.about")}</p>
      {state.filed.length === 0 && <p>{t("notes.none")}</p>}
      <ul class="filed">
        {state.filed.map(({ id, at, outcome, text }) => (
          <li key={id} class="card">
            <p class="muted">
              {`${new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" })}, ${t(`outcome.${outcome}`)}`}
            </p>
            <p class="words">{text}</p>
            <button type="button" class="button quiet" onClick={() => void desk.dropNote(id)}>
              {t("notes.drop")}
            </button>
          </li>
        ))}
      </ul>
      {counted.length > 0 && (
        <>
          <h3>{t("notes.tally")}</h3>
          <dl class="facts">
            {counted.map((outcome) => (
              <>
                <dt>{t(`outcome.${outcome}`)}</dt>
                <dd>{state.tally[outcome]}</dd>
              </>
            ))}
          </dl>
        </>
      )}
    </Dialog>
  )
}

export function EraseDialog({ onClose, onErase }: OverlayProps & { readonly onErase: () => void }) {
  const { t } = useWording()
  return (
    <Dialog title={t("door.erase")} onClose={onClose}>
      <p>{t("door.erase.text")}</p>
      <div class="row">
        <button type="button" class="button exit" onClick={onErase}>
          {t("door.erase.go")}
        </button>
        <button type="button" class="button" onClick={onClose}>
          {t("cancel")}
        </button>
      </div>
    </Dialog>
  )
}
