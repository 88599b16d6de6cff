"""The order of things: what others need goes first, guards go before what they guard, and workloads go last.

Objects of one wave are written at the same time. Deletion goes the other way round.
"""

CRDS, NAMESPACES, CLUSTER, PARAMETERS, GUARDS, ACCESS, CONFIG, WORKLOADS, LAST = range(9)

_GUARD_KINDS = frozenset(
    {
        ("", "LimitRange"),
        ("", "ResourceQuota"),
        ("", "ServiceAccount"),
        ("cilium.io", "CiliumNetworkPolicy"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("rbac.authorization.k8s.io", "Role"),
    }
)
# Nobody is let in before every guard stands, nor where one failed. The roles are there by then, as the server looks at
# the role when it decides whether one may bind it.
_ACCESS_KINDS = frozenset(
    {
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
    }
)
_CONFIG_KINDS = frozenset(
    {
        ("", "PersistentVolumeClaim"),
        ("", "Secret"),
        ("", "Service"),
        ("policy", "PodDisruptionBudget"),
    }
)
# They stand in the way of other writes, so that everything they need must be there before.
_LAST_KINDS = frozenset(
    {
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiregistration.k8s.io", "APIService"),
    }
)


def is_binding(group: str, kind: str) -> bool:
    """Whether the kind lets somebody in."""
    return (group, kind) in _ACCESS_KINDS


def wave_of(group: str, kind: str, namespaced: bool) -> int:
    """The wave of a kind; every kind has one."""
    if kind == "CustomResourceDefinition":
        return CRDS
    if (group, kind) == ("", "Namespace"):
        return NAMESPACES
    if (group, kind) in _LAST_KINDS:
        return LAST
    # An admission policy may take its parameters from it, and refuse everything else until it is there.
    if (group, kind) == ("", "ConfigMap"):
        return PARAMETERS
    if (group, kind) in _GUARD_KINDS:
        return GUARDS
    if (group, kind) in _ACCESS_KINDS:
        return ACCESS
    if not namespaced:
        return CLUSTER
    return CONFIG if (group, kind) in _CONFIG_KINDS else WORKLOADS
