/**
 * The organisation as everybody may know it: its id, its name, and the root key that clients pin.
 *
 * In the browser it comes as JSON with the entries of the organisation file:
 *
 *     { "format": 1, "id": "5f0c...", "name": "Rumah Aman", "root_public_key": "base64url, 32 bytes" }
 *
 * It holds nothing secret, but whoever can change it decides whom the client believes.
 */

import { decodeBase64url } from "../hazmat/bytes.ts"
import { isPublicKey } from "../hazmat/ed25519.ts"
import { MalformedToken } from "./exceptions.ts"
import { checkName, IDENTIFIER } from "./staffStatement.ts"

const FORMAT = 1

/** An organisation and its pinned root key (32 bytes, Ed25519). */
export interface Organisation {
  readonly id: string
  readonly name: string
  readonly rootPublicKey: Uint8Array
}

/** Read the entries of an organisation file; throws `MalformedToken`. Entries beyond these are for others and ignored. */
export function readOrganisation(entries: unknown): Organisation {
  if (typeof entries !== "object" || entries === null) throw new MalformedToken("not an organisation file")
  const { format, id, name, root_public_key: key } = entries as Readonly<Record<string, unknown>>
  if (format !== FORMAT) throw new MalformedToken("the organisation file is of another version")
  const rootPublicKey = typeof key === "string" ? decodeBase64url(key) : undefined
  if (
    typeof id !== "string" ||
    typeof name !== "string" ||
    !IDENTIFIER.test(id) ||
    rootPublicKey === undefined ||
    !isPublicKey(rootPublicKey)
  )
    throw new MalformedToken("not an organisation file")
  return { id, name: checkName(name), rootPublicKey }
}
