/**
 * What of a description may leave this device when a call is relay-only (promise 6: a call gives away no address).
 *
 *     RTCPeerConnection (iceTransportPolicy "relay") ──> withoutAddresses ──> signaling
 *
 * The browser's policy alone would do; this is the second wall, should a browser have a fault or a caller forget the
 * policy. Only relay candidates pass, and of those the related address, which would be our own (RFC 8839, 5.1), is
 * blanked. So are the connection addresses that browsers put into `c=`, `a=rtcp` and `o=`.
 */

const CANDIDATE = /^(?:a=)?candidate:/
const RELATED = / raddr \S+ rport \S+/
const NOWHERE = " raddr 0.0.0.0 rport 0"

/** The candidate line as it may be sent, or null if it may not: it names an address of this device. */
export function relayedCandidate(candidate: string): string | null {
  return candidateType(candidate) === "relay" ? candidate.replace(RELATED, NOWHERE) : null
}

/** `host`, `srflx`, `prflx` or `relay`; null for what is not a candidate line (RFC 8839, 5.1). */
export function candidateType(candidate: string): string | null {
  return CANDIDATE.test(candidate) ? (/ typ (\S+)/.exec(candidate)?.[1] ?? null) : null
}

/** A session description of which nothing tells an address of this device. */
export function withoutAddresses(sdp: string): string {
  const lines = sdp.split("\r\n").flatMap((line) => {
    if (line.startsWith("a=candidate:")) return relayedCandidate(line) ?? []
    return blanked(line)
  })
  return lines.join("\r\n")
}

function blanked(line: string): string {
  if (line.startsWith("c=")) return "c=IN IP4 0.0.0.0"
  if (line.startsWith("a=rtcp:")) return "a=rtcp:9 IN IP4 0.0.0.0"
  // RFC 8866, 5.2: the last two fields of the origin are a network type's address.
  if (line.startsWith("o=")) return line.replace(/ IN IP[46] \S+$/, " IN IP4 0.0.0.0")
  // RFC 8829, 5.2.2: the port of a description is that of the default candidate, which may not be ours to tell.
  if (line.startsWith("m=") && !line.startsWith("m=application")) return line.replace(/^(m=\w+) [1-9]\d* /, "$1 9 ")
  return line
}
