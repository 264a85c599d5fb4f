/**
 * The Vite plugin that makes one document of a page: script and style go inside.
 *
 *     index.html + one script + one style sheet ──> NAME.html          one request, nothing to cache
 *     what the script imports later ──┐        └──> NAME.headers.json  the policy, which names their hashes
 *                                     └───────────> PART.HASH.js       see `laterScripts.ts`
 *
 * Where there is a first screen (`rest` is apart), its script stands right behind the markup, and is run as soon as it
 * has come, and before it what works earlier still; then come the template of what is loaded later, what is shown without
 * JavaScript, and the rest. By the id of the one and by the template the server knows where what comes first ends.
 *
 * The build fails if anything is left to be loaded, or if a text that the server replaces does not stand there once.
 */

import type { Plugin } from "vite"

import { LATER_POLICY, laterScripts, laterTemplate, MAIN, type Chunk, type LaterScript } from "./laterScripts.ts"
import { contentSecurityPolicy, inlineHashes, quoted, sha256 } from "./policy.ts"

const SCRIPT = /[ \t]*<script type="module"[^>]*? src="[^"]*\/([^"/]+)"[^>]*><\/script>\n?/
const STYLE = /[ \t]*<link rel="stylesheet"[^>]*? href="[^"]*\/([^"/]+)"[^>]*>\n?/

/** Where the style of what comes behind the first screen begins: a rule that stands there for this, in `behind.css`. */
const CUT = /#behind-the-first-screen\{order:0;?\}/

const PRELOAD = "\0vite/preload-helper.js"

export interface SelfContainedOptions {
  readonly name: string
  /** Texts that the server replaces. */
  readonly filledIn: readonly string[]
}

export function selfContained({ name, filledIn }: SelfContainedOptions): Plugin {
  return {
    name: "self-contained",
    enforce: "post",
    // Vite's way to load style sheets of parts, of which there are none.
    load: { order: "pre", handler: (id) => (id === PRELOAD ? "export const __vitePreload = (load) => load()" : null) },
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const files = new Map<string, string>()
        const chunks: Chunk[] = []
        for (const [file, output] of Object.entries(bundle)) {
          if (output.type === "chunk") chunks.push({ name: file.replace(/\.js$/, ""), code: output.code })
          else files.set(file, output.source.toString())
          // Vite's bundle is an object that plugins take entries out of.
          Reflect.deleteProperty(bundle, file)
        }
        const { early, page, rest, later } = laterScripts(chunks)
        files.set(`${MAIN}.js`, page)
        for (const { file, code } of later) this.emitFile({ type: "asset", fileName: file, source: code })
        const html = onePage(files, filledIn, later, rest, early)
        this.emitFile({ type: "asset", fileName: `${name}.html`, source: html })
        const headers = { "Content-Security-Policy": survivorPolicy(html, later), scripts: later.map(({ file }) => file) }
        this.emitFile({ type: "asset", fileName: `${name}.headers.json`, source: `${JSON.stringify(headers, null, 2)}\n` })
      },
    },
  }
}

/** The page with everything inside but what is loaded later; raises Error. `files` are the built ones by name. */
export function onePage(
  files: ReadonlyMap<string, string>,
  filledIn: readonly string[],
  later: readonly LaterScript[] = [],
  rest: readonly string[] = [],
  early: string | null = null,
): string {
  const left = new Map([...files].map(([file, content]) => [file.split("/").at(-1) ?? file, content]))
  const take = (file: string): string => {
    const content = left.get(file)
    if (content === undefined) throw new Error(`the page asks for ${file}, which was not built`)
    left.delete(file)
    return content.trim()
  }
  let page = take("index.html").replaceAll(" />", ">").replace(/[ \t]*<!--.*?-->\n/g, "")
  const script = SCRIPT.exec(page)
  const style = STYLE.exec(page)
  const [first = "", behind = ""] = style === null ? [] : take(style[1] ?? "").split(CUT)
  const whole = rest.length === 0 ? first + behind : first
  if (style !== null) page = page.replace(style[0], () => inlined("style", whole))
  // A module waits for the whole document anyway, so it stands last: the page is painted first.
  if (script !== null) {
    const code = take(script[1] ?? "")
    page = page.replace(script[0], "")
    if (rest.length === 0) page = atEnd(page, inlined('script type="module"', code))
    else {
      const scripts = early === null ? inlined("script", code) : inlined("script", early.trim()) + inlined('script id="first"', code)
      if (behind !== "") page = atEnd(page, inlined("style", behind))
      page = atEnd(page.replace("<noscript>", () => `${scripts}<noscript>`), rest.map((one) => inlined("script", one.trim())).join(""))
    }
  }
  checkAlone(page, left)
  const before = rest.length === 0 ? "</body>" : "<noscript>"
  if (later.length > 0) page = page.replace(before, () => `${laterTemplate(later)}${before}`)
  for (const text of filledIn)
    if (page.split(text).length !== 2) throw new Error(`the page must hold this text once, for the server: ${text}`)
  return `${page}\n`
}

const atEnd = (page: string, element: string): string => page.replace("</body>", () => `${element}</body>`)

function inlined(tag: string, content: string): string {
  // Either would end the element or change how the rest is read.
  if (/<\/(script|style)|<!--/i.test(content)) throw new Error("a script or style holds what would end its element")
  return `<${tag}>${content}</${tag.split(" ", 1)[0] ?? tag}>\n`
}

function checkAlone(page: string, left: ReadonlyMap<string, string>): void {
  if (left.size > 0) throw new Error(`this was built, but is not in the page: ${[...left.keys()].join(", ")}`)
  const markup = page.replace(/(<(script|style)\b[^>]*>)[\s\S]*?<\/\2>/g, "$1")
  if (/\ssrc=|\ssrcset=|<link\b(?![^>]*href="data:)/.test(markup)) throw new Error("the page still loads something")
}

function survivorPolicy(html: string, later: readonly LaterScript[]): string {
  const hashes = [...inlineHashes(html, "script"), ...later.map(({ code }) => sha256(code))]
  const sources = {
    "script-src": quoted(hashes),
    "style-src": quoted(inlineHashes(html, "style")),
    "img-src": ["data:", "blob:"],
    "media-src": ["blob:"],
    "connect-src": ["'self'"],
    "worker-src": ["'none'"],
  }
  return later.length > 0 ? contentSecurityPolicy(sources, [LATER_POLICY]) : contentSecurityPolicy(sources)
}
