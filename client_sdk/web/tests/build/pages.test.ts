import { createContext, runInContext } from "node:vm"

import { describe, expect, it } from "vitest"

import { withIntegrity } from "../../build/integrity.ts"
import { laterScripts } from "../../build/laterScripts.ts"
import { contentSecurityPolicy, inlineHashes, sha256, sha384 } from "../../build/policy.ts"
import { onePage } from "../../build/selfContained.ts"

const HTML = `<!doctype html>
<html>
  <head>
    <title>Notes</title>
    <script type="module" crossorigin src="./assets/main.js"></script>
    <link rel="stylesheet" crossorigin href="./assets/main.css">
  </head>
  <body><script type="application/json" id="organisation">null</script></body>
</html>`

const built = (changes: Readonly<Record<string, string>> = {}): Map<string, string> =>
  new Map(Object.entries({ "index.html": HTML, "assets/main.js": 'say("hello")', "assets/main.css": "p{margin:0}", ...changes }))

describe("a page in one document", () => {
  it("holds its script and its style, and loads nothing", () => {
    const page = onePage(built(), ["<title>Notes</title>"])
    expect(page).toContain("<style>p{margin:0}</style>")
    expect(page).toContain('<script type="module">say("hello")</script>')
    expect(page).not.toMatch(/\ssrc=|stylesheet/)
  })

  it("keeps scripts that hold patterns of replacement as they are", () => {
    expect(onePage(built({ "assets/main.js": 'say("$& $1 $\'")' }), [])).toContain(`say("$& $1 $'")`)
  })

  it("is not built when something that it needs is left outside", () => {
    expect(() => onePage(built({ "assets/late.js": "later()" }), [])).toThrow("late.js")
    expect(() => onePage(built({ "index.html": HTML.replace("<body>", '<body><img src="a.png">') }), [])).toThrow("loads")
  })

  it("is not built when a script could end its element", () => {
    expect(() => onePage(built({ "assets/main.js": 'say("</script>")' }), [])).toThrow("element")
  })

  it("is not built without a text that the server replaces", () => {
    expect(() => onePage(built(), ["<title>Weather</title>"])).toThrow("Weather")
  })
})

describe("what is loaded later", () => {
  const main = { name: "main", code: 'var a=1;import("./call.js").then(e=>e.ring);export{a as t};' }
  const call = { name: "call", code: 'import{t as e}from"./main.js";import{n}from"./media.js";var r=e+n;export{r as ring};' }
  const media = { name: "media", code: "var n=2;export{n};" }

  it("uses what the page has, and brings its exports", () => {
    const { page, later } = laterScripts([main, call, media])
    const parts: Record<string, Record<string, number>> = {}
    const place = createContext({ window: {}, teduh: { parts, later: () => Promise.resolve({}) } })
    runInContext(page, place)
    for (const name of ["media", "call"]) runInContext(later.find((one) => one.name === name)?.code ?? "", place)
    expect(parts["call"]?.["ring"]).toBe(3)
  })

  it("stands in the page by its hash, and is fetched after what it needs", () => {
    const { page, later } = laterScripts([main, call, media])
    const html = onePage(built({ "assets/main.js": page }), [], later)
    const integrity = sha384(later[0]?.code ?? "")
    expect(html).toContain(`<script data-part="call" data-needs="media" src="/${later[0]?.file}" integrity="${integrity}">`)
    expect(html).toContain('teduh.later("call").then')
    expect(later[0]?.file).toMatch(/^call\.[0-9a-f]{16}\.js$/)
  })

  it("is not built when the page cannot do without it, or a script cannot hold it", () => {
    const needy = { name: "main", code: 'import{n}from"./media.js";n();' }
    expect(() => laterScripts([needy, media])).toThrow("the page itself needs media")
    expect(() => laterScripts([main, { name: "call", code: "var a=import.meta.env;export{a};" }])).toThrow("stand alone")
    expect(() => laterScripts([main, { name: "call", code: 'import"https://elsewhere.example/a.js";' }])).toThrow("elsewhere")
  })

  it("changes nothing of a page that has no such parts", () => {
    expect(laterScripts([{ name: "main", code: "a()" }])).toEqual({ early: null, page: "a()", rest: [], later: [] })
  })
})

describe("what comes behind the first screen", () => {
  const main = { name: "main", code: 'var a=1;import("./rest.js").then(e=>e.say);export{a as t};' }
  const rest = { name: "rest", code: 'import{t as e}from"./main.js";import{n}from"./frames.js";var r=e+n;export{r as sum};' }
  const frames = { name: "frames", code: `var n=2,long="${"x".repeat(10_000)}";export{n};` }
  const call = { name: "call", code: 'import{sum}from"./rest.js";var s=sum;export{s as ring};' }
  const scripts = laterScripts([main, rest, frames, call])

  /** The document as it comes: its scripts, and what it does once it is whole. */
  function coming(): { run: (code: string) => void; end: () => void; rest: () => Promise<unknown>; parts: () => unknown } {
    const ends: (() => void)[] = []
    const window: Record<string, unknown> = {}
    const place = createContext({
      window,
      get teduh() {
        return window["teduh"]
      },
      addEventListener: (_: string, hear: () => void) => ends.push(hear),
      setTimeout,
      Promise,
      Error,
    })
    return {
      run: (code) => void runInContext(code, place),
      end: () => {
        for (const hear of ends) hear()
      },
      rest: () => (window["teduh"] as { rest: Promise<unknown> }).rest,
      parts: () => (window["teduh"] as { parts: unknown }).parts,
    }
  }

  it("is there once the document is whole, with what it needs", async () => {
    const document = coming()
    document.run(scripts.page)
    for (const script of scripts.rest) document.run(script)
    document.end()
    expect(await document.rest()).toEqual({ sum: 3 })
  })

  it("comes in pieces, none of which waits for the next one", () => {
    expect(scripts.rest).toHaveLength(2)
    const document = coming()
    document.run(scripts.page)
    document.run(scripts.rest[0] ?? "")
    expect(document.parts()).toMatchObject({ frames: { n: 2 } })
    expect(document.parts()).not.toHaveProperty("rest")
  })

  it("begins in a turn of its own, once what was parsed last has had its turn", async () => {
    const document = coming()
    let isThere = false
    document.run(scripts.page)
    for (const script of scripts.rest) document.run(script)
    document.end()
    void document.rest().then(() => (isThere = true))
    await Promise.resolve()
    await Promise.resolve()
    expect(isThere).toBe(false)
    await document.rest()
  })

  it("may be a piece of the bundler's own, whatever that is called", () => {
    const helper = { name: "rolldown-runtime", code: "var h=4;export{h as t};" }
    const helped = { name: "rest", code: 'import{t as e}from"./rolldown-runtime.js";var r=e;export{r as sum};' }
    const document = coming()
    const { page, rest: pieces } = laterScripts([{ name: "main", code: 'import("./rest.js")' }, helped, helper])
    // What is small shares a script, which is not cut off by a line that ends where it goes on.
    expect(pieces).toHaveLength(1)
    for (const script of [page, ...pieces]) document.run(script)
    expect(document.parts()).toMatchObject({ rest: { sum: 4 } })
  })

  it("is told to be missing where the document ends too early", async () => {
    const document = coming()
    document.run(scripts.page.replace('teduh.rest.then(e=>e.say)', ""))
    document.end()
    await expect(document.rest()).rejects.toThrow("whole")
  })

  it("stands at the end of the document, the first screen before everything else", () => {
    const html = HTML.replace("</body>", "<noscript>call</noscript></body>")
    const page = onePage(built({ "index.html": html, "assets/main.js": scripts.page }), [], scripts.later, scripts.rest)
    const rest = scripts.rest.map((script) => script.trim())
    const order = ['id="organisation"', scripts.page.trim(), '<template id="later">', "<noscript>", ...rest]
    const places = order.map((text) => page.indexOf(text))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    expect(scripts.later.map(({ name }) => name)).toEqual(["call"])
    expect(inlineHashes(page, "script")).toHaveLength(3)
  })
})

describe("the style of what comes behind the first screen", () => {
  const css = "p{margin:0}#behind-the-first-screen{order:0}q{margin:1px}"
  const html = HTML.replace("</body>", "<noscript>call</noscript></body>")

  it("comes before the rest, under a hash of its own, and not before", () => {
    const files = built({ "index.html": html, "assets/main.css": css, "assets/main.js": "first()" })
    const page = onePage(files, [], [], ["rest()"])
    const order = ["<style>p{margin:0}</style>", "<script>first()</script>", "<style>q{margin:1px}</style>", "<script>rest()</script>"]
    const places = order.map((text) => page.indexOf(text))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    expect(inlineHashes(page, "style")).toEqual([sha256("p{margin:0}"), sha256("q{margin:1px}")])
  })

  it("stays with the other where nothing comes behind", () => {
    expect(onePage(built({ "assets/main.css": css }), [])).toContain("<style>p{margin:0}q{margin:1px}</style>")
  })
})

describe("what works before the first screen has come", () => {
  const early = { name: "early", code: "var e=1;export{e as exit};" }
  const main = { name: "main", code: 'import{exit as x}from"./early.js";var a=x+1;import("./rest.js");export{a as t};' }
  const rest = { name: "rest", code: 'import{t as e}from"./main.js";import{exit as x}from"./early.js";var r=e+x;export{r as sum};' }

  it("stands in a script of its own, of which the others take", () => {
    const scripts = laterScripts([main, rest, early])
    const window: Record<string, unknown> = {}
    const place = createContext({
      window,
      get teduh() {
        return window["teduh"]
      },
      addEventListener: () => undefined,
      Promise,
    })
    for (const script of [scripts.early ?? "", scripts.page, ...scripts.rest]) runInContext(script, place)
    expect((window["teduh"] as { parts: unknown }).parts).toMatchObject({ early: { exit: 1 }, main: { t: 2 }, rest: { sum: 3 } })
    expect(scripts.later).toEqual([])
  })

  it("stands before the first screen in the document, where the server can tell the two apart", () => {
    const scripts = laterScripts([main, rest, early])
    const html = HTML.replace("</body>", "<noscript>call</noscript></body>")
    const files = built({ "index.html": html, "assets/main.js": scripts.page })
    const page = onePage(files, [], scripts.later, scripts.rest, scripts.early)
    const order = [scripts.early?.trim() ?? "", '<script id="first">', scripts.page.trim(), "<noscript>", scripts.rest[0]?.trim() ?? ""]
    const places = order.map((text) => page.indexOf(text))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    expect(inlineHashes(page, "script")).toHaveLength(3)
  })

  it("is not built when it needs what comes later, or where nothing does", () => {
    const needy = { name: "early", code: 'import{t as e}from"./main.js";e();' }
    expect(() => laterScripts([main, rest, needy])).toThrow("what is early needs main")
    const alone = { name: "main", code: 'import{exit as x}from"./early.js";x();' }
    expect(() => laterScripts([alone, early])).toThrow("first screen")
  })
})

describe("a policy", () => {
  it("names every script inside the page, and no block of data", () => {
    const page = onePage(built(), [])
    expect(inlineHashes(page, "script")).toEqual([sha256('say("hello")')])
    expect(inlineHashes(page, "style")).toEqual([sha256("p{margin:0}")])
  })

  it("opens nothing by itself, and takes no strings for code", () => {
    expect(contentSecurityPolicy({ "script-src": [] })).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    )
    expect(contentSecurityPolicy({}, ["worker"])).toMatch(/; trusted-types worker$/)
  })
})

describe("a page of several files", () => {
  const contents = new Map([["/console/assets/a.js", "1"]])

  it("loads each of them under its hash", () => {
    expect(withIntegrity('<script type="module" src="/console/assets/a.js"></script>', contents)).toBe(
      `<script type="module" src="/console/assets/a.js" integrity="${sha384("1")}"></script>`,
    )
  })

  it("is not built when it loads something of others", () => {
    expect(() => withIntegrity('<script src="https://elsewhere.example/a.js"></script>', contents)).toThrow("elsewhere")
  })
})
