/**
 * One connection to one other device: descriptions and candidates in and out, tracks, rates, measurements.
 *
 *     offer ─┐                          ┌─> described, at once (a new path: with the candidates that are quick)
 *     apply ─┼─> RTCPeerConnection ─────┼─> trickled: its candidates, as each is found
 *     add ───┘        ║                 ├─> connected, failed, unroutable
 *                     ╚═ DTLS-SRTP ═══> └─> track
 *
 * There is always one part for sound and one for pictures, in both directions: a camera or a screen that is turned on
 * in mid-call takes its place there, and nothing has to be agreed anew (RFC 8829, 3.5; `replaceTrack`).
 */

import { candidateType, relayedCandidate, withoutAddresses } from "./candidates.ts"
import { limit, withoutStrayPayloads, withThriftyOpus } from "./profile.ts"
import { readingOf, type Reading } from "./quality.ts"
import type { Level } from "./thrift.ts"

/** A candidate as `RTCIceCandidateInit` has it; "" ends them. */
export interface LocalCandidate {
  readonly candidate: string
  readonly sdpMid: string | null
  readonly sdpMLineIndex: number | null
}

/** How the connection may be made. */
export interface Route {
  readonly iceServers: readonly RTCIceServer[]
  /** Nothing but relayed candidates may be used or sent. */
  readonly isRelayOnly: boolean
  /** Until then no way is looked for. Never rejects. */
  readonly mayGather: Promise<unknown>
}

/** Why no way out was found: the TURN server refused us, or did not answer. */
export type Unroutable = "refused" | "unreachable"

/** What comes of it. None is called after `close`. */
export interface PeerOutlets {
  /** `candidates` are those that were found until then, often none. */
  readonly described: (revision: number, sdp: string, candidates: readonly LocalCandidate[]) => void
  readonly trickled: (revision: number, candidates: readonly LocalCandidate[]) => void
  readonly track: (track: MediaStreamTrack) => void
  readonly connected: () => void
  readonly failed: () => void
  readonly unroutable: (why: Unroutable) => void
}

export type Kind = "audio" | "video"
const KINDS: readonly Kind[] = ["audio", "video"]

/**
 * A new path for a connection that stands is described with its first candidates: those found so long after the first one.
 * Chromium hears the other side's checks before candidates that come later, and then sometimes stays on the old path.
 */
const BUNDLE_MS = 60
/** Without any candidate such a description goes alone after this. */
const ALONE_MS = 1_000
/** Without any candidate after this, there is no way. */
const ROUTE_MS = 6_000
/** After this, a connection that stands although another way was looked for is taken to have kept the old one. */
const SETTLED_MS = 3_000
const LOOKED_AT_EVERY_MS = 100
/** Browsers call it failed only after half a minute. */
const INTERRUPTED_MS = 4_000
/** The error that says why may come just after the end of gathering. */
const EXPLAINED_MS = 100
/** RFC 8656, 19: what a TURN server answers to whom it does not serve. */
const REFUSALS = [401, 403, 437, 438, 441, 486, 508]
/**
 * What every browser and aiortc can do. Everything else would make a description so long that its ciphertext takes 16 KiB
 * instead of 4: a third of a second on her network.
 */
const CODECS: Readonly<Record<Kind, readonly string[]>> = { audio: ["audio/opus"], video: ["video/vp8", "video/rtx"] }

export class Peer {
  readonly #connection: RTCPeerConnection
  /** Null until it is known. */
  #route: Route | null = null
  /** Rejects where there is none. */
  readonly #routed: Promise<Route>
  readonly #out: PeerOutlets
  readonly #tracks: Record<Kind, MediaStreamTrack | null>
  #level: Exclude<Level, "text">
  readonly #limited = new Map<Kind, Level>()
  #firstOffer: Promise<RTCSessionDescriptionInit> | null
  #revision = 0
  /** Gathered, but not told yet; null once the description has gone. */
  #early: LocalCandidate[] | null = []
  #found = 0
  #refused = false
  #onGathered: () => void = () => undefined
  #routeTimer: ReturnType<typeof setTimeout> | undefined
  #interruption: ReturnType<typeof setTimeout> | undefined
  #watch: ReturnType<typeof setInterval> | undefined
  #isRestarting = false
  /** Another way is wanted, and not yet looked for: see `leaveWay`. */
  #isLeavingWay = false
  #isClosed = false

  /** `tracks` and `level` are what is sent to begin with; no way is looked for before there is a `route`. */
  constructor(
    route: Promise<Route>,
    outlets: PeerOutlets,
    tracks: Readonly<Record<Kind, MediaStreamTrack | null>>,
    level: Exclude<Level, "text">,
    { connection, offer }: Spare = new Spare(false),
  ) {
    this.#out = outlets
    this.#tracks = { ...tracks }
    this.#level = level
    this.#connection = connection
    this.#firstOffer = offer
    this.#routed = route.then((known) => this.#take(known))
    // Whoever needs it hears of it.
    this.#routed.catch(ignore)
    this.#listen()
  }

  /** Describe what we offer; the answer comes by `described`. */
  async offer(revision: number, restartsIce: boolean): Promise<void> {
    const made = this.#firstOffer
    this.#firstOffer = null
    await this.#describe(revision, await (made ?? offerOf(this.#connection, restartsIce)))
  }

  /** The other side's description; an offer is answered by `described`. */
  async apply(revision: number, sdp: string, isOffer: boolean): Promise<void> {
    await this.#routed
    if (this.#isClosed) return
    await this.#connection.setRemoteDescription({ type: isOffer ? "offer" : "answer", sdp })
    if (isOffer) {
      for (const one of this.#connection.getTransceivers())
        // Ours to send, too, whenever we have something.
        if (one.direction === "recvonly" || one.direction === "inactive") one.direction = "sendrecv"
      await this.#describe(revision, await this.#connection.createAnswer())
    }
    if (this.#isRestarting) this.#watchForAnotherWay()
    void this.limit(this.#level)
  }

  /** Candidates of the other side. One that cannot be used is passed over. */
  async add(candidates: readonly LocalCandidate[]): Promise<void> {
    await Promise.all(
      candidates.map(({ candidate, sdpMid, sdpMLineIndex }) =>
        this.#connection.addIceCandidate({ candidate, sdpMid, sdpMLineIndex }).catch(ignore),
      ),
    )
  }

  /** What is sent from now on; null sends nothing. Takes effect at once where the connection is made. */
  async send(kind: Kind, track: MediaStreamTrack | null): Promise<void> {
    if (this.#tracks[kind] === track) return
    this.#tracks[kind] = track
    await this.#transceiver(kind)?.sender.replaceTrack(track)
  }

  /** How much may be sent. */
  async limit(level: Exclude<Level, "text">): Promise<void> {
    this.#level = level
    await Promise.all(KINDS.map((kind) => this.#limit(kind)))
  }

  /**
   * Once for each level: to ask for an encoder's limits halts the page for as long as the connection is busy, as it is while it is
   * being made.
   */
  async #limit(kind: Kind): Promise<void> {
    const level = this.#level
    const sender = this.#transceiver(kind)?.sender
    if (sender === undefined || this.#isClosed || this.#limited.get(kind) === level) return
    this.#limited.set(kind, level)
    // It may be negotiating just now; then `apply` does it again.
    const isLimited = await limit(sender, kind, level).catch(ignore)
    if (isLimited !== true && this.#limited.get(kind) === level) this.#limited.delete(kind)
  }

  /**
   * Another way is about to be looked for (`offer` or `apply` with a restart): that the old one fails is nobody's news any
   * more. Credentials and queues may take longer than our own patience with it, and the connection would be made anew.
   */
  leaveWay(): void {
    this.#isLeavingWay = true
    clearTimeout(this.#interruption)
  }

  /** New credentials, before connections are looked for anew. */
  renew(route: Route): void {
    if (!this.#isClosed) this.#connection.setConfiguration(configurationOf(route))
  }

  /** Null while nothing can come. */
  async reading(): Promise<Reading | null> {
    if (this.#connection.connectionState !== "connected") return null
    const report = await this.#connection.getStats()
    const all: Record<string, unknown>[] = []
    report.forEach((one: Record<string, unknown>) => all.push(one))
    return readingOf(all, performance.now())
  }

  /** Synchronously: nothing is sent or received afterwards, and no outlet is called. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#routeTimer)
    clearTimeout(this.#interruption)
    clearInterval(this.#watch)
    this.#onGathered()
    this.#connection.close()
  }

  // --- what comes of the connection ---

  #listen(): void {
    const connection = this.#connection
    connection.ontrack = ({ track }) => {
      if (!this.#isClosed) this.#out.track(track)
    }
    connection.onicecandidate = ({ candidate }) => {
      if (!this.#isClosed) this.#gathered(candidate)
    }
    connection.onicecandidateerror = ({ errorCode }) => {
      if (REFUSALS.includes(errorCode)) this.#refused = true
    }
    connection.onconnectionstatechange = () => {
      if (!this.#isClosed) this.#changed(connection.connectionState)
    }
  }

  #changed(state: RTCPeerConnectionState): void {
    clearTimeout(this.#interruption)
    if (state === "connected") this.#out.connected()
    else if (this.#isLeavingWay) return
    else if (state === "failed") this.#out.failed()
    else if (state === "disconnected")
      this.#interruption = setTimeout(() => {
        this.#out.failed()
      }, INTERRUPTED_MS)
  }

  /** A connection that stands does not say when it takes another way, so it is looked at until it does. */
  #watchForAnotherWay(): void {
    const connection = this.#connection
    const name = nameOf(connection.currentLocalDescription?.sdp)
    const until = performance.now() + SETTLED_MS
    this.#isRestarting = false
    clearInterval(this.#watch)
    this.#watch = setInterval(() => {
      const isLate = performance.now() > until
      const isOnItsWay = !isLate && this.#wayInUse !== name
      if (isOnItsWay) return
      clearInterval(this.#watch)
      if (connection.connectionState === "connected") this.#out.connected()
    }, LOOKED_AT_EVERY_MS)
  }

  /** The name (RFC 8839, 5.4) under which the way in use was found; undefined where the browser does not say. */
  get #wayInUse(): string | undefined {
    const transport = this.#transceiver("audio")?.receiver.transport?.iceTransport
    if (transport === undefined || !("getSelectedCandidatePair" in transport)) return undefined
    return transport.getSelectedCandidatePair()?.local.usernameFragment ?? undefined
  }

  // --- descriptions and candidates ---

  async #describe(revision: number, description: RTCSessionDescriptionInit): Promise<void> {
    const { currentLocalDescription } = this.#connection
    const gathers = nameOf(currentLocalDescription?.sdp) !== nameOf(description.sdp)
    this.#isRestarting = gathers && currentLocalDescription !== null
    this.#isLeavingWay = false
    this.#revision = revision
    this.#early = []
    this.#found = 0
    this.#refused = false
    clearTimeout(this.#routeTimer)
    // What the other side makes of it takes longer than our browser does with it, and waits in the queue for that.
    if (!this.#isRestarting) this.#tell(revision, description)
    const { isRelayOnly, mayGather } = await this.#routed
    await mayGather
    if (this.#hasClosed()) return
    await Promise.all([this.#connection.setLocalDescription(description), this.#attach()])
    if (this.#hasClosed()) return
    // What follows need not wait for that.
    void this.limit(this.#level)
    if (gathers && isRelayOnly) this.#routeTimer = setTimeout(this.#noRoute, ROUTE_MS)
    if (!this.#isRestarting) return
    await this.#someGathered()
    if (!this.#hasClosed()) this.#tell(revision, description)
  }

  #tell(revision: number, { sdp = "" }: RTCSessionDescriptionInit): void {
    const candidates = this.#early ?? []
    this.#early = null
    this.#out.described(revision, this.#tellable(sdp), candidates)
  }

  #tellable(sdp: string): string {
    const thrifty = withThriftyOpus(withoutStrayPayloads(sdp))
    return this.#isRelayOnly ? withoutAddresses(thrifty) : thrifty
  }

  /** Until something else is known: nothing of a description tells an address before. */
  get #isRelayOnly(): boolean {
    return this.#route?.isRelayOnly ?? true
  }

  #take(route: Route): Route {
    this.#route = route
    this.renew(route)
    return route
  }

  /** While something was awaited: TypeScript does not see that it may change meanwhile. */
  #hasClosed(): boolean {
    return this.#isClosed
  }

  async #someGathered(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ALONE_MS)
      this.#onGathered = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#onGathered = () => undefined
  }

  #gathered(candidate: RTCIceCandidate | null): void {
    const isLast = candidate === null || candidate.candidate === ""
    if (isLast && this.#found === 0 && this.#isRelayOnly) setTimeout(this.#noRoute, EXPLAINED_MS)
    const tellable = isLast ? null : this.#tellableCandidate(candidate)
    if (tellable !== null) this.#found += 1
    if (tellable !== null && this.#early === null) this.#out.trickled(this.#revision, [tellable])
    else if (tellable !== null) this.#early?.push(tellable)
    if (isLast) this.#onGathered()
    else if (this.#found === 1)
      setTimeout(() => {
        this.#onGathered()
      }, BUNDLE_MS)
  }

  #tellableCandidate({ candidate, sdpMid, sdpMLineIndex }: RTCIceCandidate): LocalCandidate | null {
    if (candidateType(candidate) === null) return null
    const line = this.#isRelayOnly ? relayedCandidate(candidate) : candidate
    return line === null ? null : { candidate: line, sdpMid, sdpMLineIndex }
  }

  readonly #noRoute = (): void => {
    clearTimeout(this.#routeTimer)
    if (!this.#isClosed && this.#found === 0) this.#out.unroutable(this.#refused ? "refused" : "unreachable")
  }

  // --- tracks ---

  #transceiver(kind: Kind): RTCRtpTransceiver | undefined {
    return transceiverOf(this.#connection, kind)
  }

  async #attach(): Promise<void> {
    await Promise.all(
      KINDS.map(async (kind) => {
        const sender = this.#transceiver(kind)?.sender
        if (sender !== undefined && sender.track !== this.#tracks[kind]) await sender.replaceTrack(this.#tracks[kind])
      }),
    )
  }
}

/** Whether this browser has WebRTC: Lockdown Mode, some settings of Tor and WebKitGTK have none. */
export function canConnect(): boolean {
  return "RTCPeerConnection" in globalThis
}

/**
 * A connection that may be wanted in a moment, and if `offers`, its first offer: browsers take a while to make them. It knows no
 * server, no way is looked for, and nobody hears of it.
 */
export class Spare {
  readonly connection = new RTCPeerConnection(configurationOf({ iceServers: [], isRelayOnly: true }))
  readonly offer: Promise<RTCSessionDescriptionInit> | null

  constructor(readonly offers: boolean) {
    this.offer = offers ? offerOf(this.connection, false) : null
    // Whoever uses it hears of it; closed before, it has none.
    this.offer?.catch(ignore)
  }
}

/** With a part for sound and one for pictures. */
async function offerOf(connection: RTCPeerConnection, iceRestart: boolean): Promise<RTCSessionDescriptionInit> {
  for (const kind of KINDS)
    if (transceiverOf(connection, kind) === undefined)
      preferPlainCodecs(connection.addTransceiver(kind, { direction: "sendrecv" }), kind)
  return await connection.createOffer({ iceRestart })
}

function transceiverOf(connection: RTCPeerConnection, kind: Kind): RTCRtpTransceiver | undefined {
  return connection.getTransceivers().find(({ receiver }) => receiver.track.kind === kind)
}

/** As the browser takes it. */
export function configurationOf({ iceServers, isRelayOnly }: Omit<Route, "mayGather">): RTCConfiguration {
  // An empty list, never a missing one: then nobody else's server is asked.
  return { iceServers: [...iceServers], iceTransportPolicy: isRelayOnly ? "relay" : "all", bundlePolicy: "max-bundle" }
}

/** Under which name a description looks for ways; a restart takes another. */
function nameOf(sdp: string | undefined): string | undefined {
  return /^a=ice-ufrag:(\S+)/m.exec(sdp ?? "")?.[1]
}

function preferPlainCodecs(transceiver: RTCRtpTransceiver, kind: Kind): void {
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []
  const plain = codecs.filter(({ mimeType }) => CODECS[kind].includes(mimeType.toLowerCase()))
  // A browser without the one codec that all have, or without this method, offers what it has.
  if (plain.length > 0 && "setCodecPreferences" in transceiver) transceiver.setCodecPreferences(plain)
}

function ignore(): undefined {
  // See where it is used.
}
