"""The moment after an owner has made a namespace, before anything else has reconciled it."""

import asyncio

from manor.api.wellknown import PROBE_LABEL, TENANT_LABEL
from manor.verify.attacks import try_allowed, try_refused
from manor.verify.attempt import Asked, Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TENANTS
from manor.verify.mechanisms import RBAC, policy
from manor.verify.objects import Object, config_map, make, pod
from manor.verify.requests import create, lists
from manor.verify.team import account


async def _free_slot(context: AttackContext) -> str:
    taken = {n["metadata"]["name"] for n in await context.snapshot.all("v1", "Namespace")}
    limit = context.tenant.spec.max_namespaces
    free = [
        name for n in range(1, limit + 1) if (name := f"{context.attacker.name}-{n}") not in taken
    ]
    if not free:
        raise Asked(
            f"the owners of {context.attacker.name} may make no more namespaces (maxNamespaces: "
            f"{limit})"
        )
    return free[-1]


def _space(context: AttackContext, name: str, **labels: str) -> Object:
    owned = {TENANT_LABEL: context.attacker.name, **labels}
    return make("v1", "Namespace", None, name, meta={"labels": owned})


async def _attack(context: AttackContext) -> list[Attempt]:
    owner, name = context.attacker.actor, await _free_slot(context)
    control = await try_allowed(context, owner, "make a namespace", create(_space(context, name)))
    if control.verdict is not Verdict.HELD:
        return [control]
    # Made with the mark that an owner may not write: an operator leaves it as the owner's request
    # would have left it, and should this run be killed, the next one finds it.
    await context.client.create(_space(context, name, **{PROBE_LABEL: context.probes.run}))
    try:
        controller = account("kube-system", "replicaset-controller")
        tries = [
            try_refused(context, owner, "create a Pod in it", create(pod(namespace=name)), RBAC),
            try_refused(context, owner, "create a ConfigMap in it", create(config_map(name)), RBAC),
            try_refused(context, owner, "list its Secrets", lists("v1", "Secret", name), RBAC),
            try_refused(
                context, controller, "a controller's Pod", create(pod(namespace=name)), policy(".+")
            ),
        ]
        return [control, *await asyncio.gather(*tries)]
    finally:
        await asyncio.shield(context.client.delete("v1", "Namespace", name))


CHECK = Check(
    id="MNR-METADATA-014",
    title="Use a new namespace before its policies are there",
    guarantee="A namespace that an owner has just made grants nobody anything and admits no pod.",
    severity=Severity.CRITICAL,
    level=Level.LIVE,
    references=(
        "CVE-2022-46167 (class)",
        "CVE-2024-39690 (class)",
        "Kubernetes: Multi-tenancy, namespaces",
    ),
    attempt=(
        "An owner may make a namespace; in one just made the owner creates a Pod, itself and "
        "through a controller."
    ),
    expect=(
        "403 from RBAC for the owner; a policy whose parameters are missing refuses the "
        "controller's Pod."
    ),
    remedy="Bind the policies again with parameterNotFoundAction: Deny (`manor apply`).",
    requires=(TENANTS,),
    run=_attack,
)
