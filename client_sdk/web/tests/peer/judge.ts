/**
 * What the TypeScript SDK makes of bytes: tests/fuzz/differential.py asks it and Python the same questions.
 *
 *     in    batches: number of cases (4), then for each its kind (1), the length of its bytes (4), its bytes
 *     out   for each case: 1 if they are taken or else 0 (1), the length of what they mean (4), what they mean
 *
 * Numbers are big-endian. What frames and messages mean is their encoding; statements and members are JSON.
 */

import { decodeCall, encodeCall } from "../../src/call/codec.ts"
import { RemoteMessageError } from "../../src/chat/errors.ts"
import { decodeMessage, encodeMessage } from "../../src/chat/codec.ts"
import { CredentialError } from "../../src/credentials/exceptions.ts"
import { unverifiedClaims, verifyToken } from "../../src/credentials/jsonWebToken.ts"
import { readClaims, type StaffStatement } from "../../src/credentials/staffStatement.ts"
import { RemoteError } from "../../src/cryptoErrors.ts"
import { concatenate, encodeBase64url, toHex, utf8 } from "../../src/hazmat/bytes.ts"
import { isSignatureBy, signerFromPrivateKey } from "../../src/hazmat/ed25519.ts"
import { MlsGroup, readKeyPackage } from "../../src/mls/group.ts"
import { KeyPackageBundle } from "../../src/mls/keyPackageBundle.ts"
import { decodeClientFrame, decodeRelayFrame, encode } from "../../src/relay/codec.ts"
import { RemoteProtocolError } from "../../src/relay/errors.ts"

/** What bytes mean; undefined if they are refused. */
type Judge = (data: Uint8Array) => Promise<Uint8Array | undefined> | Uint8Array | undefined

const REFUSALS = [RemoteError, CredentialError, RemoteMessageError, RemoteProtocolError] as const
const TAKEN = new Uint8Array()
const STATEMENT = "teduh-staff+jwt"
let readers: KeyPackageBundle[] = []
let groups: MlsGroup[] = []
let now = 0

/** In the order of `KINDS` in differential.py. */
const judges: readonly Judge[] = [
  (data) => encode(decodeClientFrame(data)),
  (data) => encode(decodeRelayFrame(data)),
  (data) => {
    const message = decodeMessage(data)
    if (message.type === "unknown") return utf8(`unknown ${message.tag}`)
    return message.type === "ofCall" ? utf8("of a call") : encodeMessage(message)
  },
  (data) => {
    const message = decodeCall(data)
    return message === null ? utf8("unknown") : encodeCall(message)
  },
  async (data) => spelled(await readClaims(unverifiedClaims(textOf(data), STATEMENT))),
  async (data) => spelled(await readClaims(await verifyToken(textOf(data.subarray(32)), STATEMENT, data.slice(0, 32)))),
  async (data) => {
    const [key, signature, message] = [data.slice(0, 32), data.slice(32, 96), data.slice(96)]
    return (await isSignatureBy(key, message, signature)) ? TAKEN : undefined
  },
  async (data) => {
    await setReaders(JSON.parse(textOf(data)) as Scene)
    return TAKEN
  },
  async (data) => {
    const group = groups[data[0] ?? 0]
    if (group === undefined) throw new RangeError("no such reader")
    const { group: after, received } = await group.unprotect(data.slice(1), now)
    if (received.kind === "application") return concatenate(utf8(`${received.sender} says `), received.data)
    if (received.kind === "removed") return utf8("removed")
    return utf8(`${received.sender} commits ${stateOf(after)}`)
  },
  async (data) => {
    const bundle = readers[data[0] ?? 0]
    if (bundle === undefined) throw new RangeError("no such reader")
    return utf8(stateOf(await MlsGroup.join(data.slice(1), bundle, now)))
  },
]

interface Scene {
  readonly now: number
  readonly welcome: string
  readonly readers: readonly Readonly<Record<"key_package" | "init_key" | "encryption_key" | "signature_key", string>>[]
  /** How many of the readers come in by `welcome`; the others wait for one. */
  readonly joined: number
}

async function setReaders(scene: Scene): Promise<void> {
  ;({ now } = scene)
  readers = []
  groups = []
  for (const reader of scene.readers) {
    const signer = await signerFromPrivateKey(fromHex(reader.signature_key))
    const published = await readKeyPackage(fromHex(reader.key_package))
    readers.push(new KeyPackageBundle(published, signer, fromHex(reader.init_key), fromHex(reader.encryption_key)))
  }
  for (const bundle of readers.slice(0, scene.joined))
    groups.push(await MlsGroup.join(fromHex(scene.welcome), bundle, now))
}

function stateOf(group: MlsGroup): string {
  const members = group.members.map(({ leafIndex, credentialType, content, signatureKey }) =>
    [leafIndex, credentialType, toHex(content), toHex(signatureKey)].join(":"),
  )
  return [toHex(group.epochAuthenticator), ...members].join(" ")
}

function spelled(statement: StaffStatement): Uint8Array {
  const { organisationId, statementId, subject, name, role, languages, skills, notBefore, expires } = statement
  const key = encodeBase64url(statement.deviceKey)
  const said = [organisationId, statementId, subject, name, role, languages, skills, notBefore, expires, key]
  return utf8(JSON.stringify(said))
}

function textOf(data: Uint8Array): string {
  return new TextDecoder().decode(data)
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"))
}

async function answerTo(kind: number, data: Uint8Array): Promise<Uint8Array> {
  let meaning: Uint8Array | undefined
  try {
    meaning = await judges[kind]?.(data)
  } catch (error) {
    // What is not a peer's fault is a fault of ours, and ends the run.
    if (!REFUSALS.some((Refusal) => error instanceof Refusal)) throw error
  }
  const head = Buffer.alloc(5)
  head.writeUInt8(meaning === undefined ? 0 : 1)
  head.writeUInt32BE(meaning?.length ?? 0, 1)
  return meaning === undefined ? head : concatenate(head, meaning)
}

/** The bytes of standard input, as many at a time as are asked for. */
class Input {
  #held: Buffer = Buffer.alloc(0)
  readonly #chunks = process.stdin[Symbol.asyncIterator]()

  async take(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [this.#held]
    for (let held = this.#held.length; held < length; held += parts.at(-1)?.length ?? 0) {
      const { value, done } = (await this.#chunks.next()) as IteratorResult<Buffer, undefined>
      if (done === true) return undefined
      parts.push(value)
    }
    const all = parts.length === 1 ? this.#held : Buffer.concat(parts)
    this.#held = all.subarray(length)
    return all.subarray(0, length)
  }
}

Error.stackTraceLimit = 0
const input = new Input()
for (let count = await input.take(4); count !== undefined; count = await input.take(4)) {
  const answers: Uint8Array[] = []
  for (let left = count.readUInt32BE(); left > 0; left -= 1) {
    const head = await input.take(5)
    const data = head && (await input.take(head.readUInt32BE(1)))
    if (head === undefined || data === undefined) throw new RangeError("a batch was cut off")
    answers.push(await answerTo(head.readUInt8(), new Uint8Array(data)))
  }
  process.stdout.write(Buffer.concat(answers))
}
