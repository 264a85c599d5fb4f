/** What a built page asks of browsers: the hashes of what is inside it, and its content security policy. */

import { createHash } from "node:crypto"

const ELEMENT = /<(script|style)\b([^>]*)>([\s\S]*?)<\/\1>/g
const DATA_BLOCK = /\btype="application\/json"/
const EXTERNAL = /\bsrc=/

/** The SHA-384 of a text or of bytes, as in `integrity` attributes. */
export function sha384(content: string | Uint8Array): string {
  return `sha384-${createHash("sha384").update(content).digest("base64")}`
}

/** The SHA-256 of a text, for policies: they come before everything else, and longer hashes would say no more there. */
export function sha256(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`
}

/** The hashes of the inline scripts or styles of a page; blocks of data are none, for browsers do not run them. */
export function inlineHashes(html: string, element: "script" | "style"): string[] {
  return [...html.matchAll(ELEMENT)]
    .filter(([, name, attributes = ""]) => name === element && !DATA_BLOCK.test(attributes) && !EXTERNAL.test(attributes))
    .map(([, , , content = ""]) => sha256(content))
}

/**
 * A policy that opens nothing but `sources`, and takes strings for code nowhere but by the policies of Trusted Types that
 * are named. `frame-ancestors` is the server's.
 */
export function contentSecurityPolicy(
  sources: Readonly<Record<string, readonly string[]>>,
  trustedTypes: readonly string[] = ["'none'"],
): string {
  const opened = Object.entries(sources).filter(([, values]) => values.length > 0)
  const directives: [string, readonly string[]][] = [
    ["default-src", ["'none'"]],
    ...opened,
    ["base-uri", ["'none'"]],
    ["form-action", ["'none'"]],
    ["require-trusted-types-for", ["'script'"]],
    ["trusted-types", trustedTypes],
  ]
  return directives.map(([name, values]) => [name, ...values].join(" ")).join("; ")
}

export const quoted = (hashes: readonly string[]): string[] => hashes.map((hash) => `'${hash}'`)
