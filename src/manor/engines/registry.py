"""Every engine by its name, and which of them the Platform has chosen. A new engine is one line
here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from manor.api import Platform
from manor.api.pack_zero import RULES
from manor.api.platform import Engines
from manor.engines.kserve import Kserve
from manor.engines.kubeflow import Kubeflow
from manor.engines.native import Native
from manor.engines.protocol import Engine, GroupKind, Unsupported
from manor.engines.queues import queue_system
from manor.engines.ray import Ray
from manor.engines.seldon import Seldon
from manor.tools import Toolset

_ALL: tuple[Engine[Any], ...] = (Native(), Kubeflow(), Ray(), Kserve(), Seldon())
ENGINES = {engine.name: engine for engine in _ALL}
KINDS = ("TrainingJob", "Model", "Workspace")
"""The ML kinds."""


@dataclass(frozen=True)
class Requirement:
    """Kinds that must be served for what a field of the Platform names."""

    field: str
    name: str
    kinds: frozenset[GroupKind]
    workloads: str = ""
    """The ML kind that needs them."""


def _chosen(engines: Engines) -> dict[str, tuple[str, str]]:
    """For each ML kind the field of `spec.engines` that decides, and the engine that it names."""
    return {
        "TrainingJob": ("trainingJob", engines.training_job),
        "Model": ("model", engines.model),
        "Workspace": ("workspace", Native.name),  # there is no other
    }


def engine_for(kind: str, engines: Engines) -> Engine[Any]:
    """The engine that the Platform names for an ML kind. Unsupported where there is none of that
    name."""
    field, name = _chosen(engines)[kind]
    if name in ENGINES and kind in ENGINES[name].made_kinds:
        return ENGINES[name]
    able = ", ".join(engine.name for engine in ENGINES.values() if kind in engine.made_kinds)
    raise Unsupported(
        ("spec", "engines", field), f"there is no engine {name!r} for {kind}s; one of: {able}"
    )


def unknown(platform: Platform, kinds: Iterable[str] = KINDS) -> Iterator[Unsupported]:
    """What the Platform's `spec.engines` names for `kinds`, or for queues, and nothing here is."""
    for kind in kinds:
        try:
            engine_for(kind, platform.spec.engines)
        except Unsupported as error:
            yield error
    try:
        queue_system(platform)
    except Unsupported as error:
        yield error


def lacking(
    platform: Platform, tools: Toolset, kinds: Iterable[str] = KINDS
) -> Iterator[Unsupported]:
    """The engines that the Platform names for `kinds` and whose Tool is not among its own."""
    for kind in kinds:
        field, name = _chosen(platform.spec.engines)[kind]
        tool = ENGINES[name].tool if name in ENGINES else ""
        if tool and tool not in tools.names:
            message = f"the engine {name} needs the Tool {tool}: name it in spec.tools"
            yield Unsupported(("spec", "engines", field), message)


def requirements(platform: Platform) -> list[Requirement]:
    """What must be installed for the engines and the queue system that the Platform names."""
    engines = platform.spec.engines
    wanted = [
        Requirement(f"spec.engines.{field}", name, engine_for(kind, engines).requires, kind)
        for kind, (field, name) in _chosen(engines).items()
    ]
    return [
        *wanted,
        Requirement("spec.engines.queue", engines.queue, queue_system(platform).requires),
    ]


def made_kinds(kind: str, tools: Toolset) -> frozenset[GroupKind]:
    """All that a workload of an ML kind may become by any engine that these Tools allow: where the
    Platform changes its mind, what the former engine made is still found."""
    able = (engine for engine in ENGINES.values() if not engine.tool or engine.tool in tools.names)
    return frozenset[GroupKind]().union(*(engine.made_kinds.get(kind, ()) for engine in able))


def controlling(tools: Toolset) -> frozenset[GroupKind]:
    """The kinds through which workloads come to their pods, by any engine that these Tools allow:
    what they become as far as it makes pods, what Kubernetes makes of that, and what the engines'
    Tools, with those that these need, say to own a tenant's objects."""
    made = frozenset[GroupKind]().union(*(made_kinds(kind, tools) for kind in KINDS))
    makers = [rule for rule in RULES if any(rule.templates) and (rule.group, rule.kind) in made]
    through = {(rule.group, rule.makes) for rule in makers if rule.makes}
    ran_by = {engine.tool for engine in ENGINES.values()}
    needed = {name for tool in tools.tools if tool.name in ran_by for name in tool.spec.needs}
    theirs = Toolset(tuple(tool for tool in tools.tools if tool.name in ran_by | needed)).rules
    owning = {(rule.group, rule.kind) for rule in (*makers, *theirs) if rule.owns}
    return frozenset(owning | through)
