/**
 * While nobody has joined: the numbers first where she is in danger or nobody is on duty; where she stands, how long it may
 * take as far as that is known, and what else helps.
 */

import type { ComponentChildren } from "preact"
import { useEffect, useState } from "preact/hooks"

import { ownTextIn } from "../shared/block.ts"
import { wholeDate } from "../shared/i18n/dates.ts"
import { Icon } from "../shared/parts/Icon.tsx"
import type { Configuration } from "./configuration.ts"
import { estimate, rounded, type Estimate } from "./estimate.ts"
import { EmergencyNumbers } from "./Panels.tsx"
import type { Prospect, Sighting, State } from "./stateTypes.ts"
import { useWording, type Words } from "./words.tsx"

const LOOK_AGAIN_MS = 15_000
/** So long after her request was taken the relay has said, too, where nobody serves the line: no place is shown before. */
const PLACED_MS = 500
/** Where the longest wait is more than so many times the shortest, both together say nothing: the longest is said. */
const WIDE = 3

interface WaitingProps {
  readonly configuration: Configuration
  readonly sightings: readonly Sighting[]
  readonly prospect: Prospect
  readonly verificationBlocked: State["verificationBlocked"]
  readonly isPaying: boolean
  /** Whether she has said so. */
  readonly isInDanger: boolean
  /** Whether she has found out that she can write already. */
  readonly hasWritten: boolean
  readonly onStop: () => void
  /** Where else she can get help. */
  readonly children: ComponentChildren
}

export function Waiting({ configuration, sightings, prospect, verificationBlocked, isPaying, isInDanger, hasWritten, onStop, children }: WaitingProps) {
  const { language, t } = useWording()
  const guess = estimate(sightings, useNow(), configuration.typicalWaitMinutes)
  const hours = ownTextIn(configuration.hours, language)
  const isJoining = guess.kind === "joining"
  const isUnserved = !isJoining && prospect.opens !== 0
  const isPlaced = useAfter(PLACED_MS, sightings.length > 0)
  const shown = isPlaced || isJoining ? sightings : []
  const isAlone = !isJoining && (isInDanger || isUnserved || guess.kind === "long" || verificationBlocked !== null)
  return (
    <section class="card waiting" aria-labelledby="waiting">
      <h1 id="waiting" tabIndex={-1} data-announce>
        {t("waiting.title")}
      </h1>
      {isAlone && <EmergencyNumbers numbers={configuration.emergencyNumbers} />}
      <div role="status" class="place">
        <p class="place-now">
          <Icon name="clock" />
          {isUnserved ? openingText(t, language, prospect) : placeText(t, shown)}
        </p>
        {isPaying && <p>{t("waiting.paying")}</p>}
        {verificationBlocked === "clock" && <p>{t("waiting.clock", { time: wholeDate(language, Date.now()) })}</p>}
        {verificationBlocked === "list" && <p>{t("waiting.list")}</p>}
        {isUnserved ? <p>{t("waiting.stays")}</p> : shown.length > 0 && <p>{howLong(t, prospect, guess)}</p>}
        {prospect.hasRelaxedPreferences && <p>{t("waiting.preferencesRelaxed")}</p>}
      </div>
      {hours !== undefined && (
        <p>
          {t("waiting.hours")}: {hours}
        </p>
      )}
      {/* Her own words need the room: they push the top of this card under the header. */}
      {!hasWritten && <p class="muted">{t("waiting.write")}</p>}
      <p class="muted">{t("keep.open")}</p>
      {configuration.disguise === null && configuration.cover.skin !== "plain" && <p class="muted">{t("cover.hint")}</p>}
      {children}
      <button type="button" class="button stop" onClick={onStop}>
        {t("waiting.stop")}
      </button>
    </section>
  )
}

export function placeText(t: Words, sightings: readonly Sighting[]): string {
  const position = sightings.at(-1)?.position
  if (position === undefined) return t("waiting.sending")
  if (position === 0) return t("waiting.joining")
  return position === 1 ? t("waiting.next") : t("waiting.place", { position })
}

function howLong(t: Words, { minutes }: Prospect, guess: Estimate): string {
  // What is known here for certain: somebody is coming, or it has been too long.
  if (minutes === null || guess.kind === "joining" || guess.kind === "long") return estimateText(t, guess)
  // What the relay itself says of it, which sees the whole queue.
  const { least, most } = minutes
  if (most > WIDE * Math.max(least, 1)) return t("waiting.upto", { minutes: rounded(most) })
  return t("waiting.between", { least, most })
}

/** When somebody will be on duty again: nobody stands in a line that nobody serves. */
export function openingText(t: Words, language: string, { opens }: Prospect): string {
  return opens === null ? t("waiting.nobody") : t("waiting.opens", { time: dayAndTime(language, opens) })
}

function dayAndTime(language: string, seconds: number): string {
  const parts = { weekday: "long", hour: "2-digit", minute: "2-digit" } as const
  return new Intl.DateTimeFormat(language, parts).format(seconds * 1000)
}

function estimateText(t: Words, guess: Estimate): string {
  switch (guess.kind) {
    case "joining":
      return ""
    case "minutes":
      return guess.minutes === 1 ? t("waiting.minutes.1") : t("waiting.minutes", { minutes: guess.minutes })
    case "usual":
      return t("waiting.usual", { minutes: guess.minutes })
    case "long":
      return t("waiting.long")
    case "unknown":
      return t("waiting.unknown")
  }
}

/** Whether `begins` has been so for so long. */
function useAfter(milliseconds: number, begins: boolean): boolean {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    if (!begins) return undefined
    const timer = setTimeout(() => {
      setOver(true)
    }, milliseconds)
    return () => {
      clearTimeout(timer)
    }
  }, [milliseconds, begins])
  return isOver
}

/** The time, looked at again now and then. */
function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now())
    }, LOOK_AGAIN_MS)
    return () => {
      clearInterval(timer)
    }
  }, [])
  return now
}
