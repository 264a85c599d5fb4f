/** Questions and news that come between: may somebody join, may the page be reloaded, why it is over. */

import { roleName } from "../shared/i18n/names.ts"
import type { Ending, Proposal, State } from "./state.ts"
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

export function OverCard({ ending, hasItems }: { readonly ending: State["ending"]; readonly hasItems: boolean }) {
  const { t } = useWording()
  const why = ending?.why ?? "ended"
  const isOrdinary = why === "left" || why === "ended"
  return (
    <section class={isOrdinary ? "card over" : "card care over"} aria-labelledby="over">
      <h1 id="over" tabIndex={-1} data-announce>
        {why === "left" ? t("over.left") : why === "ended" ? t("over.ended") : t("over.stopped")}
      </h1>
      <p>{reasonText(t, why, ending?.by ?? null)}</p>
      {!isOrdinary && <p>{t("over.notYou")}</p>}
      {hasItems && <p>{t("over.shown")}</p>}
    </section>
  )
}

function reasonText(t: Words, why: Ending, by: string | null): string {
  if (why === "left") return t("over.left.text")
  if (why === "ended") return by === null ? t("over.ended.text") : t("over.ended.by", { name: by })
  return t(`over.${why}`)
}
