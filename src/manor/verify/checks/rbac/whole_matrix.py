"""Every resource, every verb, in another tenant's namespace.

A SelfSubjectRulesReview of each role lists all that RBAC gives it there, and the bindings tell it
of every other member whom one names elsewhere: none of it may concern a namespaced resource. Beside
it, every served resource and verb is put to the authorizer as a SubjectAccessReview; where there
are many pairs each takes a slice, and together they cover all.
"""

import asyncio
from itertools import islice, product

from manor.limits import limits
from manor.verify.access import READS_OWN, Access, askers, review, rules_of
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds
from manor.verify.team import Actor

OF_ONESELF = ("authorization.k8s.io", "authentication.k8s.io")


async def _rules(
    context: AttackContext, actor: Actor, namespaced: set[tuple[str, str]], namespace: str
) -> Attempt:
    rules = await rules_of(context, actor, namespace)
    found = sorted(
        f"{', '.join(rule['verbs'])} {resource}.{group or 'core'}"
        for rule in rules.resources
        for group in rule.get("apiGroups", [])
        for resource in rule.get("resources", [])
        if "*" in (group, resource) or (group, resource) in namespaced
    )
    got = (
        f"it may: {'; '.join(found[:5])}"
        if found
        else f"{len(rules.resources)} rules, none on what a namespace holds"
    )
    return holds(f"rules of {actor} in {namespace}", not found, got, "RBAC")


async def _attack(context: AttackContext) -> list[Attempt]:
    served = [
        r for r in await context.snapshot.resources() if r.namespaced and r.group not in OF_ONESELF
    ]
    cells = [Access(verb, r.resource, r.group) for r in served for verb in r.verbs]
    actors, teams = context.attacker.actors, context.tenancy.teams
    step = max(1, len(cells) * len(actors) * len(teams) // limits().verify.cells)
    mine = islice(cells, context.tenancy.place(context.attacker) % step, None, step)
    asks = [
        review(context, actor, a, wanted=False)
        for cell in mine
        for a in cell.attributes(context)
        for actor in actors
    ]
    control = [
        review(context, context.attacker.actor, a, wanted=True)
        for a in READS_OWN.attributes(context)
    ]
    namespaced = {(r.group, r.resource) for r in served}
    looked_at = product(await askers(context), context.victim.namespaces)
    return await asyncio.gather(
        *control,
        *(_rules(context, actor, namespaced, namespace) for actor, namespace in looked_at),
        *asks,
    )


CHECK = Check(
    id="MNR-RBAC-006",
    title="Use any verb on any resource of another tenant",
    guarantee="No role of a tenant holds any right in another tenant's namespace.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.3",
        "NSA/CISA: Authentication and authorization",
        "MTB-PL1-CC-TI-2: Block access to other tenant resources",
    ),
    attempt=(
        "Asks the authorizer for each verb on each served namespaced resource, in another "
        "tenant's namespace."
    ),
    expect=(
        "The authorizer (RBAC) answers `not allowed` for every cell, and the review of all "
        "rules lists nothing."
    ),
    remedy=(
        "Remove the RoleBinding in the victim's namespace or the ClusterRoleBinding that "
        "names the attacker."
    ),
    run=_attack,
)
