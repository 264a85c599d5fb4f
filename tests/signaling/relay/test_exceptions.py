"""An error tells the peer what it needs, and no more."""

from __future__ import annotations

import pytest
from teduh_signaling.relay.exceptions import (
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    close_code_for,
)
from teduh_signaling.relay.frames import CloseCode, ErrorCode


def test_whose_fault_it_is_can_be_told_apart() -> None:
    assert not issubclass(LocalProtocolError, RemoteProtocolError)
    assert issubclass(LocalProtocolError, ProtocolError)
    assert issubclass(RemoteProtocolError, ProtocolError)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_close_code(code: ErrorCode) -> None:
    assert close_code_for(code) in set(CloseCode) - {CloseCode.NORMAL}


def test_a_long_detail_is_cut_to_what_a_frame_holds() -> None:
    assert len(RemoteProtocolError(ErrorCode.INTERNAL, "x" * 1000).error_frame().detail) == 256
