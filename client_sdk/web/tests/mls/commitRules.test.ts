/** tests/vectors/commit_rules.json, which Python replays too: one whitelist for both. */

import { readFileSync } from "node:fs"

import { expect, it } from "vitest"

import { RemoteError } from "../../src/cryptoErrors.ts"
import { toHex } from "../../src/hazmat/bytes.ts"
import { signerFromPrivateKey } from "../../src/hazmat/ed25519.ts"
import { MlsGroup, readKeyPackage } from "../../src/mls/group.ts"
import { KeyPackageBundle } from "../../src/mls/keyPackageBundle.ts"

type Reader = Readonly<Record<"key_package" | "init_key" | "encryption_key" | "signature_key", string>>

interface Rules {
  readonly now: number
  readonly welcome: string
  readonly readers: Readonly<Record<string, Reader>>
  readonly messages: readonly {
    readonly name: string
    readonly reader: string
    readonly message: string
    readonly outcome: "followed" | "removed" | "refused"
    readonly epoch_authenticator?: string
  }[]
  readonly welcomes: readonly {
    readonly name: string
    readonly reader: Reader
    readonly welcome: string
    readonly outcome: "joined" | "refused"
  }[]
}

const file = new URL("../../../../tests/vectors/commit_rules.json", import.meta.url)
const rules = JSON.parse(readFileSync(file, "utf8")) as Rules
const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

async function join(welcome: string, reader: Reader | undefined): Promise<MlsGroup> {
  if (reader === undefined) throw new Error("every reader is told of")
  const signer = await signerFromPrivateKey(fromHex(reader.signature_key))
  const published = await readKeyPackage(fromHex(reader.key_package))
  const bundle = new KeyPackageBundle(published, signer, fromHex(reader.init_key), fromHex(reader.encryption_key))
  return MlsGroup.join(fromHex(welcome), bundle, rules.now)
}

it.each(rules.messages)("a message: $name", async ({ reader, message, outcome, epoch_authenticator }) => {
  const group = await join(rules.welcome, rules.readers[reader])
  const reading = group.unprotect(fromHex(message), rules.now)
  if (outcome === "refused") {
    await expect(reading).rejects.toThrow(RemoteError)
    return
  }
  const { received, group: after } = await reading
  expect(received.kind).toBe(outcome === "removed" ? "removed" : "commit")
  if (epoch_authenticator !== undefined) expect(toHex(after.epochAuthenticator)).toBe(epoch_authenticator)
})

it.each(rules.welcomes)("a welcome: $name", async ({ reader, welcome, outcome }) => {
  const joining = join(welcome, reader)
  if (outcome === "refused") await expect(joining).rejects.toThrow(RemoteError)
  else expect((await joining).epoch).toBe(1)
})
