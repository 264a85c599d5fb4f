/**
 * Can a call get through from here? Asked before the call, with two connections of this device to each other.
 *
 *     here ══> TURN server ══> here        the way that a relayed call takes, there and back
 *
 * A data channel's echo gives the round trip, which is twice as long as the way of a call through the same server.
 */

import { withoutAddresses, relayedCandidate } from "./candidates.ts"

/** A way was found, with its round trip in milliseconds; or why not. */
export type RouteResult =
  | { readonly isOpen: true; readonly roundTripMs: number }
  | { readonly isOpen: false; readonly why: "refused" | "unreachable" }

const PATIENCE_MS = 10_000
const ECHOES = 3
/** RFC 8656, 19: the server does not take our credentials. */
const REFUSALS = [401, 403, 437, 438, 441, 486, 508]

/** Tries the way with the configuration of a call. Never rejects; answers within 10 s. */
export async function testRoute(configuration: RTCConfiguration, patienceMs: number = PATIENCE_MS): Promise<RouteResult> {
  const near = new RTCPeerConnection(configuration)
  const far = new RTCPeerConnection(configuration)
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    const failed = new Promise<RouteResult>((resolve) => {
      const refused = { isOpen: false, why: "refused" } as const
      near.onicecandidateerror = ({ errorCode }) => {
        if (REFUSALS.includes(errorCode)) resolve(refused)
      }
      timer = setTimeout(() => {
        resolve({ isOpen: false, why: "unreachable" })
      }, patienceMs)
    })
    return await Promise.race([echoed(near, far, configuration.iceTransportPolicy === "relay"), failed])
  } catch {
    return { isOpen: false, why: "unreachable" }
  } finally {
    clearTimeout(timer)
    near.close()
    far.close()
  }
}

async function echoed(near: RTCPeerConnection, far: RTCPeerConnection, isRelayOnly: boolean): Promise<RouteResult> {
  const channel = near.createDataChannel("echo")
  exchangeCandidates(near, far, isRelayOnly)
  exchangeCandidates(far, near, isRelayOnly)
  far.ondatachannel = (event) => {
    event.channel.onmessage = ({ data }: MessageEvent<string>) => {
      event.channel.send(data)
    }
  }
  const times = echoTimes(channel)
  await near.setLocalDescription()
  await far.setRemoteDescription(described(near, isRelayOnly))
  await far.setLocalDescription()
  await near.setRemoteDescription(described(far, isRelayOnly))
  return { isOpen: true, roundTripMs: Math.min(...(await times)) / 2 }
}

function described({ localDescription }: RTCPeerConnection, isRelayOnly: boolean): RTCSessionDescriptionInit {
  if (localDescription === null) throw new Error("there is no description")
  const { type, sdp } = localDescription
  return { type, sdp: isRelayOnly ? withoutAddresses(sdp) : sdp }
}

function exchangeCandidates(from: RTCPeerConnection, to: RTCPeerConnection, isRelayOnly: boolean): void {
  from.onicecandidate = ({ candidate }) => {
    if (candidate === null || candidate.candidate === "") return
    const line = isRelayOnly ? relayedCandidate(candidate.candidate) : candidate.candidate
    // The other one may be closed by now; then nobody waits for it.
    if (line !== null) void to.addIceCandidate({ ...candidate.toJSON(), candidate: line }).catch(() => undefined)
  }
}

function echoTimes(channel: RTCDataChannel): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = []
    let sent = 0
    const ask = (): void => {
      sent = performance.now()
      channel.send(String(times.length))
    }
    channel.onopen = ask
    channel.onmessage = () => {
      times.push(performance.now() - sent)
      if (times.length === ECHOES) resolve(times)
      else ask()
    }
    channel.onclose = () => {
      reject(new Error("closed"))
    }
  })
}
