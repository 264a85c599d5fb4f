/**
 * Parts of a page that load only when they are needed, though the page itself is one document without a name; and the
 * parts that stand in the same document: before the first screen what works already while that is on its way, and behind
 * it what it need not wait for.
 *
 *     import("./call.ts")  ──build──>  teduh.later("call") in the page     CALL.HASH.js beside it
 *                                            │                                   ▲
 *                                            └── reads <script src integrity> ───┘
 *                                                in <template id="later">, and runs what it has fetched
 *
 *     import("./rest.ts")  ──build──>  teduh.rest in the page: a promise that is kept once the whole document has come,
 *                                      and broken if it did not
 *     import "./early.ts"       ──build──>  a script before the page's own, which finds in `teduh.parts` what that exports
 *
 * The bundler's chunks are modules that import from each other by address, and an inline script has none. So each of
 * them becomes a classic script that leaves what it exports in `teduh.parts`, and takes from there what it imports. What
 * the page has, a part uses instead of bringing it along.
 *
 * It is fetched, and run as a script inside the document: of one that has an address, Chromium keeps what it has compiled
 * in a cache of its own, under that address, whatever `Cache-Control` says, and neither quick exit nor anything else that
 * a page can do takes it away. The policy lets only scripts of these hashes run, so that the one policy of Trusted Types,
 * by which the text becomes a script, lets in nothing else.
 */

import { parseSync } from "vite"

import { sha384 } from "./policy.ts"

/** A chunk of the bundler: its name, and its code as a module. */
export interface Chunk {
  readonly name: string
  readonly code: string
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** A file beside the page. */
export interface LaterScript extends Chunk {
  readonly file: string
  readonly integrity: string
  /** The parts that must be there before, by name. */
  readonly needs: readonly string[]
}

/** The policy of Trusted Types by which they run. */
export const LATER_POLICY = "later"

/** The name of the chunk that goes into the document. */
export const MAIN = "main"

/** The name of the chunk that stands in the document before it. */
export const EARLY = "early"

/** The name of the chunk that stands in the document, too, but at its end. */
const REST = "rest"

const PARTS = "window.teduh={parts:{}};"

// A script whose end has not come is not run, and then its part is not there.
// What was parsed last has had its turn by then: what begins with the rest is a task of its own.
const PARTS_AND_REST = `window.teduh={parts:{},rest:new Promise((resolve,reject)=>addEventListener("DOMContentLoaded",()=>setTimeout(()=>{
const{rest}=teduh.parts;rest?resolve(rest):reject(new Error("the page has not come whole"))})))};`.replaceAll("\n", "")

// A part that could not be fetched is fetched anew the next time.
const LOADER = `Object.assign(window.teduh,{later(name){return this[name]??=(async()=>{try{
if(this.parts[name])return this.parts[name];
const part=document.getElementById("later").content.querySelector('[data-part="'+name+'"]');
await Promise.all((part.dataset.needs||"").split(" ").filter(Boolean).map(need=>this.later(need)));
const answer=await fetch(part.src,{integrity:part.integrity,credentials:"omit",cache:"no-store"});
const script=document.createElement("script");script.text=this.trusted.createScript(await answer.text());
document.head.append(script);script.remove();
if(!this.parts[name])throw new Error("a part of the page could not be loaded");
return this.parts[name]}catch(error){this[name]=undefined;throw error}})()}});
window.teduh.trusted=(window.trustedTypes||{createPolicy:(_,rules)=>rules}).createPolicy("${LATER_POLICY}",{createScript:text=>text});
`.replaceAll("\n", "")

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

/** Where the scripts of a page go. */
export interface PageScripts {
  /** In the document, before `page`; null: all of that is in `page`. */
  readonly early: string | null
  /** In the document, as early as possible; a classic script where there is a `rest`. */
  readonly page: string
  /**
   * At the end of the document, one after the other; none: all of it is in `page`. Several, for each is compiled and run as
   * soon as it has come, while the next one is on its way, and keeps her from being answered for less long than all would.
   */
  readonly rest: readonly string[]
  /** Beside the document. */
  readonly later: readonly LaterScript[]
}

/** The page's scripts and the scripts beside it; raises Error when the chunks cannot be had apart. */
export function laterScripts(chunks: readonly Chunk[]): PageScripts {
  const main = chunks.find(({ name }) => name === MAIN)
  if (main === undefined) throw new Error("there is no main chunk")
  const early = chunks.find(({ name }) => name === EARLY)
  const others = chunks.filter((chunk) => chunk !== main && chunk !== early).map(laterScript)
  const page = asPart(main)
  if (page.needs.length > 0) throw new Error(`the page itself needs ${page.needs.join(", ")}, which is to be loaded later`)
  const rest = withNeeds(REST, others)
  if (rest.length === 0) {
    if (early !== undefined) throw new Error("only before a first screen can a part be early")
    return { early: null, page: others.length === 0 ? main.code : PARTS + LOADER + page.code, rest: [], later: others }
  }
  const first = early === undefined ? null : asPart(early)
  if (first !== null && first.imports.length > 0)
    throw new Error(`what is early needs ${first.imports.join(", ")}, which comes later`)
  return {
    early: first === null ? null : classic(PARTS_AND_REST + first.code),
    page: classic(first === null ? PARTS_AND_REST + page.code : page.code),
    rest: inPieces([LOADER, ...rest.map(({ code }) => code)]),
    later: others.filter((each) => !rest.includes(each)),
  }
}

/** Below which a script of its own is not worth its hash in the policy, which comes before everything. */
const LEAST_CHARACTERS = 10_000

/** What is small goes with what follows. */
function inPieces(scripts: readonly string[]): readonly string[] {
  const pieces: string[] = []
  let small: string[] = []
  for (const script of scripts) {
    small.push(script)
    if (small.join("").length < LEAST_CHARACTERS) continue
    pieces.push(small.join(";"))
    small = []
  }
  return small.length === 0 ? pieces : [...pieces, small.join(";")]
}

/** The script of that name behind those that it needs; none where there is none. */
function withNeeds(name: string, scripts: readonly LaterScript[]): readonly LaterScript[] {
  const script = scripts.find((one) => one.name === name)
  if (script === undefined) return []
  return [...new Set([...script.needs.flatMap((need) => withNeeds(need, scripts)), script])]
}

/** The template that holds the script elements. */
export function laterTemplate(scripts: readonly LaterScript[]): string {
  const elements = scripts.map(({ name, file, integrity, needs }) => {
    const needed = needs.length > 0 ? ` data-needs="${needs.join(" ")}"` : ""
    return `<script data-part="${name}"${needed} src="/${file}" integrity="${integrity}"></script>`
  })
  return `<template id="later">${elements.join("")}</template>\n`
}

function laterScript(chunk: Chunk): LaterScript {
  const { code, needs } = asPart(chunk)
  const wrapped = classic(code)
  const integrity = sha384(wrapped)
  const hash = Buffer.from(integrity.slice("sha384-".length), "base64").toString("hex").slice(0, 16)
  const name = partOf(chunk.name)
  return { name, code: wrapped, needs, integrity, file: `${name}.${hash}.js` }
}

function classic(code: string): string {
  const wrapped = `(()=>{"use strict";${code}})()\n`
  // Whatever only a module may hold would stop it here rather than on her phone.
  parsed(wrapped, "script")
  return wrapped
}

interface Part {
  readonly code: string
  /** The parts that it takes from. */
  readonly imports: readonly string[]
  /** Those of them that are not in the page from the beginning. */
  readonly needs: readonly string[]
}

/** The code with its imports and exports by `teduh`. */
function asPart({ name: chunk, code }: Chunk): Part {
  const name = partOf(chunk)
  const imports: string[] = []
  const edits: Edit[] = []
  const exported: string[] = []
  visit(parsed(code, "module"), (node) => {
    const text = (one: Node): string => code.slice(one.start, one.end)
    switch (node.type) {
      case "ImportDeclaration": {
        const { specifiers, source } = node as ImportDeclaration
        const from = partNamed(source.value)
        imports.push(from)
        const names = specifiers.map((one) => {
          if (one.type !== "ImportSpecifier") throw new Error(`${name} imports ${from} in a way that is not known here`)
          return `${text(one.imported)}:${text(one.local)}`
        })
        edits.push({ start: node.start, end: node.end, text: names.length > 0 ? `const{${names.join(",")}}=teduh.parts.${from};` : "" })
        break
      }
      case "ExportNamedDeclaration": {
        const { specifiers, declaration, source } = node as ExportDeclaration
        if (declaration !== null || source !== null) throw new Error(`${name} exports in a way that is not known here`)
        exported.push(...specifiers.map((one) => `${text(one.exported)}:${text(one.local)}`))
        edits.push({ start: node.start, end: node.end, text: "" })
        break
      }
      case "ImportExpression": {
        const { source } = node as ImportExpression
        edits.push({ start: node.start, end: node.end, text: promised(partNamed(text(source).slice(1, -1))) })
        break
      }
      case "CallExpression": {
        const { arguments: parameters } = node as CallExpression
        const [load, , base] = parameters
        // Vite's way to load style sheets of parts, of which there are none.
        if (load === undefined || base === undefined || text(base) !== "import.meta.url") break
        edits.push({ start: node.start, end: load.start, text: "(" })
        edits.push({ start: load.end, end: node.end, text: ")()" })
        break
      }
      case "ExportDefaultDeclaration":
      case "ExportAllDeclaration":
        throw new Error(`${name} exports in a way that is not known here`)
    }
  })
  const edited = edits
    .sort((one, other) => other.start - one.start)
    .reduce((done, { start, end, text }) => done.slice(0, start) + text + done.slice(end), code.trimEnd())
  const needs = imports.filter((from) => from !== MAIN && from !== EARLY)
  return { code: `${edited};teduh.parts.${name}={${exported.join(",")}};`, imports, needs }
}

interface ImportDeclaration extends Node {
  readonly source: { readonly value: string }
  readonly specifiers: readonly (Node & { readonly imported: Node; readonly local: Node })[]
}

interface ExportDeclaration extends Node {
  readonly declaration: unknown
  readonly source: unknown
  readonly specifiers: readonly (Node & { readonly exported: Node; readonly local: Node })[]
}

interface ImportExpression extends Node {
  readonly source: Node
}

interface CallExpression extends Node {
  readonly arguments: readonly Node[]
}

const promised = (name: string): string => (name === REST ? "teduh.rest" : `teduh.later("${name}")`)

function partNamed(address: string): string {
  const name = /^\.\/([\w-]+)\.js$/.exec(address)?.[1]
  if (name === undefined) throw new Error(`the page would load ${address}, which is no part of it`)
  return partOf(name)
}

/** The name by which it stands among the parts: the bundler's own piece is `rolldown-runtime`. */
const partOf = (name: string): string => name.replaceAll("-", "_")

function parsed(code: string, sourceType: "module" | "script"): unknown {
  const { program, errors } = parseSync("chunk.js", code, { sourceType })
  if (errors[0] !== undefined) throw new Error(`a chunk cannot stand alone: ${errors[0].message}`)
  return program
}

function visit(node: unknown, look: (node: Node) => void): void {
  if (Array.isArray(node)) {
    for (const one of node) visit(one, look)
  } else if (typeof node === "object" && node !== null) {
    if ("type" in node && "start" in node) look(node as Node)
    for (const value of Object.values(node)) visit(value, look)
  }
}
