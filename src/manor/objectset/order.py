"""The order of kinds: what others need goes first, guards go before what they guard, and workloads
go last."""

from enum import IntEnum

from manor.objectset.kinds import (
    BACKEND_TRAFFIC_POLICY,
    CILIUM_NETWORK_POLICY,
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    ENVOY_EXTENSION_POLICY,
    LIMIT_RANGE,
    NAMESPACE,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    RESOURCE_QUOTA,
    SECRET,
    SECURITY_POLICY,
    SERVICE,
    SERVICE_ACCOUNT,
    GroupKind,
)


class Wave(IntEnum):
    """Objects of one wave may be written at the same time. Deletion goes the other way round."""

    CRDS = 0
    NAMESPACES = 1
    CLUSTER = 2
    PARAMETERS = 3
    """An admission policy may take its parameters from it, and refuse everything else until it is
    there."""
    GUARDS = 4
    ACCESS = 5
    """Nobody is let in before every guard stands, nor where one failed. The roles are there by
    then, as the server looks at the role when it decides whether one may bind it."""
    CONFIG = 6
    WORKLOADS = 7
    LAST = 8
    """They stand in the way of other writes, so that everything they need must be there before."""


_WAVES: dict[GroupKind, Wave] = {
    CUSTOM_RESOURCE_DEFINITION: Wave.CRDS,
    NAMESPACE: Wave.NAMESPACES,
    CONFIG_MAP: Wave.PARAMETERS,
    LIMIT_RANGE: Wave.GUARDS,
    RESOURCE_QUOTA: Wave.GUARDS,
    SERVICE_ACCOUNT: Wave.GUARDS,
    CILIUM_NETWORK_POLICY: Wave.GUARDS,
    NETWORK_POLICY: Wave.GUARDS,
    SECURITY_POLICY: Wave.GUARDS,
    BACKEND_TRAFFIC_POLICY: Wave.GUARDS,
    ENVOY_EXTENSION_POLICY: Wave.GUARDS,
    ("rbac.authorization.k8s.io", "Role"): Wave.GUARDS,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): Wave.ACCESS,
    ("rbac.authorization.k8s.io", "RoleBinding"): Wave.ACCESS,
    PERSISTENT_VOLUME_CLAIM: Wave.CONFIG,
    SECRET: Wave.CONFIG,
    SERVICE: Wave.CONFIG,
    ("policy", "PodDisruptionBudget"): Wave.CONFIG,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): Wave.LAST,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): Wave.LAST,
    ("apiregistration.k8s.io", "APIService"): Wave.LAST,
}


def wave_of(kind: GroupKind, *, namespaced: bool) -> Wave:
    """The wave of a kind; every kind has one."""
    return _WAVES.get(kind, Wave.WORKLOADS if namespaced else Wave.CLUSTER)


def is_binding(kind: GroupKind) -> bool:
    """Whether the kind lets somebody in."""
    return _WAVES.get(kind) is Wave.ACCESS
