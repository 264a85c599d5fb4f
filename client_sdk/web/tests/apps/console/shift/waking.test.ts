/** Opting in to being woken, with a made-up browser and a made-up relay. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { forgetWaking, keepWaking, onSubscriptionChange, startWaking, type WakingSide } from "../../../../apps/console/shift/waking.ts"

const KEY = new Uint8Array(65).fill(4)

function madeUpBrowser(answer: NotificationPermission = "granted") {
  const said: string[] = []
  const notification = {
    permission: "default" as NotificationPermission,
    requestPermission: () => {
      said.push("asked")
      notification.permission = answer
      return Promise.resolve(answer)
    },
  }
  let subscription: object | null = null
  const subscribed = (applicationServerKey: Uint8Array): object => ({
    endpoint: "https://push.example/1",
    options: { applicationServerKey: applicationServerKey.buffer },
    getKey: (name: string) => new Uint8Array(name === "auth" ? 16 : 65).buffer,
    unsubscribe: () => {
      subscription = null
      return Promise.resolve(said.push("unsubscribed"))
    },
  })
  const pushManager = {
    getSubscription: () => Promise.resolve(subscription),
    subscribe: ({ applicationServerKey, userVisibleOnly }: { applicationServerKey: Uint8Array; userVisibleOnly: boolean }) => {
      said.push(`subscribed ${applicationServerKey[0]} ${userVisibleOnly}`)
      subscription = subscribed(applicationServerKey)
      return Promise.resolve(subscription)
    },
  }
  const notice = { close: () => said.push("notice closed") }
  const getNotifications = () => Promise.resolve([notice])
  const registration = { pushManager, getNotifications, unregister: () => Promise.resolve(said.push("unregistered")) }
  const serviceWorker = Object.assign(new EventTarget(), {
    register: (address: string, options: object) => Promise.resolve(said.push(`${address} ${JSON.stringify(options)}`)),
    ready: Promise.resolve(registration),
    getRegistrations: () => Promise.resolve([registration]),
  })
  vi.stubGlobal("navigator", { serviceWorker })
  vi.stubGlobal("window", { PushManager: pushManager, Notification: notification })
  vi.stubGlobal("Notification", notification)
  return { said, notification, serviceWorker, pushManager }
}

function madeUpRelay(key: Uint8Array | null = KEY) {
  const told: unknown[] = []
  const relay: WakingSide = {
    pushKey: () => Promise.resolve(key),
    subscribePush: (address) => {
      told.push(address)
      return Promise.resolve()
    },
    unsubscribePush: () => Promise.resolve(),
  }
  return { relay, told }
}

describe("being woken", () => {
  let browser: ReturnType<typeof madeUpBrowser>
  beforeEach(() => {
    browser = madeUpBrowser()
  })
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it("asks the person, registers the worker for the console alone, and tells the relay the subscription", async () => {
    const { relay, told } = madeUpRelay()
    expect(await startWaking(relay)).toBeNull()
    expect(browser.said).toEqual([
      "asked",
      '/console/worker.js {"scope":"/console/","updateViaCache":"none"}',
      "subscribed 4 true",
    ])
    expect(told).toEqual([{ endpoint: "https://push.example/1", publicKey: new Uint8Array(65), secret: new Uint8Array(16) }])
  })

  it.each([
    ["denied", KEY, "denied"],
    ["default", KEY, "denied"],
    ["granted", null, "off"],
  ] as const)("registers nothing when the person says %s or the relay has no key", async (answer, key, failure) => {
    browser = madeUpBrowser(answer)
    const { relay, told } = madeUpRelay(key)
    expect(await startWaking(relay)).toBe(failure)
    expect(browser.said).toEqual(["asked"])
    expect(told).toEqual([])
  })

  it("says so where the browser cannot", async () => {
    vi.stubGlobal("navigator", {})
    expect(await startWaking(madeUpRelay().relay)).toBe("unsupported")
    await forgetWaking()
  })

  it("fails without harm when the relay is away", async () => {
    const { relay } = madeUpRelay()
    expect(await startWaking({ ...relay, pushKey: () => Promise.reject(new Error("away")) })).toBe("failed")
  })

  it("subscribes anew later without asking anybody, and not where that was forbidden meanwhile", async () => {
    const { relay, told } = madeUpRelay()
    await startWaking(relay)
    browser.said.length = 0
    expect(await keepWaking(relay)).toBeNull()
    expect(browser.said).not.toContain("asked")
    expect(told).toHaveLength(2)
    browser.notification.permission = "denied"
    expect(await keepWaking(relay)).toBe("denied")
    expect(told).toHaveLength(2)
  })

  it("gives up a subscription under another relay's key", async () => {
    await startWaking(madeUpRelay().relay)
    browser.said.length = 0
    await keepWaking(madeUpRelay(new Uint8Array(65).fill(5)).relay)
    expect(browser.said.slice(-2)).toEqual(["unsubscribed", "subscribed 5 true"])
  })

  it("hears that the browser has ended the subscription, until it listens no more", () => {
    const listener = vi.fn()
    const stop = onSubscriptionChange(listener)
    browser.serviceWorker.dispatchEvent(new Event("message"))
    stop()
    browser.serviceWorker.dispatchEvent(new Event("message"))
    expect(listener).toHaveBeenCalledOnce()
  })

  it("leaves neither subscription nor worker behind", async () => {
    await startWaking(madeUpRelay().relay)
    await forgetWaking()
    expect(browser.said.slice(-2)).toEqual(["unsubscribed", "unregistered"])
  })

  it("leaves no notice behind that somebody waits", async () => {
    await startWaking(madeUpRelay().relay)
    await forgetWaking()
    expect(browser.said).toContain("notice closed")
  })

  it("leaves no worker behind where the browser cannot end the subscription", async () => {
    await startWaking(madeUpRelay().relay)
    const unsubscribe = () => Promise.reject(new DOMException("offline", "NetworkError"))
    browser.pushManager.getSubscription = () => Promise.resolve({ unsubscribe })
    await forgetWaking()
    expect(browser.said.at(-1)).toBe("unregistered")
  })
})
