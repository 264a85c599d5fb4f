/** Starts the console: reads what the server filled in, and takes the invitation out of the address at once. */

import { render } from "preact"

import { preferredLanguage } from "../shared/i18n/catalogue.ts"
import "../shared/styles/tokens.css"
import "../shared/styles/base.css"
import "../shared/styles/choice.css"
import "../shared/styles/languages.css"
import "../shared/styles/scroll.css"
import "../shared/styles/log.css"
import { App } from "./App.tsx"
import { invitationIn, readConfiguration } from "./configuration.ts"
import "./console.css"
import { readOrganisation } from "./sdk.ts"
import { wordingOf } from "./words.tsx"

function start(page: HTMLElement): void {
  const invitation = invitationIn(window.location.hash)
  // Whoever looks at the address, or the history, later must not find it.
  window.history.replaceState(null, "", window.location.pathname)
  const configuration = readConfiguration(document.getElementById("organisation")?.textContent ?? "")
  const organisation = readOrganisation(configuration.organisation)
  render(<App configuration={configuration} organisation={organisation} invitation={invitation} />, page)
}

function sayBroken(page: HTMLElement): void {
  const { t } = wordingOf(preferredLanguage(navigator.languages, ["id", "en"]))
  render(
    <main class="door">
      <h1>{t("door.broken")}</h1>
      <p>{t("door.broken.text")}</p>
    </main>,
    page,
  )
}

const page = document.getElementById("page")
if (page !== null) {
  try {
    start(page)
  } catch {
    sayBroken(page)
  }
}
