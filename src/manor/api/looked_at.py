"""What the checks of `manor verify` read to look at a cluster, without probe pods: whoever runs
them needs these rights."""

from manor.api import kinds
from manor.api.wellknown import ENVOY_GROUP, GATEWAY_GROUP, GROUP, KUEUE_GROUP, RBAC_GROUP

LOOKED_AT: dict[str, list[str]] = {
    "": [
        *("limitranges", "namespaces", "nodes", "persistentvolumes", "pods", "resourcequotas"),
        *("serviceaccounts", "services"),
    ],
    "admissionregistration.k8s.io": [
        *("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
        *("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    ],
    "apiextensions.k8s.io": ["customresourcedefinitions"],
    "apps": ["daemonsets", "deployments", "statefulsets"],
    "batch": ["cronjobs", "jobs"],
    "flowcontrol.apiserver.k8s.io": ["flowschemas", "prioritylevelconfigurations"],
    ENVOY_GROUP: ["envoyproxies", "securitypolicies"],
    GATEWAY_GROUP: ["gateways", "gatewayclasses", "httproutes"],
    KUEUE_GROUP: ["clusterqueues", "localqueues"],
    "networking.k8s.io": ["networkpolicies"],
    # The other kinds of network policies that are widely used; no rule could name all there may be.
    "cilium.io": ["ciliumclusterwidenetworkpolicies", "ciliumnetworkpolicies"],
    "crd.projectcalico.org": ["globalnetworkpolicies", "networkpolicies"],
    "projectcalico.org": ["globalnetworkpolicies", "networkpolicies"],
    "crd.antrea.io": ["clusternetworkpolicies", "networkpolicies"],
    "networking.gke.io": ["fqdnnetworkpolicies"],
    "policy.networking.k8s.io": [
        *("adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies")
    ],
    RBAC_GROUP: ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
    "storage.k8s.io": ["storageclasses"],
    GROUP: [info.plural for info in kinds.ALL],
}
"""By API group. No Secret; of ConfigMaps the guardrails' own alone, by their name."""
