"""Network policies of other kinds than Kubernetes' own, which a CNI or a cloud brings: known by
what the server serves, not by name.

What they say is not worked out. Some let pass what a NetworkPolicy does not, so that beside them
nothing can be said of a namespace from its NetworkPolicies alone; those that only deny change
nothing of it.
"""

from collections.abc import Collection
from typing import Any

from manor.api.wellknown import NETWORKING_API
from manor.kube import Forbidden
from manor.kube.discovery import Resource
from manor.verify.attempt import Undetermined
from manor.verify.context import AttackContext
from manor.verify.findings import name_of
from manor.verify.objects import Object

_NOT_OPENING = ("Deny", "Drop", "Reject", "Pass", "Log")
"""What the rules of a policy may do without letting anything pass, in the words of all of them."""


async def other_policy_kinds(context: AttackContext) -> list[Resource]:
    """The kinds of network policies that are served beside Kubernetes' own."""
    return [
        resource
        for resource in await context.client.resources()
        if "networkpolic" in f"{resource.kind} {resource.plural}".lower()
        and resource.api_version != NETWORKING_API
        and "list" in resource.verbs
    ]


async def may_open(context: AttackContext, namespaces: Collection[str]) -> list[str]:
    """Policies of such kinds, in these namespaces or cluster-wide, that may let something pass."""
    found = []
    places = {None, *namespaces}
    for resource in await other_policy_kinds(context):
        try:
            policies = await context.snapshot.all(resource.api_version, resource.kind)
        except Forbidden:
            raise Undetermined(
                f"{resource.plural}.{resource.group} may let pass what NetworkPolicies do not, and "
                "may not be listed: give whoever runs this the right to"
            ) from None
        found += [
            name_of(policy)
            for policy in policies
            if policy["metadata"].get("namespace") in places and not _only_denies(policy)
        ]
    return found


def _only_denies(policy: Object) -> bool:
    """Whether every rule says so: in a field of its own, as Cilium's do, or by its action."""
    specs: list[dict[str, Any]] = [policy.get("spec") or {}, *(policy.get("specs") or ())]
    rules = [
        field.endswith("Deny") or (isinstance(rule, dict) and rule.get("action") in _NOT_OPENING)
        for spec in specs
        for field, listed in spec.items()
        if isinstance(listed, list)
        for rule in listed
    ]
    return bool(rules) and all(rules)
