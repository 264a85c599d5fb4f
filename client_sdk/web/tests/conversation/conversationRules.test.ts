/** Replays tests/vectors/conversation_rules.json, which the Python SDK replays too. */

import { readFileSync } from "node:fs"

import { describe, expect, it } from "vitest"

import type { Roster } from "../../src/trust/authenticationService.ts"
import type { Role, StaffStatement } from "../../src/credentials/staffStatement.ts"
import { LogBroken, RosterNotAdmitted } from "../../src/errors.ts"
import { sha256, toHex, utf8 } from "../../src/hazmat/bytes.ts"
import { LogOrder, type LogItem } from "../../src/conversation/logOrder.ts"
import { Outbox } from "../../src/conversation/outbox.ts"
import { Append, Entry, EntryKind } from "../../src/relay/frames.ts"
import { Room, admitFirst, admitNext, type Consent } from "../../src/group/room.ts"
import { SenderOrder, authenticatedCounter } from "../../src/group/senderOrder.ts"

type PlainEntry = [seq: number, member: number, counter: number, kind: EntryKind]
type PlainItem = ["entry" | "welcome", number] | ["own", number, number]
type LogStep =
  | { do: "received"; entry: PlainEntry }
  | { do: "accepted"; counter: number; seq: number }
  | { do: "sends_welcome"; counter: number }
  | { do: "forget_append"; counter: number }
  | { do: "take"; items: PlainItem[]; gap: boolean }
type OutboxStep =
  | { do: "add"; content: string }
  | { do: "sent"; counter: number; content: string | null }
  | { do: "accepted"; counter: number; done: number[] }
  | { do: "refused"; counter: number }
  | { do: "is"; queued: string[]; in_flight: number[]; next: number; empty: boolean }
interface Rules {
  log_order: { name: string; steps: LogStep[] }[]
  outbox: { name: string; steps: OutboxStep[] }[]
  sender_beginnings: { name: string; steps: Beginning[] }[]
  sender_order: { name: string; entries: [sender: string, said: number, signed: number, good: boolean][] }[]
  room: { name: string; own: string; by?: string; before?: string[]; consents?: string[]; after: string[]; admitted: boolean }[]
}

const file = new URL("../../../../tests/vectors/conversation_rules.json", import.meta.url)
const rules = JSON.parse(readFileSync(file, "utf-8")) as Rules
const conversationId = new Uint8Array(16)
const ME = 3

function entryOf([seq, member, counter, kind]: PlainEntry): Entry {
  return Entry({ conversationId, seq, member, counter, kind, epoch: 1, payload: utf8("payload") })
}

function plain(item: LogItem): PlainItem {
  if (item.type === "ownEntry") return ["own", item.seq, item.counter]
  return [item.type === "entry" ? "entry" : "welcome", item.seq]
}

function taken(order: LogOrder): PlainItem[] {
  const items: PlainItem[] = []
  for (let item = order.next(); item !== null; item = order.next()) items.push(plain(item))
  return items
}

function runLog(order: LogOrder, step: LogStep): void {
  if (step.do === "received") {
    order.received(entryOf(step.entry))
  } else if (step.do === "accepted") {
    order.accepted(step.counter, step.seq)
  } else if (step.do === "sends_welcome") {
    order.sendsWelcome(step.counter)
  } else if (step.do === "forget_append") {
    order.forgetAppend(step.counter)
  } else {
    expect(taken(order)).toEqual(step.items)
    expect(order.hasGap).toBe(step.gap)
  }
}

describe("the order of the log", () => {
  it.each(rules.log_order)("$name", ({ steps }) => {
    const order = new LogOrder(ME)
    for (const step of steps) runLog(order, step)
  })

  it("does not wait for ever behind a gap", () => {
    const order = new LogOrder(ME)
    expect(() => {
      for (let seq = 2; seq < 10_000; seq += 1) order.received(entryOf([seq, 1, seq, EntryKind.MESSAGE]))
    }).toThrow(LogBroken)
  })
})

function appendOf(counter: number): Append {
  return Append({ conversationId, counter, kind: EntryKind.MESSAGE, epoch: 1, payload: utf8("sealed") })
}

function runOutbox(outbox: Outbox, step: OutboxStep): Outbox {
  switch (step.do) {
    case "add":
      return outbox.add(utf8(step.content))
    case "sent":
      return outbox.sent(appendOf(step.counter), step.content === null ? null : utf8(step.content))
    case "accepted": {
      const { outbox: next, done } = outbox.accepted(step.counter)
      expect(done.map(({ append }) => append.counter)).toEqual(step.done)
      return next
    }
    case "refused":
      return outbox.refused(step.counter)
    case "is":
      expect(outbox.queued.map((content) => new TextDecoder().decode(content))).toEqual(step.queued)
      expect(outbox.inFlight.map(({ append }) => append.counter)).toEqual(step.in_flight)
      expect([outbox.nextCounter, outbox.isEmpty]).toEqual([step.next, step.empty])
      return outbox
  }
}

describe("the outbox", () => {
  it.each(rules.outbox)("$name", ({ steps }) => {
    steps.reduce(runOutbox, new Outbox())
  })
})

describe("the order of a sender", () => {
  it.each(rules.sender_order)("$name", ({ entries }) => {
    const order = new SenderOrder()
    for (const [sender, said, signed, isGood] of entries) {
      const check = (): void => {
        order.check(utf8(sender), authenticatedCounter(signed), said)
      }
      if (isGood) check()
      else expect(check).toThrow(LogBroken)
    }
  })
})

type Beginning = [what: "said" | "began" | "came" | "left", sender: string, number: number, good: boolean]

describe("what a sender said first", () => {
  it.each(rules.sender_beginnings)("$name", ({ steps }) => {
    const order = new SenderOrder()
    for (const [what, sender, number, isGood] of steps) {
      const who = utf8(sender)
      const step = (): void => {
        if (what === "said") order.check(who, authenticatedCounter(number), number)
        else if (what === "began") order.began(who, number)
        else if (what === "came") order.came(who)
        else order.forget(who)
      }
      if (isGood) step()
      else expect(step).toThrow(LogBroken)
    }
  })
})

async function roomOf(people: readonly string[]): Promise<Room> {
  const everybody = people.map((one, leafIndex) => {
    const [key = "", name = "", role = ""] = one.split(" ")
    return { leafIndex, signatureKey: utf8(key), name, role: role as Role, statement: {} as StaffStatement }
  })
  const survivor = everybody.find(({ name }) => name === "survivor")
  if (survivor === undefined) throw new Error("nobody is the survivor")
  const roster: Roster = { survivor, staff: everybody.filter((one) => one !== survivor) }
  return Room.of(roster)
}

async function consentOf(one: string): Promise<[string, Consent]> {
  const [key = "", name = "", role = ""] = one.split(" ")
  const deviceId = await sha256(utf8(key))
  return [toHex(deviceId), { deviceId, name, role }]
}

describe("the room", () => {
  it.each(rules.room)("$name", async ({ own, by, before, consents = [], after, admitted }) => {
    const next = await roomOf(after)
    const isSurvivor = own === "bea"
    const last = before === undefined ? null : await roomOf(before)
    const agreed = new Map(await Promise.all(consents.map(consentOf)))
    const admit = (): void => {
      if (last === null) admitFirst(next, utf8(own), isSurvivor)
      else admitNext(last, next, utf8(own), isSurvivor, agreed, by === "bea")
    }
    if (admitted) admit()
    else expect(admit).toThrow(RosterNotAdmitted)
  })
})
