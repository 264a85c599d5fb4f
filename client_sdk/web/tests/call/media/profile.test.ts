import { describe, expect, it } from "vitest"

import { limit, RATES, withoutStrayPayloads, withThriftyOpus } from "../../../src/call/media/profile.ts"

const SDP = ["m=audio 9 UDP/TLS/RTP/SAVPF 111 63", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", ""]
const fmtp = (lines: readonly string[]): string[] =>
  withThriftyOpus(lines.join("\r\n"))
    .split("\r\n")
    .filter((line) => line.startsWith("a=fmtp:"))

describe("what we ask of the other side's Opus encoder (RFC 7587, 6.1)", () => {
  const wanted = ["maxaveragebitrate=24000", "usedtx=1", "useinbandfec=1", "stereo=0"]

  it("stands beside what the browser had written", () => {
    const [line, ...others] = fmtp(SDP)
    for (const parameter of ["minptime=10", ...wanted]) expect(line).toContain(parameter)
    expect(line?.match(/useinbandfec/g)).toHaveLength(1)
    expect(others).toEqual([])
  })

  it("is said even if there was no line for it", () => {
    const [line] = fmtp(SDP.filter((each) => !each.startsWith("a=fmtp")))
    for (const parameter of wanted) expect(line).toContain(parameter)
  })

  it("leaves a description without Opus as it is", () => {
    expect(withThriftyOpus("m=video 9 X 96\r\na=rtpmap:96 VP8/90000\r\n")).toBe("m=video 9 X 96\r\na=rtpmap:96 VP8/90000\r\n")
  })

  it("keeps every line ended as it was", () => {
    expect(withThriftyOpus(SDP.join("\r\n")).replaceAll("\r\n", "")).not.toMatch(/[\r\n]/)
    expect(withThriftyOpus(SDP.filter((each) => !each.startsWith("a=fmtp")).join("\r\n")).replaceAll("\r\n", "")).not.toMatch(/[\r\n]/)
  })
})

describe("payload types that a media line does not offer", () => {
  it("leave the description, and those of its other lines stay", () => {
    const lines = ["v=0", "m=audio 9 X 109", "a=rtpmap:109 opus/48000/2", "a=fmtp:9 x=1", "m=video 9 X 120 124", "a=rtpmap:120 VP8/90000"]
    const kept = [...lines.filter((line) => line !== "a=fmtp:9 x=1"), "a=rtcp-fb:120 nack", "a=rtcp-fb:* ccm fir", "a=fmtp:124 apt=120", ""]
    const stray = ["a=rtcp-fb:126 nack", "a=rtcp-fb:97 nack pli", "a=fmtp:97 apt=121", "a=rtpmap:97 rtx/90000"]
    const [said, wanted] = [[...lines, ...stray, ...kept.slice(lines.length - 1)], kept]
    expect(withoutStrayPayloads(said.join("\r\n"))).toBe(wanted.join("\r\n"))
  })
})

class Sender {
  set: RTCRtpSendParameters | null = null
  constructor(readonly encodings: RTCRtpEncodingParameters[] = [{}]) {}
  getParameters(): RTCRtpSendParameters {
    const none = { codecs: [], headerExtensions: [], rtcp: {}, transactionId: "1" }
    return { ...none, encodings: this.encodings }
  }
  setParameters(parameters: RTCRtpSendParameters): Promise<void> {
    this.set = parameters
    return Promise.resolve()
  }
}

async function limited(kind: "audio" | "video", level: "full" | "low" | "audio"): Promise<RTCRtpEncodingParameters> {
  const sender = new Sender()
  await limit(sender as unknown as RTCRtpSender, kind, level)
  return sender.set?.encodings[0] ?? {}
}

describe("the rates of our own encoders", () => {
  it("are within 16 to 24 kbit/s for speech, and 150 kbit/s for pictures on a weak line", () => {
    for (const { audio } of Object.values(RATES)) expect(audio).toBeGreaterThanOrEqual(16_000)
    for (const { audio } of Object.values(RATES)) expect(audio).toBeLessThanOrEqual(24_000)
    expect(RATES.low.video).toBe(150_000)
  })

  it("put speech before pictures", async () => {
    expect(await limited("audio", "low")).toMatchObject({ maxBitrate: 20_000, priority: "high", networkPriority: "high" })
    expect(await limited("video", "low")).toMatchObject({ maxBitrate: 150_000, priority: "low", active: true })
  })

  it("stop pictures where speech alone is left", async () => {
    expect(await limited("video", "audio")).toMatchObject({ active: false })
    expect(await limited("audio", "audio")).toMatchObject({ maxBitrate: 16_000 })
  })

  it("are told to nobody before there is an encoder", async () => {
    const sender = new Sender([])
    await limit(sender as unknown as RTCRtpSender, "audio", "low")
    expect(sender.set).toBeNull()
  })
})
