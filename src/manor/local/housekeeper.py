"""What the node does for its cluster beside Kubernetes' own controllers: `python -m
manor.local.housekeeper NAME`.

It makes and removes volumes, tells the cluster's DNS for whom to forward, and collects Cilium's
identities.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from manor import kube
from manor.limits import limits
from manor.local import forwarding, identities, volumes
from manor.local.components import HOUSEKEEPER_SOCKET
from manor.local.node import Node, load_node

_log = logging.getLogger("housekeeper")


async def keep(node: Node) -> None:
    """Until the process is ended; what fails is logged and tried again."""
    async with kube.Client.connect(node.files.config / "housekeeper.kubeconfig") as client:
        unused: frozenset[str] = frozenset()

        async def collect() -> None:
            nonlocal unused
            unused = await identities.collect(client, unused)

        claims = partial(
            _follow, client, "PersistentVolumeClaim", partial(volumes.provide, client, node)
        )
        released = partial(
            _follow, client, "PersistentVolume", partial(volumes.reclaim, client, node)
        )
        bounds = limits().local
        server = await asyncio.start_unix_server(
            lambda _, writer: writer.close(), HOUSEKEEPER_SOCKET
        )
        async with server, asyncio.TaskGroup() as tasks:
            tasks.create_task(_repeat(claims, bounds.volumes_pause))
            tasks.create_task(_repeat(released, bounds.volumes_pause))
            tasks.create_task(_repeat(partial(forwarding.write, client, node), bounds.forwarding))
            tasks.create_task(_repeat(collect, bounds.identities))


async def _repeat(act: Callable[[], Awaitable[None]], interval: float) -> None:
    while True:
        try:
            await act()
        except (
            kube.KubeError,
            OSError,
        ) as error:  # as while the API server starts: the next time will do
            _log.error("%s", error)
        await asyncio.sleep(interval)


async def _follow(
    client: kube.Client, kind: str, act: Callable[[kube.Object], Awaitable[None]]
) -> None:
    async for event in client.watch("v1", kind, timeout=limits().local.look_again):
        if event.type in ("ADDED", "MODIFIED"):
            try:
                await act(event.object)
            except (kube.KubeError, OSError, ValueError) as error:
                _log.error("%s %s: %s", kind, event.object["metadata"]["name"], error)


def main() -> None:
    """Serve the node named on the command line."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(keep(load_node(sys.argv[1])))


if __name__ == "__main__":
    main()
