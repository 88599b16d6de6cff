"""What others made for many teams, as Tenants: a plan. It reads the cluster and changes nothing."""

from manor.adoption.notes import Matter, Note
from manor.adoption.places import Adoption, Origin, Place, Space
from manor.adoption.plan import adopted
from manor.adoption.reading import read_capsule, read_namespaces, read_profiles

__all__ = [
    "Adoption",
    "Matter",
    "Note",
    "Origin",
    "Place",
    "Space",
    "adopted",
    "read_capsule",
    "read_namespaces",
    "read_profiles",
]
