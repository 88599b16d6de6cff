"""Every kind that a tenant can create is counted by a quota."""

from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen
from manor.verify.snapshot import Served

# Not `pods`: it leaves the finished ones out.
OLD_NAMES = (
    "services",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "resourcequotas",
    "replicationcontrollers",
)
TRANSIENT = ("authorization.k8s.io", "authentication.k8s.io")
"""Reviews are answered and not stored."""
EXPIRING = ("events",)
"""Gone after the API server's --event-ttl, an hour unless set; no quota can count them."""


async def _look(context: AttackContext) -> list[Attempt]:
    kinds = [
        r
        for r in await context.snapshot.resources()
        if r.namespaced
        and "create" in r.verbs
        and "/" not in r.resource
        and r.group not in TRANSIENT
        and r.resource not in EXPIRING
    ]
    return [
        attempt
        for namespace in context.attacker.namespaces
        for attempt in await _counted(context, namespace, kinds)
    ]


async def _counted(context: AttackContext, namespace: str, kinds: list[Served]) -> list[Attempt]:
    actor = context.attacker.asker
    quotas = await context.snapshot.of("v1", "ResourceQuota", namespace)
    counted = {key for quota in quotas for key in quota["spec"].get("hard", {})}
    answer = await context.snapshot.rules(actor, namespace)
    rules = [rule for rule in answer.resources if {"create", "*"} & set(rule["verbs"])]
    attempts = [seen(f"the role may create something in {namespace}", f"{len(rules)} rules")]
    for kind in kinds:
        group = {kind.group, "*"}
        if not any(
            group & set(r.get("apiGroups", []))
            and {kind.resource, "*"} & set(r.get("resources", []))
            for r in rules
        ):
            continue
        key = f"count/{kind.resource}" + (f".{kind.group}" if kind.group else "")
        plain = not kind.group and kind.resource in OLD_NAMES and kind.resource in counted
        fine = key in counted or plain
        got = "counted" if fine else f"{actor} may create it without limit: no {key} in the quota"
        what = f"{kind.resource}.{kind.group or 'core'} in {namespace}"
        attempts.append(holds(what, fine, got, "quota"))
    return attempts


CHECK = Check(
    id="MNR-QUOTA-009",
    title="Fill etcd with objects that no quota counts",
    guarantee="Every kind that a tenant can create is counted by a quota.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "MTB-PL1-CC-FNS-2: Configure namespace object limits",
        "NSA/CISA: Resource policies",
    ),
    attempt=(
        "Looks at each served namespaced kind that the tenant's rules let it create, and for "
        "its count in the ResourceQuota."
    ),
    expect="Each kind that it may create has a limit `count/<resource>.<group>` in the quota.",
    remedy=(
        "Add the kind to the quota (`manor apply`), or take the right to create it from the roles."
    ),
    run=_look,
)
