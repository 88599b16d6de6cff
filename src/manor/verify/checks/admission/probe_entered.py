"""A probe that runs is out of its tenant's reach: what it reports is its own."""

import asyncio
from collections.abc import Mapping

from manor.kube import ApiError
from manor.verify.attacks import said, try_allowed, try_refused
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import PROBE_IMAGE
from manor.verify.findings import seen
from manor.verify.objects import Object, pod
from manor.verify.probe.pod import Running
from manor.verify.probe.probe_pods import OUT_OF_REACH
from manor.verify.probe.script import TCP_PORT
from manor.verify.requests import STRATEGIC, Request, create, create_sub, delete, every_write

SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
DEBUGGER = {
    "name": "debug",
    "image": "$image",
    "targetContainerName": "main",
    "securityContext": SAFE,
}


def _changes(context: AttackContext, live: Object) -> Mapping[str, Request]:
    name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
    where = ("v1", "Pod", name)
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
    }
    debugged = {"spec": {"ephemeralContainers": [context.fill(DEBUGGER)]}}
    smaller = {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1m"}}}]}}
    return {
        "delete": delete(*where, namespace),
        "evict": create_sub(*where, "eviction", eviction, namespace),
        **{
            f"relabel by {way}": r
            for way, r in every_write(live, {"metadata": {"labels": {"app": "mine"}}}).items()
        },
        "debug": Request("patch", *_at(live), "ephemeralcontainers", debugged, STRATEGIC),
        "resize": Request("patch", *_at(live), "resize", smaller, STRATEGIC),
    }


def _at(live: Object) -> tuple[str, str, str, str]:
    return "v1", "Pod", live["metadata"]["namespace"], live["metadata"]["name"]


async def _entered(
    context: AttackContext, pod: Running, way: str, query: Mapping[str, str | int]
) -> Attempt:
    """Asks for a connection without the upgrade to a stream: past admission, the server asks for
    that or answers."""
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/{way}"
    what = f"{way}: as {context.attacker.asker}: POST {path}"
    try:
        await context.act().request("POST", path, params=query)
    except ApiError as error:
        if mechanism := OUT_OF_REACH.stopped(error):
            return Attempt(what, Verdict.HELD, said(error), mechanism)
        return Attempt(what, Verdict.BROKEN, f"let in, as the answer shows: {said(error)}")
    return Attempt(what, Verdict.BROKEN, "let in")


async def _attack(context: AttackContext) -> list[Attempt]:
    probe = await context.probes.running(context.attacker, "client")
    live = await context.client.get("v1", "Pod", probe.name, probe.namespace)
    ways: dict[str, dict[str, str | int]] = {
        "exec": {"command": "true", "stdout": "true"},
        "attach": {"stdout": "true"},
        "portforward": {"ports": TCP_PORT},
        "proxy": {},
    }
    actor = context.attacker.asker
    attempts = await asyncio.gather(
        try_allowed(context, actor, "make a Pod of its own", create(pod())),
        *(_entered(context, probe, way, query) for way, query in ways.items()),
        *(
            try_refused(context, actor, way, r, OUT_OF_REACH)
            for way, r in _changes(context, live).items()
        ),
    )
    return [seen("the probe runs", f"{probe.namespace}/{probe.name}"), *attempts]


CHECK = Check(
    id="MNR-ADMISSION-014",
    title="Enter, change or replace a probe of verify",
    guarantee=(
        "Nobody but the platform enters, changes or removes a probe, so that its verdict "
        "is its own."
    ),
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=("NIST SP 800-53 AU-9", "CWE-345", "CVE-2018-1002105 (class)"),
    attempt=(
        "As the attacker's mightiest member: exec, attach, port-forward and proxy to the probe "
        "in its own namespace; "
        "deletes, evicts, relabels, debugs and resizes it (dry run)."
    ),
    expect=(
        "Refused by the policy manor-probes, or by RBAC where the member has no such right at all."
    ),
    remedy="Bind the policy again (`manor apply`).",
    requires=(PROBE_IMAGE,),
    run=_attack,
)
