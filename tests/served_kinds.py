"""The kinds that the API server in memory serves: Kubernetes' own and the Gateway API's that tests
use, and Manor's."""

from typing import NamedTuple

from manor.api import kinds, wellknown
from manor.kube import Object


class Kind(NamedTuple):
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool


CLUSTER = {
    "v1": "Namespace Node",
    "admissionregistration.k8s.io/v1": """MutatingAdmissionPolicy MutatingAdmissionPolicyBinding
        ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding""",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "authorization.k8s.io/v1": "SelfSubjectRulesReview",
    "flowcontrol.apiserver.k8s.io/v1": "FlowSchema PriorityLevelConfiguration",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "StorageClass",
}
NAMESPACED = {
    "v1": (
        "ConfigMap Event LimitRange PersistentVolumeClaim Pod ResourceQuota Secret Service "
        "ServiceAccount"
    ),
    "apps/v1": "Deployment",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "gateway.networking.k8s.io/v1": "Gateway HTTPRoute ReferenceGrant",
    "gateway.envoyproxy.io/v1alpha1": "BackendTrafficPolicy EnvoyExtensionPolicy SecurityPolicy",
    "networking.k8s.io/v1": "NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}


def _plural(kind: str) -> str:
    name = kind.lower()
    return (
        f"{name[:-1]}ies"
        if name.endswith("cy")
        else f"{name}es"
        if name.endswith("ss")
        else f"{name}s"
    )


def _kinds(names: dict[str, str], *, namespaced: bool) -> list[Kind]:
    found = []
    for api_version, together in names.items():
        group, _, version = api_version.rpartition("/")
        found += [
            Kind(group, version, kind, _plural(kind), namespaced) for kind in together.split()
        ]
    return found


BUILT_IN = [*_kinds(CLUSTER, namespaced=False), *_kinds(NAMESPACED, namespaced=True)]
MANORS = [
    Kind(wellknown.GROUP, "v1alpha1", info.kind, info.plural, info.scope == "Namespaced")
    for info in kinds.ALL
]


def defined(crd: Object) -> Kind:
    """The kind that a CustomResourceDefinition defines, in the first version that is served."""
    spec, names = crd["spec"], crd["spec"]["names"]
    version = next(version["name"] for version in spec["versions"] if version["served"])
    return Kind(
        spec["group"], version, names["kind"], names["plural"], spec["scope"] == "Namespaced"
    )
