/** Who waits, what is offered, and where colleagues have brought us: everything that can be accepted. */

import { useEffect, useState } from "preact/hooks"

import { genderName, needName } from "../../shared/i18n/names.ts"
import { AskedToJoin } from "../talk/AskToJoin.tsx"
import type { Desk } from "../desk/desk.ts"
import type { DeskProps } from "../desk/deskProps.ts"
import { languageName } from "../talk/Details.tsx"
import { openTalks, type Asked, type DeskState, type Offered, type Waiting } from "../desk/deskState.ts"
import { useWording, type Words } from "../words.tsx"

export const MINUTE_MS = 60_000

/** What cannot wait in a list: offers, colleagues and supervisors who ask. */
export function Calling({ state, desk }: DeskProps) {
  const { t } = useWording()
  return (
    <div class="calling">
      {state.offers.map((offer) => (
        <Offer key={offer.id} offer={offer} desk={desk} mayAccept={mayAccept(state)} />
      ))}
      <AskedToJoin state={state} desk={desk} />
      {state.invitations.map((id) => (
        <div key={id} class="card colleague" role="alert">
          <p>{t("queue.colleague")}</p>
          <button type="button" class="button primary" onClick={() => void desk.join(id)}>
            {t("queue.join")}
          </button>
        </div>
      ))}
    </div>
  )
}

function mayAccept({ isConnected, isAccepting }: DeskState): boolean {
  return isConnected && !isAccepting
}

export function Queue({ state, desk }: DeskProps) {
  const { t } = useWording()
  const isFull = openTalks(state).length >= state.capacity
  return (
    <section class="block" aria-labelledby="queue">
      <h2 id="queue">{t("queue.title")}</h2>
      <p class={state.waiting > 0 ? "waiting-count some" : "waiting-count muted"} role="status">
        {waitingText(t, state)}
      </p>
      {state.makesOffers ? (
        <p class="muted">{t("queue.offers")}</p>
      ) : (
        <button
          type="button"
          class="button primary wide queue-accept"
          aria-keyshortcuts="Alt+A"
          disabled={state.waiting === 0 || !mayAccept(state)}
          onClick={() => void desk.accept()}
        >
          {t(state.isAccepting ? "queue.accepting" : "queue.accept")}
        </button>
      )}
      <WaitingList state={state} desk={desk} mayAccept={mayAccept(state) && !state.makesOffers} />
      {isFull && state.presence === "available" && <p class="muted">{t("presence.full")}</p>}
      {state.asked > 0 && <p role="status">{t("queue.asked")}</p>}
      {state.acceptFailure !== null && (
        <p class="card care" role="alert">
          {t(`queue.${state.acceptFailure}`)}
        </p>
      )}
    </section>
  )
}

function waitingText(t: Words, { waiting }: DeskState): string {
  if (waiting === 0) return t("queue.none")
  return waiting === 1 ? t("queue.one") : t("queue.many", { count: waiting })
}

interface OfferProps {
  readonly offer: Offered
  readonly desk: Desk
  readonly mayAccept: boolean
}

function Offer({ offer, desk, mayAccept }: OfferProps) {
  const { t } = useWording()
  const now = useNow(1000)
  const seconds = Math.max(0, Math.ceil((offer.until - now) / 1000))
  return (
    <div class="card offer" role="alert">
      <h2>{t("queue.offered")}</h2>
      <Wish request={offer} now={now} />
      {/* Read aloud once, with the offer; not every second. */}
      <p class="offer-seconds" aria-live="off">
        {t("queue.seconds", { seconds })}
      </p>
      <div class="row">
        <button
          type="button"
          class="button primary offer-accept"
          aria-keyshortcuts="Alt+A"
          disabled={!mayAccept}
          onClick={() => void desk.accept(offer.id)}
        >
          {t("queue.take")}
        </button>
        <button type="button" class="button offer-decline" onClick={() => void desk.decline(offer.id)}>
          {t("queue.decline")}
        </button>
      </div>
    </div>
  )
}

function WaitingList({ state, desk, mayAccept }: DeskProps & { readonly mayAccept: boolean }) {
  const { t } = useWording()
  const now = useNow(10_000)
  if (state.queue.length === 0) return null
  return (
    // Long lists scroll, also for who has no pointer.
    <ol class="queue" aria-labelledby="queue" tabIndex={0}>
      {state.queue.map((request) => (
        <li key={request.id} class="queue-item">
          <Wish request={request} now={now} />
          {!state.makesOffers && (
            <button
              type="button"
              class="button queue-take"
              disabled={!mayAccept}
              aria-label={`${t("queue.take")}: ${helpName(t, request)}`}
              onClick={() => void desk.accept(request.id)}
            >
              {t("queue.take")}
            </button>
          )}
        </li>
      ))}
    </ol>
  )
}

function Wish({ request, now }: { readonly request: Waiting; readonly now: number }) {
  const { t } = useWording()
  const minutes = Math.floor((now - request.since) / MINUTE_MS)
  const waited = minutes < 1 ? t("queue.now") : t("details.waited.minutes", { minutes })
  return (
    <p class="wish">
      <span class="wish-urgency">
        <Urgent urgency={request.urgency} />
        <span class="muted">{waited}</span>
      </span>
      <strong>{helpName(t, request)}</strong>
      {request.isKnown === true && <span>{t("queue.known")}</span>}
      {request.language !== null && <span class="muted">{languageName(request.language)}</span>}
      {request.preferredGender != null && (
        <span class="muted">{t("queue.prefers", { gender: genderName(t, request.preferredGender) })}</span>
      )}
      {request.region != null && <span class="muted">{request.region}</span>}
    </p>
  )
}

function helpName(t: Words, { need }: Waiting): string {
  return need === null ? t("queue.need") : needName(t, need)
}

/** How urgent it is, as it was said, or that nothing was said of it. */
export function Urgent({ urgency }: Pick<Asked, "urgency">) {
  const { t } = useWording()
  if (urgency === null) return <span class="urgent unsaid">{t("urgent.unsaid")}</span>
  return <span class={`urgent level-${urgency}`}>{t(`urgent.${urgency}`)}</span>
}

/** The time, looked at now and then. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now())
    }, everyMs)
    return () => {
      clearInterval(timer)
    }
  }, [everyMs])
  return now
}
