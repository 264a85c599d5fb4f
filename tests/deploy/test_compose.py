"""deploy/compose.yaml, env.example, Caddyfile and Containerfile, read line by line."""

from __future__ import annotations

import http.server
import json
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from support.deployment.caddy_proxy import CADDYFILE, run_caddy
from support.deployment.compose import example, filled
from support.deployment.settings import DEPLOY, most_stored, names_of_secrets, relay_settings
from support.deployment.whole_document import size
from teduh_server.cli.main import app
from teduh_server.config.settings import Settings
from teduh_server.doctor.configuration import check_configuration
from teduh_server.doctor.finding import Level
from teduh_server.http.health import health_routes
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.location import SentinelLocation, parse_location
from teduh_signaling.relay.frames import CallPolicy

VARIABLE = re.compile(r"\$\{(\w+)(?::[?-][^}]*)?\}")
COMPOSE = (DEPLOY / "compose.yaml").read_text("utf-8")
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")
RELAYS = ("relay-1", "relay-2")
HEALTH_PATHS = {route.path for route in health_routes(lambda: True)}


def compose_file() -> dict[str, Any]:
    """The compose file with the variables of env.example."""
    parsed: dict[str, Any] = yaml.safe_load(filled(COMPOSE, example()))
    return parsed


SERVICES: dict[str, dict[str, Any]] = compose_file()["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return relay_settings(SERVICES["relay-1"]["environment"], tmp_path)


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])


# --- the relay ---


def test_every_variable_of_the_relay_is_a_setting_with_a_possible_value(settings: Settings) -> None:
    assert settings.public_origin == "https://help.example"
    assert settings.durability is Durability.REPLICATED
    assert settings.calls.policy is CallPolicy.RELAY


def test_doctor_finds_nothing_to_say_of_these_settings(settings: Settings) -> None:
    """But that the organisation's file is not there yet."""
    found = [each for each in check_configuration(settings) if each.level is not Level.GOOD]
    assert {each.about for each in found} <= {"organisation", "calls.turn_secret_file"}


def test_two_relays_are_alike() -> None:
    assert SERVICES["relay-1"] == SERVICES["relay-2"]


def test_what_the_relay_is_told_to_read_is_put_there() -> None:
    relay = SERVICES["relay-1"]
    targets = [volume.split(":")[1] for volume in relay["volumes"]]
    targets += [f"/run/secrets/{secret}" for secret in relay["secrets"]]
    for name, value in relay["environment"].items():
        if name.endswith("_FILE"):
            assert value in targets or str(Path(value).parent) in targets


def test_relay_has_time_to_drain(settings: Settings) -> None:
    assert seconds(SERVICES["relay-1"]["stop_grace_period"]) >= settings.drain_seconds + 5


def test_store_url_names_the_sentinels_and_the_master_that_they_watch(settings: Settings) -> None:
    assert settings.store_url is not None
    location = parse_location(settings.store_url)
    assert isinstance(location, SentinelLocation)
    sentinels = {name for name, service in SERVICES.items() if service.get("command", [""])[0] == "sentinel"}
    assert {sentinel.host for sentinel in location.sentinels} == sentinels
    script = (DEPLOY / "valkey" / "start.sh").read_text("utf-8")
    assert f"sentinel monitor {location.name} " in script
    port = re.search(r"^port (\d+)$", (DEPLOY / "valkey" / "sentinel.conf").read_text("utf-8"), re.M)
    assert port is not None
    assert {sentinel.port for sentinel in location.sentinels} == {int(port[1])}


def test_sentinels_watch_the_primary_and_the_replica_follows_it() -> None:
    for name, service in SERVICES.items():
        match service.get("command"):
            case ["sentinel", own, watched]:
                assert (own, watched) == (name, "valkey-primary")
            case ["server", own, *primary]:
                assert own == name
                assert primary == ([] if name == "valkey-primary" else ["valkey-primary"])


def test_replicas_are_as_many_as_are_waited_for(settings: Settings) -> None:
    replicas = [service for service in SERVICES.values() if service.get("command", [""])[0] == "server"]
    assert len(replicas) - 1 >= settings.replicas
    configuration = (DEPLOY / "valkey" / "valkey.conf").read_text("utf-8")
    assert f"min-replicas-to-write {settings.replicas}\n" in configuration


@pytest.mark.parametrize("name", ["valkey-primary", "valkey-replica"])
def test_full_valkey_refuses_before_it_is_killed(name: str) -> None:
    """Who was killed for want of memory has as little when it starts again."""
    assert SERVICES[name]["mem_limit"] in size(most_stored() * 3 // 2, 65_536)


# --- what containers may do ---


@each_service
def test_container_cannot_gain_rights_or_write_to_its_image(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service.get("cap_add", [])) <= {"NET_BIND_SERVICE"}
    assert not {"privileged", "pid", "ipc", "devices"} & set(service)
    assert service["mem_limit"]
    assert service["pids_limit"]


@each_service
def test_container_is_not_root_but_the_proxy_whose_image_has_nobody_else(name: str) -> None:
    user = str(SERVICES[name].get("user", "0"))
    assert (user.partition(":")[0] == "0") == (name == "proxy")


@each_service
def test_container_comes_back_and_is_of_a_named_version(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "always"
    if "build" not in service:
        assert re.fullmatch(r"[\w-]+(/[\w-]+)?:\d+\.\d+\.\d+[\w.-]*", service["image"])


@each_service
def test_what_is_mounted_is_here_and_cannot_be_written_to(name: str) -> None:
    """Named volumes aside, which hold data."""
    for volume in SERVICES[name].get("volumes", []):
        source, _, options = volume.partition(":")
        if source.startswith("./"):
            assert options.endswith(":ro")
            assert (DEPLOY / source).exists() or source == "./organisation.toml"
        else:
            assert source in compose_file()["volumes"]


@each_service
def test_what_a_container_is_started_by_is_put_there_and_can_be_executed(name: str) -> None:
    service = SERVICES[name]
    for entry in service.get("entrypoint", []):
        folders = {volume.split(":")[1]: volume.split(":")[0] for volume in service["volumes"]}
        source = folders.get(entry) or f"{folders[str(Path(entry).parent)]}/{Path(entry).name}"
        assert (DEPLOY / source).stat().st_mode & 0o111


def test_the_world_reaches_the_proxy_and_turn_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy": ["80:80", "443:443", "443:443/udp"]}
    assert [name for name, service in SERVICES.items() if "network_mode" in service] == ["turn"]


def test_store_is_in_a_network_without_a_way_out() -> None:
    assert compose_file()["networks"]["store"] == {"internal": True}
    for name, service in SERVICES.items():
        if name.startswith(("valkey", "sentinel")):
            assert service["networks"] == ["store"]
    assert SERVICES["proxy"]["networks"] == ["front"]


# --- secrets ---


@each_service
def test_no_variable_holds_a_secret(name: str) -> None:
    assert names_of_secrets(SERVICES[name].get("environment", {})) == []


def test_secrets_are_in_files_that_never_get_into_the_repository() -> None:
    for secret in compose_file()["secrets"].values():
        path = (DEPLOY / secret["file"]).resolve()
        ignored = subprocess.run(["git", "check-ignore", "-q", str(path)], cwd=DEPLOY, check=False)
        assert ignored.returncode == 0
    assert "deploy/secrets" in (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").splitlines()


def test_example_names_every_variable_and_no_other() -> None:
    assert set(example()) == {found[1] for found in VARIABLE.finditer(COMPOSE)}


# --- TURN ---


def test_turn_is_told_what_its_script_asks_for() -> None:
    script = (DEPLOY / "coturn" / "start.sh").read_text("utf-8")
    asked = set(re.findall(r"\$\{(TURN_\w+):\?", script))
    environment = SERVICES["turn"]["environment"]
    assert asked - {"TURN_KEY"} <= set(environment)
    assert set(environment) <= set(re.findall(r"TURN_\w+", script))


def test_relay_and_turn_agree_on_name_port_and_secret(settings: Settings) -> None:
    configuration = (DEPLOY / "coturn" / "turnserver.conf").read_text("utf-8")
    port = re.search(r"^listening-port=(\d+)$", configuration, re.M)
    assert port is not None
    realm = SERVICES["turn"]["environment"]["TURN_REALM"]
    assert {url.partition("?")[0] for url in settings.calls.turn_urls} == {f"turn:{realm}:{port[1]}"}
    assert SERVICES["turn"]["secrets"] == SERVICES["relay-1"]["secrets"] == list(compose_file()["secrets"])


# --- the proxy ---


def test_proxy_serves_both_names_and_passes_everything_to_the_relays(settings: Settings) -> None:
    assert re.search(r"^\{\$TEDUH_DOMAIN\}, \{\$TEDUH_CONSOLE_DOMAIN\} \{$", CADDYFILE, re.M)
    (upstreams,) = re.findall(r"^\treverse_proxy (.*) \{$", CADDYFILE, re.M)
    assert upstreams.split() == [f"{relay}:{settings.listen_port}" for relay in RELAYS]


def test_proxy_is_given_its_variables() -> None:
    used = set(re.findall(r"\{\$(\w+)\}", CADDYFILE))
    assert set(SERVICES["proxy"]["environment"]) == used


def test_proxy_overwrites_the_header_that_the_relay_believes(settings: Settings) -> None:
    assert f"header_up {settings.client_address_header} {{remote_host}}" in CADDYFILE


def test_proxy_asks_whether_a_relay_is_ready() -> None:
    (path,) = re.findall(r"health_uri (\S+)", CADDYFILE)
    assert path == "/readyz"
    assert path in HEALTH_PATHS


def test_proxy_logs_no_address() -> None:
    assert re.search(r"log default \{\s*exclude http\s*\}", CADDYFILE)
    assert not re.search(r"^\t+log(?! default)\b", CADDYFILE, re.M)


def test_caddy_itself_reads_the_file_and_does_as_it_says(tmp_path: Path) -> None:
    made = json.loads(run_caddy(tmp_path, "adapt", "--pretty"))
    assert made["admin"] == {"disabled": True}
    assert made["logging"]["logs"] == {"default": {"exclude": ["http"]}}
    (server,) = made["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"]
    # Neither of a server nor of a site: no access log.
    assert "logs" not in server
    (route,) = server["routes"]
    names = [example()["TEDUH_DOMAIN"], example()["TEDUH_CONSOLE_DOMAIN"]]
    assert route["match"] == [{"host": names}]
    (proxy,) = route["handle"][0]["routes"][0]["handle"]
    assert [each["dial"] for each in proxy["upstreams"]] == [f"{relay}:8420" for relay in RELAYS]
    headers = {"delete": ["X-Forwarded-For"], "set": {"X-Teduh-Client": ["{http.request.remote.host}"]}}
    assert proxy["headers"] == {"request": headers}
    assert "Valid configuration" in run_caddy(tmp_path, "validate")


# --- health checks ---


def said_healthy_when_ready(command: list[str], folder: Path) -> list[bool]:
    """What a health check says of a relay that is ready, of one that is not, and of none at all."""
    ready = [True]

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.path == "/readyz" and self.path in HEALTH_PATHS
            self.send_response(200 if asked and ready[0] else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = [word.replace(":8420/", f":{server.server_port}/") for word in command]
        said = [_succeeds(here, folder)]
        ready[0] = False
        said.append(_succeeds(here, folder))
        server.shutdown()
    return [*said, _succeeds(here, folder)]


def _succeeds(command: list[str], folder: Path) -> bool:
    (folder / "python").unlink(missing_ok=True)
    (folder / "python").symlink_to(sys.executable)
    program = folder / command[0]
    return (
        subprocess.run([str(program), *command[1:]], capture_output=True, check=False, timeout=60).returncode
        == 0
    )


def test_health_check_of_the_container_is_true_of_a_relay_that_is_ready_alone(tmp_path: Path) -> None:
    """In compose.yaml; an image in the format that Podman builds has none of its own."""
    for relay in RELAYS:
        assert SERVICES[relay]["healthcheck"]["test"][0] == "CMD"
    command = SERVICES["relay-1"]["healthcheck"]["test"][1:]
    assert said_healthy_when_ready(command, tmp_path) == [True, False, False]


def test_health_check_of_the_image_is_the_same() -> None:
    (written,) = re.findall(r"CMD (\[\"python\".*\])$", CONTAINERFILE, re.M)
    assert json.loads(written) == SERVICES["relay-1"]["healthcheck"]["test"][1:]


# --- the image ---


def stages() -> list[str]:
    return re.split(r"^(?=FROM )", CONTAINERFILE, flags=re.M)[1:]


def test_image_runs_as_a_numbered_user_without_rights() -> None:
    (user,) = re.findall(r"^USER (\S+)$", stages()[-1], re.M)
    assert user == SERVICES["relay-1"]["user"]
    assert int(user.partition(":")[0]) > 0


def test_image_holds_the_finished_environment_alone() -> None:
    copied = re.findall(r"^COPY (.*)$", stages()[-1], re.M)
    assert copied == ["--from=build /opt/teduh /opt/teduh"]


def test_everything_that_is_installed_is_locked_or_ours() -> None:
    installs = re.findall(r"pip install ([^\\\n]*)", CONTAINERFILE)
    assert len(installs) == 2
    assert all("--require-hashes" in each or "--no-deps" in each for each in installs)


def test_what_is_copied_and_run_is_in_the_repository() -> None:
    root = DEPLOY.parent
    for path in ("requirements/run.txt", "tools/web_build.py", "crypto", "signaling", "server"):
        assert path in CONTAINERFILE
        assert (root / path).exists()


def test_image_starts_a_command_that_there_is() -> None:
    scripts = tomllib.loads((DEPLOY.parent / "server/pyproject.toml").read_text("utf-8"))["project"][
        "scripts"
    ]
    assert 'ENTRYPOINT ["teduh"]' in CONTAINERFILE
    assert 'CMD ["serve"]' in CONTAINERFILE
    assert "teduh" in scripts
    assert "serve" in typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group


def test_image_says_whether_it_is_ready_at_the_port_that_it_listens_on() -> None:
    (check,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", CONTAINERFILE)
    (port,) = re.findall(r"^EXPOSE (\d+)$", CONTAINERFILE, re.M)
    default = Settings.model_fields["listen_port"].default
    assert check == (str(default), "/readyz")
    assert port == str(default)
    assert check[1] in HEALTH_PATHS


def test_settings_of_the_image_are_settings(tmp_path: Path) -> None:
    told = dict(re.findall(r"(TEDUH_\w+)=(\S+)", CONTAINERFILE))
    assert relay_settings(told, tmp_path).listen_host == "0.0.0.0"
