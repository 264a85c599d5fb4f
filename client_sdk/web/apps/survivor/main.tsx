/** Starts the page: reads what the organisation decided, and watches over every way in which the page can end. */

import { render } from "preact"

import { preferredLanguage } from "../shared/i18n/catalogue.ts"
import { tellBrowser } from "../shared/i18n/direction.ts"
import "../shared/styles/tokens.css"
import "../shared/styles/base.css"
import "../shared/styles/choice.css"
import "../shared/styles/languages.css"
import "../shared/styles/log.css"
import { App, type Rest } from "./App.tsx"
import { HARMLESS, numbersIn, readConfiguration } from "./configuration.ts"
import { EmergencyNumbers } from "./Panels.tsx"
import { forgetWords, quickExit, sayFarewell, watchForExit, watchTabs, Way } from "./quickExit.ts"
import type { Farewell } from "./session.ts"
import "./survivor.css"
import { WordingContext, wordingOf } from "./words.tsx"

/** Drops every key, and returns what is left to be said to the relay. Until the page has a session there is none. */
let vanish = (): Farewell => new Uint8Array()
let isCutOff = (): boolean => false

function start(page: HTMLElement): void {
  const configuration = readConfiguration(block())
  // A browser that says that it is offline is; one that says nothing may be.
  const way = new Way(configuration.exitUrl, () => isCutOff() || !navigator.onLine)
  const tabs = watchTabs((isKnownToBeCutOff) => {
    if (isKnownToBeCutOff) way.goStraight()
    quickExit(vanish, way)
  })
  const exit = (): void => {
    quickExit(vanish, way, tabs)
  }
  watchForExit(exit)
  watchForEnd()
  const show = (rest: Rest | null): void => {
    render(
      <App
        configuration={configuration}
        rest={rest}
        onExit={exit}
        onVanish={(drop, isAway) => {
          vanish = drop
          isCutOff = isAway
        }}
      />,
      page,
    )
  }
  show(null)
  import("./rest.ts")
    .then((rest) => {
      // She has left meanwhile.
      if (!page.isConnected) return
      // Without a key to verify staff by, nobody could be let in.
      rest.readOrganisation(configuration.organisation)
      show(rest)
    })
    .catch(() => {
      sayBroken(page, exit)
    })
  // A host page may show the frame now. It learns nothing else from us but that we left.
  if (window.parent !== window) window.parent.postMessage({ teduh: "ready" }, "*")
}

/** However the page ends: keys and words go, and a page that the browser kept in memory does not come back as it was. */
function watchForEnd(): void {
  window.addEventListener("pagehide", () => {
    const farewell = vanish()
    // Before it is said, which not every browser lets it be.
    forgetWords()
    sayFarewell(farewell)
  })
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload()
  })
}

const block = (): string => document.getElementById("organisation")?.textContent ?? ""

/** What still helps where the page cannot start: the numbers, another try, and the way out. */
function sayBroken(page: HTMLElement, exit: () => void): void {
  const language = preferredLanguage(navigator.languages, ["id", "en"])
  const wording = wordingOf(language)
  const { t } = wording
  tellBrowser(language)
  render(
    <WordingContext.Provider value={wording}>
      <main class="skin plain">
        <h1>{t("broken.title")}</h1>
        <p>{t("broken.text")}</p>
        <EmergencyNumbers numbers={numbersIn(block())} />
        <button
          type="button"
          class="button primary"
          onClick={() => {
            window.location.reload()
          }}
        >
          {t("broken.again")}
        </button>
        <button type="button" class="button exit" onClick={exit}>
          {t("exit")}
        </button>
      </main>
    </WordingContext.Provider>,
    page,
  )
}

const page = document.getElementById("page")
if (page !== null) {
  // What stood here while the script was on its way.
  page.replaceChildren()
  try {
    start(page)
  } catch {
    const exit = (): void => {
      quickExit(vanish, new Way(HARMLESS, () => !navigator.onLine))
    }
    watchForExit(exit)
    sayBroken(page, exit)
  }
}
