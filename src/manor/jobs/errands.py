"""A short-lived pod of the caller's own in a tenant's namespace, in which a program is run."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from manor.api import Platform, Tenant
from manor.api.status import Reason
from manor.api.workload import Resources
from manor.engines import homes
from manor.engines.pods import container_security_context, placement, pod_spec
from manor.engines.pods import resources as amounts
from manor.errors import ManorError
from manor.kube import Client, NotFound, Object
from manor.limits import limits
from manor.polling import poll_until
from manor.rollout import diagnose
from manor.rollout.evidence import pods_of
from manor.state import read_state

MOUNT = "/volume"
"""Where the pod sees the volume that it mounts."""


class ErrandFailed(ManorError):
    """There is nobody to run the pod for, or it does not run; the message says why."""


async def home_of(client: Client, namespace: str) -> tuple[Platform, Tenant]:
    """The team whose namespace it is, and its Platform. ErrandFailed where the caller sees none."""
    known = await read_state(client, [namespace], workloads=False)
    tenant = homes(known.tenants).get(namespace)
    if known.platform is None or tenant is None:
        raise ErrandFailed(f"namespace {namespace} belongs to no team of yours; name one with -n")
    return known.platform, tenant


def errand_job(
    platform: Platform, tenant: Tenant, namespace: str, name: str, image: str | None, claim: str
) -> Object:
    """The Job of a pod that waits, for an hour at most; it mounts a claim where one is named."""
    bounds = limits().jobs
    wanted = Resources(cpu="100m", memory="256Mi")
    # SIGTERM ends it at once, as process 1 too.
    waits = "import signal as s; s.pthread_sigmask(s.SIG_BLOCK, {15}); s.sigwait({15})"
    volumes: list[Object] = []
    if claim:
        volumes = [{"name": "volume", "persistentVolumeClaim": {"claimName": claim}}]
    container: Object = {
        "name": "errand",
        "image": image,
        "command": ["python3", "-c", waits],
        "resources": amounts(platform, tenant, wanted),
        "securityContext": container_security_context(),
        "volumeMounts": [{"name": "volume", "mountPath": MOUNT} for _ in volumes],
    }
    pod = pod_spec(
        [container], volumes, restartPolicy="Never", **placement(platform, tenant, wanted)
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": int(bounds.carry),
            "ttlSecondsAfterFinished": 60,
            "template": {"spec": pod},
        },
    }


@asynccontextmanager
async def errand(
    client: Client,
    platform: Platform,
    tenant: Tenant,
    namespace: str,
    image: str | None,
    claim: str = "",
) -> AsyncIterator[str]:
    """The name of a pod that runs, gone at the end of the block. ErrandFailed where there is
    none."""
    name = f"manor-errand-{secrets.token_hex(3)}"
    job = await client.create(errand_job(platform, tenant, namespace, name, image, claim))
    try:
        yield await _running(client, job)
    finally:
        with suppress(NotFound):
            await client.delete("batch/v1", "Job", name, namespace)


async def _running(client: Client, job: Object) -> str:
    """The name of its pod, once it runs."""
    bounds, settled = limits().jobs, (Reason.REFUSED, Reason.QUOTA_EXCEEDED)

    async def look() -> tuple[str, Any]:
        for pod in await pods_of(client, job):
            if (pod.get("status") or {}).get("phase") == "Running":
                return pod["metadata"]["name"], None
        return "", await diagnose(client, job)

    name, found = await poll_until(
        lambda seen: seen[0] or seen[1].reason in settled,
        look,
        timeout=bounds.start,
        interval=bounds.poll,
    )
    if not name:
        why = f"{found.message}; {found.advice}" if found.advice else found.message
        raise ErrandFailed(f"does not run: {why or 'it is not ready yet'}")
    return name
