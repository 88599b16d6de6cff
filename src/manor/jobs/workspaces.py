"""Workspaces started, stopped and reached, with the caller's own rights."""

import math

from manor.api import API_VERSION, kinds
from manor.engines import Phase
from manor.engines.native.workspace import PROGRAM
from manor.errors import ManorError
from manor.jobs.following import Told, untold
from manor.jobs.submission import RunError
from manor.jobs.targets import ENDED, Run, container_of, find
from manor.kube import Client, Object
from manor.limits import limits
from manor.polling import poll_until
from manor.render.labels import workload_labels
from manor.rollout import Progress, Standing, make_stored, silent

KIND = kinds.WORKSPACE.kind


async def workspace(client: Client, name: str, namespace: str) -> Run:
    """The workspace of a name. NoSuchTarget."""
    return await find(client, f"workspace/{name}", namespace)


async def stop(client: Client, name: str, namespace: str, progress: Progress = silent) -> None:
    """Stop a workspace: nothing of it is left but its home. Returns once that is so. RunError,
    NoSuchTarget."""
    await workspace(client, name, namespace)
    await _make(client, name, namespace, progress, stopped=True)
    bounds = limits().jobs

    async def running() -> list[Object]:
        return await client.list("v1", "Pod", namespace, workload_labels(KIND, name))

    if await poll_until(lambda pods: not pods, running, timeout=bounds.stop, interval=bounds.poll):
        raise RunError(f"{name} is told to stop, and has not ended after {bounds.stop:g} s")


async def start(
    client: Client,
    name: str,
    namespace: str,
    told: Told = untold,
    progress: Progress = silent,
) -> Object:
    """The pod of a workspace, once it answers; it is started where it has ended, or was stopped.
    `told` is called with how it stands meanwhile. RunError, NoSuchTarget."""
    stands = await (await workspace(client, name, namespace)).standing()
    if stands.phase in ENDED and stands.live:
        await stop(client, name, namespace, progress)
    if stands.phase in (*ENDED, Phase.NOT_APPLIED):
        await _make(client, name, namespace, progress, stopped=False)
    bounds = limits().jobs

    async def look() -> list[Object]:
        run = await workspace(client, name, namespace)
        stands = await run.standing()
        told(stands)
        if stands.phase in (*ENDED, Phase.NOT_APPLIED):
            raise RunError(f"{name} did not start: {stands.reason or stands.phase.value}")
        return await run.workers(0) if stands.phase is Phase.READY else []

    # However long it waits in its queue, or for a node.
    pods = await poll_until(bool, look, timeout=bounds.queue, interval=bounds.poll)
    if not pods:
        raise RunError(f"{name} waits still; `manor explain workspace {name}` says why")
    return pods[-1]


async def until_stopped(client: Client, name: str, namespace: str) -> Standing:
    """How a workspace stands, once it runs no more. NoSuchTarget where it is deleted."""

    async def look() -> Standing:
        return await (await workspace(client, name, namespace)).standing()

    return await poll_until(
        lambda stands: stands.phase in (*ENDED, Phase.NOT_APPLIED),
        look,
        timeout=math.inf,
        interval=limits().jobs.look,
    )


async def token_of(client: Client, pod: Object) -> str:
    """The secret of this start, read inside the pod: who may not run a command there has none."""
    meta = pod["metadata"]
    command = ["python3", PROGRAM, "token"]
    done = await client.exec(meta["namespace"], meta["name"], command, container=container_of(pod))
    if done.exit_code:
        raise ManorError(f"{meta['name']} has no token: {done.stderr.strip()}")
    return done.stdout.strip()


async def _make(
    client: Client, name: str, namespace: str, progress: Progress, *, stopped: bool
) -> None:
    """Say whether it is stopped, and have it so. All else that its authors wrote stays theirs."""
    stored = await client.patch(
        API_VERSION, KIND, name, {"spec": {"stopped": stopped}}, namespace=namespace
    )
    if why := await make_stored(client, stored, progress):
        raise RunError(why)
