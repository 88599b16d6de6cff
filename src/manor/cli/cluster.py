"""What the cluster says, with a warning of what it holds and cannot be read."""

from collections.abc import Iterable

from manor.cli.progress import warn
from manor.kube import Client
from manor.rollout.progress import SpecSetAside
from manor.state import State, read_state


async def told_state(
    client: Client,
    namespaces: Iterable[str] = (),
    names: Iterable[str] = (),
    *,
    workloads: bool = True,
) -> State:
    """What the cluster says; what it holds and cannot be read is told."""
    known = await read_state(client, namespaces, names, workloads=workloads)
    for broken in known.broken:
        warn(SpecSetAside(broken))
    return known
