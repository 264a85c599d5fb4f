/** What a screen reader is told of a call, without asking. */

import { describe, expect, it } from "vitest"

import { changesBetween } from "../../../../apps/shared/call/changes.ts"
import { callWordingOf } from "../../../../apps/shared/call/callWords.tsx"
import type { Grade, Quality } from "../../../../src/call/media/quality.ts"
import type { CallView, PeerView } from "../../../../src/call/media/view.ts"

const WORDING = callWordingOf("en", "Person 1")
const SENDING = { audio: true, video: false, screen: false, why: null } as const

function peer(name: string | null, over: Partial<PeerView> = {}): PeerView {
  const leaf = name === null ? 0 : name.length
  const none = { sound: null, picture: null, quality: null, isRecording: false }
  return { key: "", name, role: "", leaf, state: "connected", sending: SENDING, ...none, ...over }
}

function view(peers: readonly PeerView[], phase: CallView["phase"] = "in call"): CallView {
  return { phase, peers } as unknown as CallView
}

const told = (before: CallView, now: CallView): string[] => changesBetween(before, now, WORDING)
const graded = (grade: Grade): PeerView => peer("Sari", { quality: { grade } as Quality })

describe("changes of a call", () => {
  it("say who is in it, and who has left it", () => {
    const [sari, budi] = [peer("Sari"), peer("Budiman")]
    expect(told(view([], "calling"), view([sari]))).toEqual(["Sari is in the call."])
    expect(told(view([sari]), view([sari, budi]))).toEqual(["Budiman is in the call."])
    expect(told(view([sari, budi]), view([budi]))).toEqual(["Sari has left the call."])
  })

  it("call somebody without a name as the page does", () => {
    expect(told(view([]), view([peer(null)]))).toEqual(["Person 1 is in the call."])
  })

  it("say who mutes, and who shows what", () => {
    const shown = (sending: Partial<PeerView["sending"]>): CallView => view([peer("Sari", { sending: { ...SENDING, ...sending } })])
    expect(told(shown({}), shown({ audio: false }))).toEqual(["Sari is muted."])
    expect(told(shown({ audio: false }), shown({}))).toEqual(["Sari is no longer muted."])
    expect(told(shown({}), shown({ video: true }))).toEqual(["Sari has turned the camera on."])
    expect(told(shown({ video: true }), shown({}))).toEqual(["Sari has turned the camera off."])
    expect(told(shown({ video: true }), shown({ screen: true }))).toEqual(["Sari is showing a screen."])
  })

  it("give the quality in words, but not each small change of it", () => {
    expect(told(view([peer("Sari")]), view([graded("good")]))).toEqual([])
    expect(told(view([graded("good")]), view([graded("fair")]))).toEqual([])
    expect(told(view([graded("fair")]), view([graded("weak")]))).toEqual(["Sari: Weak connection."])
    expect(told(view([graded("poor")]), view([graded("good")]))).toEqual(["Sari: Good connection."])
  })

  it("say nothing of what stays, nor of a call that is over", () => {
    expect(told(view([peer("Sari")]), view([peer("Sari")]))).toEqual([])
    expect(told(view([peer("Sari")]), view([], "idle"))).toEqual([])
  })
})
