"""Commands of one script, asked for one after the other in a tick, that go to the server as one.

The call of a script costs the server about as much as the work in it, and packing and reading it costs us. So
the scripts that every message needs take many at once. Only the first of a tick goes alone where nothing else
is under way, so that who says little waits for nobody; and not even that where nobody waits for it:

::

    EVALSHA 2 KEYS a SHARED ARGUMENTS a --+
                                          +--> EVALSHA 4 KEYS a KEYS b SHARED ARGUMENTS a ARGUMENTS b
    EVALSHA 2 KEYS b SHARED ARGUMENTS b --+
             on_answer a, on_answer b  <------ [answer a, answer b]
"""

from __future__ import annotations

from typing import cast

import hiredis

from teduh_server.redis_store.commands import Answer, Command, OnAnswer
from teduh_server.redis_store.exceptions import StoreRefused

MOST = 64
"""So many at once, that nobody waits long behind them."""
_KEYS_AT = 3
_KEYS = 2


class ScriptBatch:
    """What is joined so far: commands of one script with two keys each, and the same shared arguments."""

    __slots__ = ("_arguments", "_keys", "_on_answers", "_sha1", "_shared", "_shared_until")

    def __init__(self, command: Command, shared: int, on_answer: OnAnswer) -> None:
        """`shared` is how many arguments of the script are the same for all."""
        self._sha1 = command[1]
        self._shared_until = _KEYS_AT + _KEYS + shared
        self._shared = command[_KEYS_AT + _KEYS : self._shared_until]
        self._keys = [*command[_KEYS_AT : _KEYS_AT + _KEYS]]
        self._arguments = [*command[self._shared_until :]]
        self._on_answers = [on_answer]

    def add(self, command: Command, on_answer: OnAnswer) -> bool:
        """Take one more of the same script; False if this is full."""
        if len(self._on_answers) >= MOST:
            return False
        self._keys += command[_KEYS_AT : _KEYS_AT + _KEYS]
        self._arguments += command[self._shared_until :]
        self._on_answers.append(on_answer)
        return True

    def command(self) -> Command:
        """All of them as one."""
        return (b"EVALSHA", self._sha1, len(self._keys), *self._keys, *self._shared, *self._arguments)

    def answered(self, answer: Answer) -> None:
        """Give each its own; what befalls the whole befalls each."""
        if not isinstance(answer, list):
            for on_answer in self._on_answers:
                on_answer(answer)
            return
        answers = cast("list[object]", answer)
        for on_answer, own in zip(self._on_answers, answers, strict=True):
            on_answer(own if type(own) is int else _own(own))


def _own(answer: object) -> Answer:
    """hiredis puts an error in a list as it is."""
    return StoreRefused(str(answer)) if isinstance(answer, hiredis.HiredisError) else cast("Answer", answer)
