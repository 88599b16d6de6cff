"""No policy of a tenant leads to where a Tool's controllers are, unless the Tool or the Platform
says so."""

from collections.abc import Iterator

from manor.api.wellknown import NETWORKING_API
from manor.verify import netpol
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import TOOL_CONTROLLERS
from manor.verify.findings import holds, seen

NAME = "kubernetes.io/metadata.name"


def _opened(context: AttackContext) -> Iterator[str]:
    """The namespaces that the Tools or the Platform let a tenant's pods connect to."""
    for tool in context.tools.tools:
        for way in tool.spec.traffic:
            if way.direction != "ingress":
                yield way.namespace
    platform = context.tenancy.platform
    for peer in platform.spec.network.peers if platform else ():
        yield peer.namespace


async def _look(context: AttackContext) -> list[Attempt]:
    opened = set(_opened(context))
    homes = {each.namespace for each in context.tools.controllers}
    attempts = []
    for namespace in context.attacker.namespaces:
        policies = await context.snapshot.of(NETWORKING_API, "NetworkPolicy", namespace)
        attempts.append(seen("policies are listed", f"{len(policies)} in {namespace}"))
        for home in sorted(homes - opened):
            found = await context.snapshot.named("v1", "Namespace", home)
            labels = {NAME: home, **((found or {}).get("metadata", {}).get("labels") or {})}
            opening = netpol.admits(policies, "Egress", home, labels)
            got = f"open: {opening}" if opening else f"none of {len(policies)} policies lets it out"
            attempts.append(
                holds(f"egress of {namespace} to {home}", opening is None, got, "NetworkPolicy")
            )
    return attempts


CHECK = Check(
    id="MNR-NETWORK-026",
    title="Find a policy that leads to a Tool's controllers",
    guarantee=(
        "No pod of a tenant connects to where a Tool's controllers are: what they believe of a "
        "header, nobody tells them."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "kubeflow/kubeflow#6228",
        "kubeflow/kubeflow#6702",
        "CIS 5.3.2",
    ),
    attempt=(
        "Works out from the tenant's NetworkPolicies whether any of its pods may connect to the "
        "namespaces of the Tools' service accounts."
    ),
    expect=(
        "None may, but to what a Tool's `traffic` or the Platform's `network.peers` opens by name."
    ),
    remedy="Remove the NetworkPolicy that lets it pass (`manor apply`).",
    requires=(TOOL_CONTROLLERS,),
    run=_look,
    kept=True,
)
