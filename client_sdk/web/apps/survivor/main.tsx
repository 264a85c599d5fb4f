/** Starts the page: reads what the organisation decided, and watches over every way in which the page can end. */

import { render } from "preact"

import { preferredLanguage } from "../shared/i18n/catalogue.ts"
import "../shared/styles/tokens.css"
import "../shared/styles/base.css"
import "../shared/styles/choice.css"
import { App } from "./App.tsx"
import { readConfiguration, type Configuration } from "./configuration.ts"
import { forgetWords, quickExit, watchForExit } from "./quickExit.ts"
import { parseOrganisation, Survivor } from "./sdk.ts"
import "./survivor.css"
import { tellBrowser, wordingOf } from "./words.tsx"

let vanish = (): void => {
  // Until the page has a session there is nothing to drop.
}

function start(page: HTMLElement): void {
  const configuration = readConfiguration(document.getElementById("organisation")?.textContent ?? "")
  const organisation = parseOrganisation(configuration.organisation)
  render(page, configuration, () => Survivor.open(window.location.origin, organisation))
  watchForExit(() => {
    quickExit(vanish)
  })
  watchForEnd()
  if (window.parent !== window) window.parent.postMessage({ teduh: "ready" }, "*")

  function render(root: HTMLElement, configured: Configuration, open: () => ReturnType<typeof Survivor.open>): void {
    renderApp(root, configured, open)
  }
}
