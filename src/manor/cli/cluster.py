"""The specs in files beside what the cluster says, and what they become together."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from manor.api import kinds
from manor.cli.output import err
from manor.engines import Compiled, checked
from manor.kube import Client, Forbidden
from manor.load import Document, InvalidInput, Specs, specs_from
from manor.state import State, read_state


async def told_state(
    client: Client, namespaces: Iterable[str] = (), names: Iterable[str] = (), *, workloads: bool = True
) -> State:
    """What the cluster says; what it holds and cannot be read is told."""
    known = await read_state(client, namespaces, names, workloads=workloads)
    for broken in known.broken:
        err.print(f"warning: {broken}", markup=False)
    return known


def namespaces_of(documents: Iterable[Document]) -> list[str]:
    """The namespaces that documents name, before they are known to be valid."""
    found = [_metadata(document).get("namespace") for document in documents]
    return [namespace for namespace in found if isinstance(namespace, str)]


def _metadata(document: Document) -> dict[str, Any]:
    metadata = document.value.get("metadata") if isinstance(document.value, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def in_namespace(documents: Iterable[Document], namespace: str) -> list[Document]:
    """The documents, in `namespace` where their kind lives in one and they name none."""
    return [_placed(document, namespace) for document in documents]


def _placed(document: Document, namespace: str) -> Document:
    metadata = _metadata(document)
    if not metadata or metadata.get("namespace") is not None:
        return document
    if str(document.value.get("kind")) not in {info.kind for info in kinds.WORKLOADS}:
        return document
    return replace(document, value={**document.value, "metadata": {**metadata, "namespace": namespace}})


async def read_specs(client: Client, documents: list[Document], *, delete: bool = False) -> tuple[Specs, Specs]:
    """The specs in `documents`, checked against the cluster's own; and all specs known afterwards.

    To `delete` them they need to be valid each for itself: what two claim, one of them must be able to give up.
    """
    documents = in_namespace(documents, client.namespace)
    known = await read_state(client, namespaces_of(documents))
    given = {
        (document.value.get("kind"), _metadata(document).get("name")) for document in documents if _metadata(document)
    }
    for broken in known.broken:
        if (broken.kind, broken.name) not in given:
            err.print(f"warning: {broken}", markup=False)
    specs = specs_from(documents, known=known, alone=delete)
    if not delete and specs.tenants:
        await _tell_guarantees(client, specs.platform or known.platform, known.tenants | specs.tenants)
    everyone = Specs(specs.platform or known.platform, known.tenants | specs.tenants, known.workloads)
    return specs, everyone


def compiled_together(specs: Specs, known: Specs) -> list[Compiled]:
    """What the specs become. InvalidInput says, by file and line, what cannot be."""
    assert known.platform is not None  # noqa: S101 - consistency.check refuses specs without one
    made, objections = checked(known.platform, known.tenants, specs.all, known.workloads)
    if objections:
        raise InvalidInput([specs.problem(o.spec, o.path, o.message) for o in objections])
    return made


async def _tell_guarantees(client: Client, platform: Any, tenants: dict[str, Any]) -> None:
    """A warning where the tenants are guaranteed more GPUs than the nodes have now."""
    guaranteed = sum(tenant.spec.gpu.guarantee for tenant in tenants.values())
    if not guaranteed or platform is None:
        return
    try:
        nodes = await client.list("v1", "Node")
    except Forbidden:
        return
    names: Sequence[str] = platform.spec.gpu.resource_names
    have = sum(int(node.get("status", {}).get("allocatable", {}).get(name, 0)) for node in nodes for name in names)
    if guaranteed > have:
        err.print(f"warning: tenants are guaranteed {guaranteed} GPUs, and the nodes have {have} now")
