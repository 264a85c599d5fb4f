/** Starts the first screen, in the elements that stand already (`early.ts`), and then the rest. */

import { render } from "preact"

import { preferredLanguage } from "../shared/i18n/catalogue.ts"
import { tellBrowser } from "../shared/i18n/direction.ts"
import "../shared/styles/tokens.css"
import "../shared/styles/base.css"
import "../shared/styles/choice.css"
import "../shared/styles/languages.css"
import "../shared/styles/scroll.css"
import { App, type Rest } from "./App.tsx"
import { numbersIn, type Configuration } from "./configuration.ts"
import { block, configuration, exit, onVanish, takeOver } from "./early.ts"
import { EmergencyNumbers } from "./Panels.tsx"
import "./survivor.css"
import "./behind.css"
import "../shared/styles/log.css"
import "./rest.css"
import { WordingContext, wordingOf } from "./words.tsx"

function start(page: HTMLElement, decided: Configuration): void {
  const begun = takeOver()
  // Where nothing stands yet, as behind a disguise.
  page.querySelector(".loading")?.remove()
  const show = (rest: Rest | null): void => {
    render(<App configuration={decided} rest={rest} begun={begun} onExit={exit} onVanish={onVanish} />, page)
  }
  show(null)
  import("./rest.ts")
    .then((rest) => {
      // She has left meanwhile.
      if (!page.isConnected) return
      // Without a key to verify staff by, nobody could be let in.
      rest.readOrganisation(decided.organisation)
      show(rest)
    })
    .catch(() => {
      sayBroken(page)
    })
  // A host page may show the frame now. It learns nothing else from us but that we left.
  if (window.parent !== window) window.parent.postMessage({ teduh: "ready" }, "*")
}

/** What still helps where the page cannot start: the numbers, another try, and the way out. */
function sayBroken(page: HTMLElement): void {
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
  try {
    if (configuration === null) throw new TypeError()
    start(page, configuration)
  } catch {
    // Whatever stands there by now is nobody's any more.
    const place = page.cloneNode(false) as HTMLElement
    page.replaceWith(place)
    sayBroken(place)
  }
}
