/** Which colleague is asked for, when any of a role will do. */

import { expect, it, vi } from "vitest"

import { inviteOneOf, suitable } from "../../src/staff/roleInvite.ts"
import type { Colleague } from "../../src/trust/colleague.ts"
import type { Conversation } from "../../src/conversation/conversation.ts"
import { ColleagueAbsent, InvitationDeclined, RelayRefused, TeduhError } from "../../src/errors.ts"
import { Availability, ErrorCode } from "../../src/relay/frames.ts"

function colleague(name: string, about: Partial<Colleague> = {}): Colleague {
  const deviceId = new TextEncoder().encode(name)
  const availability = Availability.AVAILABLE
  return { deviceId, name, role: "interpreter", languages: ["id"], skills: [], availability, load: 0, ...about }
}

const names = (colleagues: readonly Colleague[]): readonly string[] => colleagues.map(({ name }) => name)

/** A conversation in which inviting somebody goes as told: an error, or nothing. */
function conversationWhere(outcomes: Record<string, Error | null>) {
  const asked: string[] = []
  const conversation = {
    participants: [],
    invite: vi.fn<Conversation["invite"]>(({ name }) => {
      asked.push(name)
      const outcome = outcomes[name] ?? null
      return outcome === null ? Promise.resolve({ name } as never) : Promise.reject(outcome)
    }),
  }
  return { asked, conversation: conversation as unknown as Conversation }
}

it("chooses who is available, of the role and speaks the language: the least busy first, then by name", () => {
  const found = suitable(
    [
      colleague("Dewi", { load: 1 }),
      colleague("Citra"),
      colleague("Bayu", { languages: ["en", "id-ID"] }),
      colleague("Ani", { load: 2 }),
      colleague("Aan", { availability: Availability.BUSY }),
      colleague("Abi", { role: "medic" }),
      colleague("Adi", { languages: ["en"] }),
    ],
    "interpreter",
    "id",
  )
  expect(names(found)).toEqual(["Bayu", "Citra", "Dewi", "Ani"])
})

it("goes on to the next only when a device has not come or is gone", async () => {
  const gone = new RelayRefused(ErrorCode.NO_KEY_PACKAGE, "")
  const { asked, conversation } = conversationWhere({ Ani: new ColleagueAbsent("late"), Bayu: gone })
  const told: string[] = []
  const candidates = () => Promise.resolve([colleague("Ani"), colleague("Bayu"), colleague("Citra"), colleague("Dewi")])
  const came = await inviteOneOf(conversation, candidates, { proposed: (name) => told.push(name) })
  expect(came.name).toBe("Citra")
  expect([asked, told]).toEqual([["Ani", "Bayu", "Citra"], ["Ani", "Bayu", "Citra"]])
})

it("asks for nobody else when she says no, or something is wrong", async () => {
  for (const reason of [new InvitationDeclined("no"), new TeduhError("a fault")]) {
    const { asked, conversation } = conversationWhere({ Ani: reason })
    const candidates = () => Promise.resolve([colleague("Ani"), colleague("Bayu")])
    await expect(inviteOneOf(conversation, candidates, {})).rejects.toBe(reason)
    expect(asked).toEqual(["Ani"])
  }
})

it("says so when nobody suitable is left", async () => {
  const { conversation } = conversationWhere({ Ani: new ColleagueAbsent("late") })
  await expect(inviteOneOf(conversation, () => Promise.resolve([colleague("Ani")]), {})).rejects.toThrow(ColleagueAbsent)
})
