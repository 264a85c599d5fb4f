/** When nobody is there, and when somebody is there who touches nothing. */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { watchIdle } from "../../../../apps/console/desk/idle.ts"

const AFTER_MS = 60_000

let page = new EventTarget()

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal("document", new EventTarget())
  page = new EventTarget()
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page))
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page))
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it("says so when nobody did anything for so long", () => {
  const onIdle = vi.fn()
  watchIdle(AFTER_MS, onIdle, () => false)
  vi.advanceTimersByTime(AFTER_MS - 10_000)
  expect(onIdle).not.toHaveBeenCalled()
  vi.advanceTimersByTime(20_000)
  expect(onIdle).toHaveBeenCalledOnce()
})

it("does not lock out who talks in a call, and counts from its end on", () => {
  const onIdle = vi.fn()
  let isTalking = true
  watchIdle(AFTER_MS, onIdle, () => isTalking)
  vi.advanceTimersByTime(10 * AFTER_MS)
  expect(onIdle).not.toHaveBeenCalled()
  isTalking = false
  vi.advanceTimersByTime(AFTER_MS - 10_000)
  expect(onIdle).not.toHaveBeenCalled()
  vi.advanceTimersByTime(20_000)
  expect(onIdle).toHaveBeenCalledOnce()
})

it("locks a computer that slept, though a call went on when it fell asleep", () => {
  const onIdle = vi.fn()
  watchIdle(AFTER_MS, onIdle, () => true)
  vi.advanceTimersByTime(20_000)
  vi.setSystemTime(Date.now() + 10 * AFTER_MS)
  vi.advanceTimersByTime(10_000)
  expect(onIdle).toHaveBeenCalledOnce()
})

it("locks also where the clock was set back meanwhile", () => {
  const onIdle = vi.fn()
  watchIdle(AFTER_MS, onIdle, () => false)
  vi.setSystemTime(Date.now() - 100 * AFTER_MS)
  vi.advanceTimersByTime(AFTER_MS + 20_000)
  expect(onIdle).toHaveBeenCalledOnce()
})

it.each(["pointermove", "keydown"])("locks a computer that slept at the first sign of whoever wakes it: %s", (sign) => {
  const onIdle = vi.fn()
  watchIdle(AFTER_MS, onIdle, () => false)
  vi.setSystemTime(Date.now() + 2 * AFTER_MS)
  page.dispatchEvent(new Event(sign))
  expect(onIdle).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(10 * AFTER_MS)
  expect(onIdle).toHaveBeenCalledOnce()
})
