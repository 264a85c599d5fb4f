/**
 * A conversation log in memory, by the relay's rules, that a test can make misbehave; and people to sit at it.
 *
 * Members are connected by hand: `connect` subscribes and delivers what is there, `pump` carries everything that anybody
 * wants to send until all is quiet. Mirrors tests/support/clients/scripted_log.py.
 */

import { AuthenticationService } from "../src/trust/authenticationService.ts"
import type { ConversationFrame } from "../src/conversation/conversationFrame.ts"
import { ConversationState } from "../src/conversation/conversationState.ts"
import { confirmation, signToken } from "../src/credentials/jsonWebToken.ts"
import { encodeCredential } from "../src/credentials/staffStatement.ts"
import type { StateEvent } from "../src/events.ts"
import { HandOverNotes } from "../src/conversation/handOverNotes.ts"
import { generateSigner, type Signer } from "../src/hazmat/ed25519.ts"
import { sha256, toHex, utf8 } from "../src/hazmat/bytes.ts"
import { MlsGroup, newKeyPackage } from "../src/mls/group.ts"
import { BASIC_CREDENTIAL_TYPE, STAFF_CREDENTIAL_TYPE, type KeyPackageBundle } from "../src/mls/keyPackageBundle.ts"
import { CLASSIC_SUITE } from "../src/mls/suites.ts"
import {
  Accepted,
  Entry,
  EntryKind,
  EphemeralEntry,
  ErrorCode,
  ErrorFrame,
  Subscribed,
  type Append,
  type ClientFrame,
} from "../src/relay/frames.ts"
import { verifyRoom } from "../src/group/room.ts"

export const NOW = Math.floor(Date.now() / 1000)
export const CONVERSATION = utf8("conversation id!")
const DAY = 24 * 3600

/** What a dishonest relay makes of an entry on its way to somebody. */
export type Tamper = (entry: Entry) => readonly Entry[]

/** Which entries it keeps back from somebody, so that the places of all others, her own too, close the gap. */
export type Withhold = (entry: Entry) => boolean

/** An honest relay keeps nothing back. */
export const nothing: Withhold = () => false

/** One member's connection. */
export class Seat {
  isConnected = false
  counter = 0
  tamper: Tamper = (entry) => [entry]
  withholds = nothing
  withheld = 0
  readonly sent: ClientFrame[] = []

  constructor(
    readonly state: ConversationState,
    readonly number: number,
  ) {}

  /** The events since the last time. */
  collect(): StateEvent[] {
    return this.state.takeEvents()
  }
}

/** The log, its epoch, and who is connected. */
export class ScriptedLog {
  readonly entries: Entry[] = []
  readonly seats: Seat[] = []
  epoch = 0
  /** Everybody's clock (seconds); it stands still unless a test moves it. */
  now = NOW
  /** Appends are accepted and the Accepted is lost. */
  losesAnswers = false
  /** The conversation is known no more. */
  isLost = false
  readonly #apart: ScriptedLog[] = []

  seat(state: ConversationState, number: number): Seat {
    const seat = new Seat(state, number)
    this.seats.push(seat)
    return seat
  }

  /** Subscribe after what the member has read, and deliver what is there. */
  async connect(seat: Seat): Promise<void> {
    seat.isConnected = true
    const after = seat.state.cursor + seat.withheld
    const { counter, number: member } = seat
    const lastSeq = this.entries.length - seat.withheld - this.entries.slice(after).filter(seat.withholds).length
    const { epoch } = this
    const subscribed = { ref: 1, conversationId: CONVERSATION, member, epoch, lastSeq, firstSeq: 1, counter }
    await seat.state.connected(Subscribed(subscribed), this.now)
    for (const entry of this.entries.slice(after)) await this.#deliver(seat, entry)
  }

  /** Cut the connection; what the member wanted to send just now is lost. */
  disconnect(seat: Seat): void {
    seat.isConnected = false
    seat.state.disconnected()
  }

  /** From now on this member has a log of its own, as has everybody else: the relay leads them apart. */
  fork(seat: Seat): void {
    const apart = new ScriptedLog()
    apart.entries.push(...this.entries)
    apart.epoch = this.epoch
    apart.now = this.now
    apart.seats.push(...this.seats.splice(this.seats.indexOf(seat), 1))
    this.#apart.push(apart)
  }

  /** Time passes, and everybody who is connected looks at the clock every few seconds. */
  async passes(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 5) {
      this.now += Math.min(left, 5)
      for (const seat of this.seats) await seat.state.watch(this.now)
    }
    for (const apart of this.#apart) await apart.passes(seconds)
  }

  /** Carry frames until nobody has any. */
  async pump(): Promise<void> {
    for (const apart of this.#apart) await apart.pump()
    for (let carried = 1; carried > 0; ) {
      carried = 0
      for (const seat of this.seats.filter((one) => one.isConnected)) carried += await this.#carry(seat)
    }
  }

  async #carry(seat: Seat): Promise<number> {
    const frames = seat.state.takeFrames()
    seat.sent.push(...frames)
    for (const frame of frames) {
      if (frame.type === "append") await this.append(seat, frame)
      if (frame.type !== "ephemeral") continue
      const { payload } = frame
      const passedOn = EphemeralEntry({ conversationId: CONVERSATION, member: seat.number, payload })
      for (const other of this.#others(seat)) await other.state.receive(passedOn, this.now)
    }
    return frames.length
  }

  /** As the relay's script: counter first, then epoch, then everything at once. */
  async append(seat: Seat, append: Append): Promise<void> {
    const { counter } = append
    const conversationId = CONVERSATION
    if (this.isLost) {
      await this.#answer(seat, refusal(ErrorCode.UNKNOWN_CONVERSATION, counter, 0))
    } else if (counter <= seat.counter) {
      await this.#answer(seat, Accepted({ conversationId, counter, seq: 0 }))
    } else if (counter > seat.counter + 1) {
      await this.#answer(seat, refusal(ErrorCode.COUNTER_GAP, counter, seat.counter + 1))
    } else if (append.epoch !== this.epoch) {
      await this.#answer(seat, refusal(ErrorCode.WRONG_EPOCH, counter, this.epoch))
    } else {
      await this.#put(seat, append)
    }
  }

  async #put(seat: Seat, append: Append): Promise<void> {
    const { counter, epoch, kind, payload, welcome } = append
    const seq = this.entries.length + 1
    const common = { conversationId: CONVERSATION, member: seat.number, epoch }
    seat.counter = counter
    await this.#publish(seat, Entry({ ...common, seq, counter, kind, payload }))
    if (kind === EntryKind.COMMIT) this.epoch += 1
    if (welcome !== null) {
      const entry = Entry({ ...common, seq: seq + 1, counter: 0, kind: EntryKind.WELCOME, payload: welcome })
      await this.#publish(seat, entry)
    }
    if (!this.losesAnswers) await this.#answer(seat, Accepted({ conversationId: CONVERSATION, counter, seq }))
  }

  async #publish(seat: Seat, entry: Entry): Promise<void> {
    this.entries.push(entry)
    for (const other of this.#others(seat)) await this.#deliver(other, entry)
  }

  #others(seat: Seat): readonly Seat[] {
    return this.seats.filter((other) => other !== seat && other.isConnected)
  }

  async #deliver(seat: Seat, entry: Entry): Promise<void> {
    if (seat.withholds(entry)) {
      seat.withheld += 1
      return
    }
    for (const made of seat.tamper({ ...entry, seq: entry.seq - seat.withheld })) await seat.state.receive(made, this.now)
  }

  async #answer(seat: Seat, frame: ConversationFrame): Promise<void> {
    if (!seat.isConnected) return
    const isPlaced = frame.type === "accepted" && frame.seq > 0
    await seat.state.receive(isPlaced ? { ...frame, seq: frame.seq - seat.withheld } : frame, this.now)
  }
}

function refusal(code: ErrorCode, counter: number, expected: number): ErrorFrame {
  return ErrorFrame({ code, detail: "", conversationId: CONVERSATION, counter, expected })
}

/** The root's authority statement, of some days ago, by which no issuer counts and every list does. */
export function authorityStatement(id: string, root: Signer): Promise<string> {
  const iat = NOW - 4 * DAY
  const claims = { iss: id, iat, exp: iat + 92 * DAY, version: 1, issuers: [], least: 0 }
  return signToken("teduh-authority+jwt", claims, root)
}

/** Signs for its staff with a root key in memory. */
export class TestOrganisation {
  readonly id = "rumah-aman"
  #version = 0

  private constructor(
    readonly root: Signer,
    readonly service: AuthenticationService,
  ) {}

  static async make(): Promise<TestOrganisation> {
    const root = await generateSigner()
    const service = AuthenticationService.of({ id: "rumah-aman", name: "Rumah Aman", rootPublicKey: root.publicKey })
    const organisation = new TestOrganisation(root, service)
    await organisation.revoke()
    return organisation
  }

  /** Publish a list that revokes these staff ids, and nobody else. */
  async revoke(...subjects: readonly string[]): Promise<void> {
    this.#version += 1
    const times = { iat: NOW - 60, exp: NOW + DAY / 2, version: this.#version }
    const claims = { iss: this.id, ...times, statements: [], subjects, devices: [] }
    const list = await signToken("teduh-revocations+jwt", claims, this.root)
    await this.service.adoptRevocations({ list, authority: await authorityStatement(this.id, this.root) }, NOW)
  }

  async staff(name: string, role = "counselor", valid = { nbf: NOW - 300, exp: NOW + DAY }): Promise<StaffDevice> {
    const signer = await generateSigner()
    const who = { sub: `staff-${name}`, name, role, languages: ["id"], skills: [] }
    const times = { ...valid, jti: toHex(crypto.getRandomValues(new Uint8Array(16))) }
    const claims = { iss: this.id, ...who, ...times, cnf: confirmation(signer.publicKey) }
    const statement = await signToken("teduh-staff+jwt", claims, this.root)
    return new StaffDevice(this, name, role, signer, statement)
  }

  /** A survivor who has asked, and her key package. */
  async survivor(canCall = true): Promise<{ state: ConversationState; bundle: KeyPackageBundle }> {
    const credential = { credentialType: BASIC_CREDENTIAL_TYPE, content: crypto.getRandomValues(new Uint8Array(16)) }
    const bundle = await newKeyPackage(CLASSIC_SUITE, credential, await generateSigner(), NOW)
    const identity = { signatureKey: bundle.signer.publicKey, isSurvivor: true, bundles: [bundle], canCall }
    return { state: new ConversationState(CONVERSATION, identity, verifyRoom(this.service)), bundle }
  }
}

/** A staff member's device, with a statement of the organisation. */
export class StaffDevice {
  constructor(
    readonly organisation: TestOrganisation,
    readonly name: string,
    readonly role: string,
    readonly signer: Signer,
    readonly statement: string,
  ) {}

  get identity(): { credential: { credentialType: number; content: Uint8Array }; signer: Signer } {
    const content = encodeCredential({ statement: this.statement, issuerStatement: undefined })
    return { credential: { credentialType: STAFF_CREDENTIAL_TYPE, content }, signer: this.signer }
  }

  async who(): Promise<{ deviceId: Uint8Array; name: string; role: string }> {
    return { deviceId: await sha256(this.signer.publicKey), name: this.name, role: this.role }
  }

  keyPackage(): Promise<KeyPackageBundle> {
    return newKeyPackage(CLASSIC_SUITE, this.identity.credential, this.signer, NOW)
  }

  state(bundles: readonly KeyPackageBundle[] = []): ConversationState {
    const identity = { signatureKey: this.signer.publicKey, isSurvivor: false, bundles }
    return new ConversationState(CONVERSATION, identity, verifyRoom(this.organisation.service), new HandOverNotes())
  }
}

/** A survivor (member 0) and a counselor (member 1) who are talking; the events of coming together are taken. */
export class Pair {
  private constructor(
    readonly organisation: TestOrganisation,
    readonly log: ScriptedLog,
    readonly survivor: Seat,
    readonly counselor: Seat,
    readonly device: StaffDevice,
  ) {}

  /** Two who have just come together, of which the relay keeps something back from the survivor. */
  static async talking(withholds = nothing, canCall = true): Promise<Pair> {
    const organisation = await TestOrganisation.make()
    const log = new ScriptedLog()
    const { state, bundle } = await organisation.survivor(canCall)
    const survivor = log.seat(state, 0)
    survivor.withholds = withholds
    await log.connect(survivor)
    const device = await organisation.staff("Sari")
    const counselor = log.seat(device.state(), 1)
    counselor.isConnected = true
    const group = await MlsGroup.create(CLASSIC_SUITE, CONVERSATION, device.identity)
    const change = { type: "addMember", keyPackage: bundle.published, byCapability: true } as const
    await counselor.state.create(group, 1, change, NOW)
    await log.pump()
    survivor.collect()
    counselor.collect()
    return new Pair(organisation, log, survivor, counselor, device)
  }

  /** Have the survivor accept that the counselor brings this device in. */
  async accept(device: StaffDevice, accepted = true): Promise<void> {
    const invitation = await this.counselor.state.invite(await device.who(), "she knows the law", NOW)
    await this.log.pump()
    await this.survivor.state.answer(invitation, accepted, NOW)
    await this.log.pump()
  }

  /**
   * Have the counselor add a colleague whom the survivor has accepted; returns her seat, connected. `meanwhile` is what
   * the survivor says as the commit is made: it comes into the log before that.
   */
  async addInvited(
    device: StaffDevice,
    number = 2,
    { meanwhile = "", withholds = nothing }: { meanwhile?: string | undefined; withholds?: Withhold } = {},
  ): Promise<Seat> {
    const bundle = await device.keyPackage()
    await this.accept(device)
    await this.counselor.state.change({ type: "addMember", keyPackage: bundle.published, byCapability: false }, NOW)
    if (meanwhile !== "") await this.survivor.state.sendText(meanwhile, NOW)
    await this.log.pump()
    const state = device.state([bundle])
    const welcome = this.log.entries.findLast(({ kind }) => kind === EntryKind.WELCOME)
    state.startAfter((welcome?.seq ?? 0) - 1)
    const seat = this.log.seat(state, number)
    seat.withholds = withholds
    await this.log.connect(seat)
    await this.log.pump()
    return seat
  }
}
