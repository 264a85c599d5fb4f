/** Mirrors the steps of teduh_crypto.padding. */

import { describe, expect, it } from "vitest"

import { PaddingError } from "../../src/cryptoErrors.ts"
import { commitPaddingFor, paddedLength, paddingFor } from "../../src/encoding/padding.ts"

describe("padding", () => {
  it.each([
    [0, 1024],
    [1, 1024],
    [1024, 1024],
    [1025, 2048],
    [4096, 4096],
    [4097, 8192],
    [16384, 16384],
    [16385, 32768],
    [65536, 65536],
    [65537, 131072],
  ])("pads %i bytes to %i", (length, padded) => {
    expect(paddedLength(length)).toBe(padded)
    expect(paddingFor(length)).toBe(padded - length)
  })

  it.each([
    [1, 1023],
    [1024, 0],
    [4097, 1023],
    [65537, 1023],
  ])("follows a commit of %i bytes by %i", (length, padding) => {
    expect(commitPaddingFor(length)).toBe(padding)
  })

  it.each([-1, 0.5, Number.NaN])("refuses a length of %d", (length) => {
    expect(() => paddedLength(length)).toThrow(PaddingError)
  })
})
