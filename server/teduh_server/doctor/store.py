"""Is the store there, and does it keep what the relay calls accepted?

Looked at are the servers that are written to: the one server, the master that the Sentinels name, or every
master of the cluster.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from teduh_server.config.settings import Settings
from teduh_server.conversation_log.store_reserve import REQUESTS_SHARE
from teduh_server.doctor.finding import Finding, good, problem, warning
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.location import ClusterLocation, Location, SentinelLocation, parse_location
from teduh_server.redis_store.server_program import valkey_server
from teduh_server.redis_store.store_fill import StoreFill

_SECONDS = 5.0
_CLOCKS_APART_SECONDS = 5.0
_LAG_SECONDS = 3
"""A replica says every second how far it is."""


class StoreNotFound(Exception):
    """Nobody says where the servers with the data are; the text says who did not."""


@dataclass(frozen=True, slots=True)
class Server:
    """What one server says of itself."""

    name: str
    info: dict[str, str]
    configuration: dict[str, str] | None
    """None where it may not be asked for."""
    seconds_apart: float


async def check_store(settings: Settings) -> list[Finding]:
    """Findings about the store; nothing is written to it."""
    if settings.store_url is None:
        return await _check_embedded(settings)
    try:
        addresses = await _masters(parse_location(settings.store_url))
    except StoreNotFound as error:
        return [problem("store", f"{error}.")]
    findings = [finding for address in addresses for finding in await _check_address(address, settings)]
    findings += _check_way(addresses)
    return findings or [good("store", f"{_counted(len(addresses))}, and each keeps what it is to keep.")]


async def _check_address(address: StoreAddress, settings: Settings) -> list[Finding]:
    try:
        return list(check_server(await _ask(address), settings))
    except (RedisError, OSError) as error:
        says = f"It does not answer, or not as a store does, so that it takes nothing: {_shown(error)}."
        return [problem(f"store {_name(address)}", says)]


async def _check_embedded(settings: Settings) -> list[Finding]:
    """That of the relay's own: its program, and itself if it runs. Its disk is looked at in `machine`."""
    if not valkey_server():
        return [problem("store", "There is no valkey-server, neither on PATH nor in a wheel.")]
    valkey = EmbeddedValkey(settings.data_folder / "valkey", settings.durability)
    findings = []
    if os.access(valkey.socket_path, os.W_OK):
        findings = await _check_address(StoreAddress.parse(valkey.url), settings)
    return findings or [good("store", "An embedded Valkey of the relay's own.")]


def check_server(server: Server, settings: Settings) -> Iterator[Finding]:
    """Findings about one server that is written to; none if all is well."""
    about = f"store {server.name}"
    if server.info.get("role") == "slave":
        yield problem(about, "It is a replica, to which nothing can be written: name its master.")
    if server.seconds_apart > _CLOCKS_APART_SECONDS:
        yield problem(about, f"Its clock and this one are {server.seconds_apart:.0f} seconds apart.")
    yield from _check_durability(about, server, settings)
    if server.configuration is None:
        yield warning(
            about, "Its configuration may not be asked for: see that maxmemory-policy is noeviction."
        )
    else:
        yield from _check_configuration(about, server.configuration)


def _check_durability(about: str, server: Server, settings: Settings) -> Iterator[Finding]:
    durability, info = settings.durability, server.info
    if durability is Durability.MEMORY:
        yield warning(about, "durability is memory: what was accepted is lost when the store's process ends.")
    elif info.get("loading") == "1":
        yield problem(about, "It still reads its file: nothing is accepted until it has.")
    elif info.get("aof_enabled") != "1":
        says = f"It keeps no append-only file, and durability is {durability.value}: set appendonly yes."
        yield problem(about, says)
    if durability is Durability.AOF:
        yield from _check_sync(about, server)
    if durability is Durability.REPLICATED:
        yield from _check_replicas(about, server, settings.replicas)
    yield from _check_writing(about, server)


def _check_sync(about: str, server: Server) -> Iterator[Finding]:
    if server.configuration is None:
        says = (
            "Whether it syncs before it answers cannot be asked, so that no relay uses it: allow CONFIG GET."
        )
        yield problem(about, says)
        return
    for name, wanted in (("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no")):
        found = server.configuration.get(name, wanted)
        if found != wanted:
            says = f"It would answer what it has not synced ({name} {found}), so that no relay uses it."
            yield problem(about, f"{says} Set {name} {wanted}.")


def _check_writing(about: str, server: Server) -> Iterator[Finding]:
    """What the server refuses writes for, whatever it is to keep: MISCONF, OOM, NOREPLICAS."""
    info, configuration = server.info, server.configuration or {}
    if info.get("aof_last_write_status", "ok") != "ok":
        says = (
            "It could not write its append-only file, so that it takes nothing: see whether its disk is full."
        )
        yield problem(about, says)
    if info.get("rdb_last_bgsave_status", "ok") != "ok" and configuration.get("save"):
        yield problem(about, 'It could not save its memory, so that it takes nothing: set save "".')
    fill = StoreFill(int(info.get("used_memory", "0")), int(info.get("maxmemory", "0")))
    if fill.share >= REQUESTS_SHARE:
        says = f"It is full to {fill.share:.0%} of maxmemory: no new request is taken, at 100 % nothing is."
        yield problem(about, f"{says} Give it more memory, or set a shorter retention_hours.")
    wanted = int(configuration.get("min-replicas-to-write", "0"))
    if int(info.get("min_slaves_good_slaves", wanted)) < wanted:
        yield problem(
            about, f"Fewer than {wanted} replicas keep up (min-replicas-to-write), so that it takes nothing."
        )


def _check_replicas(about: str, server: Server, wanted: int) -> Iterator[Finding]:
    there = int(server.info.get("connected_slaves", "0"))
    if there < wanted:
        says = f"{there} of {wanted} replicas are connected: nothing is accepted until they are."
        yield problem(about, says)
    configuration = server.configuration
    if configuration is not None and int(configuration.get("min-replicas-to-write", "0")) < wanted:
        says = f"Cut off from its replicas it goes on taking writes: set min-replicas-to-write {wanted}."
        yield warning(about, says)


def _check_configuration(about: str, configuration: dict[str, str]) -> Iterator[Finding]:
    policy = configuration.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        says = f"When it is full it forgets accepted entries (maxmemory-policy {policy}): set noeviction."
        yield problem(about, says)
    if configuration.get("maxmemory") == "0":
        says = "It is never full, and is killed where memory ends: set maxmemory to two thirds of that."
        yield warning(about, says)
    if int(configuration.get("slowlog-log-slower-than", "-1")) >= 0:
        says = "Its slow log keeps the arguments of commands: set slowlog-log-slower-than -1."
        yield warning(about, says)


def _check_way(addresses: list[StoreAddress]) -> list[Finding]:
    bare = [each for each in addresses if each.socket_path is None and not each.tls and _is_far(each.host)]
    if not bare:
        return []
    says = "What is stored goes there unencrypted: use rediss://, unless the network between is yours alone."
    return [warning("store", says)]


# --- finding and asking ---


async def _masters(location: Location) -> list[StoreAddress]:
    """The servers that are written to. Raises `StoreNotFound`."""
    if isinstance(location, SentinelLocation):
        return [await _named_by_sentinels(location)]
    if isinstance(location, ClusterLocation):
        return await _of_cluster(location)
    return [location]


async def _named_by_sentinels(location: SentinelLocation) -> StoreAddress:
    named = set()
    for sentinel in location.sentinels:
        try:
            async with _connected(sentinel) as client:
                answer = await _execute(client, "SENTINEL GET-MASTER-ADDR-BY-NAME", location.name)
        except (RedisError, OSError) as error:
            raise StoreNotFound(
                f"The Sentinel at {_name(sentinel)} does not answer: {_shown(error)}"
            ) from error
        if not answer:
            raise StoreNotFound(f"The Sentinel at {_name(sentinel)} knows no master {location.name!r}")
        named.add((str(answer[0]), int(answer[1])))
    if len(named) > 1:
        raise StoreNotFound("The Sentinels do not agree on who is the master")
    return location.servers.at(*named.pop())


async def _of_cluster(location: ClusterLocation) -> list[StoreAddress]:
    silent = []
    for seed in location.seeds:
        try:
            return await _servers_known_to(seed)
        except (RedisError, OSError) as error:
            silent.append(f"{_name(seed)}: {_shown(error)}")
    raise StoreNotFound(f"No node of the cluster answers ({'; '.join(silent)})")


async def _servers_known_to(seed: StoreAddress) -> list[StoreAddress]:
    async with _connected(seed) as client:
        state = await _execute(client, "CLUSTER INFO")
        slots = await _execute(client, "CLUSTER SLOTS")
    # Each: first slot, last slot, then the nodes (host, port, ...), the master first.
    found = {(str(each[2][0]) or seed.host, int(each[2][1])) for each in slots}
    addresses = [seed.at(host, port) for host, port in sorted(found)]
    if state["cluster_state"] != "ok":
        away = [_name(address) for address in addresses if not await _answers(address)]
        which = f" ({', '.join(away)} does not answer)" if away else ""
        raise StoreNotFound(
            f"The cluster does not cover all slots, or a majority of its masters is away{which}"
        )
    return addresses


async def _answers(address: StoreAddress) -> bool:
    try:
        async with _connected(address) as client:
            await client.time()
    except (RedisError, OSError):
        return False
    return True


async def _ask(address: StoreAddress) -> Server:
    async with _connected(address) as client:
        began = time.time()
        seconds, microseconds = await client.time()
        apart = abs(seconds + microseconds / 1e6 - (began + time.time()) / 2)
        told = await client.info()
        info = {str(name): str(value) for name, value in told.items()}
        info["connected_slaves"] = str(sum(map(_keeps_up, told.values())))
        try:
            found = await client.config_get("*")
        except ResponseError:
            found = None
    configuration = None if found is None else {str(name): str(value) for name, value in found.items()}
    return Server(_name(address), info, configuration, apart)


def _keeps_up(told: object) -> bool:
    """Whether this is a replica that has what it is to have; one that hangs stays connected for a minute."""
    return (
        isinstance(told, dict) and told.get("state") == "online" and int(told.get("lag", 0)) <= _LAG_SECONDS
    )


async def _execute(client: Redis, *command: str) -> Any:
    """The answer as redis-py reads it."""
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py says no type


@asynccontextmanager
async def _connected(address: StoreAddress) -> AsyncIterator[Redis]:
    client = Redis(
        host=address.host,
        port=address.port,
        unix_socket_path=address.socket_path,
        ssl=address.tls,
        db=address.database,
        username=address.username,
        password=address.password,
        socket_timeout=_SECONDS,
        socket_connect_timeout=_SECONDS,
        decode_responses=True,
        # Once: that it does not answer is what somebody wants to know.
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield client
    finally:
        await client.aclose()


def _name(address: StoreAddress) -> str:
    return address.socket_path or f"{address.host}:{address.port}"


def _shown(error: Exception) -> str:
    # Errors of redis-py may hold the URL, but not the password.
    return str(error).rstrip(".") or type(error).__name__


def _counted(servers: int) -> str:
    return "One server answers" if servers == 1 else f"{servers} masters answer"


def _is_far(host: str) -> bool:
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
