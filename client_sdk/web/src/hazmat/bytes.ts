/** Bytes: concatenation, comparison, base64url, and erasing. */

/** Bytes on an ordinary buffer, as WebCrypto wants them. */
export type Bytes = Uint8Array<ArrayBuffer>

/** A copy on a buffer of its own. */
export function copyOf(data: Uint8Array): Bytes {
  return new Uint8Array(data)
}

/** All parts, one after the other. */
export function concatenate(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Whether both hold the same bytes; takes as long wherever they differ. */
export function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  let difference = 0
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0)
  return difference === 0
}

/** Overwrite with zeros. The engine may have made copies that nobody reaches. */
export function erase(data: Uint8Array): void {
  data.fill(0)
}

/** UTF-8. */
export function utf8(text: string): Bytes {
  return copyOf(new TextEncoder().encode(text))
}

/** Lower-case hexadecimal. */
export function toHex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** Base64url without padding (RFC 7515, 2). */
export function encodeBase64url(data: Uint8Array): string {
  const binary = Array.from(data, (byte) => String.fromCharCode(byte)).join("")
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")
}

/** Bytes from base64url without padding; undefined for anything but their one encoding. */
export function decodeBase64url(text: string): Bytes | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  const data = Uint8Array.from(binary, (character) => character.charCodeAt(0))
  return encodeBase64url(data) === text ? data : undefined
}

/** SHA-256: 32 bytes. */
export async function sha256(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", copyOf(data)))
}
