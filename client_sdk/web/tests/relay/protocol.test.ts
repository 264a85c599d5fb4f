/** Replays the exchanges that the Python implementation replays too: tests/vectors/relay_protocol.json, client's side. */

import { readFileSync } from "node:fs"

import { decode as decodeArray, encode as encodeArray } from "@msgpack/msgpack"
import { describe, expect, it } from "vitest"

import { decodeClientFrame, decodeRelayFrame, encode } from "../../src/relay/codec.ts"
import { LocalProtocolError, RemoteProtocolError } from "../../src/relay/errors.ts"
import { NO_DETAILS, OpenRequest, type RequestDetails } from "../../src/relay/frames.ts"
import { ClientSideProtocol } from "../../src/relay/protocol.ts"

interface Step {
  side: "client" | "relay"
  does: "sends" | "receives"
  frame: string
  zeros?: number
  outcome: "ok" | "local_error" | "remote_error"
  code?: string
  close_code?: number
  state: string
}

interface Scenario {
  name: string
  steps: Step[]
}

const vectors = new URL("../../../../tests/vectors/relay_protocol.json", import.meta.url)
const scenarios = JSON.parse(readFileSync(vectors, "utf-8")) as Scenario[]

function bytesOf(step: Step): Uint8Array {
  return Buffer.concat([Buffer.from(step.frame, "hex"), Buffer.alloc(step.zeros ?? 0)])
}

function act(protocol: ClientSideProtocol, step: Step): void {
  const data = bytesOf(step)
  if (step.does === "receives") protocol.receive(data, 0)
  else expect(Buffer.from(protocol.send(decodeClientFrame(data))).toString("hex")).toBe(step.frame)
}

function run(protocol: ClientSideProtocol, step: Step): void {
  if (step.outcome === "ok") {
    act(protocol, step)
  } else if (step.outcome === "local_error") {
    expect(() => {
      act(protocol, step)
    }).toThrow(LocalProtocolError)
  } else {
    const refusal = thrownBy(() => {
      act(protocol, step)
    })
    expect(refusal).toBeInstanceOf(RemoteProtocolError)
    expect(refusal).toMatchObject({ code: step.code, closeCode: step.close_code })
  }
  expect(protocol.state).toBe(step.state)
}

function thrownBy(action: () => void): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

describe("the client's side of the relay protocol", () => {
  const ours = scenarios
    .map(({ name, steps }) => ({ name, steps: steps.filter((step) => step.side === "client") }))
    .filter(({ steps }) => steps.length > 0)

  it.each(ours)("$name", ({ steps }) => {
    const protocol = new ClientSideProtocol(0)
    for (const step of steps) run(protocol, step)
  })

  it("pings a heartbeat after the last ping", () => {
    const protocol = new ClientSideProtocol(100)
    expect(protocol.pingAt()).toBe(120)
    protocol.pinged(125)
    expect(protocol.pingAt()).toBe(145)
  })
})

describe("the codec", () => {
  const exchanged = scenarios
    .flatMap(({ steps }) => steps)
    .filter((step) => step.outcome === "ok" && step.zeros === undefined && step.does === "sends")

  it.each([...new Set(exchanged.map((step) => `${step.side} ${step.frame}`))])("reads and writes %s", (line) => {
    const [side, hex] = line.split(" ") as [string, string]
    const decode = side === "client" ? decodeClientFrame : decodeRelayFrame
    expect(Buffer.from(encode(decode(Buffer.from(hex, "hex")))).toString("hex")).toBe(hex)
  })

  it.each([
    ["nothing", [0], null],
    ["nothing, as a newer release writes it", [0, false], null],
    ["not urgent", [0, true], 0],
    ["urgent, as a release older writes it", [1], 1],
    ["in danger", [2, true], 2],
  ])("reads what was said of the urgency: %s", (_, written, urgency) => {
    const offer = [0x55, new Uint8Array(16), ["medical", null, null, null, ...written], 40, 20, []]
    expect(decodeRelayFrame(encodeArray(offer))).toMatchObject({ details: { need: "medical", urgency } })
  })

  it.each([
    [null, [0, false]],
    [0, [0, true]],
    [2, [2, true]],
  ] as const)("writes %s so that a release older reads a number", (urgency, written) => {
    const request = OpenRequest({ ref: 1, capability: new Uint8Array(32), keyPackage: new Uint8Array(1), details: { ...NO_DETAILS, urgency } })
    expect((decodeArray(encode(request)) as unknown[])[4]).toEqual([null, null, null, null, ...written])
  })

  it("writes that nothing was said where a program leaves it out", () => {
    const details = { ...NO_DETAILS, urgency: undefined } as unknown as RequestDetails
    const request = OpenRequest({ ref: 1, capability: new Uint8Array(32), keyPackage: new Uint8Array(1), details })
    expect(decodeClientFrame(encode(request))).toMatchObject({ details: { urgency: null } })
  })

  it("reads a place of fixed width, as the relay writes it", () => {
    const entry = "9847c410000102030405060708090a0b0c0d0e0fcf00000000000000070101000" + "0c40163"
    expect(decodeRelayFrame(Buffer.from(entry, "hex"))).toMatchObject({ type: "entry", seq: 7, member: 1 })
  })

  it("takes no number that JavaScript cannot hold exactly", () => {
    const entry = "9847c410000102030405060708090a0b0c0d0e0fcf00200000000000010101000" + "0c40163"
    expect(() => decodeRelayFrame(Buffer.from(entry, "hex"))).toThrow(RemoteProtocolError)
  })
})
