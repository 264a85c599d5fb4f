/**
 * How much a call may send: the rates of each level, and how browsers and aiortc are told.
 *
 *     our fmtp in a description (RFC 7587) ──> what the other side's Opus encoder does
 *     RTCRtpSender.setParameters           ──> what our own encoders do
 *
 * Speech goes before pictures: it has the higher priority in the pacer and on the wire, and keeps its rate while
 * video gives way.
 */

import type { Level } from "./thrift.ts"

/** Bits per second; frames per second. */
export interface Rates {
  readonly audio: number
  readonly video: number
  readonly framesPerSecond: number
}

export const RATES: Readonly<Record<Exclude<Level, "text">, Rates>> = {
  full: { audio: 24_000, video: 600_000, framesPerSecond: 24 },
  low: { audio: 20_000, video: 150_000, framesPerSecond: 12 },
  audio: { audio: 16_000, video: 0, framesPerSecond: 1 },
}

/** RFC 7587, 6.1: mono, at most 24 kbit/s, silence is not sent, and lost packets can be made up for from the next. */
const OPUS = { maxaveragebitrate: "24000", stereo: "0", "sprop-stereo": "0", usedtx: "1", useinbandfec: "1" } as const

/** The description with what we ask of the other side's encoder. */
export function withThriftyOpus(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\/48000/m.exec(sdp)?.[1]
  if (opus === undefined) return sdp
  const wanted = new Map<string, string>(Object.entries(OPUS))
  const line = new RegExp(`^a=fmtp:${opus} (.*)$`, "m")
  const present = line.exec(sdp)?.[1]?.trim()
  if (present === undefined)
    return sdp.replace(new RegExp(`^(a=rtpmap:${opus} .*?)(\r?)$`, "m"), `$1$2\n${fmtp(opus, wanted)}$2`)
  const parameters = present.split(";").map((part) => part.trim().split("=", 2))
  const merged = new Map([...parameters.map(([name = "", value = ""]) => [name, value] as const), ...wanted])
  return sdp.replace(new RegExp(`^a=fmtp:${opus} [^\r\n]*`, "m"), fmtp(opus, merged))
}

function fmtp(payloadType: string, parameters: ReadonlyMap<string, string>): string {
  const text = [...parameters].map(([name, value]) => (value === "" ? name : `${name}=${value}`)).join(";")
  return `a=fmtp:${payloadType} ${text}`
}

const PAYLOAD_LINE = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /

/**
 * The description without attributes of payload types that its media lines do not offer. Firefox keeps `a=rtcp-fb` lines of
 * what `setCodecPreferences` took out, and Chromium refuses such a description (RFC 8866, 6.6: payload types of the line).
 */
export function withoutStrayPayloads(sdp: string): string {
  let offered: readonly string[] = []
  const lines = sdp.split("\r\n").filter((line) => {
    if (line.startsWith("m=")) offered = line.split(" ").slice(3)
    const payloadType = PAYLOAD_LINE.exec(line)?.[1]
    return payloadType === undefined || offered.includes(payloadType)
  })
  return lines.join("\r\n")
}

/** Tells an encoder of ours its limits, and gives whether there is one. A connection that was closed meanwhile needs none. */
export async function limit(sender: RTCRtpSender, kind: "audio" | "video", level: Exclude<Level, "text">): Promise<boolean> {
  const parameters = sender.getParameters()
  if (parameters.encodings.length === 0) return false
  const rates = RATES[level]
  for (const encoding of parameters.encodings) {
    encoding.priority = kind === "audio" ? "high" : "low"
    encoding.networkPriority = encoding.priority
    // 0 would be taken for "no limit" by some.
    encoding.maxBitrate = Math.max(1_000, rates[kind])
    if (kind === "video") {
      encoding.maxFramerate = rates.framesPerSecond
      encoding.active = rates.video > 0
    }
  }
  // Movement says less than a face does: rather fewer pictures than blurred ones.
  if (kind === "video") parameters.degradationPreference = "maintain-resolution"
  await sender.setParameters(parameters)
  return true
}
