/**
 * Leaving at once, so that nothing is left to see, to hear or to come back to.
 *
 *     overlay over everything ──> words out of the page ──> keys dropped, camera and microphone stopped
 *       ──> her other tabs leave, too ──> beacons ──> the page that embeds us is told
 *       ──> location.replace("/x"), which replaces the history entry
 *
 * While the relay is away, it goes straight to where "/x" would lead: there she would come to an error of her browser's,
 * with the address in it. It does so as well where the relay does not answer in time: until then she would see an empty
 * page under that address.
 *
 * Each step runs whatever became of the one before; nothing waits for anything. How it is asked for: the button, Shift
 * three times, or two taps on an empty place.
 */

import type { LeaveBeacon } from "./session.ts"

/** Where quick exit goes; the server clears what it can and sends on to a harmless site. */
export const EXIT_PATH = "/x"

/**
 * Where the leave beacon is posted: the page's own address, so that it tells nothing where a browser or a proxy notes it. It
 * clears nothing, for it is also the way of a tab that is closed calmly.
 */
const BEACON_PATH = "/"

/** So long the relay may take to lead her there. */
const PATIENCE_MS = 3_000

/**
 * Where it goes. What is known of the relay once stays so: whoever taps again in a hurry must not be led back to one that
 * is away.
 */
export class Way {
  #isStraight = false
  readonly #harmless: string
  readonly #isCutOff: () => boolean

  /** `harmless` is the site; `isCutOff` tells whether the relay is away, as far as that is known. */
  constructor(harmless: string, isCutOff: () => boolean) {
    this.#harmless = harmless
    this.#isCutOff = isCutOff
  }

  /** As it is now; to be asked before the keys are dropped, and the link with them. */
  get to(): string {
    this.#isStraight ||= this.#isCutOff()
    return this.#isStraight ? this.#harmless : EXIT_PATH
  }

  /** Not by way of the relay. */
  goStraight(): void {
    this.#isStraight = true
  }
}

/** By which her other tabs are told; what they hear is whether the relay is away. */
type Tabs = Pick<BroadcastChannel, "postMessage">

/**
 * Leaves. `vanish` drops every key, synchronously, and returns the leaveBeacon. Whoever looks for her must not find her in
 * another of her `tabs`, so those leave as well; null: it was one of them that told us.
 */
export function quickExit(vanish: () => LeaveBeacon, way: Way, tabs: Tabs | null = null): void {
  let leaveBeacon: LeaveBeacon = new Uint8Array()
  let to = EXIT_PATH
  const choose = (): void => {
    to = way.to
  }
  const drop = (): void => {
    leaveBeacon = vanish()
  }
  const part = (): void => {
    sendLeaveBeacon(leaveBeacon)
  }
  const leave = (): void => {
    window.location.replace(to)
  }
  const tell = (): void => {
    tellHost(to)
  }
  const tellTabs = (): void => {
    tabs?.postMessage(to !== EXIT_PATH)
  }
  const waitNoLonger = (): void => {
    if (to !== EXIT_PATH) return
    setTimeout(() => {
      way.goStraight()
      inTurn([choose, tell, leave])
    }, PATIENCE_MS)
  }
  inTurn([cover, forgetWords, choose, drop, stopMedia, tellTabs, part, beacon, tell, waitNoLonger, leave])
}

function inTurn(steps: readonly (() => void)[]): void {
  for (const step of steps) {
    try {
      step()
    } catch {
      // Leaving goes on: a step that failed must not hold her here, and nobody is left to read of it.
    }
  }
}

function cover(): void {
  const overlay = document.getElementById("overlay")
  if (overlay !== null) overlay.hidden = false
}

/** Takes all words out of the page, so that the browser has nothing to keep for restoring a session. */
export function forgetWords(): void {
  for (const area of document.querySelectorAll("textarea")) area.value = ""
  document.getElementById("page")?.remove()
}

function stopMedia(): void {
  for (const { srcObject } of document.querySelectorAll<HTMLMediaElement>("audio, video"))
    if (srcObject instanceof MediaStream) for (const track of srcObject.getTracks()) track.stop()
}

function beacon(): void {
  navigator.sendBeacon(EXIT_PATH)
}

/** Tells the relay, and so the staff, that her page is gone: the socket may not live long enough to say it. */
export function sendLeaveBeacon(leaveBeacon: LeaveBeacon): void {
  if (leaveBeacon.length > 0) navigator.sendBeacon(BEACON_PATH, leaveBeacon)
}

function tellHost(to: string): void {
  if (window.parent === window) return
  // It says nothing that the host could not see, so any host may hear it.
  window.parent.postMessage(to === EXIT_PATH ? { teduh: "exit" } : { teduh: "exit", to }, "*")
}

/** For how long a press of Shift counts. */
export const SHIFT_MS = 5_000

/** Counts presses of Shift alone; `press` tells whether this was the third. Times in milliseconds. */
export class ThreeShifts {
  #count = 0
  #last = -Infinity

  /** How often it was pressed. */
  get count(): number {
    return this.#count
  }

  press(key: string, at: number): boolean {
    if (key !== "Shift") {
      this.#count = 0
      return false
    }
    // Each press restarts the time, so three calm presses do it as well as three hasty ones.
    this.#count = at - this.#last <= SHIFT_MS ? this.#count + 1 : 1
    this.#last = at
    return this.#count === 3
  }
}

/** Recognises two taps in one place, one soon after the other. Times in milliseconds, places in CSS pixels. */
export class DoubleTap {
  #last: { readonly x: number; readonly y: number; readonly at: number } | null = null

  tap(x: number, y: number, at: number): boolean {
    const last = this.#last
    this.#last = { x, y, at }
    return last !== null && at - last.at <= 400 && Math.hypot(x - last.x, y - last.y) <= 40
  }

  /** A tap on something that does something else. */
  interrupt(): void {
    this.#last = null
  }
}

/** What does something when it is tapped, and what is read: a card, or a line of text. */
const OCCUPIED = "button, a, input, textarea, select, label, summary, .card, .panel, h1, h2, h3, p, li"

let forgetting: ReturnType<typeof setTimeout> | undefined

/** Lets the style sheet show how often Shift was pressed, for as long as that counts. */
function showShifts(count: number): void {
  clearTimeout(forgetting)
  const { dataset } = document.documentElement
  delete dataset["shifts"]
  if (count === 0) return
  dataset["shifts"] = `${count}`
  forgetting = setTimeout(showShifts, SHIFT_MS, 0)
}

/** Calls `exit` when Shift is pressed three times or an empty place is tapped twice. */
export function watchForExit(exit: () => void): void {
  const shifts = new ThreeShifts()
  const taps = new DoubleTap()
  // In the capturing phase: nothing that handles a key itself can keep it from us.
  const onKey = (event: KeyboardEvent): void => {
    // A key that is held repeats itself; that is one press.
    if (event.repeat) return
    const isThird = shifts.press(event.key, event.timeStamp)
    showShifts(shifts.count)
    if (isThird) exit()
  }
  const onTap = (event: MouseEvent): void => {
    if (event.target instanceof Element && event.target.closest(OCCUPIED) !== null) taps.interrupt()
    else if (taps.tap(event.clientX, event.clientY, event.timeStamp)) exit()
  }
  window.addEventListener("keydown", onKey, { capture: true })
  window.addEventListener("click", onTap, { capture: true })
}

/**
 * Calls `exit` when another tab of this browser leaves, with whether it knows that the relay is away; returns how to tell
 * those. Nothing of it is kept anywhere.
 */
export function watchTabs(exit: (isCutOff: boolean) => void): Tabs | null {
  try {
    // One for both ways: it does not hear itself.
    const tabs = new BroadcastChannel("x")
    tabs.addEventListener("message", ({ data }) => {
      exit(data === true)
    })
    return tabs
  } catch {
    // Old browsers have none, and Firefox gives none where cookies are blocked. The page must be there all the same.
    return null
  }
}
