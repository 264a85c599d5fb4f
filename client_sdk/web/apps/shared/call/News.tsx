/** How a call is, and how it ended, in sentences that screen readers read out when they change. */

import type { CallView, OwnView } from "../../../src/call/media/view.ts"
import { nameOf, useCallWording, type CallWording } from "./callWords.tsx"

export function News({ view }: { readonly view: CallView }) {
  const wording = useCallWording()
  const { t } = wording
  return (
    <div class="call-news">
      <p role="status">{t(stateOf(view))}</p>
      <p role="status">{view.reason !== null && (view.level === "low" || view.level === "audio") && t(`level.${view.level}`)}</p>
      <p role="status">{refusalText(wording, view.own)}</p>
      {view.phase === "in call" && view.isDirect && <p class="muted">{t("state.direct")}</p>}
    </div>
  )
}

function stateOf({ phase, peers }: CallView) {
  if (phase === "calling") return "state.calling"
  if (peers.length === 0) return "state.alone"
  if (peers.some(({ state }) => state === "connected")) return "state.connected"
  return peers.some(({ state }) => state === "reconnecting") ? "state.reconnecting" : "state.joining"
}

export function endingText(wording: CallWording, { why, by }: NonNullable<CallView["ending"]>): string {
  const { t, nobody } = wording
  const name = by === null ? nobody : nameOf(wording, by)
  if (why === "missed") return t("ending.missed", { name })
  if ((why === "hungUp" || why === "cancelled" || why === "declined") && by !== null) return t(`endedBy.${why}`, { name })
  return t(`ending.${why}`)
}

/** What could not be opened, and why; empty where all could. */
export function refusalText({ t }: CallWording, { refused, microphone }: OwnView): string {
  if (refused === null) return ""
  // Another one was asked for. Whoever reads that she is not heard must not be.
  if (refused.source === "microphone" && microphone) return t("refused.microphone-kept")
  return t(`refused.${refused.source}-${refused.why}`)
}
