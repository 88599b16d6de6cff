"""Documents to desired specs, checked beside what the cluster says."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from manor.api import Platform, kinds
from manor.api.quantity import parse
from manor.api.workload import FETCHED, connection_type, scheme_of
from manor.kube import Client, Forbidden, NotFound
from manor.load import Document, InvalidInput, Problem, Specs, specs_from
from manor.render import spec_object
from manor.rollout.desired import Desired
from manor.rollout.progress import (
    GpusOvercommitted,
    Progress,
    SpecSetAside,
    ToolNotInstalled,
    silent,
)
from manor.state import missing_tools, read_state

_NAMESPACED = {info.kind for info in kinds.WORKLOADS}


async def read_desired(
    client: Client,
    documents: Iterable[Document],
    progress: Progress = silent,
    *,
    delete: bool = False,
) -> Desired:
    """The specs in `documents`, checked against the cluster's own. InvalidInput holds every
    problem.

    A document of a namespaced kind that names no namespace is in the client's. To `delete` them
    they need to be valid each for itself: what two claim, one of them must be able to give up.
    """
    placed = [_placed(document, client.namespace) for document in documents]
    known = await read_state(client, _namespaces(placed))
    given = {
        (document.value.get("kind"), _metadata(document).get("name"))
        for document in placed
        if _metadata(document)
    }
    for broken in known.broken:
        if (broken.kind, broken.name) not in given:
            progress(SpecSetAside(broken))
    specs = specs_from(placed, known=known, alone=delete)
    if specs.tools and not delete and specs.platform is None and known.platform is not None:
        # What follows from a Tool is the Platform's: it is made anew.
        specs.add(
            known.platform,
            Document(spec_object(known.platform), "the Platform on the cluster", {(): 0}),
        )
    everyone = Specs(
        specs.platform or known.platform,
        known.tenants | specs.tenants,
        known.workloads,
        known.tools | specs.tools,
    )
    if not delete and (problems := await _wrong_connections(client, specs)):
        raise InvalidInput(problems)
    if not delete and specs.tenants and everyone.platform:
        await _compare_guarantees(client, everyone.platform, everyone, progress)
    missing = await missing_tools(client, everyone.toolset)
    for tool, lacking in missing.items():
        progress(ToolNotInstalled(tool, tuple(f"{kind}.{group}" for group, kind in lacking)))
    return Desired(
        specs, everyone, frozenset(kind for lacking in missing.values() for kind in lacking)
    )


def _namespaces(documents: Iterable[Document]) -> list[str]:
    """The namespaces that documents name, before they are known to be valid."""
    found = [_metadata(document).get("namespace") for document in documents]
    return [namespace for namespace in found if isinstance(namespace, str)]


def _metadata(document: Document) -> dict[str, Any]:
    metadata = document.value.get("metadata") if isinstance(document.value, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _placed(document: Document, namespace: str) -> Document:
    """The document, in `namespace` where its kind lives in one and it names none."""
    metadata = _metadata(document)
    if (
        not metadata
        or metadata.get("namespace") is not None
        or str(document.value.get("kind")) not in _NAMESPACED
    ):
        return document
    return replace(
        document, value={**document.value, "metadata": {**metadata, "namespace": namespace}}
    )


async def _wrong_connections(client: Client, specs: Specs) -> list[Problem]:
    """The fields that name a connection to another kind of store than their URI's. What is not
    there yet, or not for the user to read, is left to what fetches."""
    problems: list[Problem] = []
    known: dict[tuple[str, str], str | None] = {}
    for workload in specs.workloads:
        for path, name, uri in workload.keyed:
            secret = name, workload.metadata.namespace
            if secret not in known:
                known[secret] = await _opens(client, *secret)
            if (opens := known[secret]) is not None and opens != scheme_of(uri):
                message = (
                    f"connection {name!r} opens {opens}://, and not {uri}; name another one "
                    "(`manor connect` makes it)"
                )
                problems.append(specs.problem(workload, ("spec", *path), message))
    return problems


async def _opens(client: Client, name: str, namespace: str) -> str | None:
    """The scheme that a Secret is a connection for; None where it is none."""
    try:
        secret = await client.get("v1", "Secret", name, namespace)
    except (NotFound, Forbidden):
        return None
    types = {connection_type(scheme): scheme for scheme in FETCHED}
    return types.get(secret.get("type", ""))


async def _compare_guarantees(
    client: Client, platform: Platform, everyone: Specs, progress: Progress
) -> None:
    """Tell where the tenants are guaranteed more GPUs than the nodes have now."""
    guaranteed = sum(tenant.spec.gpu.guarantee for tenant in everyone.tenants.values())
    if not guaranteed:
        return
    try:
        nodes = await client.list("v1", "Node")
    except Forbidden:
        return
    names = platform.spec.gpu.resource_names
    present = sum(
        int(parse(node.get("status", {}).get("allocatable", {}).get(name, "0")))
        for node in nodes
        for name in names
    )
    if guaranteed > present:
        progress(GpusOvercommitted(guaranteed, present))
