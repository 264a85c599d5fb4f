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

/** Plays through a loudspeaker; where that cannot be chosen, or it is gone, through the usual one. */
export async function playThrough(element: HTMLMediaElement, speakerId: string): Promise<void> {
  if (!canChooseSpeaker()) return
  await element.setSinkId(speakerId).catch(() => element.setSinkId(""))
}

function canChooseSpeaker(): boolean {
  return "HTMLMediaElement" in globalThis && "setSinkId" in HTMLMediaElement.prototype
}

function mediaDevices(): MediaDevices | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.mediaDevices
}
