"""deploy/valkey: master, replica and Sentinels, started by the very files but for ports and time-outs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
import yaml
from support.deployment.lines import options
from support.deployment.settings import DEPLOY
from support.eventually import eventually_here
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_process
from support.store.valkey_process import free_port
from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Level
from teduh_server.doctor.store import check_store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.server_program import bundled

FOLDER = DEPLOY / "valkey"
HOST = "127.0.0.1"
SAID = "of-nobody-else"
_CLIENT = """import sys
import redis
option, port, *words = sys.argv[1:]
assert option == "-p"
print(redis.Redis("127.0.0.1", int(port)).execute_command(*words))
"""


class Deployed:
    """One server or Sentinel that `start.sh` starts."""

    def __init__(
        self, folder: Path, kind: str, watched: int | None = None, *, as_written: bool = False
    ) -> None:
        """`as_written`: with the time-outs of the file."""
        folder.mkdir()
        self.port = free_port()
        self._folder = folder
        self._arguments = [kind, HOST, *([HOST, str(watched)] if watched else [])]
        self._file = "valkey.conf" if kind == "server" else "sentinel.conf"
        own = f"\nport {self.port}\nbind {HOST}\n"
        if kind == "sentinel" and not as_written:
            # Several of its own heartbeats, or a busy machine looks dead.
            own += "sentinel down-after-milliseconds teduh 3000\nsentinel failover-timeout teduh 6000\n"
        (folder / "deployed.conf").write_text((FOLDER / self._file).read_text("utf-8") + own)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **told: str) -> None:
        programs = self._folder.parent / "bin"
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [str(FOLDER / "start.sh"), *self._arguments],
                env=os.environ
                | {
                    "PATH": f"{programs}:{os.environ['PATH']}",
                    "VALKEY_CONFIGURATION": str(self._folder / "deployed.conf"),
                    "VALKEY_FOLDER": str(self._folder),
                    "VALKEY_PORT": str(self.port),
                    **told,
                },
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        eventually_here(self._answers, f"{self._folder} does not answer: {self.said()}")

    def kill(self) -> None:
        """With what it has started, as where a container ends."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def kill_server(self) -> None:
        """Only the server itself."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def has_left_nothing(self) -> bool:
        assert self._process is not None
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def ask(self, *words: str | int) -> object:
        with redis.Redis(HOST, self.port, socket_timeout=2.0, decode_responses=True) as client:
            return client.execute_command(*words)

    def info(self, name: str) -> str:
        """One value of INFO; empty while it does not answer."""
        try:
            with redis.Redis(HOST, self.port, socket_timeout=2.0, decode_responses=True) as client:
                return str(dict(client.info()).get(name, ""))
        except redis.RedisError:
            return ""

    def said(self) -> str:
        return (self._folder / "out").read_text(errors="replace")

    def files(self) -> str:
        """What is in its append-only files."""
        found = ""
        for path in (self._folder / "appendonlydir").iterdir():
            with suppress(FileNotFoundError):  # A rewrite has just replaced it.
                found += path.read_text(errors="replace")
        return found

    def keeps(self, name: str) -> bool:
        """Whether a file of this name is there."""
        return (self._folder / name).exists()

    def configuration(self) -> str:
        """What it keeps for itself."""
        return (self._folder / self._file).read_text("utf-8")

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.RedisError:
            return False


def programs_in(folder: Path) -> None:
    """The embedded Valkey under the names that `start.sh` calls, and what asks it as valkey-cli does."""
    (folder / "bin").mkdir()
    for program in ("valkey-server", "valkey-sentinel"):
        (folder / "bin" / program).symlink_to(str(bundled()))
    client = folder / "bin" / "valkey-cli"
    client.write_text(f"#!{sys.executable}\n{_CLIENT}")
    client.chmod(0o755)


class Environment:
    """As in compose.yaml."""

    def __init__(self, folder: Path) -> None:
        programs_in(folder)
        self.primary = Deployed(folder / "primary", "server")
        self.replica = Deployed(folder / "replica", "server", self.primary.port)
        self.sentinels = [
            Deployed(folder / f"sentinel{number}", "sentinel", self.primary.port) for number in range(3)
        ]
        self.everybody = [self.primary, self.replica, *self.sentinels]

    @property
    def url(self) -> str:
        hosts = ",".join(f"{HOST}:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/teduh"

    def is_whole(self) -> bool:
        """Whether every Sentinel knows the others and the replica, which has caught up."""
        watching = all(_sees_all(each) for each in self.sentinels)
        return watching and self.replica.info("master_link_status") == "up"


def _sees_all(sentinel: Deployed) -> bool:
    try:
        seen = sentinel.ask("SENTINEL MASTER", "teduh")
    except redis.RedisError:
        return False
    assert isinstance(seen, dict)
    return int(seen["num-other-sentinels"]) == 2 and int(seen["num-slaves"]) == 1


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    built = Environment(tmp_path)
    try:
        for each in built.everybody:
            each.start()
        eventually_here(built.is_whole, "master, replica and Sentinels do not find each other")
        yield built
    finally:
        for each in built.everybody:
            each.kill()


def test_doctor_has_nothing_to_say_of_the_deployed_store(environment: Environment) -> None:
    settings = Settings(store_url=environment.url, durability=Durability.REPLICATED)
    assert [each.level for each in asyncio.run(check_store(settings))] == [Level.GOOD]


def test_relay_with_the_settings_of_the_compose_file_serves_with_this_store(
    environment: Environment, tmp_path: Path
) -> None:
    """But for the address of the Sentinels, and TURN, whose name leads nowhere here."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    told = {
        name.removeprefix("TEDUH_").lower(): value
        for name, value in compose["services"]["relay-1"]["environment"].items()
        if "CALLS" not in name and "ORIGIN" not in name and "LISTEN" not in name
    }
    told |= {"organisation_file": str(RelayOrganisation().write(tmp_path)), "store_url": environment.url}
    with relay_process(tmp_path / "relay", **told) as relay:
        assert relay.running
        environment.replica.kill()
        environment.replica.start()
        eventually_here(
            lambda: environment.primary.info("connected_slaves") == "1", "the replica does not come back"
        )
    assert relay.stop() == 0


def test_master_without_its_replica_takes_no_writes(environment: Environment) -> None:
    """They would be lost when the replica takes over."""
    for sentinel in environment.sentinels:
        sentinel.kill()
    # One that is connected and has not acknowledged anything yet does not count.
    eventually_here(
        lambda: environment.primary.info("min_slaves_good_slaves") == "1", "the master has no replica"
    )
    environment.primary.ask("SET", "before", "1")
    environment.replica.kill()
    eventually_here(lambda: environment.primary.info("connected_slaves") == "0", "the master does not notice")
    with pytest.raises(redis.ResponseError, match="NOREPLICAS"):
        environment.primary.ask("SET", "after", "1")


def test_role_outlives_a_power_failure(environment: Environment) -> None:
    """The replica takes over; then all lose power, and it is master still: nothing accepted since is lost."""
    environment.primary.ask("SET", "early", "1")
    assert environment.primary.ask("WAIT", 1, 60_000) == 1
    environment.primary.kill()
    eventually_here(lambda: environment.replica.info("role") == "master", "nobody takes over")
    environment.primary.start()
    eventually_here(
        lambda: environment.primary.info("master_link_status") == "up", "the old master does not follow"
    )
    # One that is connected and has not acknowledged anything yet does not count.
    eventually_here(
        lambda: environment.replica.info("min_slaves_good_slaves") == "1", "the new master has no replica"
    )
    environment.replica.ask("SET", "late", "2")
    assert environment.replica.ask("WAIT", 1, 60_000) == 1
    for each in environment.everybody:
        each.kill()
    for each in environment.everybody:
        each.start()
    eventually_here(
        lambda: environment.primary.info("master_link_status") == "up", "the old master is one again"
    )
    assert environment.replica.info("role") == "master"
    assert (environment.replica.ask("GET", "early"), environment.replica.ask("GET", "late")) == ("1", "2")


def test_what_was_trimmed_leaves_the_disk_soon(tmp_path: Path) -> None:
    """Of master and replica; and what asks them for it ends with them."""
    programs_in(tmp_path)
    primary = Deployed(tmp_path / "primary", "server")
    replica = Deployed(tmp_path / "replica", "server", primary.port)
    try:
        for each in (primary, replica):
            each.start(VALKEY_FIRST_REWRITE_SECONDS="0.1", VALKEY_REWRITE_SECONDS="0.2")
        eventually_here(lambda: primary.info("min_slaves_good_slaves") == "1", "the master has no replica")
        primary.ask("XADD", "log", "1-0", "e", SAID)
        assert primary.ask("WAIT", 1, 60_000) == 1
        primary.ask("XTRIM", "log", "MAXLEN", "0")
        eventually_here(
            lambda: SAID not in primary.files() + replica.files(), "it is still in an append-only file"
        )
        assert primary.info("aof_enabled") == replica.info("aof_enabled") == "1"
        primary.kill_server()
        eventually_here(primary.has_left_nothing, "what has asked it goes on")
    finally:
        for each in (primary, replica):
            each.kill()


def test_what_a_replica_was_sent_leaves_its_disk_soon(tmp_path: Path) -> None:
    """It is all that there was when it began, and lies beside the append-only file, read by nobody."""
    programs_in(tmp_path)
    primary = Deployed(tmp_path / "primary", "server")
    replica = Deployed(tmp_path / "replica", "server", primary.port)
    try:
        primary.start()
        primary.ask("CONFIG", "SET", "min-replicas-to-write", 0)
        primary.ask("SET", "before", SAID)
        replica.start(VALKEY_FIRST_REWRITE_SECONDS="0.5", VALKEY_REWRITE_SECONDS="0.5")
        eventually_here(lambda: replica.info("master_link_status") == "up", "the replica does not follow")
        eventually_here(lambda: not replica.keeps("dump.rdb"), "it is still there")
        assert replica.ask("GET", "before") == SAID
    finally:
        for each in (primary, replica):
            each.kill()


def test_what_no_relay_needs_is_not_there(environment: Environment) -> None:
    for words in (("FLUSHALL",), ("FLUSHDB",), ("MONITOR",), ("KEYS", "*"), ("DEBUG", "OBJECT", "x")):
        with pytest.raises(redis.ResponseError, match="unknown command"):
            environment.primary.ask(*words)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Deployed, Deployed]]:
    """A server, and a Sentinel that watches it, with nothing in their files but what is deployed."""
    programs_in(tmp_path)
    server = Deployed(tmp_path / "server", "server")
    sentinel = Deployed(tmp_path / "sentinel", "sentinel", server.port, as_written=True)
    try:
        server.start()
        sentinel.start()
        yield server, sentinel
    finally:
        sentinel.kill()
        server.kill()


def test_valkey_and_sentinel_do_as_every_line_says(pair: tuple[Deployed, Deployed]) -> None:
    """Each directive is asked back; commands that are taken away have a test above."""
    server, sentinel = pair
    for name, (value, *_) in words_of("valkey.conf").items():
        if name != "rename-command":
            answer = server.ask("CONFIG", "GET", name)
            assert answer == {name: in_bytes(value)}, f"{name} {value}"
    watched = sentinel.ask("SENTINEL MASTER", "teduh")
    assert isinstance(watched, dict)
    for name, _, value in (line.partition(" teduh ") for line in words_of("sentinel.conf")["sentinel"]):
        if value:
            assert str(watched[name]) == value, f"{name} {value}"
    assert int(watched["quorum"]) == 2
    with pytest.raises(redis.ResponseError, match="denied"):
        sentinel.ask("SENTINEL", "SET", "teduh", "notification-script", "/bin/true")


def in_bytes(value: str) -> str:
    """As a running server says it: without quotation marks, and sizes in bytes."""
    return str(int(value[:-2]) * 1024 * 1024) if value.endswith("mb") else value.strip('"')


def words_of(file: str) -> dict[str, list[str]]:
    return options((FOLDER / file).read_text("utf-8"), " ")


def test_every_line_has_its_reason_above_it() -> None:
    for file in ("valkey.conf", "sentinel.conf"):
        before = ""
        for line in (FOLDER / file).read_text("utf-8").splitlines():
            assert line.startswith("#") or not line or before, f"{file}: {line} stands there without a reason"
            before = line


def test_no_secret_is_in_the_files() -> None:
    for file in FOLDER.iterdir():
        lines = file.read_text("utf-8").splitlines()
        assert not [
            line for line in lines if line.startswith(("requirepass", "primaryauth", "masterauth", "user "))
        ]
