"""deploy/kubernetes.yaml as a whole: what each field of each manifest must be, and why."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from support.deployment.command_lines import faults_of_command
from support.deployment.compose import NOBODY, VALKEY_USER, image_user
from support.deployment.relay import (
    CONSOLE_DOMAIN,
    DOMAIN,
    LIVES,
    ORGANISATION_FILE,
    PORT,
    READY,
    SENTINEL_PORT,
    TURN_DOMAIN,
    TURN_PORT,
    VALKEY_PORT,
    faults_of_relay,
    served_path,
)
from support.deployment.whole_document import (
    UNREADABLE,
    Document,
    Such,
    faults,
    image,
    number,
    size,
    yaml_documents,
)

METRICS_PORT = 9420
SECRETS = "/run/secrets/teduh"
_POD_SECURITY = "pod-security.kubernetes.io/enforce"
_NGINX = "nginx.ingress.kubernetes.io"
_SENTINELS = [f"sentinel-{place}.sentinel" for place in range(3)]
_CPU = Such("a part of a core", re.compile(r"[1-9]\d{0,3}m").fullmatch)
_DISK = Such("a size of a disk", re.compile(r"[1-9]\d*Gi").fullmatch)

# --- namespaces and who may reach whom in them ---


def _manifest(
    kind: str, name: str, version: str = "v1", namespace: str = "teduh", **rest: object
) -> Document:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def _namespace(name: str, level: str) -> Document:
    meta = {"name": name, "labels": {_POD_SECURITY: level}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _policy(name: str, **spec: object) -> Document:
    return _manifest("NetworkPolicy", name, "networking.k8s.io/v1", spec=spec)


def _ports(*ports: int, protocol: str = "TCP") -> list[Document]:
    return [{"port": port, "protocol": protocol} for port in ports]


def _of_namespace(name: str) -> Document:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _apps(*names: str) -> Document:
    return {"matchExpressions": [{"key": "app", "operator": "In", "values": list(names)}]}


def _policies() -> list[Document]:
    store = _ports(VALKEY_PORT, SENTINEL_PORT)
    names = [*_ports(53, protocol="UDP"), *_ports(53)]
    return [
        _policy("closed", podSelector={}, policyTypes=["Ingress"]),
        _policy(
            "relay-from-ingress",
            podSelector={"matchLabels": {"app": "relay"}},
            policyTypes=["Ingress"],
            ingress=[
                {"from": [_of_namespace("ingress-nginx")], "ports": _ports(PORT)},
                {"from": [_of_namespace("monitoring")], "ports": _ports(METRICS_PORT)},
            ],
        ),
        # Without it no certificate is ever given out: whom cert-manager starts is in this namespace, too.
        _policy(
            "certificate-from-ingress",
            podSelector={"matchLabels": {"acme.cert-manager.io/http01-solver": "true"}},
            policyTypes=["Ingress"],
            ingress=[{"from": [_of_namespace("ingress-nginx")], "ports": _ports(8089)}],
        ),
        _policy(
            "store-from-relay",
            podSelector=_apps("valkey", "sentinel"),
            policyTypes=["Ingress", "Egress"],
            ingress=[{"from": [{"podSelector": _apps("relay", "valkey", "sentinel")}], "ports": store}],
            egress=[
                {"to": [{"podSelector": _apps("valkey", "sentinel")}], "ports": store},
                {"to": [_of_namespace("kube-system")], "ports": names},
            ],
        ),
    ]


# --- what all containers share ---


def _container(name: str, image_name: str, memory: tuple[int, int], **rest: object) -> Document:
    return {
        "name": name,
        "image": image(image_name),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": _CPU, "memory": size(32, memory[1])},
            "limits": {"memory": size(*memory)},
        },
        **rest,
    }


def _pod(user: str, container: Document, volumes: list[Document], **rest: object) -> Document:
    number_of_user, _, group = user.partition(":")
    return {
        # Nothing in it speaks to the cluster.
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": int(number_of_user),
            "runAsGroup": int(group),
            "fsGroup": int(group),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
        **rest,
    }


def _workload(kind: str, app: str, pod: Document, namespace: str = "teduh", **spec: object) -> Document:
    labels = {"app": app}
    template = {"metadata": {"labels": labels}, "spec": pod}
    whole = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return _manifest(kind, app, "apps/v1", namespace, spec=whole)


def _apart(app: str) -> list[Document]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": app}},
        }
    ]


def _mount(name: str, path: str, *, writable: bool = False) -> Document:
    return {"name": name, "mountPath": path} | ({} if writable else {"readOnly": True})


def _from_map(name: str, of: str) -> Document:
    return {"name": name, "configMap": {"name": of}}


def _secret() -> Document:
    # For the container's group, and nobody else.
    return {"name": "turn", "secret": {"secretName": "turn", "defaultMode": 0o440}}


def _memory(name: str) -> Document:
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size(1, 64)}}


# --- the relay ---


def _relay() -> Document:
    container = _container(
        "relay",
        "teduh-relay",
        (256, 4096),
        args=Such("a command of teduh", lambda words: faults_of_command(words) == []),
        # Looked at by the relay's own settings, see `faults_of_relay`.
        env=Such("settings, each once", lambda told: len(_by_name(told)) == len(told)),
        ports=[{"name": "http", "containerPort": PORT}, {"name": "metrics", "containerPort": METRICS_PORT}],
        livenessProbe={
            "httpGet": {"path": served_path(LIVES), "port": "http"},
            "periodSeconds": number(1, 60),
            "failureThreshold": number(2, 10),
        },
        readinessProbe={
            "httpGet": {"path": served_path(READY), "port": "http"},
            # A relay that is about to stop gets nothing new, at once.
            "periodSeconds": number(1, 5),
            "failureThreshold": 1,
        },
        lifecycle={"preStop": {"exec": {"command": ["sleep", number(3, 30)]}}},
        volumeMounts=[
            _mount("organisation", str(Path(ORGANISATION_FILE).parent)),
            _mount("turn", SECRETS),
            _mount("tmp", "/tmp", writable=True),
        ],
    )
    pod = _pod(
        image_user(),
        container,
        [_from_map("organisation", "organisation"), _secret(), _memory("tmp")],
        terminationGracePeriodSeconds=number(15, 600),
        topologySpreadConstraints=_apart("relay"),
    )
    update = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": number(1, 10)}}
    return _workload("Deployment", "relay", pod, replicas=number(2, 100), strategy=update)


def _by_name(told: Sequence[Document]) -> dict[str, str]:
    """Raises for an entry that is anything but a name and a value."""
    for each in told:
        if set(each) != {"name", "value"}:
            raise ValueError(f"{each} is not a name and a value")
    return {each["name"]: each["value"] for each in told}


def _ingress() -> Document:
    service = {"name": "relay", "port": {"name": "http"}}
    paths = {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": service}}]}
    hosts = [DOMAIN, CONSOLE_DOMAIN]
    spec = {
        "ingressClassName": "nginx",
        "tls": [{"hosts": hosts, "secretName": "relay-tls"}],
        "rules": [{"host": host, "http": paths} for host in hosts],
    }
    ingress = _manifest("Ingress", "relay", "networking.k8s.io/v1", spec=spec)
    ingress["metadata"]["annotations"] = {
        "cert-manager.io/cluster-issuer": "letsencrypt",
        f"{_NGINX}/enable-access-log": "false",
        f"{_NGINX}/proxy-read-timeout": number(600, 86_400),
        f"{_NGINX}/proxy-send-timeout": number(600, 86_400),
    }
    return ingress


def _budget(app: str, **kept: int) -> Document:
    spec = {**kept, "selector": {"matchLabels": {"app": app}}}
    return _manifest("PodDisruptionBudget", app, "policy/v1", spec=spec)


def _around_relay() -> list[Document]:
    selector = {"app": "relay"}
    service = {"selector": selector, "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]}
    return [
        _budget("relay", minAvailable=1),
        _manifest("Service", "relay", spec=service),
        _ingress(),
    ]


# --- the store ---


def _store_service(app: str, port: int) -> Document:
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {"app": app},
        "ports": [{"name": app, "port": port}],
    }
    return _manifest("Service", app, spec=spec)


def _asks(*more: str, patience: Such | None = None) -> Document:
    probe = {
        "exec": {"command": ["valkey-cli", *more, "ping"]},
        "periodSeconds": number(1, 60),
        "timeoutSeconds": number(1, 30),
    }
    return probe | ({} if patience is None else {"failureThreshold": patience})


def _store(
    app: str, port: int, starts: dict[str, list[str]], memory: tuple[int, int], **more: object
) -> Document:
    ask = [] if app == "valkey" else ["-p", str(port)]
    container = _container(
        app,
        "valkey/valkey",
        memory,
        command=["sh", "-c"],
        args=Such(f"what starts {starts}", lambda args: _starts(args, starts)),
        env=[{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        ports=[{"name": app, "containerPort": port}],
        # A busy Valkey that is killed takes longer to come back than one that is waited for.
        livenessProbe=_asks(*ask, patience=number(3, 20) if app == "valkey" else None),
        readinessProbe=_asks(*ask),
        volumeMounts=[_mount("configuration", "/etc/valkey"), _mount("data", "/data", writable=True)],
    )
    grace = number(5, 300)
    pod = _pod(
        VALKEY_USER, container, [_from_map("configuration", "valkey")], terminationGracePeriodSeconds=grace
    )
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": _DISK}}}
    pod |= more
    return _workload(
        "StatefulSet",
        app,
        pod,
        serviceName=app,
        replicas=len(starts),
        volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": claim}],
        **({} if app == "valkey" else {"podManagementPolicy": "Parallel"}),
    )


def _starts(args: list[str], starts: dict[str, list[str]]) -> bool:
    (script,) = args
    lines = script.splitlines()
    return len(lines) == len(set(lines)) and _started_by(script, tuple(starts)) == starts


@cache
def _started_by(script: str, pods: tuple[str, ...]) -> dict[str, list[str]]:
    """What `sh -c` starts in each pod, found by doing it with another `sh` inside."""
    found = {}
    with TemporaryDirectory() as folder:
        shell = Path(folder) / "sh"
        shell.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
        shell.chmod(0o755)
        for pod in pods:
            # Nothing but that shell is in its path.
            ended = subprocess.run(
                ["/bin/sh", "-c", script],
                env={"PATH": folder, "POD": pod},
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
                cwd=folder,
            )
            found[pod] = ended.stdout.split("\n")[:-1]
    return found


def _stores() -> list[Document]:
    script, first = "/etc/valkey/start.sh", "valkey-0.valkey"
    servers = {
        "valkey-0": [script, "server", first],
        "valkey-1": [script, "server", "valkey-1.valkey", first],
    }
    sentinels = {host.partition(".")[0]: [script, "sentinel", host, first] for host in _SENTINELS}
    labels = {"labelSelector": {"matchLabels": {"app": "valkey"}}}
    apart = [{"topologyKey": "kubernetes.io/hostname", **labels}]
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": apart}}
    return [
        _store_service("valkey", VALKEY_PORT),
        _store("valkey", VALKEY_PORT, servers, (512, 65_536), affinity=affinity),
        _budget("valkey", maxUnavailable=1),
        _budget("sentinel", maxUnavailable=1),
        _store_service("sentinel", SENTINEL_PORT),
        _store("sentinel", SENTINEL_PORT, sentinels, (64, 512), topologySpreadConstraints=_apart("sentinel")),
    ]


# --- TURN ---


def _turn() -> Document:
    host = {"fieldRef": {"fieldPath": "status.hostIP"}}
    container = _container(
        "turn",
        "coturn/coturn",
        (128, 4096),
        command=["sh", "/etc/coturn/start.sh"],
        env=[
            {"name": "TURN_ADDRESS", "valueFrom": host},
            {"name": "TURN_REALM", "value": TURN_DOMAIN},
            {"name": "TURN_SECRET_FILE", "value": f"{SECRETS}/turn-secret"},
            {"name": "TURN_RUNTIME_FOLDER", "value": "/run/coturn"},
        ],
        ports=[
            {"name": "turn-udp", "containerPort": TURN_PORT, "protocol": "UDP"},
            {"name": "turn-tcp", "containerPort": TURN_PORT, "protocol": "TCP"},
        ],
        livenessProbe={"tcpSocket": {"port": "turn-tcp"}, "periodSeconds": number(1, 60)},
        volumeMounts=[
            _mount("configuration", "/etc/coturn"),
            _mount("turn", SECRETS),
            _mount("runtime", "/run/coturn", writable=True),
            _mount("database", "/var/lib/coturn", writable=True),
        ],
    )
    container["securityContext"]["capabilities"]["add"] = ["NET_BIND_SERVICE"]
    pod = _pod(
        f"{NOBODY}:{NOBODY}",
        container,
        [_from_map("configuration", "coturn"), _secret(), _memory("runtime"), _memory("database")],
        nodeSelector={"teduh/turn": "yes"},
        hostNetwork=True,
    )
    return _workload("DaemonSet", "turn", pod, "teduh-turn")


# --- reading ---


@cache
def _expected() -> list[Document]:
    return [
        _namespace("teduh", "restricted"),
        _namespace("teduh-turn", "privileged"),
        *_policies(),
        _relay(),
        *_around_relay(),
        *_stores(),
        _turn(),
    ]


def faults_of_kubernetes(text: str, folder: Path) -> Iterator[str]:
    """Everything in the file that is not as it must be; `folder` is for a secret of the test's."""
    try:
        yield from _faults(yaml_documents(text), folder)
    except UNREADABLE as error:
        yield f"cannot be read: {error!r}"


def _faults(manifests: list[Document], folder: Path) -> Iterator[str]:
    by_name = {f"{each['kind']} {each['metadata']['name']}": each for each in manifests}
    if len(by_name) != len(manifests):
        yield "a manifest is there twice"
    yield from faults(by_name, {f"{each['kind']} {each['metadata']['name']}": each for each in _expected()})
    pod = by_name["Deployment relay"]["spec"]["template"]["spec"]
    (relay,) = pod["containers"]
    before = int(relay["lifecycle"]["preStop"]["exec"]["command"][1])
    yield from faults_of_relay(
        _by_name(relay["env"]),
        folder,
        sentinels=_SENTINELS,
        secret_file=f"{SECRETS}/turn-secret",
        header="X-Real-IP",
        drain=(5, pod["terminationGracePeriodSeconds"] - before - 5),
        others={"metrics_host": "0.0.0.0", "metrics_port": METRICS_PORT},
    )
