"""What can go wrong between a client and the relay, and whose fault it is.

    ProtocolError
    ├── LocalProtocolError       this side asked for something that the protocol forbids: a bug here
    │   └── FrameNotAllowed      not in this state; on the relay also what came too late
    └── RemoteProtocolError      the peer broke the protocol; carries the code, and whether to close

The relay answers a `RemoteProtocolError` with `error_frame()` and, when it is fatal, closes with
`close_code`; a client sends no Error frames, it closes. Neither ever repeats the peer's bytes in an error.
"""

from __future__ import annotations

from teduh_signaling.relay.frames import NO_REF, CloseCode, ConversationId, Error, ErrorCode

_CLOSE_CODES = {
    ErrorCode.MALFORMED_FRAME: CloseCode.PROTOCOL_ERROR,
    ErrorCode.UNEXPECTED_FRAME: CloseCode.PROTOCOL_ERROR,
    ErrorCode.FRAME_TOO_LARGE: CloseCode.MESSAGE_TOO_BIG,
    ErrorCode.UNAVAILABLE: CloseCode.TRY_AGAIN_LATER,
    ErrorCode.SHUTTING_DOWN: CloseCode.GOING_AWAY,
    ErrorCode.INTERNAL: CloseCode.INTERNAL_ERROR,
}


def close_code_for(code: ErrorCode) -> CloseCode:
    """The WebSocket close code that follows a fatal Error with this code."""
    return _CLOSE_CODES.get(code, CloseCode.POLICY_VIOLATION)


class ProtocolError(Exception):
    """Base of both; catch it only where whose fault it is does not matter."""


class LocalProtocolError(ProtocolError):
    """A frame that must not be sent now, or does not keep the documented limits."""


class FrameNotAllowed(LocalProtocolError):
    """A frame that the present state of the connection does not allow to be sent."""


class RemoteProtocolError(ProtocolError):
    """The peer's frame is malformed, too large, or not allowed in the present state.

    `detail` is for developers and never echoes input. `ref`, `conversation_id` and `counter` tell which
    frame it was, where that is known.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        fatal: bool = False,
        ref: int = NO_REF,
        conversation_id: ConversationId | None = None,
        counter: int = 0,
    ) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail
        self.fatal = fatal
        self.ref = ref
        self.conversation_id = conversation_id
        self.counter = counter

    @property
    def close_code(self) -> CloseCode:
        """With what to close the WebSocket when the error is fatal."""
        return close_code_for(self.code)

    def error_frame(self) -> Error:
        """The frame by which the relay tells its client."""
        return Error(
            code=self.code,
            detail=self.detail[:256],
            ref=self.ref,
            conversation_id=self.conversation_id,
            counter=self.counter,
            fatal=self.fatal,
        )
