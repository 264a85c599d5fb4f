"""Where the store is: one server, whichever server a Sentinel calls the master, or a cluster.

    redis://host:6379/0   rediss://host   unix:///run/valkey.sock
    redis+sentinel://[user:password@]host,host:26379/name[?db=0&sentinel_password=...]
    redis+cluster://[user:password@]host:6379,host

User and password are those of the servers that hold the data; `rediss+...` is TLS to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from teduh_server.redis_store.address import StoreAddress

_SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True)
class SentinelLocation:
    """The master called `name`, which any of `sentinels` knows; `servers` says how servers are spoken to."""

    sentinels: tuple[StoreAddress, ...]
    name: str
    servers: StoreAddress


@dataclass(frozen=True, slots=True)
class ClusterLocation:
    """A cluster, of which `seeds` are some nodes."""

    seeds: tuple[StoreAddress, ...] = field(default=())


Location = StoreAddress | SentinelLocation | ClusterLocation


def parse_location(url: str) -> Location:
    """Read a `store_url`; raises ValueError."""
    scheme, separator, rest = url.partition("://")
    family, _, kind = scheme.partition("+")
    if not kind:
        return StoreAddress.parse(url)
    if kind not in ("sentinel", "cluster") or family not in ("redis", "rediss") or not separator:
        raise ValueError(
            f"{scheme}:// is none of redis://, rediss://, unix://, redis+sentinel://, redis+cluster://"
        )
    parts = urlsplit(f"//{rest}")
    user, at, hosts = parts.netloc.rpartition("@")
    names = [name for name in hosts.split(",") if name]
    if not names:
        raise ValueError("a store_url names at least one host")
    login = user + at
    if kind == "cluster":
        if parts.path.strip("/") or parts.query:
            raise ValueError("a cluster has no databases: nothing follows the hosts")
        return ClusterLocation(tuple(StoreAddress.parse(f"{family}://{login}{name}") for name in names))
    return _sentinel(
        family,
        login,
        names,
        unquote(parts.path.strip("/")),
        parse_qs(parts.query, strict_parsing=bool(parts.query)),
    )


def _sentinel(
    family: str, login: str, names: list[str], master: str, query: dict[str, list[str]]
) -> SentinelLocation:
    if not master or "/" in master:
        raise ValueError("redis+sentinel://hosts/name: the name that the Sentinels have for the master")
    unknown = set(query) - {"db", "sentinel_username", "sentinel_password"}
    if unknown:
        raise ValueError(f"a Sentinel URL has no {sorted(unknown)}")
    given = {name: values[-1] for name, values in query.items()}
    servers = StoreAddress.parse(f"{family}://{login}localhost/{int(given.get('db', 0))}")
    sentinels = tuple(_sentinel_at(family, name, given) for name in names)
    return SentinelLocation(sentinels, master, servers)


def _sentinel_at(family: str, name: str, given: dict[str, str]) -> StoreAddress:
    port = urlsplit(f"//{name}").port
    address = StoreAddress.parse(f"{family}://{name}")
    return address.with_login(given.get("sentinel_username"), given.get("sentinel_password")).at(
        address.host, port or _SENTINEL_PORT
    )
