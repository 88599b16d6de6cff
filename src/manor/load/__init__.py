"""From YAML files to specs, or to errors that name file, line and field."""

from manor.load.claims import made_for
from manor.load.positions import Document, InvalidInput, Problem
from manor.load.specs import Specs, load, read, specs_from, validated

__all__ = [
    "Document",
    "InvalidInput",
    "Problem",
    "Specs",
    "load",
    "made_for",
    "read",
    "specs_from",
    "validated",
]
