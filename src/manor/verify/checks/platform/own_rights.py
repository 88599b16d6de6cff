"""Manor's own service accounts hold listed verbs and read no tenant's Secrets."""

import asyncio

from manor.api.wellknown import RBAC_GROUP, SYSTEM_NAMESPACE
from manor.verify.access import READS_OWN, Access, review
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import MANOR
from manor.verify.findings import need
from manor.verify.team import account

CELLS = (
    Access("get list watch", "secrets", namespace="$own"),
    Access("get list watch", "secrets", namespace=None),
    Access("create get", "pods/exec", namespace="$own"),
    Access("*", "*", "*", None),
    Access("impersonate", "users", namespace=None),
    Access("impersonate", "groups", namespace=None),
    Access("impersonate", "serviceaccounts", namespace=None),
    Access("bind", "clusterroles", RBAC_GROUP, None),
    Access("escalate", "clusterroles", RBAC_GROUP, None),
    Access("create", "nodes/proxy", namespace=None),
    Access("create", "serviceaccounts/token", namespace="$own"),
)


async def _look(context: AttackContext) -> list[Attempt]:
    accounts = [
        a["metadata"]["name"]
        for a in await context.snapshot.of("v1", "ServiceAccount", SYSTEM_NAMESPACE)
    ]
    need(accounts, "the namespace manor-system has no service account")
    asks = [
        review(context, context.attacker.actor, a, wanted=True)
        for a in READS_OWN.attributes(context)
    ]
    for name in accounts:
        actor = account(SYSTEM_NAMESPACE, name)
        asks += [
            review(context, actor, a, wanted=False)
            for cell in CELLS
            for a in cell.attributes(context)
        ]
    return await asyncio.gather(*asks)


CHECK = Check(
    id="MNR-PLATFORM-001",
    title="Use Manor's own service accounts",
    guarantee="Manor's own service accounts hold listed verbs and read no tenant's Secrets.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.2",
        "CIS 5.1.3",
        "CVE-2024-7646 (class)",
    ),
    attempt=(
        "As each service account of the namespace manor-system, asks for Secrets, wildcards, exec, "
        "impersonation and nodes."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Take the right from the operator's ClusterRole.",
    requires=(MANOR,),
    run=_look,
    scope="cluster",
)
