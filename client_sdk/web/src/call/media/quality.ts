/**
 * How a call fares, for people: from what `getStats` counts to words and bars.
 *
 *     RTCStatsReport ──readingOf──> Reading ─┐
 *     RTCStatsReport ──readingOf──> Reading ─┴─qualityBetween──> Quality (loss, jitter, round trip, R, bars)
 *
 * R is the transmission rating of ITU-T G.107 (the E-model), computed from what can be measured at one end. It is an
 * estimate: G.113 gives no impairment figures for Opus, so those of a robust wideband-capable codec are taken, and the
 * echo, noise and loudness terms keep their defaults.
 */

/** Counters at one moment. Times in milliseconds, jitter and round trip in seconds; null where nothing was measured. */
export interface Reading {
  readonly at: number
  readonly packetsReceived: number
  readonly packetsLost: number
  readonly framesDecoded: number
  readonly jitter: number | null
  readonly roundTrip: number | null
  /** The share of our packets that the other side says it misses, 0 to 1. */
  readonly lossThere: number | null
  /** The kinds of candidates in use, such as "relay". */
  readonly route: { readonly local: string; readonly remote: string } | null
}

/** Between two readings. */
export interface Quality {
  /** The greater of the losses in both directions, 0 to 1. */
  readonly loss: number
  readonly jitterMs: number
  readonly roundTripMs: number
  /** The transmission rating, 0 to 93.2. */
  readonly rating: number
  /** The mean opinion score that it stands for, 1 to 4.5. */
  readonly opinion: number
  readonly grade: Grade
  /** Whether anything at all came. */
  readonly hears: boolean
}

/** In words: from best to worst; their number of bars is 4 to 0. */
export const GRADES = ["good", "fair", "weak", "poor", "silent"] as const
export type Grade = (typeof GRADES)[number]

export function barsOf(grade: Grade): number {
  return GRADES.length - 1 - GRADES.indexOf(grade)
}

type Statistics = Readonly<Record<string, unknown>>

/** Reads what `RTCPeerConnection.getStats` gave; `report` is the values of it. */
export function readingOf(report: Iterable<Statistics>, at: number): Reading {
  const all = [...report]
  const byId = new Map(all.map((one) => [one["id"], one]))
  const audio = all.filter((one) => one["type"] === "inbound-rtp" && one["kind"] === "audio")
  const video = all.filter((one) => one["type"] === "inbound-rtp" && one["kind"] === "video")
  const heard = all.find((one) => one["type"] === "remote-inbound-rtp" && one["kind"] === "audio")
  const pair = selectedPair(all, byId)
  return {
    at,
    packetsReceived: sum(audio, "packetsReceived"),
    packetsLost: sum(audio, "packetsLost"),
    framesDecoded: sum(video, "framesDecoded"),
    jitter: largest(audio.map((one) => number(one["jitter"]))),
    roundTrip: number(pair?.["currentRoundTripTime"]) ?? number(heard?.["roundTripTime"]),
    lossThere: number(heard?.["fractionLost"]),
    route: routeOf(pair, byId),
  }
}

function selectedPair(all: readonly Statistics[], byId: ReadonlyMap<unknown, Statistics>): Statistics | undefined {
  const transport = all.find((one) => one["type"] === "transport" && one["selectedCandidatePairId"] !== undefined)
  if (transport !== undefined) return byId.get(transport["selectedCandidatePairId"])
  // Firefox has no transport statistics.
  return all.find((one) => one["type"] === "candidate-pair" && one["nominated"] === true && one["state"] === "succeeded")
}

function routeOf(pair: Statistics | undefined, byId: ReadonlyMap<unknown, Statistics>): Reading["route"] {
  const local = byId.get(pair?.["localCandidateId"])?.["candidateType"]
  const remote = byId.get(pair?.["remoteCandidateId"])?.["candidateType"]
  return typeof local === "string" && typeof remote === "string" ? { local, remote } : null
}

const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null)
const sum = (all: readonly Statistics[], name: string): number =>
  all.reduce((total, one) => total + (number(one[name]) ?? 0), 0)

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : Math.max(...known)
}

/** What people hear between two readings of the same connection. */
export function qualityBetween(before: Reading, after: Reading): Quality {
  const received = Math.max(0, after.packetsReceived - before.packetsReceived)
  const lost = Math.max(0, after.packetsLost - before.packetsLost)
  const here = received + lost === 0 ? 0 : lost / (received + lost)
  const loss = Math.max(here, after.lossThere ?? 0)
  const jitterMs = 1000 * (after.jitter ?? 0)
  const roundTripMs = 1000 * (after.roundTrip ?? 0)
  const rating = transmissionRating({ loss, jitterMs, roundTripMs })
  const hears = received > 0
  return { loss, jitterMs, roundTripMs, rating, opinion: opinionOf(rating), grade: gradeOf(rating, hears), hears }
}

/** The worst of several, as with several people in a call; null when there is none. */
export function worstOf(qualities: readonly Quality[]): Quality | null {
  const order = (one: Quality): number => (one.hears ? one.rating : -1)
  return qualities.reduce<Quality | null>((worst, one) => (worst === null || order(one) < order(worst) ? one : worst), null)
}

/** ITU-T G.107, 7: the default of Ro - Is, with all other terms at their defaults. */
const BEST_RATING = 93.2
/** G.107, 7.4: how much loss a codec with concealment bears, in percent. Opus with in-band FEC bears more than G.711's 4.3. */
const LOSS_ROBUSTNESS = 20
/** A packet's length, the encoder's look-ahead and the play-out of the device, in milliseconds. */
const FIXED_DELAY_MS = 20 + 6.5 + 20

/** R of the E-model. `loss` is 0 to 1. */
export function transmissionRating(measured: Pick<Quality, "loss" | "jitterMs" | "roundTripMs">): number {
  const percent = 100 * measured.loss
  // G.107, 7.4 (7-29) with Ie = 0 and random loss (BurstR = 1).
  const equipment = (95 * percent) / (percent + LOSS_ROBUSTNESS)
  // A jitter buffer holds back about twice the jitter.
  const delay = measured.roundTripMs / 2 + 2 * measured.jitterMs + FIXED_DELAY_MS
  // The usual simplification of G.107, 7.3 for delay without echo (Cole and Rosenbluth, 2001).
  const lateness = 0.024 * delay + 0.11 * Math.max(0, delay - 177.3)
  return Math.min(BEST_RATING, Math.max(0, BEST_RATING - lateness - equipment))
}

/** G.107, Annex B: the mean opinion score of a rating. */
export function opinionOf(rating: number): number {
  if (rating <= 0) return 1
  if (rating >= 100) return 4.5
  return Math.min(4.5, Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6))
}

/** G.109: satisfied, some dissatisfied, many, nearly all. */
function gradeOf(rating: number, hears: boolean): Grade {
  if (!hears) return "silent"
  if (rating >= 80) return "good"
  if (rating >= 70) return "fair"
  return rating >= 50 ? "weak" : "poor"
}
