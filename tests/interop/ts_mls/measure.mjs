// Times ts-mls for benchmarks/mls.py: one JSON request a line on standard input, one answer a line on standard output.
//
//   {"call": "prepare", "members": 8}                      ->  {"result": null}
//   {"call": "time", "operation": "protect", "count": 10}  ->  {"result": 3270.5}      microseconds per operation
//
// The clock runs in this process, around ts-mls's own calls with their encoding and decoding and nothing else.

import { createInterface } from "node:readline"

import {
  createApplicationMessage,
  createCommit,
  createGroup,
  decode,
  defaultCapabilities,
  defaultCredentialTypes,
  defaultLifetime,
  defaultProposalTypes,
  encode,
  generateKeyPackage,
  joinGroup,
  mlsMessageDecoder,
  mlsMessageEncoder,
  processMessage,
  protocolVersions,
  unsafeTestingAuthenticationService,
  wireformats,
} from "ts-mls"

import { suiteOf } from "./suites.mjs"

const MESSAGE = new Uint8Array(300).fill(0x78)
const GROUP_ID = new TextEncoder().encode("benchmark group!")
const context = { cipherSuite: await suiteOf(1), authService: unsafeTestingAuthenticationService }

let size = 0
let group = new Map()

const generate = (index) =>
  generateKeyPackage({
    credential: { credentialType: defaultCredentialTypes.basic, identity: new TextEncoder().encode(`member ${index}`) },
    cipherSuite: context.cipherSuite,
    capabilities: defaultCapabilities(),
    lifetime: defaultLifetime(),
  })

/** Key packages now; the returned function founds the group and lets `joined` (leaf indices) join. */
async function founding(members, joined) {
  const keys = []
  for (let index = 0; index < members; index += 1) keys.push(await generate(index))
  return async () => {
    const states = new Map()
    const founder = await createGroup({
      context,
      groupId: GROUP_ID,
      keyPackage: keys[0].publicPackage,
      privateKeyPackage: keys[0].privatePackage,
    })
    const made = await createCommit({
      context,
      state: founder,
      extraProposals: keys.slice(1).map(({ publicPackage }) => ({
        proposalType: defaultProposalTypes.add,
        add: { keyPackage: publicPackage },
      })),
      ratchetTreeExtension: true,
    })
    states.set(0, made.newState)
    for (const leaf of joined) {
      if (leaf === 0) continue
      const { publicPackage, privatePackage } = keys[leaf]
      states.set(
        leaf,
        await joinGroup({ context, welcome: made.welcome.welcome ?? made.welcome, keyPackage: publicPackage, privateKeys: privatePackage }),
      )
    }
    return states
  }
}

async function commit(leaf) {
  const made = await createCommit({ context, state: group.get(leaf) })
  group.set(leaf, made.newState)
  return encode(mlsMessageEncoder, { version: protocolVersions.mls10, ...made.commit })
}

async function protect(leaf) {
  const made = await createApplicationMessage({ context, state: group.get(leaf), message: MESSAGE })
  group.set(leaf, made.newState)
  return encode(mlsMessageEncoder, { version: protocolVersions.mls10, ...made.message })
}

async function process_(leaf, bytes) {
  const result = await processMessage({ context, state: group.get(leaf), message: decode(mlsMessageDecoder, bytes) })
  group.set(leaf, result.newState)
  return result
}

async function othersProcess(committer, bytes, except) {
  for (const leaf of group.keys()) if (leaf !== committer && leaf !== except) await process_(leaf, bytes)
}

async function prepare({ members }) {
  size = members
  const joined = [0]
  for (let leaf = 1; leaf < members; leaf *= 2) joined.push(leaf)
  group = await (await founding(members, joined))()
  for (const leaf of joined) await othersProcess(leaf, await commit(leaf))
}

class Stopwatch {
  milliseconds = 0
  async timed(call) {
    const started = performance.now()
    const result = await call()
    this.milliseconds += performance.now() - started
    return result
  }
}

const operations = {
  async "create+join"(watch) {
    const found = await founding(size, [0, 1])
    await watch.timed(found)
  },
  async protect(watch) {
    await process_(1, await watch.timed(() => protect(0)))
  },
  async unprotect(watch) {
    const bytes = await protect(0)
    const result = await watch.timed(() => process_(1, bytes))
    if (result.message?.length !== MESSAGE.length) throw new Error("the message did not come through")
  },
  async commit(watch) {
    await othersProcess(0, await watch.timed(() => commit(0)))
  },
  async process(watch) {
    const bytes = await commit(0)
    await watch.timed(() => process_(1, bytes))
    await othersProcess(0, bytes, 1)
  },
}

async function time({ operation, count }) {
  const watch = new Stopwatch()
  for (let turn = 0; turn < count; turn += 1) await operations[operation](watch)
  return (watch.milliseconds / count) * 1000
}

const calls = { prepare, time }
for await (const line of createInterface({ input: process.stdin })) {
  const { call, ...parameters } = JSON.parse(line)
  let answer
  try {
    answer = { result: (await calls[call](parameters)) ?? null }
  } catch (error) {
    answer = { error: `${error?.name}: ${error?.message}` }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
