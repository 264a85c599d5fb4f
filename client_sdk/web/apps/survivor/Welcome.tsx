/** The first screen: a word on safety, and one tap to somebody. Everything else on it may be left alone. */

import type { ComponentChildren } from "preact"

import { ownTextIn } from "../shared/block.ts"
import { GENDERS, genderName, needName } from "../shared/i18n/names.ts"
import { Choice } from "../shared/parts/Choice.tsx"
import { Select } from "../shared/parts/Select.tsx"
import type { Configuration } from "./configuration.ts"
import { EmergencyNumbers } from "./Panels.tsx"
import type { Action, State } from "./stateTypes.ts"
import { useFirstWording, useWording } from "./words.tsx"

interface WelcomeProps {
  readonly configuration: Configuration
  readonly state: State
  readonly dispatch: (action: Action) => void
  /** Whether she has asked, and what can ask is still on its way. */
  readonly isComing: boolean
  readonly onStart: () => void
  /** What is below all else, for it comes later. */
  readonly children: ComponentChildren
}

const URGENCIES = ["0", "1", "2"] as const

export function Welcome({ configuration, state, dispatch, isComing, onStart, children }: WelcomeProps) {
  const { language, t } = useFirstWording()
  return (
    <main class="welcome">
      <div class="scroll">
        <div class="column">
          <h1>{t("welcome.title")}</h1>
          <p>{t("welcome.lead", { organisation: configuration.organisationName })}</p>
          <p>{t("welcome.warm")}</p>
          {isReloaded() && <p class="card">{t("welcome.reloaded")}</p>}
          {state.couldNotAsk && <Failed />}
          <Safety limits={ownTextIn(configuration.confidentiality, language) ?? t("welcome.limits")} />
          <section class="wishes" aria-labelledby="wishes">
            <h2 id="wishes">{t("welcome.more")}</h2>
            <Choice
              legend={t("welcome.need")}
              group="need"
              chosen={state.need}
              options={configuration.needs.map((need) => ({ value: need, text: needName(t, need) }))}
              onChoose={(need) => {
                dispatch({ type: "chosen", need })
              }}
            />
            <Choice
              legend={t("welcome.urgency")}
              group="urgency"
              chosen={state.urgency === null ? null : URGENCIES[state.urgency]}
              options={URGENCIES.map((value) => ({ value, text: t(`urgency.${value}`) }))}
              onChoose={(urgency) => {
                dispatch({ type: "chosen", urgency: URGENCIES.indexOf(urgency) as 0 | 1 | 2 })
              }}
            />
            {state.urgency === 2 && (
              <div class="card care" role="alert" ref={showWhole}>
                <p>{t("welcome.danger")}</p>
                <EmergencyNumbers numbers={configuration.emergencyNumbers} />
              </div>
            )}
            <Select
              label={t("welcome.gender")}
              none={t("welcome.any")}
              options={GENDERS.map((value) => ({ value, text: genderName(t, value) }))}
              chosen={state.preferredGender}
              onChoose={(preferredGender) => {
                dispatch({ type: "chosen", preferredGender })
              }}
            />
            {configuration.regions.length > 0 && (
              <Select
                label={t("welcome.region")}
                none={t("welcome.unsaid")}
                options={configuration.regions.map((value) => ({ value, text: value }))}
                chosen={state.region}
                onChoose={(region) => {
                  dispatch({ type: "chosen", region })
                }}
              />
            )}
          </section>
          {children}
        </div>
      </div>
      <div class="foot">
        <button type="button" class="button primary wide" aria-busy={isComing} onClick={onStart}>
          {isComing ? t("welcome.coming") : t("welcome.start")}
        </button>
      </div>
    </main>
  )
}

/** Above the button, which covers nothing of it. */
function showWhole(notice: HTMLElement | null): void {
  notice?.scrollIntoView({ block: "nearest" })
}

/** Nothing here remembers whether there was a conversation; the browser knows that the page was there already. */
function isReloaded(): boolean {
  const [navigation] = performance.getEntriesByType("navigation")
  return navigation instanceof PerformanceNavigationTiming && navigation.type === "reload"
}

/** She has asked, so the texts of what comes behind this screen are there. */
function Failed() {
  const { t } = useWording()
  return (
    <div class="card care" role="alert">
      {t("welcome.failed")}
    </div>
  )
}

function Safety({ limits }: { readonly limits: string }) {
  const { t } = useFirstWording()
  return (
    <section class="card safety" aria-labelledby="safety">
      <h2 id="safety">{t("welcome.safety")}</h2>
      <ul class="points">
        <li>{t("welcome.watched")}</li>
        <li>{t("welcome.erase")}</li>
        <li>{t(matchMedia("(pointer: fine)").matches ? "welcome.leave" : "welcome.leave.touch")}</li>
      </ul>
      <h3>{t("welcome.limits.title")}</h3>
      <p>{limits}</p>
    </section>
  )
}
