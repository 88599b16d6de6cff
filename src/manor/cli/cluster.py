"""What the cluster says, with a warning of what it holds and cannot be read."""

from collections.abc import Iterable

from manor.api import Model, kinds
from manor.cli.output import print_warning
from manor.errors import ManorError
from manor.kube import Client
from manor.state import State, add_workload, read_state


async def told_state(
    client: Client,
    namespaces: Iterable[str] = (),
    names: Iterable[str] = (),
    *,
    workloads: bool = True,
) -> State:
    """What the cluster says; what it holds and cannot be read is told."""
    return told(await read_state(client, namespaces, names, workloads=workloads))


def told(known: State) -> State:
    """The same; what cannot be read of it is told."""
    for broken in known.broken:
        print_warning(str(broken))
    return known


async def told_model(client: Client, name: str, namespace: str) -> tuple[State, Model]:
    """A Model, and what the cluster says besides. ManorError where there is no Platform, or the
    Model cannot be read; NoSuchWorkload; NoSuchNamespace."""
    known = await told_state(client, [namespace], workloads=False)
    if known.platform is None:
        raise ManorError("this cluster has no Platform; apply one first")
    model = await add_workload(client, known, kinds.MODEL.kind, name, namespace)
    assert isinstance(model, Model)  # noqa: S101 - it was read as one
    return known, model
