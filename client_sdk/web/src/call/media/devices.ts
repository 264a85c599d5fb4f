/** Which cameras, microphones and loudspeakers there are to choose from. */

export interface Device {
  readonly id: string
  /** Empty until something was opened: browsers tell no names before. */
  readonly name: string
}

export interface Devices {
  readonly cameras: readonly Device[]
  readonly microphones: readonly Device[]
  readonly speakers: readonly Device[]
}

const NONE: Devices = { cameras: [], microphones: [], speakers: [] }

/** What there is now; nothing where the browser offers nothing. */
export async function devicesHere(devices: MediaDevices | undefined = mediaDevices()): Promise<Devices> {
  if (devices === undefined) return NONE
  const all = await devices.enumerateDevices().catch(() => [])
  const of = (kind: MediaDeviceKind): readonly Device[] =>
    all
      // Until something was opened there is one without an id, which cannot be chosen.
      .filter((one) => one.kind === kind && one.deviceId !== "")
      .map(({ deviceId, label }) => ({ id: deviceId, name: label }))
  return { cameras: of("videoinput"), microphones: of("audioinput"), speakers: canChooseSpeaker() ? of("audiooutput") : [] }
}

/** Calls `changed` when something is plugged in or out; gives how to stop that. */
export function onDevices(changed: () => void, devices: MediaDevices | undefined = mediaDevices()): () => void {
  devices?.addEventListener("devicechange", changed)
  return () => {
    devices?.removeEventListener("devicechange", changed)
  }
}

/**
 * Plays through a loudspeaker, and is silent until that is so: whoever chose a headset is not alone in the room. Where it
 * is gone, the one before plays on; where the browser lets nobody choose, the usual one. Never rejects.
 */
export async function playThrough(element: HTMLMediaElement, speakerId: string): Promise<void> {
  if (!canChooseSpeaker()) return
  element.onloadedmetadata = null
  const isThere = element.sinkId === speakerId
  element.volume = isThere ? 1 : 0
  if (isThere) return
  // Before the first track comes, browsers abort the choice.
  if (element.readyState === 0) element.onloadedmetadata = () => void playThrough(element, speakerId)
  else {
    await element.setSinkId(speakerId).catch(ignore)
    element.volume = 1
  }
}

function canChooseSpeaker(): boolean {
  return "HTMLMediaElement" in globalThis && "setSinkId" in HTMLMediaElement.prototype
}

function mediaDevices(): MediaDevices | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.mediaDevices
}

function ignore(): void {
  // See where it is used.
}
