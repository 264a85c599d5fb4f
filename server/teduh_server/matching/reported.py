"""Which conversations staff have reported of late, as one node has heard; the oldest are forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_REMEMBERED: Final = 10_000


class Reported:
    """Conversation ids."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: OrderedDict[bytes, None] = OrderedDict()

    def add(self, conversation_id: bytes) -> bool:
        """Whether it was not reported before."""
        if conversation_id in self._ids:
            return False
        self._ids[conversation_id] = None
        if len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)
        return True

    def __contains__(self, conversation_id: bytes) -> bool:
        return conversation_id in self._ids
