"""What a client asks of the API server, by verb, as the server counts it.

The server's own metrics by verb do not say who asked. Its flow control does: it sorts each request
into the first FlowSchema that matches, by user, verb and resource, and counts what it let through.
So a schema for each verb stands before all others. None of them limits anything.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from manor.api import kinds
from manor.api.wellknown import FLOWCONTROL_API, GROUP
from manor.kube import Client

STATUS = "status"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
WRITES = frozenset({STATUS, "create", "update", "patch", "delete", "deletecollection"})
"""What changes something; leases and events are counted apart."""

_PREFIX = "bench-"
_PRECEDENCE = 2
"""Behind `exempt` alone, in which the administrator's requests are, and so the benchmark's own."""
_COUNTED = re.compile(
    r'^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="bench-(?P<schema>[^"]+)"'
    r".*\} (?P<count>\d+)",
    re.MULTILINE,
)
_SERVERS_OWN = (
    {"kind": "User", "user": {"name": "system:apiserver"}},
    {"kind": "User", "user": {"name": "system:kube-controller-manager"}},
    {"kind": "Group", "group": {"name": "system:serviceaccounts:kube-system"}},
    {"kind": "Group", "group": {"name": "system:nodes"}},
)
_EVERYBODY = ({"kind": "Group", "group": {"name": "system:authenticated"}},)
_ALL = {"apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}


def _schema(name: str, subjects: Sequence[Any], **rules: Any) -> dict[str, Any]:
    return {
        "apiVersion": FLOWCONTROL_API,
        "kind": "FlowSchema",
        "metadata": {"name": f"{_PREFIX}{name}"},
        "spec": {
            "priorityLevelConfiguration": {"name": "exempt"},
            "matchingPrecedence": _PRECEDENCE,
            "rules": [{"subjects": list(subjects), **rules}],
        },
    }


def _schemas() -> list[dict[str, Any]]:
    """Of two with one precedence, the one whose name comes first is asked first."""
    statuses = {
        **_ALL,
        "apiGroups": [GROUP],
        "resources": [f"{info.plural}/status" for info in kinds.ALL],
        "verbs": ["patch", "update"],
    }
    events = {**_ALL, "resources": ["events"], "verbs": ["create", "patch", "update"]}
    leases = {**_ALL, "resources": ["leases"], "verbs": ["*"]}
    apart = {STATUS: statuses, "events": events, "leases": leases}
    paths = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    every = {**_ALL, "verbs": ["*"]}
    return [
        _schema("0-own", _SERVERS_OWN, resourceRules=[every], nonResourceRules=paths),
        *(_schema(f"1-{name}", _EVERYBODY, resourceRules=[rule]) for name, rule in apart.items()),
        *(
            _schema(f"2-{verb}", _EVERYBODY, resourceRules=[{**_ALL, "verbs": [verb]}])
            for verb in VERBS
        ),
        _schema("3-other", _EVERYBODY, resourceRules=[every], nonResourceRules=paths),
    ]


async def install(client: Client) -> None:
    """Count from now on; returns once the server does."""
    for schema in _schemas():
        await client.apply(schema)
    probe = client.impersonate("bench-probe")
    async with asyncio.timeout(60):
        while not (await counted(client))["other"]:
            await probe.request("GET", "/version")
            await asyncio.sleep(0.2)


async def counted(client: Client) -> Counter[str]:
    """The requests so far of everybody but the server, its controllers and the administrator."""
    metrics = str(await client.request("GET", "/metrics"))
    requests: Counter[str] = Counter()
    for found in _COUNTED.finditer(metrics):
        rank, _, name = found["schema"].partition("-")
        if rank != "0":
            requests[name] += int(found["count"])
    return requests


def writes(requests: Counter[str]) -> int:
    """Those that change something."""
    return sum(count for name, count in requests.items() if name in WRITES)
