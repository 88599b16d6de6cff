"""Admission policies as YAML, one folder each, with objects that it must admit and must refuse
beside it."""

from importlib import resources
from importlib.resources.abc import Traversable


def folders() -> list[Traversable]:
    """The policy folders, by name."""
    found = resources.files(__package__).iterdir()
    return sorted(
        (entry for entry in found if entry.joinpath("policy.yaml").is_file()),
        key=lambda entry: entry.name,
    )


def files() -> list[Traversable]:
    """What each folder ships: the policy, and what fills in beside it."""
    found = (
        folder.joinpath(name) for folder in folders() for name in ("policy.yaml", "mutation.yaml")
    )
    return [file for file in found if file.is_file()]
