"""No policy of a kind that is not worked out stands beside the NetworkPolicies of a tenant."""

from manor.verify.attempt import Attempt, Verdict
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen
from manor.verify.policy_kinds import may_open, other_policy_kinds


async def _look(context: AttackContext) -> list[Attempt]:
    kinds = sorted(f"{r.plural}.{r.group}" for r in await other_policy_kinds(context))
    namespaces = {name for team in context.tenancy.teams for name in team.namespaces}
    control = seen("other kinds are discovered", ", ".join(kinds) or "none is served")
    found = await may_open(context, namespaces)
    if not found:
        return [control, holds("other policies", True, "none may let pass", "no such policy")]
    got = "not worked out: it may let pass what the NetworkPolicies of tenants do not"
    return [control, *(Attempt(f"what {name} lets pass", Verdict.ERROR, got) for name in found)]


CHECK = Check(
    id="MNR-NETWORK-027",
    title="Find a network policy of a kind that is not understood",
    guarantee=(
        "NetworkPolicies alone say what may pass to a tenant's pods and from them; whatever else "
        "might is told."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "Kubernetes: Multi-tenancy, network isolation",
        "Network Policy API: ClusterNetworkPolicy",
        "Cilium: Network policy, union of all policies",
    ),
    attempt=(
        "Lists the policies of every served kind with NetworkPolicy in its name, in tenants' "
        "namespaces and cluster-wide."
    ),
    expect=(
        "There is none, or each of its rules denies. Of any other nothing is held or broken: the "
        "check is undetermined."
    ),
    remedy=(
        "Say the same with NetworkPolicies or in the Platform's network, or look at the policy "
        "yourself and accept the finding (`--baseline`)."
    ),
    run=_look,
    scope="cluster",
)
