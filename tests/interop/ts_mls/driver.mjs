// Lets another process play with ts-mls: one JSON request a line on standard input, one answer a line on standard output.
//
//   {"member": "bea", "call": "make", "suite": 1, "credential": {"type": 1, "content": "6265"}}  ->  {"result": null}
//   {"member": "bea", "call": "keyPackage"}                                                      ->  {"result": "0001..."}
//   {"call": "deriveKeyPair", "suite": 61618, "ikm": "00..."}                                    ->  {"result": {...}}
//
// A request that fails is answered {"error": "..."} and changes nothing.

import { createInterface } from "node:readline"

import { Member, fromHex, toHex } from "./member.mjs"
import { suiteOf } from "./suites.mjs"

const members = new Map()

const calls = {
  async deriveKeyPair({ suite, ikm }) {
    const { hpke } = await suiteOf(suite)
    const { privateKey, publicKey } = await hpke.deriveKeyPair(fromHex(ikm))
    return { private: toHex(await hpke.exportPrivateKey(privateKey)), public: toHex(await hpke.exportPublicKey(publicKey)) }
  },
  async seal({ suite, public: publicKey, info, aad, plaintext }) {
    const { hpke } = await suiteOf(suite)
    const sealed = await hpke.seal(await hpke.importPublicKey(fromHex(publicKey)), fromHex(plaintext), fromHex(info), fromHex(aad))
    return { enc: toHex(sealed.enc), ciphertext: toHex(sealed.ct) }
  },
  async open({ suite, private: privateKey, enc, info, aad, ciphertext }) {
    const { hpke } = await suiteOf(suite)
    const key = await hpke.importPrivateKey(fromHex(privateKey))
    return toHex(await hpke.open(key, fromHex(enc), fromHex(ciphertext), fromHex(info), fromHex(aad)))
  },
}

async function answer({ member, call, ...parameters }) {
  if (member === undefined) return calls[call](parameters)
  if (call === "make") {
    members.set(member, await Member.make(parameters))
    return null
  }
  return (await members.get(member)[call](parameters)) ?? null
}

for await (const line of createInterface({ input: process.stdin })) {
  let response
  try {
    response = { result: await answer(JSON.parse(line)) }
  } catch (error) {
    response = { error: `${error?.name}: ${error?.message}` }
  }
  process.stdout.write(`${JSON.stringify(response)}\n`)
}
