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


def _rules(schema: Object, actor: Actor) -> list[Object]:
    """The rules by which a schema takes an identity's requests for objects, or some of them."""
    return [
        rule
        for rule in schema["spec"].get("rules", [])
        if rule.get("resourceRules") and any(_takes(subject, actor) for subject in rule["subjects"])
    ]


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
    attempts = [seen("flow schemas are listed", f"{len(schemas)} schemas, {len(levels)} levels")]
    actors = [
        *(context.attacker.members or context.attacker.actors),
        *(account(space, "default") for space in context.attacker.namespaces),
    ]
    for actor in actors:
        # Who is in several teams waits in one of their levels.
        teams = [
            team.name
            for team in context.tenancy.teams
            if team.name == context.attacker.name or any(map(actor.is_in, team.members))
        ]
        taken = next((schema for schema in ordered if _rules(schema, actor)), None)
        whole = taken is not None and any(map(_whole, _rules(taken, actor)))
        name = taken["spec"]["priorityLevelConfiguration"]["name"] if taken else "none"
        level = levels.get(name, {}).get("spec", {})
        queues = level.get("limited", {}).get("limitResponse", {}).get("type") == "Queue"
        own = name in {f"manor-{team}" for team in teams}
        fine = whole and own and level.get("type") == "Limited" and queues
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
