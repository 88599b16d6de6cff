"""From keys to what is to be made of them: many at once, as checking one spec against thousands
costs what checking a hundred does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from manor.api import Tenant
from manor.load import Document, InvalidInput, Specs, specs_from
from manor.objectset.kinds import GroupKind
from manor.objectset.references import Ref
from manor.operator.known import Known
from manor.render import spec_object
from manor.rollout.desired import Desired
from manor.rollout.sets import ObjectSet, apply_stages


@dataclass
class Plans:
    """What each key becomes, and why some become nothing."""

    sets: dict[Ref, ObjectSet] = field(default_factory=dict)
    invalid: dict[Ref, str] = field(default_factory=dict)
    generations: dict[Ref, int] = field(default_factory=dict)
    """Of each spec that was planned, the generation."""
    revision: str = ""
    """The Platform with its Tools that they were planned from."""


def merged(parts: Iterable[Plans]) -> Plans:
    """All of them as one."""
    whole = Plans()
    for part in parts:
        whole.sets |= part.sets
        whole.invalid |= part.invalid
        whole.generations |= part.generations
        whole.revision = part.revision
    return whole


def plans(known: Known, keys: Sequence[Ref], not_served: frozenset[GroupKind]) -> Plans:
    """What the specs of `keys` become on this cluster; `not_served` are kinds of Tools that are not
    installed.

    Keys of objects that are gone are in none of the answers.
    """
    found = Plans(generations={key: known.generations.get(key, 0) for key in keys})
    if known.platform is None:
        found.invalid = dict.fromkeys(keys, "there is no Platform on the cluster that can be read")
        return found
    documents: dict[str, tuple[Ref, Document]] = {}
    for key in keys:
        if key in known.broken:
            found.invalid[key] = known.broken[key]
        elif (spec := known.spec(key)) is not None:
            documents[str(key)] = key, Document(spec_object(spec), str(key), {(): 0})
    beside = known.beside(_neighbourhood(known, [key for key, _ in documents.values()]))
    while documents:
        try:
            specs = specs_from([document for _, document in documents.values()], known=beside)
            stages = apply_stages(Desired(specs, _with(beside, specs), not_served))
        except InvalidInput as error:
            said: dict[str, list[str]] = {}
            for problem in error.problems:
                said.setdefault(problem.source, []).append(problem.said)
            for source, messages in said.items():
                key, _ = documents.pop(source)
                found.invalid[key] = "; ".join(messages[:3])
            continue
        found.sets = {part.ref: part for stage in stages for part in stage}
        break
    return found


def _neighbourhood(known: Known, keys: Iterable[Ref]) -> set[str]:
    """The namespaces of the workloads' tenants: names and routes collide within them alone."""
    homes = {key.namespace: known.homes.get(key.namespace) for key in keys if key.namespace}
    return {
        space.name
        for tenant in homes.values()
        if isinstance(tenant, Tenant)
        for space in tenant.namespaces
    }


def _with(beside: Specs, specs: Specs) -> Specs:
    """All specs, those that are looked at in the places of what was known of them."""
    return Specs(
        specs.platform or beside.platform,
        beside.tenants | specs.tenants,
        beside.workloads,
        beside.tools | specs.tools,
    )
