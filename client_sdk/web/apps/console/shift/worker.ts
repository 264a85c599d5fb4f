/**
 * The console's service worker: says that somebody is waiting, and does nothing else.
 *
 * It has no `fetch` handler and no cache, so that the console is loaded as if it were not there; it reads nothing of what
 * was pushed; its scope is the console's path, so that it never sees the survivor's page. Built by `build/worker.ts` as it
 * stands here, into a file without a hash in its name, which browsers ask for anew.
 */

interface Client {
  readonly url: string
  readonly focus: () => Promise<Client>
  readonly postMessage: (message: string) => void
}

interface WorkerScope {
  readonly registration: { showNotification: (title: string, options: object) => Promise<void> }
  readonly clients: {
    matchAll: (options: object) => Promise<readonly Client[]>
    openWindow: (url: string) => Promise<Client | null>
  }
  addEventListener: (type: string, listener: (event: WorkerEvent) => void) => void
}

interface WorkerEvent {
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly notification: { close: () => void }
}

const worker = globalThis as unknown as WorkerScope
const CONSOLE = "/console/"

async function consoles(): Promise<readonly Client[]> {
  const all = await worker.clients.matchAll({ type: "window", includeUncontrolled: true })
  return all.filter(({ url }) => new URL(url).pathname === CONSOLE)
}

async function openConsole(): Promise<void> {
  const [open] = await consoles()
  await (open === undefined ? worker.clients.openWindow(CONSOLE) : open.focus())
}

async function tellConsoles(): Promise<void> {
  for (const open of await consoles()) open.postMessage("subscription changed")
}

worker.addEventListener("push", (event) => {
  // Always the same: the next one takes the place of the last.
  const sentence = { body: "Seseorang sedang menunggu", tag: "waiting", renotify: true }
  event.waitUntil(worker.registration.showNotification("Somebody is waiting", sentence))
})

worker.addEventListener("notificationclick", (event) => {
  event.notification.close()
  event.waitUntil(openConsole())
})

worker.addEventListener("pushsubscriptionchange", (event) => {
  // Only the console can tell the relay, for its keys are locked; a closed one does so when it is unlocked.
  event.waitUntil(tellConsoles())
})

export {}
