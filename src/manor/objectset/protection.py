"""What may outlive the set that it is a member of: data, and what guards a namespace that stays."""

from manor.objectset.kinds import (
    CILIUM_NETWORK_POLICY,
    CONFIG_MAP,
    LIMIT_RANGE,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    RESOURCE_QUOTA,
    SERVICE_ACCOUNT,
    GroupKind,
    Object,
    kind_of,
)

_NETWORK_POLICIES = frozenset({CILIUM_NETWORK_POLICY, NETWORK_POLICY})
_GUARDS = _NETWORK_POLICIES | {CONFIG_MAP, LIMIT_RANGE, RESOURCE_QUOTA, SERVICE_ACCOUNT}


def holds_data(kind: GroupKind) -> bool:
    """Whether data is lost with an object of the kind: it goes only on consent."""
    return kind == PERSISTENT_VOLUME_CLAIM


def guards_namespace(kind: GroupKind) -> bool:
    """Whether the kind protects others from a namespace, the parameters of admission policies too.

    Such an object stays as long as its namespace stays, since pods may still run there and somebody
    may still have a right there.
    """
    return kind in _GUARDS


def is_network_policy(kind: GroupKind) -> bool:
    """Whether the kind says what may pass to pods and from them.

    What its objects allow adds up: one that is gone lets less pass, as long as one stands that
    denies the rest.
    """
    return kind in _NETWORK_POLICIES


def opens_network(obj: Object) -> bool:
    """Whether `obj` allows traffic. A policy without a rule for a direction only denies."""
    specs = [obj.get("spec") or {}, *(obj.get("specs") or ())]  # Cilium's may have several
    return is_network_policy(kind_of(obj)) and any(
        spec.get("ingress") or spec.get("egress") for spec in specs
    )
