"""Both SDKs have the same names, snake_case here and camelCase there, but for what is listed with its reason.

A name that one language has and the other has not fails, unless it stands in `ONLY` for the module or class;
and so does one that stands there without need.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import teduh_sdk
from teduh_sdk import events, exceptions
from teduh_sdk.client import Client

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

IS_A_MODULE = "a module of its own in Python, whose names stand beside the others in TypeScript"
IN_ONE_PACKAGE = "a type of teduh_signaling or teduh_crypto in Python; the browser has one package only"
A_FILE = "Python reads the organisation from a file, the browser from what its page was served with"
BY_PAGE = "a page asks what it finds in the browser's store when it is opened; a program knows"
HOLDS_KEYS = "in the browser keys never leave WebCrypto: the store holds handles, and makes the device itself"
NO_BLOCK = "what `async with` does in Python has to be called in JavaScript"
LISTENERS = "told to a listener, which a page can hold and drop; iterated over in Python"
DRAWN = "what the console draws"
WITH_AIORTC = "a call in Python is made by an extra with aiortc, in the browser by the page's own WebRTC"
TASKS = "Python's tasks and JavaScript's promises take turns in another way"

ONLY: Final[dict[str, dict[str, str]]] = {
    "the package": {
        **dict.fromkeys(("events", "exceptions"), IS_A_MODULE),
        **dict.fromkeys(
            (
                *(
                    "Attachment",
                    "Form",
                    "HandOver",
                    "Invitation",
                    "Location",
                    "Referral",
                    "Unknown",
                    "MAX_TEXT_CHARACTERS",
                ),
                *("Board", "BoardDay", "QueueAlert", "QueueListing", "RequestDetails", "Tally"),
                *("WaitingRequest", "ComparisonWords", "WordLanguage"),
                *("NEEDS", "Need", "Service", "Found", "Query"),
            ),
            IN_ONE_PACKAGE,
        ),
        **dict.fromkeys(("loadOrganisation", "readOrganisation", "fetchOrganisation"), A_FILE),
        **dict.fromkeys(("isEnrolled", "pendingEnrolment"), BY_PAGE),
        **dict.fromkeys(("Device", "keepDevice", "storedDevice"), HOLDS_KEYS),
        "Unlock": "a passphrase in Python; a passphrase or a passkey in the browser",
        "ClientOptions": "keyword arguments in Python",
        "RequestOrigin": DRAWN,
        "CallListener": "a function in Python",
        **dict.fromkeys(("Dial", "Socket"), "of `teduh_sdk.net.transport` in Python, for tests"),
        "AuthenticationService": "for programs that verify statements outside of a conversation",
    },
    "Conversation": {
        **dict.fromkeys(("call", "calls", "closeCalls"), WITH_AIORTC),
        **dict.fromkeys(("flush", "flushSoon", "act", "state"), TASKS),
        "wipe": "quick exit: at once, and without a word to anybody",
        "request": DRAWN,
    },
    "Survivor": {
        **dict.fromkeys(("open", "close", "isOpen"), NO_BLOCK),
        **dict.fromkeys(("failure", "onConnection", "onVerificationBlocked", "onPaying"), LISTENERS),
        **dict.fromkeys(("leaveBeacon", "vanish"), "for a page that is left"),
    },
    "Staff": {
        **dict.fromkeys(("open", "close", "isOpen", "restored"), NO_BLOCK),
        **dict.fromkeys(
            ("failure", "onConnection", "onVerificationBlocked", "onQueue", "onAsked", "waiting"), LISTENERS
        ),
        **dict.fromkeys(("name", "role", "expires"), DRAWN),
        "routing": "set by the constructor in Python, where this test does not see it",
    },
    "StaffRouting": {
        **dict.fromkeys(("alerts", "board", "listing", "fail"), LISTENERS),
        **dict.fromkeys(("onAlert", "onBoard", "onListing", "onOffers"), LISTENERS),
        **dict.fromkeys(("accept", "decline"), "of `OpenOffer` in Python"),
        "makesOffers": "set by the constructor in Python, where this test does not see it",
    },
    "Enrolment": {
        "wordsIn": "the page shows them in any language, and so has them all in `words`",
        **dict.fromkeys(("organisation", "relayUrl"), "the page is told them when it is opened again"),
    },
    "KeyStore": dict.fromkeys(("getKey", "putKey"), HOLDS_KEYS),
    "MemoryKeyStore": dict.fromkeys(("getKey", "putKey"), HOLDS_KEYS),
    "EncryptedKeyStore": {
        **dict.fromkeys(("getKey", "putKey"), HOLDS_KEYS),
        **dict.fromkeys(("addUnlock", "unlocks"), "a passphrase in Python; also a passkey in the browser"),
        **dict.fromkeys(("exists", "erase", "lock"), "a file in Python; a database in the browser"),
    },
    "Participant": {
        **dict.fromkeys(("hasKey", "of"), "bytes are compared, and hashes made, by functions in JavaScript"),
        "toString": "`__str__` in Python",
    },
}
CLASSES: Final = {
    "Conversation": ("conversation/conversation", teduh_sdk.Conversation),
    "Survivor": ("survivor", teduh_sdk.Survivor),
    "Staff": ("staff/staff", teduh_sdk.Staff),
    "StaffRouting": ("staff/staffRouting", teduh_sdk.StaffRouting),
    "Request": ("staff/staff", teduh_sdk.Request),
    "InvitedTo": ("staff/staff", teduh_sdk.InvitedTo),
    "Enrolment": ("device/enrolment", teduh_sdk.Enrolment),
    "KeyStore": ("device/keyStore", teduh_sdk.KeyStore),
    "MemoryKeyStore": ("device/keyStore", teduh_sdk.MemoryKeyStore),
    "EncryptedKeyStore": ("device/encryptedKeyStore", teduh_sdk.EncryptedKeyStore),
    "Participant": ("group/room", teduh_sdk.Participant),
    "IceServers": ("net/iceServers", teduh_sdk.IceServers),
    "Directory": ("directory/directory", teduh_sdk.Directory),
}
OF_CALLS: Final = {"CallNotPossible", "CallsUnavailable", "NoRelayedPath", "RecordingNotAllowed"}
"""Exceptions that calls with aiortc need; the browser's calls tell by their view what has gone wrong."""
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
    """The public members of a class or an interface, those that its constructor declares among them."""
    found = re.search(
        rf"^export (?:abstract )?(?:class|interface) {kind}\b[^\n]*\{{\n(.*?)^\}}",
        source(module),
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, f"{module} has no {kind}"
    prefix = r"(?:static |abstract |async |get |readonly )*"
    written = re.findall(rf"^  {prefix}\*?([a-z]\w*)[?]?[(<:]", found[1], re.MULTILINE)
    return {*written, *re.findall(r"^    readonly (\w+)[?]?:", found[1], re.MULTILINE)} - {"constructor"}


def own_members(kind: type) -> set[str]:
    """The same of a Python class, and what it inherits from the SDK."""
    ours = [each for each in kind.__mro__ if each.__module__.startswith("teduh_sdk")]
    names = {name for each in ours for name in (*vars(each), *inspect.get_annotations(each))}
    return {camel(name) for name in names if not name.startswith("_")}


def test_the_packages_offer_the_same_but_for_what_is_listed() -> None:
    assert {camel(name) for name in teduh_sdk.__all__} ^ exported("index") == set(ONLY["the package"])


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_can_do_the_same_in_both_but_for_what_is_listed(name: str) -> None:
    module, kind = CLASSES[name]
    there = members(module, name)
    if issubclass(kind, Client):
        there |= members("client", "Client")
    assert own_members(kind) ^ there == set(ONLY.get(name, ()))


@pytest.mark.parametrize("event", events.Event.__args__)
def test_an_event_tells_the_same_in_both(event: type[DataclassInstance]) -> None:
    here = {camel(field.name) for field in dataclasses.fields(event)}
    assert here == members("events", event.__name__) - {"type"}


def test_what_can_go_wrong_has_the_same_name_and_descent_in_both() -> None:
    there = dict(re.findall(r"^export class (\w+) extends (\w+)", source("errors"), re.MULTILINE))
    here = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(exceptions).items()
        if isinstance(kind, type) and kind.__module__ == exceptions.__name__ and name not in OF_CALLS
    }
    assert {**here, "TeduhError": "Error"} == there
