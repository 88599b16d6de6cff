"""The operator on the cluster: who it is, what it may do, how it runs.

It stands in the way of no request, and isolation does not hang on it: where it is down, nothing
that it made goes away.
"""

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from manor.api import Platform, kinds
from manor.api.pack_zero import READ
from manor.api.platform import PlatformNetwork
from manor.api.wellknown import (
    GROUP,
    INSTANCE_LABEL,
    KEEPER,
    MANAGED,
    NAME_LABEL,
    NAMESPACE_NAME_LABEL,
    OPERATOR,
    OPERATOR_ROLE,
    SYSTEM_NAMESPACE,
    VERIFY_RUNS,
    WORKLOADS_ACCOUNT,
)
from manor.render.network import pods, policy, to_port
from manor.render.objects import Object, make
from manor.render.own_pods import Right, account, bound, container, granted, pod_spec, ways_out
from manor.render.verifier import render_verifier

PODS = {NAME_LABEL: OPERATOR, INSTANCE_LABEL: "manor"}
"""The labels of its pods."""
PORT = 8080
"""Where it tells of itself over HTTP: /healthz, /readyz, /metrics."""
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""OpenTelemetry's own variable: the collector that gets traces, asked over HTTP."""
REPLICAS = 2
"""One works, and one takes over."""
RESOURCES: Object = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"memory": "512Mi"},
}
"""For thousands of tenants. The CPU has no limit: it would be felt when everything changes."""
PRIORITY = 1_000_000_000
"""The highest that is not the system's own. The system's classes are bound to kube-system on some
clouds, and are for what others cannot do without."""

RIGHTS = (
    Right(
        "Reads what it acts on, also before a Platform has brought `manor:keeper`.",
        READ,
        GROUP,
        [info.plural for info in kinds.ALL],
    ),
    Right("Knows whose each namespace is, before a Platform too.", READ, "", ["namespaces"]),
    Right(
        "Sees whether the guardrails stand. They are an administrator's to write: who may write "
        "them may unmake what holds teams apart.",
        READ,
        "admissionregistration.k8s.io",
        [
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
        ],
    ),
    Right(
        "Tells people what it did and what is wrong.",
        ("create",),
        "",
        ["events"],
    ),
    Right(
        "Writes what a workload becomes as this account of the team's namespace, which may do no "
        "more: never as a person, a group or another account.",
        ("impersonate",),
        "",
        ["serviceaccounts"],
        (WORKLOADS_ACCOUNT,),
    ),
)
"""Everywhere, beside `manor:keeper`."""
LOCK_RIGHTS = (
    Right(
        "Makes the lock that one of its pods holds; RBAC cannot name what is not there yet.",
        ("create",),
        "coordination.k8s.io",
        ["leases"],
    ),
    Right(
        "Holds that lock, and renews it.",
        ("get", "update"),
        "coordination.k8s.io",
        ["leases"],
        (OPERATOR,),
    ),
)
"""In its own namespace alone."""


class Collector(NamedTuple):
    """What takes the operator's traces, and the way to it."""

    url: str
    way: Object
    """As a rule of egress."""


def collector(url: str) -> Collector:
    """The collector at this URL, `http://<service>.<namespace>:<port>` or of an IP address. A
    NetworkPolicy names pods, so that the Service must have the port of its pods.

    Raises:
        ValueError: it is none of the two.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    if port is None or not host:
        raise ValueError("is no URL of http or https")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no user or password: it stands in the pod's spec")
    with suppress(ValueError):
        return Collector(url, to_port(ip_network(host), port))
    service, _, rest = host.partition(".")
    namespace, _, suffix = rest.partition(".")
    if not (service and namespace) or suffix.split(".")[0] not in ("", "svc"):
        raise ValueError(
            "is neither an IP address nor <service>.<namespace>, which a NetworkPolicy could open"
        )
    place = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: namespace}}}
    return Collector(url, {"to": [place], "ports": [{"protocol": "TCP", "port": port}]})


def render_operator(
    image: str,
    *,
    platform: Platform | None = None,
    replicas: int = REPLICAS,
    resources: Mapping[str, object] = RESOURCES,
    verify_schedule: str | None = None,
    collector: Collector | None = None,
) -> list[Object]:
    """The operator's objects in the system namespace, and those of the run of `manor verify` that
    nobody attends, where there is a time for it. `platform`, where there is one, says where the API
    server and DNS are, and who may read metrics; `collector`, where its traces go."""
    network = platform.spec.network if platform else None
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": PODS}}
    priority: Object = {"value": PRIORITY, "description": "Manor's operator"}
    objects = [
        make("scheduling.k8s.io/v1", "PriorityClass", OPERATOR, **priority),
        account(OPERATOR),
        *granted(OPERATOR, OPERATOR_ROLE, RIGHTS),
        bound(OPERATOR, f"{OPERATOR_ROLE}:keeper", "ClusterRole", KEEPER),
        *granted(OPERATOR, OPERATOR, LOCK_RIGHTS, SYSTEM_NAMESPACE),
        policy(
            SYSTEM_NAMESPACE,
            OPERATOR,
            podSelector={"matchLabels": PODS},
            ingress=_metrics_readers(network),
            egress=[*ways_out(network), *([collector.way] if collector else ())],
        ),
        make("policy/v1", "PodDisruptionBudget", OPERATOR, SYSTEM_NAMESPACE, spec=spec),
        # Empty, and filled by runs of `manor verify`: whoever makes one may name it in a role.
        make("v1", "ConfigMap", VERIFY_RUNS, SYSTEM_NAMESPACE),
        _deployment(image, replicas, resources, collector),
    ]
    if verify_schedule is not None:
        objects += render_verifier(image, verify_schedule, network)
    return objects


def _metrics_readers(network: PlatformNetwork | None) -> list[Object]:
    """The Platform's own pods that may reach this port of every team, monitoring among them."""
    peers = [
        pods(peer)
        for peer in (network.peers if network else ())
        if peer.direction != "egress" and (not peer.ports or PORT in peer.ports)
    ]
    return [{"from": peers, "ports": [{"protocol": "TCP", "port": PORT}]}] if peers else []


def _deployment(
    image: str, replicas: int, resources: Mapping[str, object], collector: Collector | None
) -> Object:
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": PODS},
        # The new one is there before the old one goes.
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "template": {
            "metadata": {"labels": {**MANAGED, **PODS}},
            "spec": _pod(image, resources, collector),
        },
    }
    return make(
        "apps/v1",
        "Deployment",
        OPERATOR,
        SYSTEM_NAMESPACE,
        labels={**MANAGED, **PODS},
        spec=spec,
    )


def _pod(image: str, resources: Mapping[str, object], collector: Collector | None) -> Object:
    # The server would fill in the version, and take what says nothing of it for another value.
    own_name = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
    runs = container(
        "operator",
        image,
        ["-v", "--log-format", "json", "operator"],
        resources,
        env=[
            {"name": "POD_NAME", "valueFrom": own_name},
            *([{"name": TRACES_ENDPOINT, "value": collector.url}] if collector else ()),
        ],
        ports=[{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        # Until it answers at all, however slow the node is; then a hung one is started anew.
        startupProbe=_probe("/healthz", periodSeconds=2, failureThreshold=60),
        livenessProbe=_probe("/healthz", periodSeconds=10, failureThreshold=6),
        readinessProbe=_probe("/readyz", periodSeconds=5),
    )
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": PODS},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    return pod_spec(OPERATOR, runs, priorityClassName=OPERATOR, topologySpreadConstraints=spread)


def _probe(path: str, **bounds: int) -> Object:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 5, **bounds}
