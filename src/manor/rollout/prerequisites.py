"""What the cluster must serve before anything is changed on it."""

from collections.abc import AsyncIterator, Iterable

from manor.apply import InvalidObjects
from manor.kube import Client, UnknownKind
from manor.objectset.kinds import defined_kinds, group_of
from manor.rollout.sets import ObjectSet, Stages

_NOTHING = "Nothing was changed."


async def require_kinds(client: Client, stages: Stages) -> None:
    """InvalidObjects if the server lacks a kind that no CRD of these sets brings, or an engine that
    the Platform names.

    It is asked before anything is changed, and an engine is told by the Platform's field.
    """
    parts = [part for stage in stages for part in stage]
    objects = [obj for part in parts for obj in part.objects]
    coming = defined_kinds(objects)
    problems = [problem async for problem in _not_installed(client, parts)]
    for api_version, kind in sorted({(obj["apiVersion"], obj["kind"]) for obj in objects}):
        if (group_of(api_version), kind) not in coming:
            try:
                await client.resource(api_version, kind)
            except UnknownKind as error:
                problems.append(f"{error} {_NOTHING}")
    if problems:
        raise InvalidObjects(problems)


async def _not_installed(client: Client, parts: Iterable[ObjectSet]) -> AsyncIterator[str]:
    """The engines that sets need and whose kinds the server lacks, each once."""
    for wanted in dict.fromkeys(requirement for part in parts for requirement in part.requires):
        for group, kind in await client.unserved(sorted(wanted.kinds)):
            lack = f"the server has no kind {kind} in {group}"
            yield f"{wanted.field}: {wanted.name} is not installed: {lack}. {_NOTHING}"
