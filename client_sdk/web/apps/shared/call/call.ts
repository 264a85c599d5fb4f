/** Everything of calls, in one module: the survivor's page fetches it when a call begins, and not before. */

import css from "./call.css?inline"

export { BrowserCall } from "../../../src/call/media/browserCall.ts"
export { CallBar } from "./CallBar.tsx"
export { CallPanel } from "./CallPanel.tsx"
export { Heard } from "./Heard.tsx"

let isStyled = false

/** Brings in the style sheet, once; a `<style>` element would be refused by the page's policy. */
export function styleCalls(): void {
  if (isStyled) return
  isStyled = true
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
}
