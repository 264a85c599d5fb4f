"""Trying again and again, ever more slowly, until cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from teduh_server.operations.log_policy import Trouble, fault
from teduh_server.redis_store.exceptions import StoreError, StoreNotDurable, cause_of

_FIRST_WAIT = 0.02
_LONGEST_WAIT = 1.0
_WORKED_SECONDS = 5.0


async def keep_trying(once: Callable[[], Coroutine[None, None, None]], trouble: Trouble) -> None:
    """Run `once`, which returns when a connection is lost, for ever. It says when its `trouble` has ended.

    The wait between two attempts doubles up to a second, and begins anew after one that held.
    """
    wait = _FIRST_WAIT
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await once()
            trouble.is_("lost")
        except StoreNotDurable as error:
            trouble.is_(cause_of(error), str(error))
        except (OSError, StoreError) as error:
            trouble.is_(cause_of(error))
        except Exception as error:  # noqa: BLE001 -- whatever it was, the relay needs its store
            trouble.is_(cause_of(error))
            fault("connection_to_store_failed", error)
        if asyncio.get_running_loop().time() - began > _WORKED_SECONDS:
            wait = _FIRST_WAIT
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
