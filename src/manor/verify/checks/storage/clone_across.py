"""A volume is filled from its own namespace alone."""

import asyncio

from manor.kube import ApiError
from manor.verify.attacks import try_allowed
from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.findings import holds
from manor.verify.mechanisms import policy
from manor.verify.objects import claim
from manor.verify.requests import create

SOURCES = {
    "another's claim": {"kind": "PersistentVolumeClaim", "name": "models", "namespace": "$other"},
    "another's snapshot": {
        "apiGroup": "snapshot.storage.k8s.io",
        "kind": "VolumeSnapshot",
        "name": "s",
        "namespace": "$other",
    },
    "a foreign populator": {"apiGroup": "example.com", "kind": "Populator", "name": "p"},
}
BY = policy("storage")


async def _try(context: AttackContext, title: str, source: dict[str, str]) -> Attempt:
    request = create(claim(dataSourceRef=source)).filled(context)
    what = f"{title}: as {context.attacker.asker}: {await request.describe(context.client)}"
    try:
        made = await request.send(context.act())
    except ApiError as error:
        by = BY.stopped(error)
        return Attempt(
            what, Verdict.HELD if by else Verdict.ERROR, f"{error.status} {error.message}", by or ""
        )
    kept = made["spec"].get("dataSourceRef") or made["spec"].get("dataSource")
    return holds(
        what,
        not kept,
        f"accepted, with data source {kept}",
        "dropped by the API server: the feature is off",
    )


async def _attack(context: AttackContext) -> list[Attempt]:
    control = try_allowed(context, context.attacker.asker, "an empty volume", create(claim()))
    return await asyncio.gather(
        control, *(_try(context, title, source) for title, source in SOURCES.items())
    )


CHECK = Check(
    id="MNR-STORAGE-001",
    title="Clone another tenant's volume",
    guarantee="A volume is filled from its own namespace alone.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "KEP-3294",
        "Kubernetes: Cross-namespace volume data sources",
    ),
    attempt=(
        "Creates claims whose data source is a claim or snapshot of another tenant, or a foreign "
        "populator."
    ),
    expect=(
        "Refused by the policy manor-storage; or, where the server's feature for it is off, the "
        "foreign data "
        "source is dropped from the stored claim."
    ),
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=_attack,
)
