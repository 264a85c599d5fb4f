/** What a client takes for TURN servers, and when it agrees to calls without them. */

import { describe, expect, it } from "vitest"

import { RelayMisbehaved } from "../../src/errors.ts"
import { isOnThisMachine, readIceServers } from "../../src/net/iceServers.ts"
import { CallPolicy, IceServers } from "../../src/relay/frames.ts"

const urls = ["turn:turn.example:3478?transport=udp", "turns:[2001:db8::7]:443?transport=tcp", "turn:192.0.2.7"]
const granted = { ref: 1, username: "1760000600:name", credential: "credential", expires: 1_760_000_600 }
const { OFF, RELAY, DIRECT } = CallPolicy

describe("the TURN servers of a call", () => {
  it("are taken in the order of the relay", () => {
    const servers = readIceServers(IceServers({ ...granted, policy: RELAY, urls }), false)
    expect(servers).toMatchObject({ policy: RELAY, relayOnly: true, urls, username: "1760000600:name" })
  })

  it.each([
    "stun:turn.example",
    "stuns:turn.example:443",
    "TURN:turn.example",
    "turn:",
    "turn://turn.example",
    "turn:someone@turn.example",
    "turn:turn.example:0",
    "turn:turn.example:65536",
    "turn:turn.example?transport=udp&x",
    "turn:turn.example ",
    "turn:turn.example\n",
    "turn:turn.exam\u0440le",
    "https://turn.example",
  ])("are TURN servers: %j is refused", (url) => {
    const frame = IceServers({ ...granted, policy: RELAY, urls: [...urls, url] })
    expect(() => readIceServers(frame, true)).toThrow(RelayMisbehaved)
  })

  it.each([
    ["relay without servers", IceServers({ ref: 1, policy: RELAY })],
    ["off with servers", IceServers({ ...granted, policy: OFF, urls })],
    ["no credentials", IceServers({ ref: 1, policy: RELAY, urls })],
    ["half the credentials", IceServers({ ...granted, policy: DIRECT, urls, credential: "" })],
  ])("do not contradict themselves: %s", (_, frame) => {
    expect(() => readIceServers(frame, true)).toThrow(RelayMisbehaved)
  })
})

describe("direct calls", () => {
  it("need the agreement of this side: otherwise through TURN, or not at all", () => {
    const both = IceServers({ ...granted, policy: DIRECT, urls })
    const alone = IceServers({ ref: 1, policy: DIRECT })
    expect(readIceServers(both, true)).toMatchObject({ policy: DIRECT, relayOnly: false })
    expect(readIceServers(both, false)).toMatchObject({ policy: RELAY, relayOnly: true })
    expect(readIceServers(alone, true)).toMatchObject({ policy: DIRECT, relayOnly: false })
    expect(readIceServers(alone, false)).toMatchObject({ policy: OFF, relayOnly: true })
  })

  it("are agreed to by default with a relay on this machine alone", () => {
    const here = ["http://127.0.0.1:8420", "http://localhost:1/", "ws://[::1]:8420", "https://127.8.9.1"]
    const there = ["https://relay.example", "http://192.168.0.7", "http://127.0.0.1.relay.example", "http://[::2]", ""]
    expect(here.filter(isOnThisMachine)).toEqual(here)
    expect(there.filter(isOnThisMachine)).toEqual([])
  })
})
