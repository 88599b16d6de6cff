"""The specs that are to be on the cluster, and what they become together."""

from dataclasses import dataclass

from manor.engines import Compiled, checked
from manor.load import InvalidInput, Specs
from manor.objectset.kinds import GroupKind


@dataclass(frozen=True)
class Desired:
    """`specs` are to be rolled out; `known` is every spec that there is then, those on the cluster
    too."""

    specs: Specs
    known: Specs
    not_served: frozenset[GroupKind] = frozenset()
    """Kinds of Tools that are not installed: what is of these kinds is left out, and made once they
    are there."""


def compiled(specs: Specs, known: Specs) -> list[Compiled]:
    """What the specs become together. InvalidInput says, by file and line, what cannot be."""
    assert known.platform is not None  # noqa: S101 - consistency.check refuses specs without one
    made, objections = checked(
        known.platform, known.tenants, specs.all, known.workloads, known.toolset
    )
    if objections:
        raise InvalidInput([specs.problem(o.spec, o.path, o.message) for o in objections])
    return made
