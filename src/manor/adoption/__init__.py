"""What others made for many teams, as Tenants: a plan. It reads the cluster and changes nothing."""

from manor.adoption.notes import Matter, Note
from manor.adoption.profiles import Adoption, Place, adopted
from manor.adoption.reading import read_places

__all__ = ["Adoption", "Matter", "Note", "Place", "adopted", "read_places"]
