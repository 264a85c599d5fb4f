"""What an operator can set: a TOML file, and over it environment variables that begin with ``TEDUH_``.

Every setting has a default that suits one machine, except where the organisation is concerned.
`docs/settings.md` lists them; a test compares it with this module.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from teduh_server.config.call_settings import CallSettings
from teduh_server.config.push_settings import PushSettings
from teduh_server.config.routing_settings import RoutingSettings
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.location import parse_location

SETTINGS_FILE_VARIABLE = "TEDUH_SETTINGS_FILE"
DEFAULT_SETTINGS_FILE = "teduh.toml"
_settings_file: ContextVar[Path | None] = ContextVar("settings_file", default=None)


class Settings(BaseSettings):
    """The relay's settings. Sources, the first that says something counts: arguments, environment, TOML
    file.
    """

    model_config = SettingsConfigDict(
        env_prefix="TEDUH_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    organisation_file: Path = Field(
        default=Path("organisation.toml"),
        description="The organisation's public file, made by `teduh org init`: its id and root public key.",
    )
    directory_file: Path | None = Field(
        default=None,
        description="The directory of services who else can help, signed by `teduh directory sign`; its "
        "statement `.jwt` lies beside it. By default `directory.json` beside `organisation_file`, if it is "
        "there.",
    )
    listen_host: str = Field(default="127.0.0.1", description="The address to listen on.")
    listen_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8420, description="The port to listen on; 0 takes any free one."
    )
    public_origin: str | None = Field(
        default=None,
        description="The origin by which clients know the relay, such as `https://relay.example`; staff "
        "devices sign it. By default `http://` with the address and port listened on.",
    )
    console_origin: str | None = Field(
        default=None,
        description="The origin at which staff open the console, such as `https://staff.example`, if it is "
        "not `public_origin`. With one of its own, a survivor's quick exit, which empties what the browser "
        "keeps of an origin, cannot empty a console in the same browser. A proxy must pass on `Host`.",
    )
    allowed_origins: tuple[str, ...] = Field(
        default=(),
        description="Other origins whose pages may use this relay from a browser, such as an own user "
        "interface that is built on the SDK.",
    )
    data_folder: Path = Field(
        default=Path("data"),
        description="Where the embedded Valkey keeps its files; not used with `store_url`.",
    )
    store_url: str | None = Field(
        default=None,
        description="A Valkey or Redis of your own: one server (`unix://`, `redis://`, `rediss://`), one "
        "that Sentinels watch (`redis+sentinel://host,host,host/name`), or a cluster "
        "(`redis+cluster://host:6379,host:6379`). By default the relay starts an embedded one.",
    )
    durability: Durability = Field(
        default=Durability.AOF,
        description="What outlives what. `memory`: nothing outlives the store's process. `aof` "
        "(or `always`): neither a killed process nor a power failure loses anything. "
        "`replicated`: what is accepted is held by `replicas` replicas besides the master. See "
        "[nodes.md](nodes.md).",
    )
    replicas: Annotated[int, Field(ge=1, le=10)] = Field(
        default=1, description="With `replicated`: how many replicas must have what is accepted."
    )
    workers: Annotated[int, Field(ge=0, le=256)] = Field(
        default=1, description="Processes that `teduh serve` runs, each a node; 0 is one for each core."
    )
    retention_hours: Annotated[float, Field(gt=0, le=24 * 30)] = Field(
        default=72.0, description="How long anything is kept in the store after its last use."
    )
    lease_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        default=30.0, description="How long a claim may go without its first commit."
    )
    consent_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=120.0,
        description="How long a claim of a conversation that goes on may wait for its survivor's answer.",
    )
    unreachable_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0,
        description="How long no staff device of a conversation may be connected before its survivor is "
        "told, and can look for somebody else.",
    )
    absent_seconds: Annotated[float, Field(gt=0, le=55)] = Field(
        default=25.0,
        description="How long a waiting survivor may be disconnected before her request leaves the queue, "
        "and with it all that the store holds of it.",
    )
    heartbeat_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        default=20, description="A client that says nothing for twice as long is taken for gone."
    )
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = Field(
        default=5.0, description="How long a stopping relay lets its clients move before it closes them."
    )
    appends_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=64,
        description="Unanswered appends per connection; more are not read until some are answered.",
    )
    subscriptions_per_connection: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1000, description="Conversations to which one connection can be subscribed."
    )
    frames_per_second: Annotated[float, Field(gt=0)] = Field(
        default=500.0,
        description="WebSocket frames of any kind that one connection may send on average; beyond it is read "
        "more slowly.",
    )
    bytes_per_second: Annotated[float, Field(gt=0)] = Field(
        default=512 * 1024.0,
        description="Bytes that one connection may send on average; beyond it is read more slowly.",
    )
    connections_per_minute: Annotated[float, Field(gt=0)] = Field(
        default=120.0, description="New connections per source address, on average."
    )
    requests_per_minute: Annotated[float, Field(gt=0)] = Field(
        default=6.0,
        description="Conversations per source address that go back into the queue, on average. Emergencies "
        "are not counted.",
    )
    free_requests: Annotated[int, Field(ge=1)] = Field(
        default=3,
        description="Requests of one source address, waiting or of the last minutes, before the next one "
        "costs a proof of work.",
    )
    calm_waiting: Annotated[int, Field(ge=1)] = Field(
        default=30, description="Waiting requests from which on each new one costs a proof of work."
    )
    client_address_header: str | None = Field(
        default=None,
        description="Behind a proxy: the header in which it passes the client's address (and which it "
        "overwrites). Used for rate limits, in memory, hashed under a key of this process.",
    )
    conversation_entries: Annotated[int, Field(ge=100)] = Field(
        default=20_000, description="Unacknowledged entries that one conversation may hold."
    )
    conversation_bytes: Annotated[int, Field(ge=1024 * 1024)] = Field(
        default=64 * 1024 * 1024,
        description="Unacknowledged bytes that one conversation may hold, approximately.",
    )
    waiting_requests: Annotated[int, Field(ge=1)] = Field(
        default=10_000,
        description="Requests that may wait in the queue; the only one of its source is never turned away.",
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None,
        description="Serve `/metrics` (Prometheus) on this port of `metrics_host`; by default nowhere.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="The address on which `/metrics` is served.")
    log_level: str = Field(default="info", description="`debug`, `info`, `warning` or `error`.")
    calls: CallSettings = Field(default=CallSettings(), description="Voice and video.")
    push: PushSettings = Field(default=PushSettings(), description="Waking staff devices.")
    routing: RoutingSettings = Field(default=RoutingSettings(), description="How requests find somebody.")

    @field_validator("store_url")
    @classmethod
    def _is_a_location(cls, url: str | None) -> str | None:
        if url is not None:
            parse_location(url)
        return url

    @property
    def served_directory_file(self) -> Path:
        """Where the directory lies, if there is one."""
        return self.directory_file or self.organisation_file.with_name("directory.json")

    @property
    def retention_ms(self) -> int:
        return int(self.retention_hours * 3_600_000)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = _settings_file.get() or Path(os.environ.get(SETTINGS_FILE_VARIABLE, DEFAULT_SETTINGS_FILE))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


def load_settings(file: Path | None = None, **overrides: object) -> Settings:
    """The settings from `file` (or the default one, if it exists), the environment, and what is given here.

    Overrides that are None say nothing. Raises pydantic's ValidationError, FileNotFoundError for a `file`
    that is not there, and ValueError for one that is no TOML.
    """
    named = file or os.environ.get(SETTINGS_FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise FileNotFoundError(f"there is no settings file {named}")
    token = _settings_file.set(file)
    try:
        given = {name: value for name, value in overrides.items() if value is not None}
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
    finally:
        _settings_file.reset(token)
