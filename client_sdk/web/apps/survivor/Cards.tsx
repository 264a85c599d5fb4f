/** Questions and news that come between: may somebody join, shall somebody else be sought, may the page be reloaded, why it is over. */

import type { ComponentChildren } from "preact"

import { roleName } from "../shared/i18n/roleNames.ts"
import type { EmergencyContact } from "./configuration.ts"
import { EmergencyNumbers } from "./Panels.tsx"
import { isUnheard, unsentOf } from "./state.ts"
import type { Ending, Proposal, Prospect, Reassignment, Sighting, State } from "./stateTypes.ts"
import { openingText, placeText } from "./Waiting.tsx"
import { useWording, type Words } from "./words.tsx"

interface ProposalProps {
  readonly proposal: Proposal
  readonly onAnswer: (id: string, accepted: boolean) => void
}

export function ProposalCard({ proposal, onAnswer }: ProposalProps) {
  const { t } = useWording()
  const { id, name, reason, by } = proposal
  return (
    <section class="card question" role="alert" aria-labelledby="proposal">
      <h2 id="proposal">{t("proposal.title", { name })}</h2>
      <p>{t("proposal.text", { by: by.name, name, role: roleName(t, proposal.role) })}</p>
      {reason !== "" && <p>{t("proposal.reason", { reason })}</p>}
      <p class="muted">{t("proposal.about", { name })}</p>
      <div class="answers">
        <button
          type="button"
          class="button"
          onClick={() => {
            onAnswer(id, false)
          }}
        >
          {t("proposal.no")}
        </button>
        <button
          type="button"
          class="button primary"
          onClick={() => {
            onAnswer(id, true)
          }}
        >
          {t("proposal.yes")}
        </button>
      </div>
    </section>
  )
}

interface ReassignmentProps {
  readonly reassignment: Reassignment
  /** With whom she has talked here; null where nobody has been in yet. */
  readonly before: string | null
  readonly sightings: readonly Sighting[]
  readonly prospect: Prospect
  readonly onRequest: (isRequested: boolean) => void
  readonly onAnswer: (accepted: boolean) => void
}

/** Nobody answers: shall we look for somebody else, and may whoever was found come in? */
export function ReassignmentCard({ reassignment, before, sightings, prospect, onRequest, onAnswer }: ReassignmentProps) {
  const { language, t } = useWording()
  if (reassignment.step === "found") {
    const { name } = reassignment
    return (
      <Question title={t("found.title", { name })} no={t("proposal.no")} yes={t("found.yes", { name })} onAnswer={onAnswer}>
        <p>{t("found.text", { name, role: roleName(t, reassignment.role) })}</p>
        <p class="muted">{before === null ? t("found.about.nobody") : t("found.about", { before })}</p>
      </Question>
    )
  }
  if (reassignment.step === "waiting") {
    return (
      <section class="card question" aria-labelledby="reassignment">
        <h2 id="reassignment">{t("reassignment.title")}</h2>
        <p role="status">{prospect.opens === 0 ? placeText(t, sightings) : openingText(t, language, prospect)}</p>
        <p class="muted">{t("reassignment.text")}</p>
        <div class="answers">
          <button
            type="button"
            class="button"
            onClick={() => {
              onRequest(false)
            }}
          >
            {t("reassignment.stop")}
          </button>
        </div>
      </section>
    )
  }
  const name = reassignment.step === "away" ? reassignment.name : null
  const title = reassignment.step === "refused" ? t("found.refused") : name === null ? t("away.nobody") : t("away.title", { name })
  return (
    <Question title={title} no={t("away.wait")} yes={t("away.request")} onAnswer={onRequest}>
      <p>{t("away.text")}</p>
    </Question>
  )
}

interface QuestionProps {
  readonly title: string
  readonly no: string
  readonly yes: string
  readonly onAnswer: (accepted: boolean) => void
  readonly children: ComponentChildren
}

function Question({ title, no, yes, onAnswer, children }: QuestionProps) {
  return (
    <section class="card question" role="alert" aria-labelledby="reassignment">
      <h2 id="reassignment">{title}</h2>
      {children}
      <div class="answers">
        <button
          type="button"
          class="button"
          onClick={() => {
            onAnswer(false)
          }}
        >
          {no}
        </button>
        <button
          type="button"
          class="button primary"
          onClick={() => {
            onAnswer(true)
          }}
        >
          {yes}
        </button>
      </div>
    </section>
  )
}

export function BackCard({ onStay }: { readonly onStay: () => void }) {
  const { t } = useWording()
  return (
    <section class="card question" role="alert" aria-labelledby="back">
      <h2 id="back">{t("back.title")}</h2>
      <p>{t("back.text")}</p>
      <div class="answers">
        <button type="button" class="button primary" onClick={onStay}>
          {t("reload.stay")}
        </button>
      </div>
    </section>
  )
}

export function ReloadCard({ onStay }: { readonly onStay: () => void }) {
  const { t } = useWording()
  return (
    <section class="card question" role="alert" aria-labelledby="reload">
      <h2 id="reload">{t("reload.title")}</h2>
      <p>{t("reload.text")}</p>
      <div class="answers">
        <button
          type="button"
          class="button"
          onClick={() => {
            window.location.reload()
          }}
        >
          {t("reload.go")}
        </button>
        <button type="button" class="button primary" onClick={onStay}>
          {t("reload.stay")}
        </button>
      </div>
    </section>
  )
}

interface OverProps {
  readonly state: Pick<State, "ending" | "items" | "progress" | "urgency">
  readonly numbers: readonly EmergencyContact[]
  readonly goesBack: boolean
  /** Where else she can get help. */
  readonly children: ComponentChildren
}

export function OverCard({ state, numbers, goesBack, children }: OverProps) {
  const { t } = useWording()
  const { ending, items } = state
  const why = ending?.why ?? "ended"
  const isOrdinary = why === "left" || why === "ended"
  return (
    <section class={isOrdinary ? "card over" : "card care over"} aria-labelledby="over">
      <h1 id="over" tabIndex={-1} data-announce>
        {why === "left" ? t("over.left") : why === "ended" ? t("over.ended") : t("over.stopped")}
      </h1>
      <p>{reasonText(t, why, ending?.by ?? null)}</p>
      {!isOrdinary && <p>{t("over.anew")}</p>}
      {(!isOrdinary || state.urgency === 2) && <EmergencyNumbers numbers={numbers} />}
      {goesBack && <p>{t("over.same")}</p>}
      {unsentOf(state) !== "" && <p>{t("over.unsent")}</p>}
      {items.length > 0 && <p>{isUnheard(state) ? t("over.kept") : t("over.shown")}</p>}
      {children}
    </section>
  )
}

function reasonText(t: Words, why: Ending, by: string | null): string {
  if (why === "left") return t("over.left.text")
  if (why === "ended") return by === null ? t("over.ended.text") : t("over.ended.by", { name: by })
  return t(`over.${why}`)
}
