"""Policies of Cilium, Calico and the cluster are the platform's alone."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

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
        "AdminNetworkPolicies, and "
        "network attachments."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Take the right from the role.",
    run=no_access(
        Access("create update patch", "ciliumnetworkpolicies", "cilium.io", "$own"),
        Access("create update patch", "ciliumclusterwidenetworkpolicies", "cilium.io", None),
        Access("create update patch", "ciliumendpoints", "cilium.io", "$own"),
        Access("create update patch", "networkpolicies", "crd.projectcalico.org", "$own"),
        Access("create update patch", "globalnetworkpolicies", "crd.projectcalico.org", None),
        Access("create update patch", "adminnetworkpolicies", "policy.networking.k8s.io", None),
        Access("create update patch", "network-attachment-definitions", "k8s.cni.cncf.io", "$own"),
        Access("create update patch delete", "servicecidrs", "networking.k8s.io", None),
        Access("create update patch delete", "ingressclasses", "networking.k8s.io", None),
    ),
)
