/**
 * The Vite plugin that ties a page to its files: every script and style sheet is loaded under its hash.
 *
 *     index.html + assets/NAME.HASH.js ... ──> the same, with `integrity` in every element
 *                                          └──> headers.json   the policy
 */

import type { Plugin } from "vite"

import { contentSecurityPolicy, inlineHashes, quoted, sha384 } from "./policy.ts"

const LOADING = /<(?:script|link)\b[^>]*?\s(?:src|href)="(?!data:)([^"]+)"[^>]*>/g

/** `base` is the path under which the page is served, such as `/console/`. */
export function integrity(base: string): Plugin {
  return {
    name: "integrity",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const page = bundle["index.html"]
        if (page?.type !== "asset") throw new Error("there is no page")
        const contents = new Map(
          Object.entries(bundle).map(([file, output]) => [
            base + file,
            output.type === "chunk" ? output.code : output.source,
          ]),
        )
        const html = withIntegrity(page.source.toString(), contents)
        page.source = html
        const headers = { "Content-Security-Policy": consolePolicy(html) }
        this.emitFile({ type: "asset", fileName: "headers.json", source: `${JSON.stringify(headers, null, 2)}\n` })
      },
    },
  }
}

/** The page with an `integrity` attribute wherever something is loaded; raises Error when it is not ours. */
export function withIntegrity(html: string, contents: ReadonlyMap<string, string | Uint8Array>): string {
  return html.replace(LOADING, (element, address: string) => {
    const content = contents.get(address)
    if (content === undefined) throw new Error(`the page loads ${address}, which was not built`)
    return element.replace(/>$/, ` integrity="${sha384(content)}">`)
  })
}

function consolePolicy(html: string): string {
  const sources = {
    "script-src": ["'self'", ...quoted(inlineHashes(html, "script"))],
    "style-src": ["'self'", ...quoted(inlineHashes(html, "style"))],
    "img-src": ["'self'", "data:", "blob:"],
    "media-src": ["blob:"],
    "connect-src": ["'self'"],
    "worker-src": ["'self'"],
  }
  // The one policy that `waking.ts` makes for the worker's address.
  return contentSecurityPolicy(sources, ["worker"])
}
