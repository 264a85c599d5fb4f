/**
 * Puts the survivor's page into another site, in a frame of its own origin: the host opens and closes it, is told when
 * she leaves, and can never read in it.
 *
 *     <script src="https://relay.example/embed.js" data-label="Talk to somebody" async></script>
 *
 * A button appears where the script stands (unless `data-button="none"`). The host may call `Teduh.open()` and
 * `Teduh.close()`, and listen on `document` for `teduh:open`, `teduh:close` and `teduh:exit`. Closing hides the frame, and
 * what is said in it stays, and ends a call; quick exit leaves the host page too. Which sites may embed it, the relay decides.
 */

/** What the host page may call. */
export interface TeduhEmbed {
  readonly open: () => void
  readonly close: () => void
}

declare global {
  interface Window {
    Teduh?: TeduhEmbed
  }
}

// No forms, no way to navigate the host; telephone links work. Popups are the tabs in which links of emergency contacts
// open, without the frame's limits, or no app or form would work there.
const SANDBOX =
  "allow-scripts allow-same-origin allow-top-navigation-to-custom-protocols allow-popups allow-popups-to-escape-sandbox"
const BAR = "3rem"
const COVER = "position:fixed;z-index:2147483647;left:0;width:100%;border:0;margin:0;padding:0;"

/** Builds the button and the means to open the page; `script` is the element that loaded this. */
export function embed(script: HTMLScriptElement): TeduhEmbed {
  const { origin } = new URL(script.src)
  const { label = "Help", close: closeLabel = "Close", button: wanted } = script.dataset
  const button = document.createElement("button")
  const bar = document.createElement("button")
  let frame: HTMLIFrameElement | undefined
  let isShown = false
  /** Whether the page in the frame listens. */
  let isReady = false

  const tell = (what: string): void => {
    document.dispatchEvent(new CustomEvent(`teduh:${what}`))
  }
  const show = (shown: boolean): void => {
    for (const element of [bar, frame]) if (element !== undefined) element.hidden = !shown
    for (const element of [bar, frame]) if (element !== undefined) element.style.display = shown ? "block" : "none"
    isShown = shown
    tellFrame()
  }
  // It cannot see for itself that it is closed, and would tell staff that she has read what is not shown.
  const tellFrame = (): void => {
    if (isReady) frame?.contentWindow?.postMessage({ teduh: isShown ? "opened" : "closed" }, origin)
  }
  const open = (): void => {
    frame ??= frameOf(origin, label)
    if (!frame.isConnected) document.body.append(bar, frame)
    show(true)
    frame.focus()
    tell("open")
  }
  const close = (): void => {
    if (frame === undefined) return
    show(false)
    button.focus()
    tell("close")
  }

  bar.style.cssText = `${COVER}top:0;height:${BAR};background:#fff;color:#222;font:1rem sans-serif;text-align:start;padding:0 1rem;`
  bar.append(`✕ ${closeLabel}`)
  bar.onclick = close
  button.append(label)
  button.onclick = open
  if (wanted !== "none") script.after(button)

  window.addEventListener("message", ({ data, origin: from, source }: MessageEvent<unknown>) => {
    if (source === null || source !== frame?.contentWindow || from !== origin) return
    if (says(data, "ready")) {
      isReady = true
      tellFrame()
    }
    if (!says(data, "exit")) return
    isReady = false
    show(false)
    tell("exit")
    // The relay's own exit knows where to, while it is there; `replace` leaves this page out of the history.
    window.location.replace(wayOut(data) ?? `${origin}/x`)
  })
  return { open, close }
}

function frameOf(origin: string, label: string): HTMLIFrameElement {
  const frame = document.createElement("iframe")
  frame.setAttribute("sandbox", SANDBOX)
  frame.allow = `camera ${origin}; microphone ${origin}`
  frame.referrerPolicy = "no-referrer"
  frame.title = label
  frame.style.cssText = `${COVER}top:${BAR};height:calc(100% - ${BAR});background:#fff;`
  frame.src = `${origin}/`
  return frame
}

/** Where to go without the relay; null: it is there. */
function wayOut(data: unknown): string | null {
  const to = typeof data === "object" && data !== null && "to" in data ? data.to : null
  return typeof to === "string" && /^https?:\/\//.test(to) ? to : null
}

function says(data: unknown, what: "ready" | "exit"): boolean {
  return typeof data === "object" && data !== null && "teduh" in data && data.teduh === what
}
