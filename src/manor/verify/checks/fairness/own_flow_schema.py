"""Each tenant's users and workloads have a priority level of their own, which queues and is
limited."""

from manor.api.wellknown import FLOWCONTROL_API
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen
from manor.verify.objects import Object
from manor.verify.team import Actor, account

GENERAL = ("service-accounts", "global-default", "catch-all")
"""Kubernetes' schemas for everybody; those before them are for nodes and the system's own parts."""


def _takes(subject: Object, actor: Actor) -> bool:
    kind = subject["kind"]
    if kind == "User":
        return subject["user"]["name"] in (actor.user, "*")
    if kind == "Group":
        return subject["group"]["name"] in actor.all_groups
    account = subject["serviceAccount"]
    parts = actor.user.split(":")
    return (
        parts[:2] == ["system", "serviceaccount"]
        and account["namespace"] == parts[2]
        and account["name"] in ("*", parts[3])
    )


def _whole(rule: Object) -> bool:
    return any(
        "*" in r["verbs"] and "*" in r["resources"] and "*" in r["apiGroups"]
        for r in rule.get("resourceRules", [])
    )


async def _look(context: AttackContext) -> list[Attempt]:
    schemas = await context.snapshot.all(FLOWCONTROL_API, "FlowSchema")
    levels = {
        level["metadata"]["name"]: level
        for level in await context.snapshot.all(FLOWCONTROL_API, "PriorityLevelConfiguration")
    }
    ordered = sorted(
        schemas, key=lambda s: (s["spec"]["matchingPrecedence"], s["metadata"]["name"])
    )
    others = {name for name in levels if name != f"manor-{context.attacker.name}"}
    attempts = [seen("flow schemas are listed", f"{len(schemas)} schemas, {len(levels)} levels")]
    actors = [
        *context.attacker.actors,
        *(account(space, "default") for space in context.attacker.namespaces),
    ]
    for actor in actors:
        taken = next(
            (
                s
                for s in ordered
                if any(
                    _whole(r) and any(_takes(x, actor) for x in r["subjects"])
                    for r in s["spec"].get("rules", [])
                )
            ),
            None,
        )
        name = taken["spec"]["priorityLevelConfiguration"]["name"] if taken else "none"
        level = levels.get(name, {}).get("spec", {})
        queues = level.get("limited", {}).get("limitResponse", {}).get("type") == "Queue"
        fine = name not in others and level.get("type") == "Limited" and queues
        got = (
            f"FlowSchema {taken['metadata']['name'] if taken else 'none'}, level {name} "
            f"({level.get('type')})"
        )
        attempts.append(holds(f"requests of {actor}", fine, got, "API Priority and Fairness"))
    return attempts


CHECK = Check(
    id="MNR-FAIRNESS-001",
    title="Queue before others at the API server",
    guarantee=(
        "Each tenant's users and workloads have a priority level of their own, which queues and "
        "is limited."
    ),
    severity=Severity.MEDIUM,
    level=Level.STATIC,
    references=(
        "Kubernetes: API Priority and Fairness",
        "CVE-2020-8552 (class)",
    ),
    attempt=(
        "Looks for the FlowSchema that takes each member's and each service account's requests, "
        "before the "
        "general ones, and at its level."
    ),
    expect=(
        "The first FlowSchema that matches leads to a level of this tenant's own, which is "
        "Limited and queues."
    ),
    remedy="`manor apply` writes the FlowSchema and the level again.",
    run=_look,
)
