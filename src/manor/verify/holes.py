"""Which known holes a version has, by the table in holes.yaml."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

Version = tuple[int, ...]

OLDEST = (1, 35)
"""The oldest Kubernetes that Manor is for."""


@dataclass(frozen=True)
class Hole:
    """A published hole, and where it was mended."""

    id: str
    fixed: tuple[Version, ...]
    """The first fixed version of every line that was mended, ascending."""
    source: str
    since: Version = (0,)

    def mended_in(self, version: Version) -> Version | None:
        """The fixed version to go to; None where `version` does not have the hole."""
        if version < self.since:
            return None
        line = next((fixed for fixed in self.fixed if fixed[:2] == version[:2]), None)
        if line is not None:
            return line if version < line else None
        return self.fixed[-1] if version < self.fixed[-1] else None


@cache
def table() -> Mapping[str, Sequence[Hole]]:
    """The holes of each component."""
    text = resources.files("manor.verify").joinpath("holes.yaml").read_text(encoding="utf-8")
    return {
        name: [_hole(**entry) for entry in entries]
        for name, entries in yaml.safe_load(text).items()
    }


def _hole(id: str, fixed: Sequence[object], source: str, since: object = "0") -> Hole:
    versions = tuple(sorted(version for text in fixed if (version := parse(str(text)))))
    return Hole(id, versions, source, parse(str(since)) or (0,))


def parse(text: str) -> Version | None:
    """`v1.37.2-gke.100` and `2.4.2+unknown` as numbers; None where it begins with none."""
    match = re.match(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else None


def found(component: str, version: Version) -> list[str]:
    """The holes of a component's version, in words."""
    mends = [(hole, hole.mended_in(version)) for hole in table().get(component, [])]
    return [
        f"{hole.id} (fixed in {'.'.join(map(str, mend))}; {hole.source})"
        for hole, mend in mends
        if mend
    ]


def component_of(image: str) -> tuple[str, Version | None] | None:
    """Which component of the table an image is, and its version by the tag; None where it is none
    of them."""
    name, _, tag = image.partition("@")[0].rpartition(":")
    if "/" in tag:  # the port of a registry, and no tag
        name, tag = image.partition("@")[0], ""
    component = next((known for known in table() if f"/{name or tag}".endswith(f"/{known}")), None)
    return (component, parse(tag)) if component else None
