/** The supervisors' board: how it goes, in numbers, and requests for which nobody was found. */

import type { ComponentChildren } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"

import { needName } from "../../shared/i18n/names.ts"
import { hex } from "../../shared/talking.ts"
import "./board.css"
import { countText, loadOf } from "./boardFigures.ts"
import { AskToJoin } from "../talk/AskToJoin.tsx"
import { languageName } from "../talk/Details.tsx"
import type { DeskProps } from "../desk/deskProps.ts"
import type { BoardDay, Board as Numbers, QueueAlert, Tally } from "../sdk.ts"
import { useWording } from "../words.tsx"

const SUPERVISOR = "supervisor"

export function Board({ state, desk }: DeskProps) {
  const { t } = useWording()
  const [numbers, setNumbers] = useState<Numbers | null>(null)
  const [alerts, setAlerts] = useState<readonly QueueAlert[]>([])
  const isMine = state.me?.role === SUPERVISOR
  useEffect(() => {
    if (!isMine) return undefined
    return desk.watchBoard(setNumbers, (alert) => {
      setAlerts((before) => [...before.filter((each) => idOf(each) !== idOf(alert)), alert])
    })
  }, [desk, isMine])
  // Whoever does not wait any more needs nobody to look, and who waits once more has only begun to. Whoever was not listed
  // yet may wait behind those for whom the list has room.
  const listed = useRef(state.queue)
  useEffect(() => {
    const gone = new Set(listed.current.map(({ id }) => id))
    for (const { id } of state.queue) gone.delete(id)
    listed.current = state.queue
    setAlerts((before) => before.filter((each) => !gone.has(idOf(each))))
  }, [state.queue])
  if (!isMine || numbers === null) return null
  const open = waitingOf(alerts, state)
  return (
    <section class="block board" aria-labelledby="board">
      <h2 id="board">{t("board.title")}</h2>
      {open.map((alert) => (
        <Alert key={idOf(alert)} alert={alert} desk={desk} state={state} />
      ))}
      <AskToJoin desk={desk} />
      <Now numbers={numbers} />
      <Tallies title={t("board.needs")} tallies={numbers.needs} name={(need) => needName(t, need)} />
      <Tallies title={t("board.languages")} tallies={numbers.languages} name={(code) => languageName(code) ?? code} />
      <Days days={numbers.days} goalSeconds={numbers.goalSeconds} />
    </section>
  )
}

function waitingOf(alerts: readonly QueueAlert[], { queue }: DeskProps["state"]): readonly QueueAlert[] {
  const waiting = new Set(queue.map(({ id }) => id))
  return alerts.filter((alert) => waiting.has(idOf(alert)))
}

function idOf(alert: QueueAlert): string {
  return hex(alert.conversationId)
}

function Alert({ alert, desk, state }: DeskProps & { readonly alert: QueueAlert }) {
  const { t } = useWording()
  return (
    <div class="card care" role="alert">
      <p>{t("board.alert", { minutes: Math.ceil(alert.waitedSeconds / 60) })}</p>
      <button
        type="button"
        class="button primary"
        disabled={!state.isConnected || state.isAccepting}
        onClick={() => void desk.accept(idOf(alert))}
      >
        {t("board.take")}
      </button>
    </div>
  )
}

function Now({ numbers }: { readonly numbers: Numbers }) {
  const { t } = useWording()
  const people = [numbers.available, numbers.busy, numbers.away].join(" / ")
  return (
    <dl class="board-now">
      <Figure name={t("board.waiting")}>{numbers.waiting}</Figure>
      <Figure name={t("board.longest")}>
        {t("board.minutes", { minutes: Math.ceil(numbers.longestWaitSeconds / 60) })}
      </Figure>
      <Figure name={t("board.active")}>{numbers.active}</Figure>
      <Figure name={t("board.people")}>{people}</Figure>
      <Figure name={t("board.sought")}>{numbers.sought}</Figure>
      <Figure name={t("board.seats")}>{numbers.seats}</Figure>
      <Figure name={t("board.load")}>{loadOf(numbers)}</Figure>
      <Figure name={t("board.goal")}>{t("board.seconds", { seconds: numbers.goalSeconds })}</Figure>
    </dl>
  )
}

function Figure({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

interface TalliesProps {
  readonly title: string
  readonly tallies: readonly Tally[]
  readonly name: (name: string) => string
}

function Tallies({ title, tallies, name }: TalliesProps) {
  const { t } = useWording()
  if (tallies.length === 0) return null
  return (
    <details>
      <summary>{title}</summary>
      <dl class="board-now">
        {tallies.map((tally) => (
          <Figure key={tally.name} name={tally.name === null ? t("board.unsaid") : name(tally.name)}>
            {countText(t, tally.count)}
          </Figure>
        ))}
      </dl>
    </details>
  )
}

function Days({ days, goalSeconds }: { readonly days: readonly BoardDay[]; readonly goalSeconds: number }) {
  const { t } = useWording()
  if (days.length === 0) return null
  return (
    <table class="board-days">
      <thead>
        <tr>
          <th scope="col">{t("board.day")}</th>
          <th scope="col">{t("board.opened")}</th>
          <th scope="col">{t("board.answered")}</th>
          <th scope="col">{t("board.within", { seconds: goalSeconds })}</th>
          <th scope="col">{t("board.abandoned")}</th>
        </tr>
      </thead>
      <tbody>
        {days.map((day) => (
          <tr key={day.date}>
            <th scope="row">{day.date}</th>
            {[day.opened, day.answered, day.withinGoal, day.abandoned].map((count, place) => (
              <td key={place}>{countText(t, count)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
