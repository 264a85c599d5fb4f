/**
 * All that the desk knows, and all the ways in which it changes: a pure function of what was and what happened.
 *
 *     accepted or restored ──opened──> a talk ──heard, said, progressed ...──> over ──filed──> gone
 *
 * One talk is shown at a time; in the others what comes is counted as unread. What of it is kept, encrypted, is
 * `saved`; nothing of it goes anywhere else.
 */

import type { Language } from "../../shared/i18n/catalogue.ts"
import type { VerificationBlocked } from "../sdk.ts"

export type Progress = "kept" | "sent" | "delivered" | "read"
/** `held`: the relay answers, and cannot take what is said. */
export type TalkLink = "connected" | "reconnecting" | "held"
export type Presence = "available" | "busy" | "away"

/** A verified member other than ourselves. */
export interface Person {
  /** The device's key in hexadecimal: who it is, whatever name somebody else may bear. */
  readonly key: string
  /** Null: the survivor. */
  readonly name: string | null
  readonly role: string
}

/** Who is proposed, or joins. */
export interface Named {
  readonly name: string
  readonly role: string
}

export type Notice =
  | "joined"
  | "left"
  | "memberDisconnected"
  | "proposed"
  | "welcomed"
  | "declined"
  | "failed"
  | "nobody"
  | "unreadable"
  | "refused"
  | "noteHandedOver"

/** One line of a talk. Times are milliseconds since 1970. */
export type Item =
  | { readonly kind: "own"; readonly id: string; readonly text: string; readonly at: number }
  | { readonly kind: "theirs"; readonly id: string; readonly text: string; readonly at: number; readonly by: Person }
  | { readonly kind: "note"; readonly id: string; readonly text: string; readonly at: number; readonly by: Person }
  | { readonly kind: "notice"; readonly id: string; readonly notice: Notice; readonly name: string; readonly role: string }

/** Why a talk is over: ended by somebody, or stopped for a reason of promise 5, or lost. */
export interface NotYet {
  readonly begins: number
  readonly relayTime: number
}

export type Ending = "handedOver" | "ended" | "replaced" | "stranger" | "disagreement" | "gap" | "forgotten" | "trouble"

/** What was told with the request. */
export interface Asked {
  readonly need: string | null
  readonly language: string | null
  /** These two are missing in what was kept before there were any. */
  readonly preferredGender?: string | null
  readonly region?: string | null
  /** Null: nothing was said of it. */
  readonly urgency: 0 | 1 | 2 | null
  readonly waitedSeconds: number | null
}

/** A request that waits, as everybody sees it. */
export interface Waiting extends Omit<Asked, "waitedSeconds"> {
  /** The conversation's id in hexadecimal. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly since: number
  /** Whether we were with her before. */
  readonly isKnown?: boolean
}

/** A request that is ours to take for a while. */
export interface Offered extends Waiting {
  /** When it goes to somebody else: milliseconds since 1970. */
  readonly until: number
}

/** Asked and being brought in; or why it was not handed over: she said no, nobody came, or there was trouble. */
export type HandOverStage = "going" | "done" | "declined" | "absent" | "failed"
export interface HandingOver {
  readonly who: Named
  readonly stage: HandOverStage
}

/** Of people in the list; each has a name, for who cannot see it. */
export const COLOURS = ["blue", "orange", "green", "purple", "pink", "brown"] as const
export type Colour = (typeof COLOURS)[number]

export interface AskingToJoin extends Named {
  /** Of the device, in hexadecimal. */
  readonly id: string
}

export interface Talk {
  /** The conversation's id in hexadecimal. */
  readonly id: string
  /** By which staff tell their talks apart: she has no name. */
  readonly number: number
  readonly since: number
  readonly asked: Asked | null
  readonly people: readonly Person[]
  readonly items: readonly Item[]
  /** By message id. Kept apart from the messages, for a receipt may be faster than the message's own id. */
  readonly progress: Readonly<Record<string, Progress>>
  readonly typing: readonly Person[]
  /** Who does not confirm to be in this conversation: it may be led apart. */
  readonly unconfirmed: readonly Person[]
  /** False: her device has said that it can take part in no call. */
  readonly hasCalls: boolean
  readonly unread: number
  /** Since when she has waited for an answer, by the clock of this device: milliseconds since 1970; null: she does not. */
  readonly waitsSince: number | null
  /** When staff spoke last; before that, when she asked. The same clock. */
  readonly answeredAt: number
  /** By which staff tell their talks apart, beside the number: chosen here, and nowhere else. Empty: none. */
  readonly nickname: string
  readonly colour: Colour
  readonly link: TalkLink
  /** Whom we asked her to let in; she has not answered yet. */
  readonly proposal: Named | null
  /** Whether a colleague is looked for in the queue. */
  readonly isLooking: boolean
  /** To whom this is being handed over, and how far that is. */
  readonly handOver: HandingOver | null
  readonly ending: { readonly why: Ending; readonly by: string | null } | null
  readonly note: string
}

export const OUTCOMES = ["helped", "referred", "emergency", "left", "unsuitable"] as const
export type Outcome = (typeof OUTCOMES)[number]

/** A note of a talk that is over. */
export interface FiledNote {
  readonly id: string
  readonly at: number
  readonly outcome: Outcome
  readonly text: string
}

export interface DeskState {
  readonly me: Named | null
  readonly isConnected: boolean
  /** Why nobody new can be believed, though the relay answers. */
  readonly verificationBlocked: VerificationBlocked | null
  /** The relay does not take this device, or there is a fault: nothing more will come. */
  readonly isRefused: boolean
  /** Why, if it is that this device's statement has not begun by the relay's clock; both in seconds since 1970. */
  readonly notYet: NotYet | null
  /** Whether the relay offers requests to one after the other; otherwise whoever sees one may take it. */
  readonly makesOffers: boolean
  /** How many wait in all. */
  readonly waiting: number
  /** The next of them, in the order of service. */
  readonly queue: readonly Waiting[]
  readonly offers: readonly Offered[]
  readonly presence: Presence
  /** How many talks at once. */
  readonly capacity: number
  /** For those who prefer one; null: not said. So is the next. */
  readonly gender: string | null
  readonly region: string | null
  /** When the shift ends, in seconds since 1970; 0: not known. Nothing is offered from then on. */
  readonly until: number
  /** Whether this device is woken when somebody waits. */
  readonly isWoken: boolean
  /** Chosen for the console; null: as the browser's. */
  readonly language: Language | null
  /** Whether a tone says that something waits. */
  readonly hasSound: boolean
  readonly isAccepting: boolean
  /** How many who lost their counselor are being asked whether we may go on with them. */
  readonly asked: number
  readonly acceptFailure: "gone" | "unanswered" | "unusable" | "unproven" | "lost" | null
  readonly talks: readonly Talk[]
  readonly shown: string | null
  /** How many talks colleagues have brought us into that we have not joined. */
  readonly invitations: readonly string[]
  /** Supervisors who ask to be brought into a conversation. */
  readonly asking: readonly AskingToJoin[]
  readonly replies: readonly string[]
  readonly filed: readonly FiledNote[]
  readonly tally: Readonly<Partial<Record<Outcome, number>>>
}

/** What is kept for the next time. */
export type Preferences = Pick<
  DeskState,
  "language" | "capacity" | "gender" | "region" | "until" | "isWoken" | "hasSound"
>

export const EMPTY_DESK: DeskState = {
  me: null,
  isConnected: false,
  verificationBlocked: null,
  isRefused: false,
  notYet: null,
  makesOffers: false,
  waiting: 0,
  queue: [],
  offers: [],
  presence: "away",
  capacity: 3,
  gender: null,
  region: null,
  until: 0,
  isWoken: false,
  language: null,
  hasSound: true,
  isAccepting: false,
  asked: 0,
  acceptFailure: null,
  talks: [],
  shown: null,
  invitations: [],
  asking: [],
  replies: [],
  filed: [],
  tally: {},
}

/** By what a person is told apart. */
export type Mark = Pick<Talk, "nickname" | "colour">

export type TalkAction =
  | { readonly type: "linked"; readonly link: TalkLink }
  | { readonly type: "joined" | "left"; readonly person: Person }
  | { readonly type: "callsUnsupported" }
  | { readonly type: "unconfirmed"; readonly people: readonly Person[] }
  | { readonly type: "said"; readonly id: string; readonly text: string; readonly at: number }
  | { readonly type: "heard"; readonly id: string; readonly by: Person; readonly text: string; readonly at: number; readonly came: number; readonly isSeen: boolean }
  | { readonly type: "noteHeard"; readonly id: string; readonly by: Person; readonly text: string; readonly at: number }
  | { readonly type: "handOver"; readonly handOver: HandingOver }
  | { readonly type: "seen" }
  | { readonly type: "unreadable"; readonly by: Person }
  | { readonly type: "progressed"; readonly id: string; readonly progress: Progress }
  | { readonly type: "typing"; readonly person: Person; readonly active: boolean }
  | { readonly type: "proposed"; readonly who: Named }
  | { readonly type: "looking"; readonly isOn: boolean }
  | { readonly type: "noticed"; readonly notice: Notice; readonly who: { readonly name: string | null; readonly role: string } }
  | { readonly type: "decided"; readonly notice: "welcomed" | "declined" | "failed" | "nobody"; readonly who: Named }
  | { readonly type: "over"; readonly why: Ending; readonly by: string | null }
  | { readonly type: "noted"; readonly note: string }
  | ({ readonly type: "marked" } & Mark)

export type DeskAction =
  | { readonly type: "began"; readonly me: Named }
  | { readonly type: "brought"; readonly replies: readonly string[]; readonly filed: readonly FiledNote[]; readonly tally: DeskState["tally"] }
  | { readonly type: "connection"; readonly isConnected: boolean; readonly isRefused: boolean; readonly notYet: NotYet | null; readonly verificationBlocked: VerificationBlocked | null }
  | { readonly type: "listed"; readonly waiting: number; readonly queue: readonly Waiting[]; readonly makesOffers: boolean }
  | { readonly type: "offered"; readonly offers: readonly Offered[] }
  | { readonly type: "presence"; readonly presence: Presence }
  | { readonly type: "preferred"; readonly preferences: Partial<Preferences> }
  | { readonly type: "accepting" }
  | { readonly type: "asked"; readonly count: number }
  | { readonly type: "accepted"; readonly failure: DeskState["acceptFailure"] }
  | { readonly type: "opened"; readonly talk: Talk; readonly isShown: boolean }
  | { readonly type: "shown"; readonly id: string | null }
  | { readonly type: "talk"; readonly id: string; readonly action: TalkAction }
  | { readonly type: "invited" | "invitationOver"; readonly id: string }
  | { readonly type: "joinAsked"; readonly asking: AskingToJoin }
  | { readonly type: "askOver"; readonly id: string }
  | { readonly type: "replies"; readonly replies: readonly string[] }
  | { readonly type: "filed"; readonly id: string; readonly outcome: Outcome; readonly note: FiledNote | null }
  | { readonly type: "noteDropped"; readonly id: string }

/** A talk that has just begun. Whoever asked has waited since then. */
export function newTalk(id: string, number: number, since: number, asked: Asked | null, people: readonly Person[]): Talk {
  const askedAt = since - (asked?.waitedSeconds ?? 0) * 1000
  return {
    id,
    number,
    since,
    asked,
    people,
    items: [],
    progress: {},
    typing: [],
    unconfirmed: [],
    hasCalls: true,
    unread: 0,
    waitsSince: asked === null ? null : askedAt,
    answeredAt: askedAt,
    nickname: "",
    colour: COLOURS[(number - 1) % COLOURS.length] ?? COLOURS[0],
    link: "connected",
    proposal: null,
    isLooking: false,
    handOver: null,
    ending: null,
    note: "",
  }
}

/** A talk that has just begun; or that was over for us, where what was said before stays, and the note. */
export function begunTalk({ talks }: DeskState, id: string, since: number, asked: Asked | null): Talk {
  const before = talks.find((talk) => talk.id === id)
  if (before === undefined) return newTalk(id, freeNumber(talks), since, asked, [])
  const { waitsSince, answeredAt } = newTalk(id, before.number, since, asked, [])
  return { ...before, waitsSince, answeredAt, ending: null, handOver: null, proposal: null, isLooking: false, typing: [], unconfirmed: [] }
}

/** What follows from `state` when `action` happens. */
export function reduceDesk(state: DeskState, action: DeskAction): DeskState {
  switch (action.type) {
    case "began":
      return { ...state, me: action.me }
    case "brought":
      return { ...state, replies: action.replies, filed: action.filed, tally: action.tally }
    case "connection":
      return { ...state, isConnected: action.isConnected, isRefused: action.isRefused, notYet: action.notYet, verificationBlocked: action.verificationBlocked }
    case "listed":
      return { ...state, waiting: action.waiting, queue: action.queue, makesOffers: action.makesOffers }
    case "offered":
      return { ...state, offers: action.offers }
    case "presence":
      return { ...state, presence: action.presence }
    case "preferred":
      return { ...state, ...action.preferences }
    case "accepting":
      return { ...state, isAccepting: true, acceptFailure: null }
    case "asked":
      // While she is asked, others may be taken.
      return { ...state, asked: action.count, isAccepting: action.count > state.asked ? false : state.isAccepting }
    case "accepted":
      return { ...state, isAccepting: false, acceptFailure: action.failure }
    case "opened":
      return opened(state, action.talk, action.isShown)
    case "shown":
      return { ...state, shown: state.talks.some(({ id }) => id === action.id) ? action.id : null }
    case "talk":
      return { ...state, talks: state.talks.map((talk) => (talk.id === action.id ? reduceTalk(talk, action.action) : talk)) }
    case "joinAsked":
      return { ...state, asking: [...state.asking.filter(({ id }) => id !== action.asking.id), action.asking] }
    case "askOver":
      return { ...state, asking: state.asking.filter(({ id }) => id !== action.id) }
    case "invited":
      return { ...state, invitations: [...state.invitations.filter((id) => id !== action.id), action.id] }
    case "invitationOver":
      return { ...state, invitations: state.invitations.filter((id) => id !== action.id) }
    case "replies":
      return { ...state, replies: action.replies }
    case "filed":
      return filed(state, action)
    case "noteDropped":
      return { ...state, filed: state.filed.filter(({ id }) => id !== action.id) }
  }
}

/** The smallest number that no talk has. */
export function freeNumber(talks: readonly Talk[]): number {
  let number = 1
  while (talks.some((talk) => talk.number === number)) number += 1
  return number
}

/** Talks that go on. */
export const openTalks = (state: DeskState): readonly Talk[] => state.talks.filter(({ ending }) => ending === null)

/** How many messages nobody has looked at. */
const unreadIn = (state: DeskState): number => state.talks.reduce((sum, { unread }) => sum + unread, 0)

/** How many things want to be looked at: messages, whom we may take, where colleagues have brought us. */
export function wantsAttention(state: DeskState): number {
  const mayTake = state.makesOffers ? 0 : state.waiting
  return unreadIn(state) + (state.presence === "available" ? mayTake : 0) + state.offers.length + state.invitations.length + state.asking.length
}

/** As the list shows them: danger first, then by how long she has waited for an answer; what is over is last. */
export function inOrder(talks: readonly Talk[]): readonly Talk[] {
  const rank = ({ ending, asked }: Talk): number => (ending !== null ? 2 : asked?.urgency === IN_DANGER ? 0 : 1)
  const waits = ({ waitsSince }: Talk): number => waitsSince ?? Number.MAX_SAFE_INTEGER
  const urgency = ({ asked }: Talk): number => asked?.urgency ?? 0
  return [...talks].sort(
    (one, other) =>
      rank(one) - rank(other) || waits(one) - waits(other) || urgency(other) - urgency(one) || one.since - other.since,
  )
}

const IN_DANGER = 2

/** The talk `by` places further on in the list, around its end; null if there is none. */
export function neighbour(state: DeskState, by: 1 | -1): string | null {
  const { shown } = state
  const talks = inOrder(state.talks)
  const at = talks.findIndex(({ id }) => id === shown)
  const next = at === -1 ? 0 : (at + by + talks.length) % talks.length
  return talks[next]?.id ?? null
}

export interface Found {
  readonly talk: Talk
  readonly item: Exclude<Item, { kind: "notice" }>
}

const MOST_FOUND = 50

/** Messages of all talks that hold `text`, whatever its case and accents; the newest first, 50 at most. */
export function search(talks: readonly Talk[], text: string): readonly Found[] {
  const wanted = folded(text.trim())
  if (wanted === "") return []
  const found = talks.flatMap((talk) =>
    talk.items.flatMap((item) => (item.kind !== "notice" && folded(item.text).includes(wanted) ? [{ talk, item }] : [])),
  )
  return found.sort((one, other) => other.item.at - one.item.at).slice(0, MOST_FOUND)
}

const folded = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()

function opened(state: DeskState, talk: Talk, isShown: boolean): DeskState {
  const talks = [...state.talks.filter(({ id }) => id !== talk.id), talk]
  return { ...state, talks: talks.sort((one, other) => one.since - other.since), shown: isShown ? talk.id : state.shown }
}

function filed(state: DeskState, { id, outcome, note }: DeskAction & { type: "filed" }): DeskState {
  return {
    ...state,
    talks: state.talks.filter((talk) => talk.id !== id),
    shown: state.shown === id ? null : state.shown,
    filed: note === null ? state.filed : [note, ...state.filed],
    tally: { ...state.tally, [outcome]: (state.tally[outcome] ?? 0) + 1 },
  }
}

function reduceTalk(talk: Talk, action: TalkAction): Talk {
  switch (action.type) {
    case "linked":
      return { ...talk, link: action.link }
    case "joined":
      return joined(talk, action.person)
    case "left":
      return left(talk, action.person)
    case "callsUnsupported":
      return { ...talk, hasCalls: false }
    case "unconfirmed":
      return { ...talk, unconfirmed: action.people }
    case "said":
      return answered({ ...talk, items: [...talk.items, { kind: "own", id: action.id, text: action.text, at: action.at }] }, action.at)
    case "heard":
      return heard(talk, action)
    case "noteHeard":
      return withNote(talk, action)
    case "handOver":
      return handedOver(talk, action.handOver)
    case "seen":
      return talk.unread === 0 ? talk : { ...talk, unread: 0 }
    case "unreadable":
      return withNotice(talk, "unreadable", action.by)
    case "progressed":
      return progressed(talk, action.id, action.progress)
    case "typing":
      return { ...talk, typing: typing(talk.typing, action.person, action.active) }
    case "proposed":
      return { ...talk, proposal: action.who }
    case "looking":
      return { ...talk, isLooking: action.isOn }
    case "noticed":
      return withNotice(talk, action.notice, action.who)
    case "decided":
      return withNotice({ ...talk, proposal: withoutNamed(talk.proposal, action.who) }, action.notice, action.who)
    case "over":
      // The first reason is the true one: what follows it is its consequence.
      return talk.ending === null
        ? { ...talk, ending: { why: action.why, by: action.by }, typing: [], proposal: null, isLooking: false }
        : talk
    case "noted":
      return { ...talk, note: action.note }
    case "marked":
      return { ...talk, nickname: action.nickname, colour: action.colour }
  }
}

function joined(talk: Talk, person: Person): Talk {
  if (talk.people.some(({ key }) => key === person.key)) return talk
  return withNotice({ ...talk, people: [...talk.people, person] }, "joined", person)
}

function left(talk: Talk, person: Person): Talk {
  const people = talk.people.filter(({ key }) => key !== person.key)
  return withNotice({ ...talk, people, typing: typing(talk.typing, person, false) }, "left", person)
}

function answered(talk: Talk, at: number): Talk {
  return { ...talk, waitsSince: null, answeredAt: at }
}

/**
 * What was sent while this console was locked came late, so her clock counts; where that is wrong, she has waited since
 * our last answer at most, and not in the future.
 */
function waiting(talk: Talk, sent: number, came: number): Talk {
  return { ...talk, waitsSince: talk.waitsSince ?? Math.min(Math.max(sent, talk.answeredAt), came) }
}

function heard(talk: Talk, { id, by, text, at, came, isSeen }: TalkAction & { type: "heard" }): Talk {
  if (talk.items.some((item) => item.id === id)) return talk
  return {
    ...(by.name === null ? waiting(talk, at, came) : answered(talk, came)),
    items: [...talk.items, { kind: "theirs", id, by, text, at }],
    typing: typing(talk.typing, by, false),
    unread: isSeen ? talk.unread : talk.unread + 1,
  }
}

function withNote(talk: Talk, { id, by, text, at }: TalkAction & { type: "noteHeard" }): Talk {
  if (talk.items.some((item) => item.id === id)) return talk
  return { ...talk, items: [...talk.items, { kind: "note", id, by, text, at }] }
}

function handedOver(talk: Talk, handOver: HandingOver): Talk {
  if (handOver.stage !== "done") return { ...talk, handOver }
  // That the conversation ended here is only how handing over ends.
  return { ...talk, handOver, ending: { why: "handedOver", by: handOver.who.name }, typing: [], proposal: null }
}

function withNotice(talk: Talk, notice: Notice, { name, role }: { readonly name: string | null; readonly role: string }): Talk {
  const id = `notice-${talk.items.length}`
  return { ...talk, items: [...talk.items, { kind: "notice", id, notice, name: name ?? "", role }] }
}

function withoutNamed(proposal: Named | null, { name, role }: Named): Named | null {
  return proposal?.name === name && proposal.role === role ? null : proposal
}

const ORDER: readonly Progress[] = ["kept", "sent", "delivered", "read"]

function progressed(talk: Talk, id: string, progress: Progress): Talk {
  const before = talk.progress[id] ?? "kept"
  if (ORDER.indexOf(progress) <= ORDER.indexOf(before)) return talk
  return { ...talk, progress: { ...talk.progress, [id]: progress } }
}

function typing(before: readonly Person[], person: Person, active: boolean): readonly Person[] {
  const others = before.filter(({ key }) => key !== person.key)
  return active ? [...others, person] : others
}
