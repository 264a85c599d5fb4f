/** What the browser takes for a directory, and what it finds in one, is what Python does: tests/vectors/directory.json. */

import { readFileSync } from "node:fs"

import { describe, expect, it } from "vitest"

import { decodeMessage, encodeMessage } from "../../src/chat/codec.ts"
import { searchServices } from "../../src/directory/search.ts"
import { MAX_DIRECTORY_BYTES, MAX_SERVICES, readServices } from "../../src/directory/services.ts"
import { InvalidDirectory } from "../../src/errors.ts"
import { toHex, utf8 } from "../../src/hazmat/bytes.ts"
import { referralTo } from "../../src/directory/referral.ts"

interface Vectors {
  readonly files: readonly { readonly name: string; readonly content: string; readonly valid: boolean }[]
  readonly directory: string
  readonly searches: readonly {
    readonly query: { readonly need?: string; readonly region?: string; readonly language?: string; readonly open_now?: boolean }
    readonly now: number
    readonly found: readonly (readonly [string, boolean | null, string | null])[]
  }[]
  readonly referrals: readonly {
    readonly directory: string
    readonly service: string
    readonly kind: string
    readonly contact: string
    readonly encoded: string
  }[]
}

const file = new URL("../../../../tests/vectors/directory.json", import.meta.url)
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors
const services = readServices(utf8(vectors.directory))

describe("a file", () => {
  it.each(vectors.files)("$name", ({ content, valid }) => {
    if (valid) expect(readServices(utf8(content))).toBeInstanceOf(Array)
    else expect(() => readServices(utf8(content))).toThrow(InvalidDirectory)
  })

  it("of more services than may be is refused", () => {
    const few = `{"hsds_version":"3.1","services":[${Array(MAX_SERVICES + 1).fill("0").join(",")}]}`
    expect(() => readServices(utf8(few))).toThrow("a list of another length")
  })

  it("of more bytes than may be is refused before it is parsed", () => {
    expect(() => readServices(new Uint8Array(MAX_DIRECTORY_BYTES + 1))).toThrow("too many bytes")
  })

  it("that is no UTF-8 is refused", () => {
    expect(() => readServices(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(InvalidDirectory)
  })
})

describe("a search", () => {
  it.each(vectors.searches.map((search, place) => ({ place, ...search })))("$place $query", ({ query, now, found }) => {
    const { open_now: openNow, ...wishes } = query
    const shown = searchServices(services, { ...wishes, ...(openNow === undefined ? {} : { openNow }) }, now * 1000)
    expect(
      shown.map(({ service, isOpen, lastChecked }) => [
        service.name,
        isOpen,
        lastChecked === null ? null : new Date(lastChecked).toISOString().slice(0, 10),
      ]),
    ).toEqual(found)
  })
})

describe("what is told of a service in a conversation", () => {
  it.each(vectors.referrals)("$service", ({ directory, encoded, ...told }) => {
    const [service] = readServices(utf8(directory))
    if (service === undefined) throw new Error("no service")
    const referral = referralTo(service, 1_900_000_000, { id: new Uint8Array(16).fill(7), sent: 1_760_000_000 })
    expect(referral).toMatchObject(told)
    expect(toHex(encodeMessage(referral))).toBe(encoded)
    expect(decodeMessage(encodeMessage(referral))).toEqual(referral)
  })
})
