/** What is taken for a yes to being recorded, whatever comes beside the log in somebody's name. */

import { expect, it } from "vitest"

import { Heartbeat, MediaReason, Phase, Recording, RecordingStep } from "../../src/call/messages.ts"
import { RecordingConsent } from "../../src/call/recording.ts"

const CALL = new Uint8Array(8)
const NOW = 1_700_000_000_000
const [WE, SHE] = [0, 1]
const VOICE = { audio: true, video: false, screen: false, reason: MediaReason.CHOSEN }

const answer = (step: RecordingStep, sent: number) => Recording({ call: CALL, sent, joined: NOW, step, to: WE })
const beat = (sent: number, ...grants: number[]) =>
  Heartbeat({ call: CALL, sent, joined: NOW, phase: Phase.IN_CALL, media: VOICE, canRestartIce: true, awaited: [], peers: [], grants })

function asking(): RecordingConsent {
  const consent = new RecordingConsent()
  consent.hasAsked = true
  return consent
}

it("takes no later no for an old one, of whatever time a heartbeat was that any member could have made", () => {
  const consent = asking()
  consent.receive(SHE, answer(RecordingStep.GRANT, NOW), WE)
  consent.reported(SHE, beat(Number.MAX_SAFE_INTEGER, WE), WE)
  expect(consent.isAllowedBy([SHE])).toBe(true)
  consent.receive(SHE, answer(RecordingStep.REFUSE, NOW + 1), WE)
  expect(consent.isAllowedBy([SHE])).toBe(false)
})

it("takes no yes from a heartbeat, nor one that a heartbeat knows to be taken back", () => {
  const consent = asking()
  consent.reported(SHE, beat(NOW, WE), WE)
  expect(consent.isAllowedBy([SHE])).toBe(false)
  consent.receive(SHE, answer(RecordingStep.GRANT, NOW + 1), WE)
  consent.reported(SHE, beat(NOW + 3), WE)
  consent.receive(SHE, answer(RecordingStep.GRANT, NOW + 2), WE)
  consent.reported(SHE, beat(NOW + 4, WE), WE)
  expect(consent.isAllowedBy([SHE])).toBe(false)
})
