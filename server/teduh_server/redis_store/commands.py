"""What is asked of the store and what it answers, as types: whoever asks needs no connection for them."""

from __future__ import annotations

from collections.abc import Callable

from teduh_server.redis_store.exceptions import StoreRefused, StoreUnavailable

Argument = bytes | str | int
Command = tuple[Argument, ...]
"""One command with its arguments, as `hiredis.pack_command` takes it."""
Reply = None | int | bytes | list["Reply"]
"""What a server replies when it has done it, RESP decoded."""
Answer = Reply | StoreRefused | StoreUnavailable
"""A reply, or why there is none."""
OnAnswer = Callable[[Answer], None]
OnRedirect = Callable[[str, Command, OnAnswer], None]
"""Takes the text of a MOVED or ASK, the command, and who waits for its answer."""
