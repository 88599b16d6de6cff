"""What stood in a namespace before its guardrails did, and would be refused today."""

import asyncio
from typing import Any

from manor.kube import ApiError
from manor.limits import limits
from manor.verify.attacks import said
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, name_of, seen
from manor.verify.mechanisms import POD_SECURITY, any_of, policy
from manor.verify.objects import Object
from manor.verify.requests import create

BY = any_of(policy(".+"), POD_SECURITY)
TEMPLATES = {
    "apps/v1": ("DaemonSet", "Deployment", "StatefulSet"),
    "batch/v1": ("CronJob", "Job"),
}
SERVER_SIDE = ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy")
"""Fields of a Service that the server has filled in, and that belong to that one alone."""


def _as_new(obj: Object) -> Object:
    """What would be made today in its place: the Service once more, or a pod of the template."""
    spec: Any = obj["spec"]
    if obj["kind"] == "Service":
        ports = [
            {key: value for key, value in port.items() if key != "nodePort"}
            for port in spec.get("ports", [])
        ]
        kept = {key: value for key, value in spec.items() if key not in SERVER_SIDE}
        return _named("Service", obj, {**kept, **({"ports": ports} if ports else {})})
    if obj["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return _named("Pod", obj, spec["template"]["spec"])


def _named(kind: str, obj: Object, spec: Object) -> Object:
    meta = {
        "generateName": f"{obj['metadata']['name'][:40]}-",
        "namespace": obj["metadata"]["namespace"],
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec}


async def _try(context: AttackContext, obj: Object) -> Attempt:
    what = f"{name_of(obj)}, made anew (dry run)"
    try:
        await create(_as_new(obj)).send(context.act())
    except ApiError as error:
        if BY.stopped(error):
            return holds(what, False, f"stands, and would be refused: {said(error)}", "")
    return holds(what, True, "would be admitted", "admission")


async def _look(context: AttackContext) -> list[Attempt]:
    kinds = [
        ("v1", "Service"),
        *((version, kind) for version, of in TEMPLATES.items() for kind in of),
    ]
    standing: list[Object] = []
    for api_version, kind in kinds:
        for namespace in context.attacker.namespaces:
            found = await context.snapshot.of(api_version, kind, namespace)
            standing += [obj for obj in found if not obj["metadata"].get("ownerReferences")]
    most = limits().verify.standing
    told = f"{len(standing)} objects" + (
        f", of which {most} are tried" if len(standing) > most else ""
    )
    attempts = await asyncio.gather(*(_try(context, obj) for obj in standing[:most]))
    return [
        seen("Services and what makes pods are listed", told),
        *(attempts or [holds("nothing stands", True, "", "")]),
    ]


CHECK = Check(
    id="MNR-ADMISSION-015",
    title="Keep what would be refused today",
    guarantee=(
        "What stands in a namespace would be admitted today: nothing is left from before "
        "its guardrails."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "Kubernetes: Pod Security Admission, existing pods are not evicted",
        "Kubernetes: Validating admission policy, requests alone are judged",
    ),
    attempt=(
        "Makes each Service anew, and a pod of each Deployment, StatefulSet, DaemonSet, Job "
        "and CronJob (dry run)."
    ),
    expect="Admitted by all policies and by Pod Security.",
    remedy=(
        "Change or delete the object; a Deployment that stands so runs until its pods are "
        "next replaced."
    ),
    run=_look,
)
