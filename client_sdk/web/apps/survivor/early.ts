/**
 * What works from the first bytes of the document: Exit, the emergency numbers, the tap to somebody.
 *
 *     early.ts ──> header, numbers and button stand, as elements without a library
 *     main.tsx ──> `takeOver`: the app is drawn into the same elements, and goes on from what she has tapped
 *
 * The configuration and the way out are read and made here once, and are the app's, too. On a page with a disguise, or
 * without a block that can be read, nothing stands yet, and the ways out that need no button work all the same.
 */

import { ownTextIn } from "../shared/block.ts"
import { preferredLanguage, translator, type Language, type Translate } from "../shared/i18n/catalogue.ts"
import { shownTexts, tellBrowser } from "../shared/i18n/direction.ts"
import { EARLY_ICONS, type EarlyIconName } from "../shared/parts/earlyIcons.ts"
import { HARMLESS, IN_HAND, readConfiguration, siteOf, telephone, type Configuration, type EmergencyContact } from "./configuration.ts"
import { earlyTexts } from "./earlyTexts.ts"
import { forgetWords, quickExit, sendLeaveBeacon, watchForExit, watchTabs, Way } from "./quickExit.ts"
import type { LeaveBeacon } from "./session.ts"

/** What has come of the page by now, by name (`build/laterScripts.ts`). */
declare const teduh: { readonly parts: Readonly<Record<string, unknown>> }

/** What she has tapped before the app was there. */
export interface Begun {
  readonly isEmergencyOpen: boolean
  readonly hasAsked: boolean
}

/** Drops every key, and returns what is left to be said to the relay. Until the page has a session there is none. */
let vanish = (): LeaveBeacon => new Uint8Array()
let isCutOff = (): boolean => false

/** To be called once there are keys: how to drop them, for all the ways in which the page can end, and whether the relay is away. */
export function onVanish(drop: () => LeaveBeacon, isAway: () => boolean): void {
  vanish = drop
  isCutOff = isAway
}

/** The text of the organisation's block. */
export const block = (): string => document.getElementById("organisation")?.textContent ?? ""

/** Null where the block is not one. */
export const configuration = ((): Configuration | null => {
  try {
    return readConfiguration(block())
  } catch {
    return null
  }
})()

// A browser that says that it is offline is; one that says nothing may be.
const wayOut = new Way(configuration?.exitUrl ?? HARMLESS, () => isCutOff() || !navigator.onLine)
const tabs = watchTabs((isKnownToBeCutOff) => {
  if (isKnownToBeCutOff) wayOut.goStraight()
  quickExit(vanish, wayOut)
})

/** Leaves at once. */
export function exit(): void {
  quickExit(vanish, wayOut, tabs)
}

/** However the page ends: keys and words go, and a page that the browser kept in memory does not come back as it was. */
function watchForEnd(): void {
  window.addEventListener("pagehide", () => {
    const leaveBeacon = vanish()
    // Before it is said, which not every browser lets it be.
    forgetWords()
    sendLeaveBeacon(leaveBeacon)
  })
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload()
  })
}

const taken = new AbortController()
let begun: Begun = { isEmergencyOpen: false, hasAsked: false }

/** From now on the app answers to what she taps; what she has tapped until now. */
export function takeOver(): Begun {
  taken.abort()
  return begun
}

type Child = Node | string
type Words = Translate<typeof earlyTexts.en>
type Attributes = Readonly<Record<string, string>>

function element(tag: string, attributes: Attributes, ...children: readonly Child[]): HTMLElement {
  return filled(document.createElement(tag), attributes, children)
}

function filled<Made extends Element>(made: Made, attributes: Attributes, children: readonly Child[]): Made {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

function shape(tag: string, attributes: Attributes, ...children: readonly Child[]): Element {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children)
}

/** As `Drawing.tsx` draws it. */
function icon(name: EarlyIconName): Element {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" }
  const size = { viewBox: "0 0 24 24", width: "1.25em", height: "1.25em" }
  return shape("svg", { class: "icon", ...size, "aria-hidden": "true", focusable: "false" }, shape("path", { d: EARLY_ICONS[name], ...line }))
}

function button(attributes: Attributes, press: () => void, ...children: readonly Child[]): HTMLElement {
  const made = element("button", { type: "button", ...attributes }, ...children)
  made.addEventListener("click", press, { signal: taken.signal })
  return made
}

/** As `Panels.tsx` has it. */
function emergencyPanel(contacts: readonly EmergencyContact[], language: Language, t: Words, close: () => void): HTMLElement {
  const panel = element(
    "section",
    { id: "emergency", class: "panel", "aria-labelledby": "emergency-title" },
    element(
      "div",
      { class: "panel-head" },
      element("h2", { id: "emergency-title", tabindex: "-1" }, t("emergency")),
      button({ class: "button quiet", "aria-label": t("close") }, close, icon("close")),
    ),
    element("ul", { class: "numbers" }, ...contacts.map((each) => element("li", {}, ...waysTo(each, language, t)))),
    ...(contacts.some(({ number }) => number !== null) ? [element("p", { class: "muted" }, t("emergency.trace"))] : []),
    ...(contacts.some(({ link }) => link !== null) ? [element("p", { class: "muted" }, t("emergency.trace.link"))] : []),
  )
  const onKey = ({ key }: KeyboardEvent): void => {
    if (key === "Escape") close()
  }
  panel.addEventListener("keydown", onKey, { signal: taken.signal })
  return panel
}

/** By its number, and by its link. */
function waysTo({ number, link, name, about }: EmergencyContact, language: Language, t: Words): readonly Element[] {
  const explained = ownTextIn(about, language)
  const called = ownTextIn(name, language) ?? number ?? ""
  const small = explained === undefined ? [] : [element("small", {}, explained)]
  const ways: Element[] = []
  if (number !== null) {
    const words = element("span", { class: "number-name" }, called, ...small)
    ways.push(way({ href: telephone(number) }, "phone", t("emergency.call"), words, element("strong", {}, number)))
  }
  if (link !== null) {
    const site = element("small", {}, `${t("emergency.unspoken")}: `, element("bdi", { class: "site" }, siteOf(link)))
    const words = element("span", { class: "number-name" }, called, ...(number === null ? small : []), site)
    const elsewhere = { target: "_blank", rel: "noopener noreferrer", referrerpolicy: "no-referrer" }
    ways.push(way({ href: link, ...elsewhere }, "chat", t("emergency.write"), words))
  }
  return ways
}

function way(attributes: Attributes, name: EarlyIconName, spoken: string, ...children: readonly Child[]): Element {
  return element("a", { class: "button number", ...attributes }, icon(name), element("span", { class: "spoken" }, spoken), ...children)
}

/** As `Header.tsx` and `Welcome.tsx` have it, without what the first screen brings. */
function draw(page: HTMLElement, { languages, emergencyNumbers, exitPlace }: Configuration): void {
  const language = preferredLanguage(navigator.languages, languages)
  const t = translator(shownTexts(earlyTexts), language)
  let panel: HTMLElement | null = null
  const toggle = (): void => {
    const isEmergencyOpen = panel === null
    begun = { ...begun, isEmergencyOpen }
    emergency.setAttribute("aria-expanded", String(isEmergencyOpen))
    if (panel === null) {
      panel = emergencyPanel(emergencyNumbers, language, t, toggle)
      header.after(panel)
      panel.querySelector("h2")?.focus()
    } else {
      panel.remove()
      panel = null
      emergency.focus()
    }
  }
  const emergency = button(
    {
      class: "button quiet bar-button emergency-button",
      "aria-expanded": "false",
      "aria-controls": "emergency",
      "aria-label": t("emergency"),
    },
    toggle,
    icon("warning"),
    element("span", {}, t("emergency.short")),
  )
  const leave = button({ class: "button exit bar-button", title: t("exit.hint") }, exit, icon("leave"), element("span", {}, t("exit")))
  const isAtThumb = exitPlace !== "top" && matchMedia(IN_HAND).matches
  const header = element(
    "header",
    { class: "bar" },
    ...(isAtThumb ? [] : [leave]),
    element("div", { class: "bar-start" }),
    emergency,
  )
  const start = button(
    { class: "button primary wide", "aria-busy": "false" },
    () => {
      begun = { ...begun, hasAsked: true }
      start.setAttribute("aria-busy", "true")
      start.textContent = t("welcome.coming")
    },
    t("welcome.start"),
  )
  const room = element("div", { class: "scroll" }, element("div", { class: "column" }))
  const screen = element("main", { class: "welcome" }, room, element("div", { class: "foot" }, start))
  tellBrowser(language)
  const thumb = isAtThumb ? [element("div", { class: `thumb ${exitPlace}` }, leave)] : []
  page.replaceChildren(element("div", { class: "app" }, ...thumb, header, screen))
}

/** After so long without anything more of the page she is told, for of a line that is broken no browser tells. */
const LATE_MS = 10_000

/**
 * Says it while the rest is late, above the button of whichever first screen stands there, and only there: a disguise tells
 * nothing. What she has tapped is kept all the while, and asked for if the rest comes after all.
 */
function watchForLateness(page: HTMLElement): void {
  let came = performance.now()
  let notice: HTMLElement | null = null
  const look = (): void => {
    const isHere = teduh.parts["rest"] !== undefined
    const isLate = !isHere && performance.now() - came > LATE_MS
    if (isHere) clearInterval(looking)
    if (!isLate) notice?.remove()
    else if (notice?.isConnected !== true) page.querySelector(".foot")?.prepend((notice = lateNotice()))
  }
  const looking = setInterval(look, 1_000)
  new MutationObserver((changes) => {
    if (changes.every(({ target }) => page.contains(target))) return
    came = performance.now()
    look()
  }).observe(document.body, { childList: true, characterData: true, subtree: true })
}

function lateNotice(): HTMLElement {
  const t = translator(shownTexts(earlyTexts), document.documentElement.lang as Language)
  // A link to the page itself: it takes the place of this entry of the history, and is no reload, after which the page would
  // say that a conversation is over.
  const again = element("a", { class: "button", href: "" }, t("broken.again"))
  return element("div", { class: "card care", role: "alert" }, element("p", {}, t("welcome.late")), again)
}

watchForExit(exit)
watchForEnd()
const page = document.getElementById("page")
if (page !== null && configuration?.disguise === null) {
  draw(page, configuration)
  watchForLateness(page)
}
