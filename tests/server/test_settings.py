"""Settings: where they come from, what is refused, and that each is documented."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from support.relay.settings_document import settings_document
from teduh_server.config.settings import load_settings
from teduh_server.matching.ranking import WaitingRequest, alert_at
from teduh_server.redis_store.durability import Durability
from teduh_signaling.relay.frames import RequestDetails

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_document_lists_every_setting_with_its_default() -> None:
    assert DOCUMENT.read_text("utf-8") == settings_document()


def test_file_in_the_working_folder_is_read() -> None:
    Path("teduh.toml").write_text('listen_port = 9000\ndurability = "always"\n', "utf-8")
    settings = load_settings()
    assert (settings.listen_port, settings.durability) == (9000, Durability.AOF)


def test_environment_goes_before_the_file_and_arguments_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("other.toml").write_text("listen_port = 9000\nlease_seconds = 5\n", "utf-8")
    monkeypatch.setenv("TEDUH_LISTEN_PORT", "9001")
    settings = load_settings(Path("other.toml"))
    assert (settings.listen_port, settings.lease_seconds) == (9001, 5)
    assert load_settings(Path("other.toml"), listen_port=9002).listen_port == 9002


def test_file_can_be_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("named.toml").write_text("listen_port = 9003\n", "utf-8")
    monkeypatch.setenv("TEDUH_SETTINGS_FILE", "named.toml")
    assert load_settings().listen_port == 9003


@pytest.mark.parametrize(
    "line",
    [
        "listen_prot = 1",
        "listen_port = 70000",
        'durability = "some"',
        "absent_seconds = 0",
        'store_url = "redis+cluster://"',
        "workers = -1",
        "replicas = 0",
    ],
)
def test_wrong_setting_is_refused_by_name(line: str) -> None:
    Path("teduh.toml").write_text(line + "\n", "utf-8")
    with pytest.raises(ValidationError, match=line.partition(" ")[0]):
        load_settings()


def test_missing_file_is_refused() -> None:
    with pytest.raises(FileNotFoundError):
        load_settings(Path("nowhere.toml"))


@pytest.mark.parametrize(("mode", "seconds"), [("claim", 1800), ("offer", 240)])
def test_supervisors_are_told_after_the_alert_time_where_nothing_is_left_to_drop_earlier(
    mode: str, seconds: int
) -> None:
    """Where staff pick from a list nothing is dropped at all."""
    policy = load_settings(routing={"mode": mode, "alert_after_seconds": 1800}).routing.policy
    assert alert_at(WaitingRequest(bytes(16), RequestDetails(), 0.0), policy) == seconds
