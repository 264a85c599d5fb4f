"""Asks Python and the TypeScript SDK the same questions, and tells where they answer differently.

    python tests/fuzz/differential.py --cases 5000000 --seed 7 [--only commit]

The same bytes go to the functions of this module and, through pipes, to a Node process with the built SDK
(client_sdk/web/tests/peer/judge.ts). They differ when one takes what the other refuses, or when both take it
and understand something else. What differs is written under tests/fuzz/differential/, and what lies there is
asked again by every run of the tests (test_differential.py).

Cases come from a corpus (that of the other fuzz targets, and what differed before) by mutation: of the bytes,
and of what they mean. Commits and Welcomes are made by members who follow RFC 9420 in all that this library
can do, for whatever is changed after encryption is refused by everybody. A run with the same seed asks the
same, but for those, whose keys are fresh.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

HERE: Final = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tools")]

import msgspec  # noqa: E402 - the path to the tests comes first
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from forging import edwards  # noqa: E402
from fuzz.mls_play import Play  # noqa: E402
from support.clients.node_runtime import node  # noqa: E402
from support.clients.web_peer import built_peer  # noqa: E402
from teduh_crypto.credentials import CredentialError  # noqa: E402
from teduh_crypto.credentials.json_web_token import (  # noqa: E402
    TokenType,
    encode_base64url,
    unverified_claims,
    verify_token,
)
from teduh_crypto.credentials.staff_statement import StaffStatement, read_claims  # noqa: E402
from teduh_crypto.exceptions import InvalidSignature, RemoteError  # noqa: E402
from teduh_crypto.hazmat.signature import ED25519  # noqa: E402
from teduh_crypto.mls import (  # noqa: E402
    ApplicationMessage,
    CommitReceived,
    Credential,
    Group,
    KeyPackageBundle,
    RemovedFromGroup,
)
from teduh_sdk.group.group_changes import GROUP_POLICY  # noqa: E402
from teduh_signaling.call.codec import decode_call, encode_call  # noqa: E402
from teduh_signaling.chat.codec import decode_message, encode_message  # noqa: E402
from teduh_signaling.chat.exceptions import RemoteMessageError  # noqa: E402
from teduh_signaling.chat.messages import OfCall, Unknown  # noqa: E402
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode  # noqa: E402
from teduh_signaling.relay.exceptions import RemoteProtocolError  # noqa: E402
from vectors import make_credentials  # noqa: E402

CORPUS: Final = HERE / "corpus"
DIFFERED: Final = HERE / "differential"
BATCH: Final = 2000
TAKEN: Final = b""

Judge = Callable[[bytes], bytes]
"""What bytes mean; raises one of `REFUSALS` for those that are refused."""

REFUSALS: Final = (CredentialError, RemoteError, RemoteMessageError, RemoteProtocolError, InvalidSignature)


@dataclass(frozen=True, slots=True)
class Difference:
    """What was understood of `data`; None is a refusal."""

    kind: str
    data: bytes
    python: bytes | None
    typescript: bytes | None

    def __str__(self) -> str:
        said = [
            "refused" if one is None else f"taken as {one[:200]!r}" for one in (self.python, self.typescript)
        ]
        return f"{self.kind} {self.data.hex()[:400]}\n  Python: {said[0]}\n  TypeScript: {said[1]}"


# --- what Python makes of bytes
# ------------------------------------------------------------------------------------


def client_frame(data: bytes) -> bytes:
    return encode(decode_client_frame(data))


def relay_frame(data: bytes) -> bytes:
    return encode(decode_relay_frame(data))


def chat_message(data: bytes) -> bytes:
    message = decode_message(data)
    if isinstance(message, Unknown):
        return b"unknown %d" % message.tag
    return b"of a call" if isinstance(message, OfCall) else encode_message(message)


def call_message(data: bytes) -> bytes:
    message = decode_call(data)
    return b"unknown" if message is None else encode_call(message)


def statement_claims(data: bytes) -> bytes:
    return spelled(read_claims(unverified_claims(_text(data), TokenType.STAFF)))


def signed_token(data: bytes) -> bytes:
    return spelled(read_claims(verify_token(_text(data[32:]), TokenType.STAFF, data[:32])))


def ed25519(data: bytes) -> bytes:
    ED25519.verify(data[:32], data[96:], data[32:96])
    return TAKEN


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def spelled(statement: StaffStatement) -> bytes:
    """A statement as the judge spells it."""
    said = [
        statement.organisation_id,
        statement.statement_id,
        statement.subject,
        statement.name,
        statement.role.value,
        statement.languages,
        statement.skills,
        statement.not_before,
        statement.expires,
        encode_base64url(statement.device_key),
    ]
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


class MlsReaders:
    """The readers of a scene, as the judge has them: see `fuzz.mls_play`."""

    def __init__(self) -> None:
        self.bundles: Sequence[KeyPackageBundle] = ()
        self.groups: Sequence[Group] = ()
        self.now = 0

    def scene(self, data: bytes) -> bytes:
        self.bundles, self.groups, self.now = Play.readers_of(data, GROUP_POLICY)
        return TAKEN

    def message(self, data: bytes) -> bytes:
        after, received = self.groups[data[0]].unprotect(data[1:], now=self.now)
        match received:
            case ApplicationMessage(sender, said):
                return b"%d says %b" % (sender, said)
            case RemovedFromGroup():
                return b"removed"
            case CommitReceived(sender):
                return b"%d commits %b" % (sender, state_of(after))
            case _:
                raise AssertionError("a proposal by itself is refused")

    def welcome(self, data: bytes) -> bytes:
        group = Group.join(data[1:], self.bundles[data[0]], now=self.now, policy=GROUP_POLICY)
        return state_of(group)


def state_of(group: Group) -> bytes:
    """A group as the judge spells it."""
    members = [
        f"{one.leaf_index}:{one.credential.credential_type}:{_content(one.credential)}:{one.signature_key.hex()}"
        for one in group.members
    ]
    return " ".join([group.epoch_authenticator.hex(), *members]).encode()


def _content(credential: Credential) -> str:
    # The web SDK shows nothing of a certificate, for no content proves one.
    content: bytes = getattr(credential, "identity", getattr(credential, "data", b""))
    return content.hex()


READERS: Final = MlsReaders()
KINDS: Final[dict[str, Judge]] = {
    "client-frame": client_frame,
    "relay-frame": relay_frame,
    "chat": chat_message,
    "call": call_message,
    "claims": statement_claims,
    "token": signed_token,
    "ed25519": ed25519,
    "scene": READERS.scene,
    "message": READERS.message,
    "welcome": READERS.welcome,
}
"""In the order that judge.ts has."""
_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS)}
_AGAIN: Final[dict[str, Callable[[bytes], object]]] = {
    "client-frame": decode_client_frame,
    "relay-frame": decode_relay_frame,
    "chat": decode_message,
    "call": decode_call,
}
"""How to compare what was encoded by different libraries, where the bytes differ."""


class TypeScriptJudge:
    """The Node process. A context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [str(node()), str(built_peer("judge"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def differences(self, cases: Sequence[tuple[str, bytes]]) -> Iterator[Difference]:
        """Ask both; both think at the same time."""
        self._ask(cases)
        ours = [_judged(KINDS[kind], data) for kind, data in cases]
        for (kind, data), python in zip(cases, ours, strict=True):
            typescript = self._answer()
            if python != typescript and not _means_the_same(kind, python, typescript):
                yield Difference(kind, data, python, typescript)

    def _ask(self, cases: Sequence[tuple[str, bytes]]) -> None:
        assert self._process.stdin is not None
        out = bytearray(len(cases).to_bytes(4, "big"))
        for kind, data in cases:
            out += bytes((_NUMBERS[kind],)) + len(data).to_bytes(4, "big") + data
        self._process.stdin.write(out)
        self._process.stdin.flush()

    def _answer(self) -> bytes | None:
        assert self._process.stdout is not None
        head = self._process.stdout.read(5)
        if len(head) < 5:
            raise RuntimeError("the judge broke off: an error that is no peer's fault is a fault of ours")
        meaning = self._process.stdout.read(int.from_bytes(head[1:], "big"))
        return meaning if head[0] else None


def _judged(judge: Judge, data: bytes) -> bytes | None:
    try:
        return judge(data)
    except REFUSALS:
        return None


def _means_the_same(kind: str, python: bytes | None, typescript: bytes | None) -> bool:
    """Whether two encodings are of one message."""
    decode = _AGAIN.get(kind)
    if decode is None or python is None or typescript is None:
        return False
    try:
        return decode(python) == decode(typescript)
    except REFUSALS:
        return False


# --- cases
# ----------------------------------------------------------------------------------------------------------


@dataclass
class Source:
    """Makes cases of every kind, from a seed."""

    seed: int
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._corpora = {
            "client-frame": corpus("ClientFrame"),
            "relay-frame": corpus("RelayFrame"),
            "chat": corpus("ChatMessage"),
            "call": corpus("CallMessage"),
        }

    def case(self, kind: str) -> bytes:
        """One case."""
        match kind:
            case "claims":
                return unsigned(self._payload())
            case "token":
                return self._token()
            case "ed25519":
                return self._signature()
            case _:
                return self._packed(self._corpora[kind])

    def _packed(self, seeds: Sequence[bytes]) -> bytes:
        chance = self.chance
        data = seeds[int(chance.random() * len(seeds))]
        if chance.random() < 0.5:
            return mutated(data, chance)
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            return msgspec.msgpack.encode(altered(msgspec.msgpack.decode(data), VALUES, chance))
        return mutated(data, chance)

    def _payload(self) -> bytes:
        chance = self.chance
        claims: dict[str, object] = make_credentials.claims_of(make_credentials.SARIS)
        if chance.random() < 0.3:
            text = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
            return mutated_text(text, chance)
        changed = altered(claims, TEXT_VALUES, chance)
        return json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode()

    def _token(self) -> bytes:
        chance = self.chance
        token = bytearray(make_credentials.with_payload(self._payload()).encode())
        if chance.random() < 0.5:
            token[chance.randrange(len(token))] = chance.choice(b"ABCDEFGHabcdefgh0123-_.~=")
        return make_credentials.public(make_credentials.ROOT) + bytes(token)

    def _signature(self) -> bytes:
        chance = self.chance
        case = bytearray(chance.choice(SIGNATURES))
        if chance.random() < 0.7:
            case[chance.randrange(len(case))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.2:
            case[:32] = chance.choice(SIGNATURES)[:32]
        return bytes(case)


def corpus(name: str) -> list[bytes]:
    """The corpus of another target, and what differed before."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def unsigned(payload: bytes) -> bytes:
    """A token whose signature nobody looks at."""
    header = encode_base64url(b'{"alg":"EdDSA","typ":"teduh-staff+jwt"}')
    return f"{header}.{encode_base64url(payload)}.AA".encode()


def _signatures() -> list[bytes]:
    cases = json.loads((HERE.parent / "vectors" / "ed25519.json").read_text("utf-8"))
    known = [
        bytes.fromhex(case["public_key"] + case["signature"] + case["message"])
        for case in cases
        if len(case["signature"]) == 128
    ]
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = key.public_key().public_bytes_raw()
    honest = [public + key.sign(message) + message for message in (b"", b"a", b"hello" * 20)]
    small = [edwards.encoded(y, sign) + bytes(64) for y in range(8) for sign in (0, 1)]
    return [*known, *honest, *small]


SIGNATURES: Final = _signatures()
VALUES: Final[list[object]] = [
    *(
        0,
        1,
        -1,
        2,
        7,
        31,
        32,
        127,
        128,
        255,
        256,
        2**16,
        2**31,
        2**32 - 1,
        2**32,
        2**53 - 1,
        2**53,
        2**63,
        2**64 - 1,
    ),
    *(-(2**31), -(2**53), -(2**63), 0.0, 1.0, 0.5, -0.0, float("inf"), float("nan"), 1e300),
    *(None, True, False, b"", b"\x00", bytes(16), bytes(32), bytes(33), b"a" * 255, b"a" * 70000),
    *(
        "",
        "a",
        "é",
        "\u202e",
        "\U0001f327",
        "a" * 64,
        "a" * 65,
        "\U0001f327" * 40,
        "\ufeff",
        "\x00",
        "turn:x",
    ),
    *([], [1], [[]], [None], {}, {"a": 1}, {1: 2}, [1] * 40, ["id", "id"]),
]
TEXT_VALUES: Final[list[object]] = [
    *(0, 1, -1, 2**31, 2**53 - 1, 2**53, 1.0, 0.5, -0.0, 1e21, 1e16, None, True, False),
    *(
        "",
        "a",
        "é",
        "e\u0301",
        "\u202e",
        "\u200d",
        "\U0001f327",
        "a" * 63,
        "a" * 64,
        "a" * 65,
        " a",
        "a ",
        "a b",
    ),
    *(
        "\U0001f327" * 33,
        "\U0001f327" * 65,
        "\ufeff",
        "\x00",
        "\x7f",
        "\u2028",
        "\u00a0",
        "\u3000",
        "\u0085",
        "\n",
    ),
    *("id", "id-ID", "EdDSA", "counselor", "issuer", "__proto__", "A" * 43, "A" * 42 + "B", "\x1c", "\u1680"),
    *([], ["id"], ["id", "id"], ["id", "ID"], [1], ["a"] * 17, {}, {"a": 1}, {"1": 1}, {"__proto__": 1}),
]


NAMES: Final = ("extra", "1", "", "__proto__", "nbf", "constructor")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with some bytes changed, left out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(1 + int(chance.random() * 3)):
        place = int(chance.random() * (len(changed) + 1))
        match int(chance.random() * 6):
            case 0 if changed:
                changed[place % len(changed)] ^= 1 << int(chance.random() * 8)
            case 1 if changed:
                changed[place % len(changed)] = _BYTES[int(chance.random() * len(_BYTES))]
            case 2:
                changed.insert(place, _BYTES[int(chance.random() * len(_BYTES))])
            case 3:
                del changed[place : place + 1 + int(chance.random() * 4)]
            case 4:
                changed[place:place] = changed[place : place + 1 + int(chance.random() * 8)]
            case _ if chance.random() < 0.3:
                del changed[place:]
    return bytes(changed)


_BYTES: Final = bytes(range(0x80, 0x100)) + bytes((0, 1, 2, 0x7F, 0x20, 0x22, 0x5C, 0x2E))
_JSON_TEXT: Final = '{}[]":,0159eE.-+\\u tfn/\t\n'


def mutated_text(data: bytes, chance: random.Random) -> bytes:
    """The same with characters that mean something in JSON."""
    changed = bytearray(data)
    for _ in range(1 + int(chance.random() * 2)):
        place = int(chance.random() * len(changed))
        character = chance.choice(_JSON_TEXT).encode()
        match int(chance.random() * 3):
            case 0:
                changed[place : place + 1] = character
            case 1:
                changed[place:place] = character
            case _:
                del changed[place : place + 1]
    return bytes(changed)


def altered(value: object, values: Sequence[object], chance: random.Random) -> object:
    """`value` with another value in one place, one left out or one more."""
    if isinstance(value, list) and value and chance.random() < 0.95:
        place = int(chance.random() * len(value))
        rest = list(value)
        match int(chance.random() * 10):
            case 0:
                del rest[place]
            case 1:
                rest.insert(place, chance.choice(values))
            case 2:
                rest.append(chance.choice(values))
            case _:
                rest[place] = altered(rest[place], values, chance)
        return rest
    if isinstance(value, dict) and value and chance.random() < 0.95:
        name = chance.choice(list(value))
        changed = dict(value)
        match int(chance.random() * 10):
            case 0:
                del changed[name]
            case 1:
                changed[chance.choice(["extra", "1", "", "__proto__", "nbf", "constructor"])] = chance.choice(
                    values
                )
            case _:
                changed[name] = altered(value[name], values, chance)
        return changed
    if isinstance(value, int) and not isinstance(value, bool) and chance.random() < 0.3:
        return value + chance.choice([-1, 1, -300, 300, 24 * 3600])
    return chance.choice(values)


SHARES: Final[dict[str, float]] = {
    "client-frame": 0.30,
    "relay-frame": 0.33,
    "chat": 0.14,
    "call": 0.14,
    "claims": 0.07,
    "token": 0.005,
    "ed25519": 0.0118,
    "message": 0.0024,
    "welcome": 0.0008,
}
"""Of the cases; those of MLS cost a thousand times as much as a frame."""


def cases(seed: int, count: int, only: str | None = None) -> Iterator[list[tuple[str, bytes]]]:
    """`count` cases in batches."""
    shares = SHARES if only is None else {only: 1.0}
    source, chance = Source(seed), random.Random(seed)
    of_mls = sum(shares.get(kind, 0) for kind in ("message", "welcome"))
    play = Play(seed, READERS) if of_mls else None
    kinds, weights = list(shares), list(shares.values())
    while count > 0:
        chosen = chance.choices(kinds, weights, k=min(BATCH, count))
        batch = []
        for kind in chosen:
            if kind in ("message", "welcome"):
                assert play is not None
                batch += play.case(kind)
            else:
                batch.append((kind, source.case(kind)))
        yield batch
        count -= len(chosen)


def keep(difference: Difference, scene: bytes | None) -> Path:
    """Write a difference where the tests find it; one of MLS goes with its scene."""
    folder = DIFFERED / difference.kind
    folder.mkdir(parents=True, exist_ok=True)
    name = f"found-{len(list(folder.iterdir()))}"
    if difference.kind in ("message", "welcome"):
        assert scene is not None
        content = (
            json.dumps({"scene": json.loads(scene), "data": difference.data.hex()}, indent=1).encode() + b"\n"
        )
        path = folder / f"{name}.json"
    else:
        content, path = difference.data, folder / name
    path.write_bytes(content)
    return path


def kept() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """What lies under tests/fuzz/differential/: a name, and the cases to ask one after another."""
    for path in sorted(DIFFERED.glob("*/*")):
        kind, content = path.parent.name, path.read_bytes()
        name = f"{kind}/{path.name}"
        if path.suffix == ".json":
            found = json.loads(content)
            scene = json.dumps(found["scene"]).encode()
            yield name, [("scene", scene), (kind, bytes.fromhex(found["data"]))]
        else:
            yield name, [(kind, content)]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Ask Python and TypeScript the same questions.")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(SHARES))
    options = parser.parse_args()
    begun, differed, scene = time.monotonic(), Counter[str](), None
    with TypeScriptJudge() as judge:
        for batch in cases(options.seed, options.cases, options.only):
            scene = next((data for kind, data in reversed(batch) if kind == "scene"), scene)
            for difference in judge.differences(batch):
                differed[difference.kind] += 1
                if differed[difference.kind] <= 5:
                    print(difference, keep(difference, scene), sep="\n  kept as ")
    took = time.monotonic() - begun
    print(
        f"{options.cases} cases in {took:.0f} s, {options.cases / took:.0f} a second;"
        f" {sum(differed.values())} differ"
    )
    raise SystemExit(1 if differed else 0)


if __name__ == "__main__":
    main()
