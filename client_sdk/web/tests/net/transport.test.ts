/** The address of a relay, however somebody has written it. */

import { describe, expect, it } from "vitest"

import { relayOrigin } from "../../src/net/transport.ts"

describe("the origin of a relay", () => {
  it.each([
    ["https://relay.example/", "https://relay.example"],
    ["HTTPS://Relay.Example:443", "https://relay.example"],
    ["https://relay.example:8443/help", "https://relay.example:8443"],
    ["http://[2001:DB8::1]:80/", "http://[2001:db8::1]"],
  ])("is what the relay knows itself by: %s", (written, origin) => {
    expect(relayOrigin(written)).toBe(origin)
  })

  it.each(["relay.example", "wss://relay.example", "localhost:8420", "https://", ""])("is nothing of %s", (written) => {
    expect(() => relayOrigin(written)).toThrow(TypeError)
  })
})
