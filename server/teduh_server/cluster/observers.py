"""Who wants to know when something happens: known to whoever makes it happen by this alone.

Observers are added while the node is put together; as with `NodeChannel.on`, nobody is replaced, and nothing
is assigned to an object that somebody else has made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

_P = ParamSpec("_P")


class Observers(Generic[_P]):
    """Those of one kind of event."""

    __slots__ = ("_observers",)

    def __init__(self) -> None:
        self._observers: list[Callable[_P, None]] = []

    def add(self, observer: Callable[_P, None]) -> None:
        """Call `observer` at each event from now on, after those that were added before."""
        self._observers.append(observer)

    def clear(self) -> None:
        """Call nobody any more."""
        self._observers.clear()

    def notify(self, *args: _P.args, **kwargs: _P.kwargs) -> None:
        """It has happened: call each in turn."""
        for observer in self._observers:
            observer(*args, **kwargs)
