import { describe, expect, it } from "vitest"

import { withIntegrity } from "../../build/integrity.ts"
import { contentSecurityPolicy, inlineHashes, sha384 } from "../../build/policy.ts"
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

describe("a policy", () => {
  it("names every script inside the page, and no block of data", () => {
    const page = onePage(built(), [])
    expect(inlineHashes(page, "script")).toEqual([sha384('say("hello")')])
    expect(inlineHashes(page, "style")).toEqual([sha384("p{margin:0}")])
  })

  it("opens nothing by itself, and takes no strings for code", () => {
    expect(contentSecurityPolicy({ "script-src": [] })).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    )
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
