"""What stands on the cluster and is to become Tenants, and what becomes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from manor.adoption.notes import Matter, Note
from manor.api import Tenant

Object = dict[str, Any]


class Origin(StrEnum):
    """Who made a place what it is."""

    PROFILE = "Profile"
    """Kubeflow: a namespace of the Profile's name."""
    CAPSULE = "Capsule Tenant"
    """Capsule: the namespaces that its owners made."""
    NAMESPACE = "namespace"
    """People, by hand."""


@dataclass(frozen=True)
class Space:
    """A namespace and what stands in it."""

    name: str
    namespace: Object | None = None
    """None where it is named and not there."""
    objects: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    """By their kind."""
    refused: Sequence[str] = ()
    """What Pod Security says of its pods, a line each."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The namespace's labels."""
        return (self.namespace or {}).get("metadata", {}).get("labels") or {}

    def of(self, kind: str) -> Sequence[Object]:
        """The objects of a kind in it."""
        return self.objects.get(kind, ())


@dataclass(frozen=True)
class Place:
    """What is to become one Tenant."""

    name: str
    """The Tenant's."""
    origin: Origin
    spaces: Sequence[Space]
    given: Object = field(default_factory=dict)
    """The Profile, or Capsule's Tenant; of namespaces the owners that whoever adopts names."""

    @property
    def spec(self) -> Object:
        """What its object says."""
        spec: Object = self.given.get("spec") or {}
        return spec


@dataclass(frozen=True)
class Adoption:
    """What becomes of a place: a Tenant, or none where a note says why."""

    name: str
    tenant: Tenant | None
    notes: Sequence[Note]


def set_aside(*reasons: str) -> list[Note]:
    """Why no Tenant comes of a place."""
    return [Note(Matter.SET_ASIDE, reason) for reason in reasons]
