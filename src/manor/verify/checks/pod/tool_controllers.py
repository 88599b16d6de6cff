"""What a Tool's controller makes at a tenant's word is judged as the tenant's."""

import asyncio
from collections.abc import Iterator
from typing import Any

from manor.verify.attacks import try_allowed, try_refused
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TOOL_CONTROLLERS
from manor.verify.mechanisms import POD_SECURITY, any_of, policy
from manor.verify.objects import Object, container, pod, pod_spec, workloads
from manor.verify.requests import create
from manor.verify.team import account

BY = any_of(policy("images"), policy("pods"), POD_SECURITY)
MADE = {"pods": "Pod", "deployments": "Deployment", "statefulsets": "StatefulSet", "jobs": "Job"}


def _object(kind: str, image: Object, **fields: Any) -> Object:
    return pod(image, **fields) if kind == "Pod" else workloads(pod_spec(image, **fields))[kind]


def _bad(kind: str) -> Iterator[tuple[str, Object]]:
    yield f"a foreign image in a {kind}", _object(kind, container("evil.example/image:1"))
    if kind == "Pod":  # of what makes pods the policies judge the image, and Pod Security nothing
        yield "a hostPath", pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}])
        yield "the node's network", pod(hostNetwork=True)


async def _attack(context: AttackContext) -> list[Attempt]:
    tries = []
    for tool in context.tools.tools:
        creates = {
            name for rule in tool.spec.rights if "create" in rule.verbs for name in rule.resources
        }
        for each in tool.spec.controllers:
            actor = account(each.namespace, each.name)
            for kind in (kind for name, kind in MADE.items() if name in creates):
                plain = create(_object(kind, container()))
                tries.append(
                    try_allowed(
                        context, actor, f"a plain {kind} by {tool.name}'s controller", plain
                    )
                )
                tries += [
                    try_refused(context, actor, title, create(obj), BY) for title, obj in _bad(kind)
                ]
    return await asyncio.gather(*tries)


CHECK = Check(
    id="MNR-POD-048",
    title="Have a Tool's controller create a bad Pod",
    guarantee="What a Tool's controller makes at a tenant's word is judged as the tenant's.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=("CVE-2026-22872 (class)", "Kubernetes: Validating admission policy"),
    attempt=(
        "As the controllers of the Tools that the tenant uses, creates Pods, and what makes "
        "them, with a foreign "
        "image, a hostPath, the node's network."
    ),
    expect=(
        "Refused by the policies manor-images and manor-pods and by Pod Security, as for the "
        "tenant itself."
    ),
    remedy=(
        "Bind the policies again (`manor apply`), or name the controller nowhere in the "
        "Platform's controllers."
    ),
    requires=(TOOL_CONTROLLERS,),
    run=_attack,
    attended=True,
)
