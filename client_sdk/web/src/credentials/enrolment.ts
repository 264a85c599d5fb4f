/**
 * How a new staff device comes to its statement, though the relay in between is not trusted: the device's part.
 *
 *     coordinator                        relay                          device
 *       invitation code ───── in person, by phone, by a trusted channel ────> │
 *       │                                  │ <── invitation + enrolment ──────│  POST /v1/enrolments
 *       │ <── invitation + enrolment ──────│                                  │
 *       │  compares four words aloud with the person at the device            │
 *       │ ── sealed statement ────────────>│ ── sealed statement ────────────>│
 *
 * The relay learns no name, and cannot swap the key unnoticed. The *enrolment* is a token signed by the device's own
 * key and bound to the invitation: proof of possession. The *code* is the invitation and a random sealing key beside it
 * which the relay never sees. Under that key the enrolment carries a MAC, so that whoever saw the invitation alone cannot
 * submit a key of its own; and the coordinator seals the statement under it, for it contains a name.
 */

import { concatenate, copyOf, decodeBase64url, encodeBase64url, sha256, utf8 } from "../hazmat/bytes.ts"
import type { Signer } from "../hazmat/ed25519.ts"
import { MalformedToken, TokenExpired, TokenNotYetValid } from "./exceptions.ts"
import { confirmation, signToken, unverifiedClaims } from "./jsonWebToken.ts"
import { CLOCK_ALLOWANCE, decodeCredential, IDENTIFIER, readRole, splitChain } from "./staffStatement.ts"
import type { Role, StatementChain } from "./staffStatement.ts"
import type { StatementVerifier } from "./statementVerifier.ts"

/** Seconds. */
export const MAX_INVITATION_VALIDITY = 14 * 24 * 3600
const CODE_SEPARATOR = ":"
const NONCE_LENGTH = 12
const SEALING_KEY_LENGTH = 32
const SEALING_TAG = "Teduh 1 sealed statement\0"
const SUBMISSION_TAG = "Teduh 1 enrolment\0"

/** What an invitation says: one device may enrol for this subject and role. Times in seconds since 1970. */
export interface Invitation {
  readonly organisationId: string
  readonly enrolmentId: string
  readonly subject: string
  readonly role: Role
  readonly issued: number
  readonly expires: number
}

/** What the invited person gets: the invitation, and the key under which her statement comes back. */
export interface InvitationCode {
  readonly invitation: string
  readonly sealingKey: Uint8Array
}

/** Read a code as the coordinator's tool wrote it; throws `MalformedToken`. */
export function parseInvitationCode(text: string): InvitationCode {
  const trimmed = text.trim()
  const at = trimmed.indexOf(CODE_SEPARATOR)
  const sealingKey = at < 0 ? undefined : decodeBase64url(trimmed.slice(at + 1))
  if (sealingKey?.length !== SEALING_KEY_LENGTH) throw new MalformedToken("not an invitation code")
  return { invitation: trimmed.slice(0, at), sealingKey }
}

/** What an invitation says, if the organisation signed it and it is valid at `now`. Throws a `CredentialError`. */
export async function verifyInvitation(text: string, verifier: StatementVerifier, now: number): Promise<Invitation> {
  const claims = await verifier.verifiedClaims(text, "teduh-invitation+jwt", now)
  const invitation: Invitation = {
    organisationId: claims.text("iss", IDENTIFIER),
    enrolmentId: claims.text("jti", IDENTIFIER),
    subject: claims.text("sub", IDENTIFIER),
    role: readRole(claims),
    issued: claims.integer("iat"),
    expires: claims.integer("exp"),
  }
  const validity = invitation.expires - invitation.issued
  if (validity <= 0 || validity > MAX_INVITATION_VALIDITY)
    throw claims.malformed("an invitation is valid for no more than 14 days")
  if (now < invitation.issued - CLOCK_ALLOWANCE) throw new TokenNotYetValid("the invitation is dated in the future")
  if (now >= invitation.expires) throw new TokenExpired("the invitation has expired")
  return invitation
}

/**
 * The device's answer to an invitation: its public key, the proof that it holds the private one, and the proof that it
 * holds the code.
 */
export async function enrol({ invitation, sealingKey }: InvitationCode, signer: Signer): Promise<string> {
  const digest = await sha256(utf8(invitation))
  const hmac = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", copyOf(sealingKey), hmac, false, ["sign"])
  const mac = await crypto.subtle.sign("HMAC", key, concatenate(utf8(SUBMISSION_TAG), signer.publicKey, digest))
  const claims = {
    cnf: confirmation(signer.publicKey),
    invitation: encodeBase64url(digest),
    mac: encodeBase64url(new Uint8Array(mac)),
  }
  return signToken("teduh-enrolment+jwt", claims, signer)
}

/** The id that an invitation asserts: for the invited device, which has it from the coordinator, to ask by. */
export function enrolmentId(invitation: string): string {
  return unverifiedClaims(splitChain(invitation).statement, "teduh-invitation+jwt").text("jti", IDENTIFIER)
}

/**
 * The statement and its issuer's, out of what the relay carried: AES-256-GCM, a random nonce first, bound to the
 * enrolment. Verify them next.
 *
 * Throws `MalformedToken`.
 */
export async function openStatement(
  sealingKey: Uint8Array,
  enrolment: string,
  sealed: Uint8Array,
): Promise<StatementChain> {
  const key = await crypto.subtle.importKey("raw", copyOf(sealingKey), "AES-GCM", false, ["decrypt"])
  const iv = copyOf(sealed.subarray(0, NONCE_LENGTH))
  const additionalData = concatenate(utf8(SEALING_TAG), utf8(enrolment))
  let content: ArrayBuffer
  try {
    content = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv, additionalData },
      key,
      copyOf(sealed.subarray(NONCE_LENGTH)),
    )
  } catch (error) {
    throw new MalformedToken("the sealed statement does not open with this code", { cause: error })
  }
  return decodeCredential(new Uint8Array(content))
}
