import { describe, expect, it } from "vitest"

import { candidateType, relayedCandidate, withoutAddresses } from "../../../src/call/media/candidates.ts"

const HOST = "candidate:1 1 udp 2122260223 192.168.1.7 54321 typ host generation 0 ufrag Ab"
const MDNS = "candidate:2 1 udp 2122260223 7c0a8f3e-8d0d-4b9e-9d0d-1a2b3c4d5e6f.local 54321 typ host generation 0"
const REFLEXIVE = "candidate:3 1 udp 1686052607 203.0.113.9 61000 typ srflx raddr 192.168.1.7 rport 54321 generation 0"
const RELAY = "candidate:4 1 udp 41885439 198.51.100.2 50000 typ relay raddr 203.0.113.9 rport 61000 generation 0"

const SDP = [
  "v=0",
  "o=- 4611731400430051336 2 IN IP4 192.168.1.7",
  "s=-",
  "m=audio 54321 UDP/TLS/RTP/SAVPF 111",
  "c=IN IP4 203.0.113.9",
  "a=rtcp:61001 IN IP4 203.0.113.9",
  `a=${HOST}`,
  `a=${MDNS}`,
  `a=${REFLEXIVE}`,
  `a=${RELAY}`,
  "a=fingerprint:sha-256 AA:BB",
  "m=video 0 UDP/TLS/RTP/SAVPF 96",
  "c=IN IP6 2001:db8::7",
  "",
].join("\r\n")

describe("what leaves of a relay-only call", () => {
  it.each([HOST, MDNS, REFLEXIVE, HOST.replace("typ host", "typ prflx"), "", "candidate:", "typ relay"])(
    "is no candidate that is not relayed: %s",
    (candidate) => {
      expect(relayedCandidate(candidate)).toBeNull()
    },
  )

  it("is a relay candidate without the address that it stands for", () => {
    expect(relayedCandidate(RELAY)).toBe(RELAY.replace("raddr 203.0.113.9 rport 61000", "raddr 0.0.0.0 rport 0"))
  })

  it("is a description that names no address but the relay's", () => {
    const sdp = withoutAddresses(SDP)
    expect(sdp).not.toMatch(/192\.168|203\.0\.113|2001:db8|\.local|54321|61000/)
    expect(sdp.match(/a=candidate:.*/g)).toEqual([expect.stringContaining("198.51.100.2 50000 typ relay raddr 0.0.0.0")])
    expect(sdp).toContain("a=fingerprint:sha-256 AA:BB\r\n")
  })

  it("keeps a refused part refused", () => {
    expect(withoutAddresses(SDP)).toContain("m=video 0 UDP/TLS/RTP/SAVPF 96")
  })

  it("tells candidates by their type", () => {
    expect([HOST, REFLEXIVE, RELAY, `a=${RELAY}`, "a=ice-ufrag:x typ relay"].map(candidateType)).toEqual([
      "host",
      "srflx",
      "relay",
      "relay",
      null,
    ])
  })
})
