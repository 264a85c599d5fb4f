/**
 * Do all members hold the same keys? After each commit everybody says what she sees of the new epoch.
 *
 *     digest = H(label || epoch_authenticator)        RFC 9420, 8.7; H is the hash of the cipher suite
 *
 * A member that was led into another epoch could not even read the message; this says it in so many words, and tells
 * those who did arrive that the others did too.
 */

import { EpochAcknowledgement, type Beginning } from "./chat/messages.ts"
import { EpochsDiffer } from "./errors.ts"
import { areEqual, concatenate, utf8 } from "./hazmat/bytes.ts"
import type { MlsGroup } from "./mls/group.ts"
import { suiteOf } from "./mls/suites.ts"

const LABEL = "teduh epoch acknowledgement 1"

/** What we say of the present epoch. */
export async function acknowledgementOf(
  group: MlsGroup,
  beginnings: readonly Beginning[] = [],
): Promise<EpochAcknowledgement> {
  const { hash } = await suiteOf(group.suite)
  const digest = await hash.digest(concatenate(utf8(LABEL), group.epochAuthenticator))
  return EpochAcknowledgement({ epoch: group.epoch, digest, beginnings })
}

/** Compare what a member says of our present epoch with ours; throws `EpochsDiffer`. */
export async function checkAcknowledgement(group: MlsGroup, said: EpochAcknowledgement): Promise<void> {
  const ours = await acknowledgementOf(group)
  if (said.epoch !== ours.epoch || !areEqual(said.digest, ours.digest)) {
    throw new EpochsDiffer("a member of the conversation does not hold the same keys")
  }
}
