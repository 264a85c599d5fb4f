"""deploy/kubernetes.yaml, read as a whole: settings, ports, probes, names and rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.deployment.settings import DEPLOY, most_stored, names_of_secrets, relay_settings
from support.deployment.whole_document import size
from teduh_server.config.settings import Settings
from teduh_server.http.health import health_routes, metrics_routes
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.location import SentinelLocation, parse_location
from teduh_signaling.relay.frames import CallPolicy

Manifest = dict[str, Any]
MANIFESTS: list[Manifest] = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8")))
WORKLOADS = {
    each["metadata"]["name"]: each
    for each in MANIFESTS
    if each["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}
}
each_workload = pytest.mark.parametrize("name", WORKLOADS)
MADE_BY_HAND = {"organisation", "valkey", "coturn", "turn"}
"""ConfigMaps and the Secret that docs/operations.md makes by commands."""


def manifest(kind: str, name: str) -> Manifest:
    (found,) = (each for each in MANIFESTS if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def pod(name: str) -> Manifest:
    spec: Manifest = WORKLOADS[name]["spec"]["template"]["spec"]
    return spec


def container(name: str) -> Manifest:
    (found,) = pod(name)["containers"]
    return dict(found)


def environment(name: str) -> dict[str, str]:
    """What is told by value; what the cluster itself fills in is left out."""
    return {each["name"]: each["value"] for each in container(name).get("env", []) if "value" in each}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return relay_settings(environment("relay"), tmp_path)


# --- the relay ---


def test_every_variable_of_the_relay_is_a_setting_with_a_possible_value(settings: Settings) -> None:
    assert settings.durability is Durability.REPLICATED
    assert settings.calls.policy is CallPolicy.RELAY


def test_ingress_serves_both_origins_with_a_certificate(settings: Settings) -> None:
    spec = manifest("Ingress", "relay")["spec"]
    hosts = [rule["host"] for rule in spec["rules"]]
    assert [f"https://{host}" for host in hosts] == [settings.public_origin, settings.console_origin]
    assert [host for tls in spec["tls"] for host in tls["hosts"]] == hosts
    for rule in spec["rules"]:
        (path,) = rule["http"]["paths"]
        service = path["backend"]["service"]
        named = {port["name"] for port in manifest("Service", service["name"])["spec"]["ports"]}
        assert service["port"]["name"] in named


def test_ingress_logs_no_address() -> None:
    annotations = manifest("Ingress", "relay")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/enable-access-log"] == "false"


def test_web_sockets_outlive_the_ingress_time_outs(settings: Settings) -> None:
    annotations = manifest("Ingress", "relay")["metadata"]["annotations"]
    for way in ("read", "send"):
        waits = int(annotations[f"nginx.ingress.kubernetes.io/proxy-{way}-timeout"])
        assert waits > 10 * settings.heartbeat_seconds


def test_probes_ask_where_the_relay_answers(settings: Settings) -> None:
    relay = container("relay")
    ports = {port["name"]: port["containerPort"] for port in relay["ports"]}
    paths = {route.path for route in health_routes(lambda: True)}
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        asked = relay[probe]["httpGet"]
        assert asked["path"] == path
        assert path in paths
        assert ports[asked["port"]] == settings.listen_port


def test_figures_are_where_the_rule_lets_them_be_asked_for(settings: Settings) -> None:
    assert [route.path for route in metrics_routes(lambda: None)] == ["/metrics"]
    ports = {port["name"]: port["containerPort"] for port in container("relay")["ports"]}
    assert ports["metrics"] == settings.metrics_port
    rules = manifest("NetworkPolicy", "relay-from-ingress")["spec"]["ingress"]
    allowed = {port["port"] for rule in rules for port in rule["ports"]}
    assert allowed == {settings.listen_port, settings.metrics_port}


def test_relay_has_time_to_leave_the_service_and_to_drain(settings: Settings) -> None:
    (_, before) = container("relay")["lifecycle"]["preStop"]["exec"]["command"]
    assert pod("relay")["terminationGracePeriodSeconds"] > int(before) + settings.drain_seconds + 5


def test_a_relay_is_always_there() -> None:
    spec = manifest("Deployment", "relay")["spec"]
    assert spec["replicas"] > manifest("PodDisruptionBudget", "relay")["spec"]["minAvailable"] >= 1
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_what_the_relay_is_told_to_read_is_mounted() -> None:
    mounts = [mount["mountPath"] for mount in container("relay")["volumeMounts"]]
    for name, value in environment("relay").items():
        if name.endswith("_FILE"):
            assert str(Path(value).parent) in mounts


# --- the store ---


def test_store_url_names_every_sentinel_by_its_stable_name(settings: Settings) -> None:
    assert settings.store_url is not None
    location = parse_location(settings.store_url)
    assert isinstance(location, SentinelLocation)
    sentinels = WORKLOADS["sentinel"]["spec"]
    names = {f"sentinel-{number}.{sentinels['serviceName']}" for number in range(sentinels["replicas"])}
    assert {each.host for each in location.sentinels} == names
    assert {each.port for each in location.sentinels} == {container("sentinel")["ports"][0]["containerPort"]}
    assert location.name == "teduh"


def test_replicas_are_as_many_as_are_waited_for(settings: Settings) -> None:
    assert WORKLOADS["valkey"]["spec"]["replicas"] - 1 >= settings.replicas


def test_full_valkey_refuses_before_it_is_killed() -> None:
    """Who was killed for want of memory has as little when it starts again."""
    assert container("valkey")["resources"]["limits"]["memory"] in size(most_stored() * 3 // 2, 65_536)


def test_first_valkey_begins_as_master_and_sentinels_watch_it() -> None:
    server, sentinel = container("valkey")["args"][0], container("sentinel")["args"][0]
    assert '[ "$POD" = valkey-0 ]' in server
    assert server.rstrip().endswith("valkey-0.valkey")
    assert sentinel.endswith("valkey-0.valkey")


def test_servers_of_the_store_find_each_other_before_they_are_ready() -> None:
    for name in ("valkey", "sentinel"):
        spec = manifest("Service", name)["spec"]
        assert spec["clusterIP"] == "None"
        assert spec["publishNotReadyAddresses"] is True


# --- rights ---


@each_workload
def test_container_is_not_root_and_cannot_gain_rights(name: str) -> None:
    assert pod(name)["securityContext"]["runAsNonRoot"] is True
    assert pod(name)["securityContext"]["runAsUser"] > 0
    assert pod(name)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(name)["automountServiceAccountToken"] is False
    own = container(name)["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"]["drop"] == ["ALL"]


@each_workload
def test_only_turn_is_on_its_nodes_network(name: str) -> None:
    assert pod(name).get("hostNetwork", False) is (name == "turn")
    assert not {"hostPID", "hostIPC"} & set(pod(name))


@each_workload
def test_container_has_limits_a_probe_and_a_named_version(name: str) -> None:
    found = container(name)
    assert "memory" in found["resources"]["limits"]
    assert "livenessProbe" in found
    assert re.fullmatch(r"[\w.-]+/[\w/-]+:\d+\.\d+\.\d+[\w.-]*", found["image"])


def test_namespaces_enforce_what_their_pods_keep() -> None:
    label = "pod-security.kubernetes.io/enforce"
    levels = {each["metadata"]["name"]: each["metadata"]["labels"][label] for each in _of("Namespace")}
    assert levels == {"teduh": "restricted", "teduh-turn": "privileged"}


def test_namespace_is_closed_but_for_the_rules() -> None:
    closed = manifest("NetworkPolicy", "closed")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert "Egress" in manifest("NetworkPolicy", "store-from-relay")["spec"]["policyTypes"]


@each_workload
def test_no_variable_holds_a_secret(name: str) -> None:
    assert names_of_secrets(environment(name)) == []
    assert not _of("Secret")


# --- names ---


@each_workload
def test_selectors_find_the_pods(name: str) -> None:
    spec = WORKLOADS[name]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == {"app": name}


def test_services_select_workloads_and_their_ports() -> None:
    for service in _of("Service"):
        (port,) = service["spec"]["ports"]
        found = container(service["spec"]["selector"]["app"])
        ports = {each["name"]: each["containerPort"] for each in found["ports"]}
        assert ports[port.get("targetPort", port["name"])] == port["port"]


@each_workload
def test_volumes_are_there_for_every_mount_and_come_from_what_the_guide_makes(name: str) -> None:
    spec = pod(name)
    volumes = {each["name"]: each for each in spec["volumes"]}
    claims = {each["metadata"]["name"] for each in WORKLOADS[name]["spec"].get("volumeClaimTemplates", [])}
    assert {mount["name"] for mount in container(name)["volumeMounts"]} == set(volumes) | claims
    assert set(_sources(volumes.values())) <= MADE_BY_HAND


def test_guide_makes_what_the_manifest_takes_for_granted() -> None:
    guide = (DEPLOY.parent / "docs" / "operations.md").read_text("utf-8")
    made = set(re.findall(r"create (?:configmap|secret generic) (\w+)", guide))
    assert made == MADE_BY_HAND
    for folder in re.findall(r"--from-file=(deploy/\w+)", guide):
        assert (DEPLOY.parent / folder).is_dir()


def test_everything_is_in_its_namespace() -> None:
    for each in MANIFESTS:
        if each["kind"] != "Namespace":
            expected = "teduh-turn" if each["metadata"]["name"] == "turn" else "teduh"
            assert each["metadata"]["namespace"] == expected


def _of(kind: str) -> list[Manifest]:
    return [each for each in MANIFESTS if each["kind"] == kind]


def _sources(volumes: Any) -> Iterator[str]:
    for volume in volumes:
        if "configMap" in volume:
            yield volume["configMap"]["name"]
        if "secret" in volume:
            yield volume["secret"]["secretName"]
