"""The controllers of Tools write, and read Secrets, where their Tool is used and nowhere else."""

import asyncio

from manor.api.pack_zero import READ
from manor.verify.access import Access, review
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TOOL_CONTROLLERS
from manor.verify.team import account

ELSEWHERE = "kube-system"


async def _attack(context: AttackContext) -> list[Attempt]:
    reviews = []
    for tool in context.tools.tools:
        rights = [
            (verb, group, resource)
            for rule in tool.spec.rights
            for group in rule.api_groups
            for resource in rule.resources
            for verb in rule.verbs
            # Events say what was done, wherever that is.
            if (verb not in READ or resource == "secrets") and resource != "events"
        ]
        for each in tool.spec.controllers:
            actor = account(each.namespace, each.name)
            for verb, group, resource in rights:
                for place, wanted in (("$own", True), (ELSEWHERE, False)):
                    (attributes,) = Access(verb, resource, group, namespace=place).attributes(
                        context
                    )
                    reviews.append(review(context, actor, attributes, wanted=wanted))
    return await asyncio.gather(*reviews)


CHECK = Check(
    id="MNR-RBAC-028",
    title="Take the cluster over by a Tool's controller",
    guarantee=(
        "The controllers of Tools write, and read Secrets, where their Tool is used and "
        "nowhere else."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=("CVE-2026-22872 (class)", "CIS 5.1.3", "CIS 5.1.4"),
    attempt=(
        "Asks, as each controller of a Tool, for the rights that it has in the tenant's "
        "namespace, in kube-system: to "
        "write, and to read Secrets."
    ),
    expect=(
        "The authorizer (RBAC) answers `not allowed` there, and `allowed` in the tenant's "
        "namespace."
    ),
    remedy="Remove the ClusterRoleBinding that gives it; `manor tools install` installs without.",
    requires=(TOOL_CONTROLLERS,),
    run=_attack,
)
