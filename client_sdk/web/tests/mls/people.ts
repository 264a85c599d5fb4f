/** Members for the tests of groups: fresh keys, and the time at which everything happens. */

import { utf8 } from "../../src/hazmat/bytes.ts"
import { generateSigner } from "../../src/hazmat/ed25519.ts"
import { MlsGroup, newKeyPackage } from "../../src/mls/group.ts"
import { BASIC_CREDENTIAL_TYPE, STAFF_CREDENTIAL_TYPE } from "../../src/mls/keyPackageBundle.ts"
import type { Identity, KeyPackageBundle } from "../../src/mls/keyPackageBundle.ts"
import { CLASSIC_SUITE } from "../../src/mls/suites.ts"

export const NOW = Math.floor(Date.now() / 1000)
export const GROUP_ID = utf8("a conversation!!")

export async function survivor(): Promise<Identity> {
  const credential = { credentialType: BASIC_CREDENTIAL_TYPE, content: crypto.getRandomValues(new Uint8Array(16)) }
  return { credential, signer: await generateSigner() }
}

export async function staff(statement = "a statement"): Promise<Identity> {
  return {
    credential: { credentialType: STAFF_CREDENTIAL_TYPE, content: utf8(statement) },
    signer: await generateSigner(),
  }
}

export async function bundleOf(who: Identity, suite = CLASSIC_SUITE, now = NOW): Promise<KeyPackageBundle> {
  return newKeyPackage(suite, who.credential, who.signer, now)
}

/** `founder` lets a new member in; both states afterwards. */
export async function letIn(founder: MlsGroup, who: Identity): Promise<{ founder: MlsGroup; newcomer: MlsGroup }> {
  const bundle = await bundleOf(who, founder.suite)
  const { group, welcome } = await founder.commit([{ add: bundle.keyPackage }], { now: NOW })
  if (welcome === undefined) throw new Error("a commit that adds somebody has a Welcome")
  return { founder: group, newcomer: await MlsGroup.join(welcome, bundle, NOW) }
}

/** A counselor and a survivor in epoch 1. */
export async function pair(suite = CLASSIC_SUITE): Promise<{ sari: MlsGroup; bea: MlsGroup }> {
  const { founder, newcomer } = await letIn(await MlsGroup.create(suite, GROUP_ID, await staff()), await survivor())
  return { sari: founder, bea: newcomer }
}

/** A counselor, a survivor and an interpreter in epoch 2. */
export async function three(suite = CLASSIC_SUITE): Promise<{ sari: MlsGroup; bea: MlsGroup; intan: MlsGroup }> {
  const { sari, bea } = await pair(suite)
  const bundle = await bundleOf(await staff("another statement"), suite)
  const { message, welcome, group } = await sari.commit([{ add: bundle.keyPackage }], { now: NOW })
  if (welcome === undefined) throw new Error("a commit that adds somebody has a Welcome")
  const followed = await bea.unprotect(message, NOW)
  return { sari: group, bea: followed.group, intan: await MlsGroup.join(welcome, bundle, NOW) }
}
