/**
 * Has this browser woken by Web Push, and forgets it again.
 *
 *     the box is ticked ──> may we? (the browser asks) ──> worker.js, for /console/ only ──> subscription ──> relay
 *     somebody waits, nobody is available ──> relay ──> push service ──> worker.js ──> "somebody is waiting"
 *
 * The worker keeps nothing, fetches nothing and sees no page: it says one sentence. See `worker.ts`.
 */

import type { PushAddress, StaffRouting } from "../sdk.ts"

const WORKER = "/console/worker.js"
const SCOPE = "/console/"

/** Why it is not so: the person or the browser said no, the browser or the relay cannot, or nobody was reached. */
export type WakingFailure = "denied" | "unsupported" | "off" | "failed"
export type WakingSide = Pick<StaffRouting, "pushKey" | "subscribePush" | "unsubscribePush">

/** Ask the person, and subscribe. Never rejects; null: this device is woken from now on. */
export async function startWaking(relay: WakingSide): Promise<WakingFailure | null> {
  if (!isSupported()) return "unsupported"
  try {
    if ((await Notification.requestPermission()) !== "granted") return "denied"
    return await subscribe(relay)
  } catch {
    return "failed"
  }
}

/**
 * Subscribe anew, without asking anybody, for browsers end subscriptions when they like. Never rejects; a failure means
 * that this device is woken no more.
 */
export async function keepWaking(relay: WakingSide): Promise<WakingFailure | null> {
  if (!isSupported()) return "unsupported"
  if (Notification.permission !== "granted") return "denied"
  return subscribe(relay).catch(() => "failed")
}

/** Be told when the browser has ended the subscription; returns how to be told no more. */
export function onSubscriptionChange(listener: () => void): () => void {
  if (!isSupported()) return () => undefined
  const { serviceWorker } = navigator
  serviceWorker.addEventListener("message", listener)
  return () => {
    serviceWorker.removeEventListener("message", listener)
  }
}

/**
 * Forget the subscription and the worker in this browser, and take away the notice that may stand there. The relay forgets
 * it when the push service says that it is gone.
 */
export async function forgetWaking(): Promise<void> {
  if (!isSupported()) return
  for (const registration of await navigator.serviceWorker.getRegistrations()) {
    // Each whatever becomes of the others: a browser that is offline may not be able to end the subscription, and the
    // worker must go all the same.
    await registration.getNotifications().then(closeAll).catch(ignore)
    await registration.pushManager.getSubscription().then((subscription) => subscription?.unsubscribe()).catch(ignore)
    await registration.unregister()
  }
}

function closeAll(notices: readonly Notification[]): void {
  for (const notice of notices) notice.close()
}

function ignore(): void {
  // What is left of it wakes nobody without the worker.
}

const isSupported = (): boolean =>
  typeof navigator === "object" && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window

async function subscribe(relay: WakingSide): Promise<WakingFailure | null> {
  const key = await relay.pushKey()
  if (key === null) return "off"
  const { serviceWorker } = navigator
  await serviceWorker.register(workerAddress(), { scope: SCOPE, updateViaCache: "none" })
  const { pushManager } = await serviceWorker.ready
  const before = await pushManager.getSubscription()
  // A relay with another key could not wake it.
  if (before !== null && !isFor(before, key)) await before.unsubscribe()
  const subscription = await pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: new Uint8Array(key),
  })
  await relay.subscribePush(addressOf(subscription))
  return null
}

function isFor({ options }: PushSubscription, key: Uint8Array): boolean {
  const { applicationServerKey } = options
  return applicationServerKey !== null && new Uint8Array(applicationServerKey).join() === key.join()
}

function addressOf(subscription: PushSubscription): PushAddress {
  const [publicKey, secret] = [subscription.getKey("p256dh"), subscription.getKey("auth")]
  if (publicKey === null || secret === null) throw new Error("the subscription has no keys")
  return { endpoint: subscription.endpoint, publicKey: new Uint8Array(publicKey), secret: new Uint8Array(secret) }
}

interface TrustedTypes {
  readonly createPolicy: (name: string, rules: { createScriptURL: () => string }) => { createScriptURL: (_: string) => string }
}

/** The one address that the policy of the page lets through; a policy of a name can be made once. */
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("worker", {
  createScriptURL: () => WORKER,
})

const workerAddress = (): string => policy?.createScriptURL(WORKER) ?? WORKER
