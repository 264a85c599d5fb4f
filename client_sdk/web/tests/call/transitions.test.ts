/** The tables of states are Python's. */

import { readFileSync } from "node:fs"

import { expect, it } from "vitest"

import { CALL_TRANSITIONS, PEER_TRANSITIONS } from "../../src/call/transitions.ts"

const FILE = new URL("../../../../tests/vectors/call_transitions.json", import.meta.url)

it("goes from state to state as in Python", () => {
  expect({ call: CALL_TRANSITIONS, peer: PEER_TRANSITIONS }).toEqual(JSON.parse(readFileSync(FILE, "utf8")))
})
