/**
 * Survivors and staff of the TypeScript SDK in Node, led by a test of another language over standard input and output.
 *
 *     in    {"id": 1, "do": "send", "conversation": 0, "text": "Hello"}
 *     out   {"id": 1, "result": "00ff..."}   or   {"id": 1, "error": "ConversationOver", "detail": "..."}
 *     out   {"conversation": 0, "event": {"type": "sent", "messageId": "00ff..."}}
 *
 * Bytes are hexadecimal.
 */

import { createInterface } from "node:readline"

import { WebSocket } from "ws"

import { keepStatement } from "../../src/device/device.ts"
import { toHex } from "../../src/hazmat/bytes.ts"
import {
  enrolDevice,
  MemoryKeyStore,
  readOrganisation,
  Staff,
  Survivor,
  type Conversation,
  type Enrolment,
  type Event,
  type Organisation,
} from "../../src/index.ts"
import { RemoteError } from "../../src/cryptoErrors.ts"
import { MlsGroup } from "../../src/mls/group.ts"

interface Command {
  readonly id: number
  readonly do: string
  readonly url?: string
  readonly organisation?: unknown
  readonly suite?: number
  readonly details?: object
  readonly conversation?: number
  readonly text?: string
  readonly active?: boolean
  readonly privateKey?: string
  readonly statement?: string
  readonly publicKey?: string
  readonly secret?: string
  readonly capacity?: number
  readonly name?: string
  readonly language?: string
  readonly within?: number
  readonly reason?: string
  readonly code?: string
  readonly payload?: string
}

// Node 20 has no WebSocket of its own.
Object.assign(globalThis, { WebSocket })

const clients: (Survivor | Staff)[] = []
const store = new MemoryKeyStore()
let enrolment: Enrolment | null = null
let stolen: MlsGroup | null = null
const conversations: Conversation[] = []
const latest = new Map<string, Event>()

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what, (_, value: unknown) => plain(value))}\n`)
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (value instanceof Error) return `${value.constructor.name}: ${value.message}`
  return value
}

async function tell(conversation: Conversation, number: number): Promise<void> {
  for await (const event of conversation) {
    latest.set(`${number} ${event.type}`, event)
    say({ conversation: number, event })
  }
}

function begin(conversation: Conversation): number {
  const number = conversations.push(conversation) - 1
  conversation.listenToCalls({
    callSignal: (sender, data, isLive) => {
      say({ conversation: number, event: { type: "callSignal", sender: String(sender), data, isLive } })
    },
    roomChanged: () => undefined,
    conversationOver: () => undefined,
  })
  void tell(conversation, number)
  return number
}

function organisationOf(command: Command): Organisation {
  return readOrganisation(command.organisation)
}

function conversationOf(command: Command): Conversation {
  const conversation = conversations[command.conversation ?? 0]
  if (conversation === undefined) throw new TypeError("no such conversation")
  return conversation
}

function latestOf<Type extends Event["type"]>(command: Command, type: Type): Extract<Event, { type: Type }> {
  const event = latest.get(`${command.conversation ?? 0} ${type}`)
  if (event?.type !== type) throw new TypeError(`there was no ${type}`)
  return event as Extract<Event, { type: Type }>
}

function staffOf(): Staff {
  const staff = clients.findLast((client) => client instanceof Staff)
  if (staff === undefined) throw new TypeError("no staff device was opened")
  return staff
}

async function openStaff(command: Command): Promise<void> {
  const staff = await Staff.open(command.url ?? "", organisationOf(command), store)
  clients.push(staff)
  await staff.restored()
  for (const conversation of [...staff.conversations, ...staff.lost]) begin(conversation)
}

async function invite(command: Command): Promise<string> {
  const colleague = (await staffOf().colleagues()).find(({ name }) => name === command.name)
  if (colleague === undefined) throw new TypeError("there is no such colleague")
  return String(await conversationOf(command).invite(colleague, command.reason))
}

async function joinInvited(): Promise<number> {
  for await (const invited of staffOf().invitations()) return begin(await invited.join())
  throw new TypeError("there are always invitations")
}

async function acceptRequest({ capacity = 3 }: Command): Promise<number> {
  for await (const request of staffOf().requests({ capacity })) return begin(await request.accept())
  throw new TypeError("there are always requests")
}

/** Copy the state of the group as it is at this moment. */
async function steal(command: Command): Promise<void> {
  const { group, identity } = conversationOf(command).state.membership
  if (group === null) throw new TypeError("there is no group")
  const sign = () => Promise.reject(new TypeError("a thief only reads"))
  stolen = await MlsGroup.fromBytes(group.toBytes(), { publicKey: identity.signatureKey, sign })
}

/** What the copied state makes of a payload; it goes along with commits. */
async function readStolen({ payload = "" }: Command): Promise<string> {
  if (stolen === null) throw new TypeError("nothing was stolen")
  try {
    const { group, received } = await stolen.unprotect(bytesOf(payload), Math.floor(Date.now() / 1000))
    stolen = group
    return received.kind
  } catch (error) {
    if (error instanceof RemoteError) return "nothing"
    throw error
  }
}

async function requireEnrolment(): Promise<Enrolment> {
  return enrolment ?? Promise.reject(new TypeError("nothing was submitted"))
}

function survivorOf(): Survivor {
  const survivor = clients.find((client) => client instanceof Survivor)
  if (survivor === undefined) throw new TypeError("no survivor was opened")
  return survivor
}

function bytesOf(hexadecimal: string): Uint8Array {
  return new Uint8Array(Buffer.from(hexadecimal, "hex"))
}

const commands: Readonly<Record<string, (command: Command) => unknown>> = {
  openSurvivor: async (command) => {
    const { url = "", suite } = command
    clients.push(await Survivor.open(url, organisationOf(command), suite === undefined ? {} : { suite }))
  },
  haveDevice: async ({ privateKey = "", statement = "" }) => {
    await store.put("device_private_key", bytesOf(privateKey))
    await keepStatement(store, { statement, issuerStatement: undefined })
  },
  setClock: ({ within: ahead = 0 }) => {
    const read = Date.now.bind(Date)
    Date.now = () => read() + 1000 * ahead
  },
  openStaff,
  acceptRequest,
  claim: async () => begin(await staffOf().claim()),
  setAvailable: ({ capacity = 1 }) => staffOf().setAvailable(capacity),
  pushKey: () => staffOf().routing.pushKey(),
  subscribePush: ({ url = "", publicKey = "", secret = "" }) =>
    staffOf().routing.subscribePush({ endpoint: url, publicKey: bytesOf(publicKey), secret: bytesOf(secret) }),
  unsubscribePush: () => staffOf().routing.unsubscribePush(),
  steal,
  readStolen,
  colleagues: async () => (await staffOf().colleagues()).map(({ name, role }) => `${name} (${role})`),
  invite,
  inviteRole: async (command) => {
    const { name = "", reason = "", language = null, within } = command
    const how = { reason, language, ...(within === undefined ? {} : { within }) }
    return String(await staffOf().inviteRole(conversationOf(command), name, how))
  },
  inviteFromQueue: async (command) => {
    const { details = {}, reason } = command
    return String(await conversationOf(command).inviteFromQueue(details, reason))
  },
  joinInvited,
  aboutMe: () => ({ name: staffOf().name, role: staffOf().role }),
  enrol: async (command) => {
    enrolment = await enrolDevice(command.url ?? "", organisationOf(command), command.code ?? "", store)
    return enrolment.words.en
  },
  waitForApproval: async () => (await requireEnrolment()).wait(),
  ask: async ({ details = {} }) => begin(await survivorOf().ask(details)),
  send: (command) => conversationOf(command).send(command.text ?? ""),
  sendCallSignal: (command) => {
    const data = bytesOf(command.text ?? "")
    conversationOf(command).sendCallSignal(data, { isEphemeral: command.active ?? false })
  },
  typing: (command) => conversationOf(command).typing(command.active),
  joined: (command) => conversationOf(command).joined(),
  confirmed: (command) => conversationOf(command).confirmed(),
  markRead: (command) => latestOf(command, "textReceived").markRead(),
  approve: (command) => latestOf(command, "invitationReceived").approve(),
  decline: (command) => latestOf(command, "invitationReceived").decline(),
  participants: (command) => conversationOf(command).participants.map(String),
  leave: (command) => conversationOf(command).leave(),
  end: (command) => conversationOf(command).end(),
  close: async () => {
    await Promise.all(clients.map((client) => client.close()))
  },
  vanish: () => {
    survivorOf().vanish()
  },
}

async function obey(line: string): Promise<void> {
  const command = JSON.parse(line) as Command
  try {
    const act = commands[command.do]
    if (act === undefined) throw new TypeError("no such command")
    say({ id: command.id, result: (await act(command)) ?? null })
  } catch (error) {
    const { constructor, message } = error instanceof Error ? error : new Error(String(error))
    say({ id: command.id, error: constructor.name, detail: message })
  }
}

const lines = createInterface({ input: process.stdin })
lines.on("line", (line) => void obey(line))
lines.on("close", () => process.exit(0))
say({ ready: true })
