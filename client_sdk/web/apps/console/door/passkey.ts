/**
 * A passkey's secret, to open the key store with: the PRF extension of WebAuthn, level 3.
 *
 *     passkey of this console ── PRF("teduh console 1") ──> 32 bytes, the same each time, known to nobody else
 *
 * The passkey is discoverable, so that nothing has to be stored to find it again. It proves nothing to the server.
 */

/** The browser or the passkey cannot do it, or it was cancelled. */
export class NoPasskey extends Error {}

const SALT = new TextEncoder().encode("teduh console 1")
const ES256 = -7
const ED25519 = -8

/** Whether it is worth offering. */
export function hasPasskeys(): boolean {
  return "PublicKeyCredential" in globalThis && "credentials" in navigator
}

/** Make a passkey for this console and give its secret; rejects with `NoPasskey`. */
export async function createPasskey(consoleName: string): Promise<Uint8Array> {
  const created = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { name: consoleName },
        user: { id: random(16), name: consoleName, displayName: consoleName },
        // Nobody verifies what it signs: there is no account behind it.
        challenge: random(32),
        pubKeyCredParams: [ED25519, ES256].map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        extensions: { prf: { eval: { first: SALT } } },
      },
    }),
  )
  // Some authenticators evaluate only when they are asked the second time.
  return secretOf(created) ?? passkeySecret()
}

/** The secret of a passkey that was made before; rejects with `NoPasskey`. */
export async function passkeySecret(): Promise<Uint8Array> {
  const got = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: random(32),
        userVerification: "required",
        extensions: { prf: { eval: { first: SALT } } },
      },
    }),
  )
  const secret = secretOf(got)
  if (secret === null) throw new NoPasskey("the passkey has no PRF")
  return secret
}

async function asked(question: () => Promise<Credential | null>): Promise<Credential> {
  try {
    const credential = await question()
    if (credential !== null) return credential
  } catch (error) {
    throw new NoPasskey("no passkey was given", { cause: error })
  }
  throw new NoPasskey("no passkey was given")
}

function secretOf(credential: Credential): Uint8Array | null {
  const { prf } = (credential as PublicKeyCredential).getClientExtensionResults()
  const first = prf?.results?.first
  if (first === undefined) return null
  return ArrayBuffer.isView(first) ? new Uint8Array(first.buffer, first.byteOffset, first.byteLength) : new Uint8Array(first)
}

function random(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length))
}
