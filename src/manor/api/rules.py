"""What Manor has to know of a kind in order to rule it, whoever made the kind: a `KindRule`.

The roles of a tenant, the counts of its quota and the groups that extra rules may only read are
derived from these rules alone. Kubernetes' own kinds and Manor's are stated in
`manor.api.pack_zero`; those of another system are more entries of the same form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from manor.api.wellknown import GROUP

Switch = Literal["devices", "tenant-policies"]
"""What a Platform may have: devices that resource claims take, NetworkPolicies of the tenants'
own."""


@dataclass(frozen=True)
class Verbs:
    """What the roles of a tenant may do: each has what the one before it has, and these besides."""

    viewer: tuple[str, ...] = ()
    editor: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()


@dataclass(frozen=True)
class KindRule:
    """One kind: its names, and what a tenant may do with its objects. Without verbs it is the
    platform's own."""

    group: str
    kind: str
    plural: str
    namespaced: bool = True
    verbs: Verbs = Verbs()
    subresources: Mapping[str, Verbs] = field(default_factory=dict)
    """Subresources that the roles may use, besides `scale`."""
    scale: bool = False
    """Whether it has the subresource `scale`, which whoever changes objects may change too."""
    switch: Switch | None = None
    """What of the Platform lets teams work with the kind as with any other; without it they have
    `verbs` alone."""
    counted: bool = False
    """Whether a quota counts its objects, lest a team fill etcd: so where a tenant, or controllers
    for it, can create them."""
    owns: bool = False
    """Whether it may own a tenant's objects (`ownerReferences`)."""
    templates: tuple[str, ...] = ()
    """Paths of the pod templates in an object; empty text where the object itself is the pod."""
    makes: str = ""
    """The kind, of the same group, through which it makes its pods; empty where it makes them
    itself."""
    adds_containers: tuple[str, ...] = ()
    """Subresources through which containers are added to its pods."""
    writable: bool = True
    """Whether its API serves any write at all; metrics, computed anew for each request, it does
    not."""

    @property
    def resource(self) -> str:
        """Plural and group, as a ResourceQuota and the command line name the kind."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """`Kind.group`, or the kind alone where it is of the core group."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


def governed_groups(rules: Iterable[KindRule]) -> tuple[str, ...]:
    """The groups in which Manor alone says who may write: those of every kind that has a rule and
    can be written.

    Kubernetes' own come first, by name, then the others as the rules have them.
    """

    def order(group: str) -> tuple[int, str]:
        if "." not in group:
            return 0, group
        if group == GROUP:
            return 1, ""
        return (2, group) if group.endswith(".k8s.io") else (3, "")

    return tuple(sorted(dict.fromkeys(rule.group for rule in rules if rule.writable), key=order))
