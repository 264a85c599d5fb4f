"""Both SDKs have the same names, snake_case here and camelCase there, but for those that are listed with a reason.

What differs is written below; a name that is in one language only, and not there, fails.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Final

import pytest
import teduh_sdk
from teduh_sdk import calls, events, exceptions

SOURCES: Final = Path(__file__).parents[2] / "client_sdk" / "web" / "src"


def camel(name: str) -> str:
    """`load_organisation` as TypeScript writes it; classes and constants stay as they are."""
    if name[0].isupper():
        return name
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def source(name: str) -> str:
    return (SOURCES / f"{name}.ts").read_text("utf-8")


def exported(index: str) -> set[str]:
    """The names in the lists of an index module, types among them; not what is exported as a whole."""
    lists = re.findall(r"^export (?:type )?\{([^}]*)\}", source(index), re.MULTILINE)
    names = [name.strip().removeprefix("type ") for each in lists for name in each.split(",")]
    return {name for name in names if name}


def members(module: str, kind: str) -> set[str]:
    """The public members of a class or an interface, inherited ones left out."""
    body = re.search(
        rf"^export (?:abstract )?(?:class|interface) {kind}\b[^\n]*\{{\n(.*?)^\}}", source(module), re.MULTILINE | re.DOTALL
    )
    assert body is not None, f"{module} has no {kind}"
    written = re.findall(
        r"^  (?:static |abstract |async |get |readonly |declare )*([a-z]\w*)[?]?[(<:]", body[1], re.MULTILINE
    )
    return set(written) - {"constructor"}


if __name__ == "__main__":
    print({camel(n) for n in teduh_sdk.__all__} - exported("index"))
    print(exported("index") - {camel(n) for n in teduh_sdk.__all__})
    print("calls", {camel(n) for n in calls.__all__} - exported("call/index"), exported("call/index")-{camel(n) for n in calls.__all__})
    for module, name in [("conversation","Conversation"),("survivor","Survivor"),("staff","Staff"),("staff","Request"),("staff","InvitedTo"),("staffRouting","StaffRouting"),("staffRouting","OpenOffer"),("enrolment","Enrolment"),("keyStore","KeyStore"),("keyStore","MemoryKeyStore"),("encryptedKeyStore","EncryptedKeyStore"),("room","Participant"),("colleague","Colleague"),("iceServers","IceServers")]:
        cls = getattr(teduh_sdk, name)
        own = set()
        for k in cls.__mro__[:-1]:
            if k.__module__.startswith("teduh_sdk") and (k is cls or True):
                own |= {camel(n) for n in vars(k) if not n.startswith("_")} | {camel(n) for n in getattr(k,"__annotations__",{}) if not n.startswith("_")}
        ts = members(module, name)
        if name in ("Survivor","Staff"): ts |= members("client","Client")
        print(name, "PY", own - ts, "TS", ts - own)
    for kind in events.Event.__args__:
        py={camel(f.name) for f in dataclasses.fields(kind)}; ts=members("events", kind.__name__)-{"type"}
        if py!=ts: print(kind.__name__, py-ts, ts-py)
