/** The console's service worker, as it is built, in a made-up scope: what it listens to, and what it says. */

import { readFile } from "node:fs/promises"
import { runInNewContext } from "node:vm"

import { describe, expect, it, vi } from "vitest"

import { worker } from "../../../../build/worker.ts"

interface WorkerEvent {
  readonly data?: { text: () => string }
  readonly notification?: { close: () => void }
}

interface MadeUpClient {
  readonly url: string
  readonly focus: () => Promise<void>
  readonly postMessage: (message: string) => void
}

async function built(): Promise<string> {
  let file = ""
  const emitFile = ({ source }: { source: string }): void => {
    file = source
  }
  await (worker().generateBundle as unknown as (this: object) => Promise<void>).call({ emitFile })
  return file
}

async function running(...open: MadeUpClient[]) {
  const listeners = new Map<string, (event: object) => void>()
  const shown: [string, object][] = []
  const openWindow = vi.fn<(url: string) => Promise<null>>(() => Promise.resolve(null))
  const scope = {
    URL,
    registration: { showNotification: (title: string, options: object) => Promise.resolve(shown.push([title, { ...options }])) },
    clients: { matchAll: () => Promise.resolve(open), openWindow },
    addEventListener: (type: string, listener: (event: object) => void) => listeners.set(type, listener),
  }
  runInNewContext(await built(), scope)
  const happen = async (type: string, event: WorkerEvent = {}): Promise<void> => {
    let work: Promise<unknown> = Promise.resolve()
    listeners.get(type)?.({ ...event, waitUntil: (one: Promise<unknown>) => (work = one) })
    await work
  }
  return { listeners, shown, openWindow, happen }
}

const client = (url: string): MadeUpClient => ({ url, focus: vi.fn(nothing), postMessage: vi.fn() })
const nothing = (): Promise<void> => Promise.resolve()

describe("the console's service worker", () => {
  it("listens to pushes and nothing else: no request passes through it", async () => {
    const { listeners } = await running()
    expect([...listeners.keys()].sort()).toEqual(["notificationclick", "push", "pushsubscriptionchange"])
    const source = await readFile(new URL("../../../../apps/console/shift/worker.ts", import.meta.url), "utf8")
    expect(source).not.toMatch(/caches|indexedDB|importScripts|XMLHttpRequest|fetch\(/)
  })

  it("says the same whatever is pushed", async () => {
    const { shown, happen } = await running()
    await happen("push", { data: { text: () => "Dewi in Bandung" } })
    await happen("push")
    expect(shown).toEqual(
      Array(2).fill(["Somebody is waiting", { body: "Seseorang sedang menunggu", tag: "waiting", renotify: true }]),
    )
  })

  it("brings up the console that is open, else a new one, and never another page", async () => {
    const close = vi.fn()
    const survivors = client("https://relay.example/")
    const open = client("https://relay.example/console/")
    const one = await running(survivors, open)
    await one.happen("notificationclick", { notification: { close } })
    expect(open.focus).toHaveBeenCalledOnce()
    expect(one.openWindow).not.toHaveBeenCalled()
    const none = await running(survivors)
    await none.happen("notificationclick", { notification: { close } })
    expect(none.openWindow).toHaveBeenCalledExactlyOnceWith("/console/")
    expect(survivors.focus).not.toHaveBeenCalled()
    expect(close).toHaveBeenCalledTimes(2)
  })

  it("tells open consoles that the browser has ended the subscription", async () => {
    const [survivors, open] = [client("https://relay.example/"), client("https://relay.example/console/")]
    await (await running(survivors, open)).happen("pushsubscriptionchange")
    expect(open.postMessage).toHaveBeenCalledOnce()
    expect(survivors.postMessage).not.toHaveBeenCalled()
  })
})
