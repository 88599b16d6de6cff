"""No member of a tenant writes what lives in no namespace: what it says there, it says to all.

A SelfSubjectRulesReview of each role lists all that RBAC gives it over the whole cluster, and the
bindings tell it of every other member whom one names.
"""

import asyncio

from manor.verify.access import NOWHERE, READS_OWN, askers, review, rules_of
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.checks.rbac.whole_matrix import OF_ONESELF
from manor.verify.context import AttackContext
from manor.verify.findings import holds
from manor.verify.rules import Rule, rule_words
from manor.verify.team import Actor

LOOKS = {"get", "list", "watch"}


def _own(rule: Rule, context: AttackContext) -> bool:
    """Whether the rule is of the tenant itself, or of its namespaces; which of these its owners may
    make is for the policy manor-namespaces to say."""
    team, names = context.attacker, set(rule.get("resourceNames", ()))
    if set(rule.get("resources", ())) == {"namespaces"} and set(rule["verbs"]) <= LOOKS | {
        "create"
    }:
        return True
    slots = team.tenant.namespace_slots if team.tenant else ()
    return bool(names) and names <= {team.name, *team.namespaces, *slots}


async def _rules(context: AttackContext, actor: Actor, kinds: set[tuple[str, str]]) -> Attempt:
    rules = await rules_of(context, actor, NOWHERE)
    found = [
        rule_words(rule)
        for rule in rules.resources
        if set(rule["verbs"]) - LOOKS
        and not _own(rule, context)
        and any(
            "*" in (group, resource) or (group, resource) in kinds
            for group in rule.get("apiGroups", ())
            for resource in rule.get("resources", ())
        )
    ]
    got = f"it may: {'; '.join(found[:5])}" if found else "it may write no kind of the cluster's"
    return holds(f"rules of {actor} over the cluster", not found, got, "RBAC")


async def _attack(context: AttackContext) -> list[Attempt]:
    kinds = {
        (served.group, served.resource)
        for served in await context.snapshot.resources()
        if not served.namespaced and served.group not in OF_ONESELF
    }
    control = [
        review(context, context.attacker.actor, a, wanted=True)
        for a in READS_OWN.attributes(context)
    ]
    looked_at = (_rules(context, actor, kinds) for actor in await askers(context))
    return await asyncio.gather(*control, *looked_at)


CHECK = Check(
    id="MNR-RBAC-031",
    title="Write a kind that lives in no namespace",
    guarantee="No role of a tenant writes a kind of the cluster's, whichever is served.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.1",
        "NSA/CISA: Authentication and authorization",
        "MTB-PL1-CC-CPI-1: Block access to cluster resources",
    ),
    attempt=(
        "Lists all that each role, and every other member whom a binding names, may do over the "
        "whole cluster, and compares it with the served kinds that live in no namespace."
    ),
    expect=("No verb but get, list and watch, beside the tenant's own namespaces and its Tenant."),
    remedy="Remove the ClusterRoleBinding that names the attacker, or the verb from its role.",
    run=_attack,
)
