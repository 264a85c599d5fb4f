/**
 * What can go wrong between a client and the relay, and whose fault it is.
 *
 *     ProtocolError
 *     ├── LocalProtocolError       this side asked for something that the protocol forbids: a bug here
 *     │   └── FrameNotAllowed      not in this state
 *     └── RemoteProtocolError      the peer broke the protocol; carries the code, and with what to close
 *
 * A client sends no Error frames, it closes. No error ever repeats the peer's bytes.
 */

import { CloseCode, ErrorCode } from "./frames.ts"

const CLOSE_CODES: Partial<Record<ErrorCode, CloseCode>> = {
  [ErrorCode.MALFORMED_FRAME]: CloseCode.PROTOCOL_ERROR,
  [ErrorCode.UNEXPECTED_FRAME]: CloseCode.PROTOCOL_ERROR,
  [ErrorCode.FRAME_TOO_LARGE]: CloseCode.MESSAGE_TOO_BIG,
  [ErrorCode.UNAVAILABLE]: CloseCode.TRY_AGAIN_LATER,
  [ErrorCode.SHUTTING_DOWN]: CloseCode.GOING_AWAY,
  [ErrorCode.INTERNAL]: CloseCode.INTERNAL_ERROR,
}

/** Base of both. */
export class ProtocolError extends Error {}

/** A frame that must not be sent now, or does not keep the documented limits. */
export class LocalProtocolError extends ProtocolError {}

/** A frame that the present state of the connection does not allow to be sent. */
export class FrameNotAllowed extends LocalProtocolError {}

/** The relay's frame is malformed, too large, or not allowed in the present state; the connection must be closed. */
export class RemoteProtocolError extends ProtocolError {
  readonly fatal = true

  constructor(
    readonly code: ErrorCode,
    detail: string,
  ) {
    super(`${code}: ${detail}`)
  }

  /** With what to close the WebSocket. A browser lets a page send 1000 and 3000-4999 only; see `transport`. */
  get closeCode(): CloseCode {
    return CLOSE_CODES[this.code] ?? CloseCode.POLICY_VIOLATION
  }
}
