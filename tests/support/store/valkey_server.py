"""A private Valkey for one test: its own folder, a unix socket on a short path, killed and restarted at
will.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey


@contextmanager
def start_valkey(
    folder: Path | None = None, durability: Durability = Durability.AOF
) -> Iterator[EmbeddedValkey]:
    """A running Valkey: `.url`, `.socket_path`, `.folder`, `.kill()` (SIGKILL), `.revive()`.

    Without `folder` it lives in a temporary one, which goes with it. Inside `folder` the data stays.
    """
    own = Path(tempfile.mkdtemp(prefix="teduh-valkey-")) if folder is None else folder
    valkey = EmbeddedValkey(own, durability)
    valkey.start()
    valkey.revive()
    try:
        yield valkey
    finally:
        valkey.stop()
        if folder is None:
            shutil.rmtree(own, ignore_errors=True)
