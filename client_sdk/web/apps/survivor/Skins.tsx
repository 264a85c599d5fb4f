/**
 * What the page looks like to somebody who must not know: before she presses where she was told, and after the page
 * was away for long. Exit works here as everywhere, by Shift three times and by two taps.
 */

import type { ComponentChildren } from "preact"

import type { Place, Skin } from "./configuration.ts"
import { useWording } from "./words.tsx"

interface SkinProps {
  readonly skin: Skin
  readonly press: Place
  readonly onPress: () => void
}

export function SkinScreen({ skin, press, onPress, onExit }: SkinProps & { readonly onExit: () => void }) {
  if (skin === "weather") return <Weather press={press} onPress={onPress} />
  if (skin === "recipe") return <Recipe press={press} onPress={onPress} />
  return <Plain onPress={onPress} onExit={onExit} />
}

/** Says nothing that tells, to whoever looks at it. */
function Plain({ onPress, onExit }: { readonly onPress: () => void; readonly onExit: () => void }) {
  const { t } = useWording()
  return (
    <main class="skin plain">
      <h1>{t("cover.title")}</h1>
      <button type="button" class="button primary" onClick={onPress}>
        {t("cover.go")}
      </button>
      <button type="button" class="button" onClick={onExit}>
        {t("exit")}
      </button>
    </main>
  )
}

interface SpotProps extends Omit<SkinProps, "skin"> {
  readonly place: Place
  readonly children: ComponentChildren
}

/** A place where she may have been told to press: the right one is a button that does not look like one. */
function Spot({ place, press, onPress, children }: SpotProps) {
  if (place !== press) return <>{children}</>
  return (
    <button type="button" class="spot" onClick={onPress}>
      {children}
    </button>
  )
}

const DAYS = 5
const SKIES = ["sun", "cloud", "rain"] as const

function Weather(spot: Omit<SkinProps, "skin">) {
  const { language, t } = useWording()
  const hour = new Date().getHours()
  const isNight = hour < 6 || hour >= 18
  const days = Array.from({ length: DAYS }, (_, ahead) => dayAhead(ahead + 1))
  return (
    <main class="skin weather">
      <h1>
        <Spot place="title" {...spot}>
          {t("weather.title")}
        </Spot>
      </h1>
      <p>{t("weather.place")}</p>
      <Spot place="picture" {...spot}>
        {isNight ? <Moon /> : <Sun />}
        <span class="spoken">{t(isNight ? "weather.clear" : "weather.sun")}</span>
      </Spot>
      <p class="degrees">{warmest(dayAhead(0))}°</p>
      <p>{t(isNight ? "weather.tonight" : "weather.now")}</p>
      <ul class="days">
        {days.map((day) => (
          <li key={day.getDate()}>
            <span>{day.toLocaleDateString(language, { weekday: "long" })}</span>
            <span>{t(`weather.${SKIES[day.getDate() % SKIES.length] ?? "sun"}`)}</span>
            <span>{warmest(day)}°</span>
          </li>
        ))}
      </ul>
      <Footer {...spot}>{t("weather.footer")}</Footer>
    </main>
  )
}

function dayAhead(days: number): Date {
  const day = new Date()
  day.setDate(day.getDate() + days)
  return day
}

/** Made up, but the same all day. */
function warmest(day: Date): number {
  return 30 + ((day.getDate() * 7) % 4)
}

function Recipe(spot: Omit<SkinProps, "skin">) {
  const { t } = useWording()
  return (
    <main class="skin recipe">
      <h1>
        <Spot place="title" {...spot}>
          {t("recipe.title")}
        </Spot>
      </h1>
      <p class="muted">{t("recipe.about")}</p>
      <Spot place="picture" {...spot}>
        <Bowl />
        <span class="spoken">{t("recipe.title")}</span>
      </Spot>
      <h2>{t("recipe.what")}</h2>
      <ul class="lines">
        {t("recipe.what.list")
          .split("\n")
          .map((line) => (
            <li key={line}>{line}</li>
          ))}
      </ul>
      <h2>{t("recipe.how")}</h2>
      <ol class="lines numbered">
        {t("recipe.how.list")
          .split("\n")
          .map((line) => (
            <li key={line}>{line}</li>
          ))}
      </ol>
      <Footer {...spot}>{t("recipe.footer")}</Footer>
    </main>
  )
}

function Footer({ children, ...spot }: Omit<SpotProps, "place">) {
  return (
    <p class="muted">
      <Spot place="footer" {...spot}>
        {children}
      </Spot>
    </p>
  )
}

function Sun() {
  return (
    <svg class="drawing" viewBox="0 0 120 120" aria-hidden="true" focusable="false">
      <circle cx="60" cy="60" r="26" fill="#f5b83d" />
      <path
        d="M60 12v14M60 94v14M12 60h14M94 60h14M26 26l10 10M84 84l10 10M94 26 84 36M36 84 26 94"
        stroke="#f5b83d"
        stroke-width="6"
        stroke-linecap="round"
      />
    </svg>
  )
}

function Moon() {
  return (
    <svg class="drawing" viewBox="0 0 120 120" aria-hidden="true" focusable="false">
      <path d="M74 18a44 44 0 1 0 28 58A38 38 0 0 1 74 18z" fill="#c9b37a" />
    </svg>
  )
}

function Bowl() {
  return (
    <svg class="drawing" viewBox="0 0 160 110" aria-hidden="true" focusable="false">
      <path d="M34 52q6-22 26-20 8-16 26-8 18-6 24 12 16 0 18 16z" fill="#f3ead2" />
      <path d="M16 52h128q-4 44-44 48H60q-40-4-44-48z" fill="#b8653f" />
      <path d="M52 34q10-14 26-8-10 12-26 8z" fill="#5d8a4a" />
      <path d="M64 12q-6-5 0-10M84 12q-6-5 0-10" stroke="#b9ada0" stroke-width="3" fill="none" stroke-linecap="round" />
    </svg>
  )
}
