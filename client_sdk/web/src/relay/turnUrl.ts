/**
 * The address of a TURN server, as RFC 7065 writes it. A client dials whatever it takes for one, so a relay must not be
 * able to slip it anything else: no `stun:`, no user information, no path, no white space.
 */

const SHAPE = /^turns?:(?:\[[\dA-Fa-f:.]{2,45}\]|[\dA-Za-z](?:[\dA-Za-z.-]{0,252}[\dA-Za-z])?)(?::(\d{1,5}))?(?:\?transport=(?:udp|tcp))?$/

/** Whether `url` is the address of a TURN server, and of nothing else. */
export function isTurnUrl(url: string): boolean {
  const found = SHAPE.exec(url)
  if (found === null) return false
  const port = found[1] === undefined ? 3478 : Number(found[1])
  return port > 0 && port < 65536
}
