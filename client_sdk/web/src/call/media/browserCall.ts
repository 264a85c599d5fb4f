/**
 * A call in the browser: between what people tap, the session that agrees on the call, and connections and devices.
 *
 *     page ──ring, accept, mute, camera...──> BrowserCall ──> CallSession ──messages──> conversation (inside MLS)
 *     page <─────────── CallView ───────────  BrowserCall <── actions ────┘
 *                                               │    └──> Connections (RTCPeerConnection), Thrift
 *                                               └───────> OwnMedia (camera, microphone, screen)
 *
 * Nothing is captured before `ring`, `accept` or a preview: each of them is a tap. Whatever ends the call, the devices are
 * off before anybody is told so.
 */

import { RemoteMessageError } from "../../chat/errors.ts"
import { atMost } from "../../net/clock.ts"
import { CallPolicy } from "../../relay/frames.ts"
import type { CallListener } from "../../conversation/callSignals.ts"
import type { IceServers } from "../../net/iceServers.ts"
import type { Participant } from "../../group/room.ts"
import type { Action, CallEvent } from "../actions.ts"
import { decodeCall, encodeCall } from "../codec.ts"
import { CallNotAllowed } from "../errors.ts"
import { EndReason, MediaReason, type CallMessage, type Media } from "../messages.ts"
import { offersTo } from "../peer.ts"
import { CallSession } from "../session.ts"
import { SteadyClock } from "../steadyClock.ts"
import type { Timing } from "../timing.ts"
import type { CameraWish } from "./capture.ts"
import { Connections } from "./connections.ts"
import { OwnMedia, type Choice, type Chosen, type Opening, type Wish } from "./ownMedia.ts"
import { canConnect, configurationOf, type Route, type Unroutable } from "./peer.ts"
import { qualityBetween, worstOf, type Quality } from "./quality.ts"
import { testRoute, type RouteResult } from "./routeTest.ts"
import { spared, thriftFrom, withVideoAgain, type Thrift } from "./thrift.ts"
import { CallNews } from "./callNews.ts"
import type { CallEnding, CallPerson, CallView, PeerView, Sending } from "./view.ts"
import { WakeLock } from "./wakeLock.ts"

/** The part of a conversation that a call needs. */
export interface CallConversation {
  readonly participants: readonly Participant[]
  readonly me: Participant | null
  listenToCalls(listener: CallListener): void
  sendCallSignal(data: Uint8Array, options: { readonly isEphemeral: boolean }): void
  iceServers(): Promise<IceServers>
}

export interface CallOptions {
  /** Called with each new view. */
  readonly onChange: (view: CallView) => void
  /** Where a call begins: phones with little data begin at the low rates. */
  readonly beginsAt?: "full" | "low"
  readonly timing?: Timing
  /** As `setBusy` says it, from the first ring on. */
  readonly isBusy?: boolean
}

const MEASURED_EVERY_MS = 2_000
/** So long credentials are sure to begin a connection: a relay may let them end after a minute. */
const ICE_SERVES_MS = 45_000
/** So long whoever has tapped waits for the relay's word, with the microphone on; one that is away gives it when it is back. */
const RELAY_ANSWERS_SECONDS = 15

/** What the relay answered, and when it was asked, by our clock: its own may be another. Null: it gave none. */
interface AskedIce {
  readonly at: number
  readonly servers: Promise<IceServers | null>
}

export class BrowserCall {
  readonly #conversation: CallConversation
  readonly #options: CallOptions
  readonly #media = new OwnMedia((isByItself) => {
    this.#captured(isByItself)
  })
  readonly #connections: Connections
  readonly #wakeLock = new WakeLock()
  readonly #clock = new SteadyClock()
  #session: CallSession | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #meter: ReturnType<typeof setInterval> | undefined
  #ice: AskedIce | null = null
  /** The devices that were asked for with the tap. */
  #opening: Opening = { one: Promise.resolve(), all: Promise.resolve() }
  /** Between the tap and what it leads to. */
  #isPreparing = false
  /** Counts calls: what still comes of an earlier one is not for this one. */
  #attempt = 0
  #thrift: Thrift
  /** Why what is turned off now is turned off. */
  #reason: MediaReason = MediaReason.CHOSEN
  #isDirect = false
  #isBusy = false
  #isStopping = false
  /** Until each device that was asked for with the tap is open or refused, what we send is what was announced; but not for long. */
  #isOpening = false
  #isGone = false
  #isShown = false
  readonly #news = new CallNews((leaf) => this.#person(leaf))
  readonly #qualities = new Map<number, Quality>()

  constructor(conversation: CallConversation, options: CallOptions) {
    this.#conversation = conversation
    this.#options = options
    this.#thrift = thriftFrom(options.beginsAt ?? "full")
    this.#isBusy = options.isBusy ?? false
    this.#connections = new Connections(
      {
        described: (leaf, generation, revision, sdp, candidates) => {
          this.#with((session) => session.localDescription(leaf, generation, revision, sdp, candidates, this.#clock.now()))
        },
        trickled: (leaf, generation, revision, candidates) => {
          this.#with((session) => session.localCandidates(leaf, generation, revision, candidates, this.#clock.now()))
        },
        connected: (leaf, generation) => {
          this.#with((session) => session.peerConnected(leaf, generation, this.#clock.now()))
        },
        failed: (leaf, generation) => {
          this.#with((session) => session.peerFailed(leaf, generation, this.#clock.now()))
        },
        unroutable: (_, why) => {
          this.#unroutable(why)
        },
        changed: () => {
          this.#changed()
        },
      },
      (isRenewal) => this.#route(isRenewal),
      () => this.#media.tracks,
    )
    conversation.listenToCalls({
      callSignal: (sender, data, isLive) => {
        this.#heard(sender, data, isLive)
      },
      roomChanged: () => {
        this.#roomChanged()
      },
      conversationOver: () => {
        this.vanish()
      },
    })
    this.#roomChanged()
    globalThis.addEventListener("online", this.#networkChanged)
  }

  // --- what people tap ---

  /** Rings everybody in the room. Never rejects; what comes of it is in the view. */
  async ring(wish: Wish = {}): Promise<void> {
    if (this.view.phase === "idle") await this.#enter(wish, (session, media) => session.ring(media, this.#clock.now()))
  }

  /** Takes the call that rings. Never rejects. */
  async accept(wish: Wish = {}): Promise<void> {
    if (this.view.phase === "ringing") await this.#enter(wish, (session, media) => session.accept(media, this.#clock.now()))
  }

  /** Goes into the call that others have in this room. Never rejects. */
  async join(wish: Wish = {}): Promise<void> {
    if (this.view.phase === "idle") await this.#enter(wish, (session, media) => session.join(media, this.#clock.now()))
  }

  /** Not now. */
  decline(): void {
    this.#with((session) => (session.state === "ringing" ? session.decline(this.#clock.now()) : []))
  }

  /** Whatever there is of a call, it is over for us; the devices are off when this returns. */
  hangUp(): void {
    this.#leave(null)
  }

  mute(isMuted: boolean): void {
    this.#media.mute(isMuted)
  }

  /** Turns the microphone on where that failed or was not wished for before. Never rejects. */
  async microphone(): Promise<void> {
    await this.#media.microphone()
  }

  /** Turns the camera on, or changes to another. Never rejects. */
  async camera(wish: CameraWish = {}): Promise<void> {
    if (await this.#media.camera(wish)) await this.#spare(withVideoAgain(this.#thrift))
  }

  cameraOff(): void {
    this.#media.stop("camera")
  }

  /** Staff: shows a screen or a window in place of the camera's picture. Never rejects. */
  async screen(): Promise<void> {
    if (await this.#media.screen()) await this.#spare(withVideoAgain(this.#thrift))
  }

  screenOff(): void {
    this.#media.stop("screen")
  }

  /** Which device is used from now on; null is the usual one. Never rejects. */
  async choose(source: Choice, deviceId: string | null): Promise<void> {
    await this.#media.choose(source, deviceId)
  }

  /** Turns one on for ourselves alone. Never rejects. */
  async tryOut(source: Chosen): Promise<void> {
    await this.#media.tryOut(source)
  }

  stopTrying(source?: Chosen): void {
    this.#media.stopTrying(source)
  }

  /** Somebody may ring in a moment: what the relay gives for a call is here then. No device is opened, and nobody is told. */
  prepare(): void {
    if (canConnect() && this.view.phase === "idle") void this.#iceServers()
  }

  /** Whether a call can get through from here, through the same servers. Never rejects. */
  async testRoute(): Promise<RouteResult | "off"> {
    try {
      const ice = await atMost(RELAY_ANSWERS_SECONDS, this.#conversation.iceServers())
      if (ice === undefined) return { isOpen: false, why: "unreachable" }
      return ice.policy === CallPolicy.OFF ? "off" : await testRoute(configurationOf(this.#routeBy(ice)))
    } catch {
      return { isOpen: false, why: "unreachable" }
    }
  }

  /** How the last call ended was read. */
  dismiss(): void {
    this.#news.ending = null
    this.#changed()
  }

  /** Calls of other conversations are in progress: whoever rings is told that we are busy. */
  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy
    this.#session?.setBusy(isBusy)
  }

  /** Whether we let somebody record, or no longer. */
  answerRecording(leaf: number, isGranted: boolean): void {
    this.#news.answered(leaf)
    this.#with((session) => session.answerRecording(leaf, isGranted, this.#clock.now()))
    this.#changed()
  }

  /** Nothing is captured, sent or received any more when this returns, and nothing is told. */
  vanish(): void {
    if (this.#isGone) return
    this.#media.stopAll()
    this.#leave(null)
    this.#isGone = true
    this.#stop()
    globalThis.removeEventListener("online", this.#networkChanged)
  }

  // --- entering and leaving ---

  async #enter(wish: Wish, step: (session: CallSession, media: Media) => readonly Action[]): Promise<void> {
    if (!canConnect()) {
      this.#leave("unsupported")
      return
    }
    const attempt = ++this.#attempt
    this.#begin(wish)
    const isAnswer = this.#session?.state === "ringing"
    // They hear of the tap, and what we offer, while the relay is still being asked; only the way there waits for it.
    if (isAnswer) this.#take(wish, step)
    const ice = (await atMost(RELAY_ANSWERS_SECONDS, this.#iceServers())) ?? "offline"
    if (attempt !== this.#attempt) return
    if (typeof ice === "string") this.#leave(ice, EndReason.FAILED)
    else {
      this.#isDirect = !ice.relayOnly
      if (!isAnswer) this.#take(wish, step)
    }
    this.#changed()
  }

  /** Does what was tapped for. */
  #take(wish: Wish, step: (session: CallSession, media: Media) => readonly Action[]): void {
    this.#isPreparing = false
    const session = this.#session
    if (session === null) {
      this.#leave("offline")
      return
    }
    this.#with(() => begun(session, mediaOf(wish), this.#clock.now(), step))
    if (session.state === "idle") this.#notBegun()
    else this.#prepareConnection(session)
  }

  /** For the first of those who will offer, or be offered to, in a moment; they wait for it less. Nobody hears of it. */
  #prepareConnection({ awaited, peers }: CallSession): void {
    const own = this.#conversation.me?.leafIndex ?? 0
    const whom = awaited.length > 0 ? awaited : peers.map(({ leaf }) => leaf)
    this.#connections.prepare(whom.every((leaf) => offersTo(own, leaf)))
  }

  /** What the tap was for is over: nothing of ours may stay on, and it is told. */
  #notBegun(): void {
    this.#stop()
    this.#news.ending ??= { why: "hungUp", by: null }
  }

  #begin(wish: Wish): void {
    this.#isPreparing = true
    this.#news.ending = null
    const level = this.#options.beginsAt ?? "full"
    this.#thrift = thriftFrom(level)
    // Before there is a connection: it is told how much it may send as it is made.
    void this.#connections.limit(level)
    this.#wakeLock.hold()
    this.#isOpening = true
    const opening = (this.#opening = this.#media.begin(wish))
    void opening.all.then(() => {
      if (this.#opening !== opening) return
      this.#isOpening = false
      this.#tellMedia()
    })
    this.#changed()
  }

  /** Those that we have, or new ones where these may not serve any more, or `isRenewal`. Never rejects. */
  async #iceServers(isRenewal = false): Promise<IceServers | "off" | "offline"> {
    const before = this.#ice
    const asked = before === null || isRenewal || isOld(before) ? this.#askForIce() : before
    // Where the relay gives none now, those of before may still do.
    const ice = (await asked.servers) ?? (await before?.servers) ?? null
    if (ice === null) return "offline"
    return ice.policy === CallPolicy.OFF ? "off" : ice
  }

  #askForIce(): AskedIce {
    const before = this.#ice
    const servers = this.#conversation.iceServers().catch(() => {
      // The next who wants some asks again.
      if (this.#ice === asked) this.#ice = before
      return null
    })
    const asked = { at: Date.now(), servers }
    this.#ice = asked
    return asked
  }

  /** `why` null: because we wanted to. */
  #leave(why: CallEnding | null, reason: EndReason = EndReason.HUNG_UP): void {
    const wasPreparing = this.#isPreparing
    this.#stop()
    this.#with((session) => {
      if (session.state === "idle") return []
      return session.state === "in call" ? session.hangUp(this.#clock.now(), reason) : session.leave(this.#clock.now())
    })
    if (why !== null) this.#news.ending = { why, by: null }
    else if (wasPreparing) this.#news.ending = null
    this.#changed()
  }

  /** Everything of ours is off when this returns. */
  #stop(): void {
    this.#attempt += 1
    this.#isPreparing = false
    this.#isOpening = false
    this.#ice = null
    // Whoever hears that we are gone need not hear that our devices are off.
    this.#isStopping = true
    this.#media.stopCall()
    this.#isStopping = false
    this.#connections.closeAll()
    this.#wakeLock.release()
    clearInterval(this.#meter)
    this.#meter = undefined
    this.#qualities.clear()
    this.#news.forget()
  }

  // --- devices ---

  #captured(isByItself: boolean): void {
    if (this.#isStopping) return
    const { audio, video } = this.#media.tracks
    void this.#connections.send("audio", audio)
    void this.#connections.send("video", video)
    this.#tellMedia(isByItself ? MediaReason.DEVICE : this.#reason)
  }

  /**
   * Of a connection that stands something should be heard. Whoever is still looking for the browser's question sends nothing
   * yet, and says so, or would be taken for a line that lets nothing through.
   */
  #tellWhatIsOpen(): void {
    if (!this.#isOpening) return
    this.#isOpening = false
    this.#tellMedia()
  }

  #tellMedia(reason: MediaReason = MediaReason.CHOSEN): void {
    if (this.#isOpening) {
      this.#changed()
      return
    }
    const { microphone, isMuted, camera, screen } = this.#media.view
    const shows = screen !== null
    const media: Media = { audio: microphone && !isMuted, video: camera !== null && !shows, screen: shows, reason }
    this.#with((session) => {
      const isSame = (["audio", "video", "screen"] as const).every((what) => session.media[what] === media[what])
      const isIn = session.state === "in call" || session.state === "calling"
      return isIn && !isSame ? session.setMedia(media, this.#clock.now()) : []
    })
    this.#changed()
  }

  // --- the session ---

  #roomChanged(): void {
    const { me, participants } = this.#conversation
    if (me === null || this.#isGone) return
    const present = new Map(participants.map((one) => [one.leafIndex, hex(one.deviceKey)]))
    if (this.#session === null) {
      const { timing } = this.#options
      const newCallId = (): Uint8Array => crypto.getRandomValues(new Uint8Array(8))
      const more = timing === undefined ? {} : { timing }
      this.#session = new CallSession({ own: me.leafIndex, present, newCallId, canRestartIce: true, ...more })
      this.#session.setBusy(this.#isBusy)
    } else this.#with((session) => session.members(me.leafIndex, present, this.#clock.now()))
    this.#changed()
  }

  #heard(sender: Participant, data: Uint8Array, isLive: boolean): void {
    const message = readable(data)
    if (message !== null) this.#with((session) => session.receive(sender.leafIndex, message, this.#clock.now(), isLive))
  }

  #with(work: (session: CallSession) => readonly Action[]): void {
    if (this.#session === null || this.#isGone) return
    for (const action of work(this.#session)) this.#do(action)
    clearTimeout(this.#timer)
    const { nextTimer } = this.#session
    if (nextTimer === null) return
    this.#timer = setTimeout(() => {
      this.#with((session) => session.tick(this.#clock.now()))
    }, Math.max(0, nextTimer - this.#clock.now()))
  }

  #do(action: Action): void {
    switch (action.type) {
      case "send":
        this.#conversation.sendCallSignal(encodeCall(action.message), { isEphemeral: action.isEphemeral })
        break
      case "createOffer":
        this.#connections.createOffer(action.peer, action.generation, action.revision, action.restartsIce)
        break
      case "applyDescription":
        this.#connections.applyDescription(action.peer, action.generation, action.revision, action)
        break
      case "addCandidates":
        this.#connections.addCandidates(action.peer, action.generation, action.candidates)
        break
      case "closePeer":
        this.#connections.close(action.peer, action.generation)
        break
      case "stopMedia":
        this.#stop()
        break
      case "tell":
        this.#told(action.event)
        this.#changed()
        break
    }
  }

  #told(event: CallEvent): void {
    this.#news.note(event)
    if (event.type === "ringing") {
      // So that the answer finds them here.
      void this.#iceServers()
    } else if (event.type === "began") this.#measure()
    else if (event.type === "ended") this.#stop()
    else if (event.type === "peerLeft") this.#qualities.delete(event.peer)
  }

  // --- the network ---

  async #route(isRenewal: boolean): Promise<Route> {
    const ice = await this.#iceServers(isRenewal)
    if (typeof ice === "string") throw new Error("there is no way for a call")
    return this.#routeBy(ice)
  }

  #routeBy({ urls, username, credential, relayOnly: isRelayOnly }: IceServers): Route {
    const iceServers = urls.length === 0 ? [] : [{ urls: [...urls], username, credential }]
    // Of a page that may use no device, browsers hide the addresses by which it could be reached directly.
    return { iceServers, isRelayOnly, mayGather: isRelayOnly ? Promise.resolve() : this.#opening.one }
  }

  #unroutable(why: Unroutable): void {
    // One connection had a way, so this is about the other side; the session tries again, and gives up in the end.
    if (this.#session?.peers.some(({ isConnected }) => isConnected) === true) return
    this.#leave(why, EndReason.FAILED)
  }

  readonly #networkChanged = (): void => {
    this.#with((session) => (session.state === "in call" ? session.networkChanged(this.#clock.now()) : []))
  }

  #measure(): void {
    clearInterval(this.#meter)
    this.#meter = setInterval(() => {
      void this.#measured()
    }, MEASURED_EVERY_MS)
  }

  async #measured(): Promise<void> {
    const attempt = this.#attempt
    const readings = await this.#connections.readings()
    if (attempt !== this.#attempt) return
    if (this.#session?.peers.some(({ isConnected }) => isConnected) === true) this.#tellWhatIsOpen()
    const heard: Quality[] = []
    for (const peer of this.#session?.peers ?? []) {
      const pair = readings.get(peer.leaf)
      if (pair === undefined || !peer.isConnected) continue
      this.#with((session) => session.peerAlive(peer.leaf, peer.generation, this.#clock.now()))
      const quality = qualityBetween(...pair)
      this.#qualities.set(peer.leaf, quality)
      // Who has no microphone on is silent for another reason than the network.
      if (peer.media.audio || quality.hears) heard.push(quality)
    }
    const worst = worstOf(heard)
    if (worst !== null) await this.#spare(spared(this.#thrift, worst, this.#media.tracks.video !== null))
    this.#changed()
  }

  async #spare(thrift: Thrift): Promise<void> {
    const before = this.#thrift.level
    this.#thrift = thrift
    if (thrift.level === before || thrift.level === "text") {
      if (thrift.level === "text") this.#leave("network", EndReason.NETWORK)
      return
    }
    await this.#connections.limit(thrift.level)
    if (thrift.level === "audio" && this.#media.tracks.video !== null) {
      this.#reason = MediaReason.NETWORK
      this.#media.stop("screen")
      this.#media.stop("camera")
      this.#reason = MediaReason.CHOSEN
    }
    this.#changed()
  }

  // --- the view ---

  /** How it stands now. */
  get view(): CallView {
    const peers = (this.#session?.peers ?? []).map((peer) => this.#peerView(peer))
    const { level, reason } = this.#thrift
    return {
      phase: this.#isPreparing && this.#session?.state !== "in call" ? "calling" : (this.#session?.state ?? "idle"),
      by: this.#news.ringing?.by ?? null,
      withVideo: this.#news.ringing?.withVideo ?? false,
      peers,
      own: this.#media.view,
      level,
      reason,
      quality: worstOf([...this.#qualities.values()]),
      isDirect: this.#isDirect,
      ending: this.#news.ending,
      running: this.#news.running,
      wouldRecord: peers.filter(({ leaf }) => this.#news.wouldRecord.has(leaf)),
      mayRecord: peers.filter(({ leaf }) => this.#session?.grants.includes(leaf)),
    }
  }

  #peerView(peer: CallSession["peers"][number]): PeerView {
    const streams = this.#connections.streams(peer.leaf)
    return {
      ...this.#person(peer.leaf),
      leaf: peer.leaf,
      state: peer.isConnected ? "connected" : peer.isUnreachable ? "unreachable" : this.#news.stateOf(peer.leaf),
      sending: sendingOf(peer.media),
      sound: streams?.sound ?? null,
      picture: streams?.picture ?? null,
      quality: this.#qualities.get(peer.leaf) ?? null,
      isRecording: this.#news.recording.has(peer.leaf),
    }
  }

  #person(leaf: number): CallPerson {
    const one = this.#conversation.participants.find(({ leafIndex }) => leafIndex === leaf)
    return one === undefined
      ? { key: "", name: null, role: "" }
      : { key: hex(one.deviceKey), name: one.name, role: one.role }
  }

  /** Tells what came of everything that happens in this turn, once. */
  #changed(): void {
    if (this.#isShown || this.#isGone) return
    this.#isShown = true
    queueMicrotask(() => {
      this.#isShown = false
      if (!this.#isGone) this.#options.onChange(this.view)
    })
  }
}

/**
 * What a tap leads to by now. Whoever rang meanwhile is answered, for both have asked for it; what is over is not begun.
 */
function begun(
  session: CallSession,
  media: Media,
  now: number,
  step: (session: CallSession, media: Media) => readonly Action[],
): readonly Action[] {
  try {
    return session.state === "ringing" ? session.accept(media, now) : step(session, media)
  } catch (error) {
    if (error instanceof CallNotAllowed) return []
    throw error
  }
}

function isOld({ at }: AskedIce): boolean {
  // Our clock may have been set back meanwhile.
  return Math.abs(Date.now() - at) > ICE_SERVES_MS
}

function mediaOf({ microphone = true, camera = false }: Wish): Media {
  return { audio: microphone, video: camera, screen: false, reason: MediaReason.CHOSEN }
}

function sendingOf({ audio, video, screen, reason }: Media): Sending {
  const why = reason === MediaReason.NETWORK ? "network" : reason === MediaReason.DEVICE ? "device" : null
  return { audio, video, screen, why }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** Null for what only a newer client understands, and for garbage: a member who sends that has no call, and we go on. */
function readable(data: Uint8Array): CallMessage | null {
  try {
    return decodeCall(data)
  } catch (error) {
    if (error instanceof RemoteMessageError) return null
    throw error
  }
}
