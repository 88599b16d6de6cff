"""Policies of Cilium, Calico and the cluster are the platform's alone."""

from manor.verify.access import Access, no_access
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.policy_kinds import other_policy_kinds

WRITE = "create update patch"
KNOWN = (
    Access(WRITE, "ciliumnetworkpolicies", "cilium.io", "$own"),
    Access(WRITE, "ciliumclusterwidenetworkpolicies", "cilium.io", None),
    Access(WRITE, "ciliumendpoints", "cilium.io", "$own"),
    Access(WRITE, "networkpolicies", "crd.projectcalico.org", "$own"),
    Access(WRITE, "globalnetworkpolicies", "crd.projectcalico.org", None),
    Access(WRITE, "adminnetworkpolicies", "policy.networking.k8s.io", None),
    Access(WRITE, "network-attachment-definitions", "k8s.cni.cncf.io", "$own"),
    Access("create update patch delete", "servicecidrs", "networking.k8s.io", None),
    Access("create update patch delete", "ingressclasses", "networking.k8s.io", None),
)
"""Asked for whether they are served or not: what is granted today is there tomorrow."""


async def _ask(context: AttackContext) -> list[Attempt]:
    served = [
        Access(WRITE, kind.plural, kind.group, "$own" if kind.namespaced else None)
        for kind in await other_policy_kinds(context)
    ]
    return await no_access(*dict.fromkeys((*KNOWN, *served)))(context)


CHECK = Check(
    id="MNR-NETWORK-025",
    title="Open the network by the CNI's own policies",
    guarantee="Policies of Cilium, Calico and the cluster are the platform's alone.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.3.1",
        "Kubernetes: Multi-tenancy, network isolation",
    ),
    attempt=(
        "Asks to write CiliumNetworkPolicies and endpoints, Calico's policies, "
        "AdminNetworkPolicies, network attachments, and every other served kind of network policy."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Take the right from the role.",
    run=_ask,
)
