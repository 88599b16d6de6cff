"""Waiting until what was applied is ready."""

from typing import Any

import pytest

from manor.apply import Event, NotReady, Options, Waiting, apply, delete, wait
from manor.kube import Client

pytestmark = pytest.mark.integration


async def test_wait_tells_what_is_not_ready_and_why(client: Client, area: Any) -> None:
    labels = {"app": "web"}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "example.com/i"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": area.name},
        "spec": {"selector": {"matchLabels": labels}, "template": pods},
    }
    lazy = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": area.name},
        "provisioner": "example.com/none",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    ready = [area.namespace(), lazy, area.claim("later", storageClassName=area.name), area.config("c")]
    assert (await apply(client, [*ready, deployment], area.inventory)).ok
    await wait(client, ready, timeout=20)
    events: list[Event] = []
    with pytest.raises(NotReady, match="not ready after 2 s") as caught:
        await wait(client, [*ready, deployment], timeout=2, progress=events.append)
    [pending] = caught.value.pending
    assert str(pending.ref) == f"Deployment {area.name}/web"
    assert "0 of 1 pods are available" in pending.reason
    assert "last event: ScalingReplicaSet" in pending.reason
    assert any(isinstance(event, Waiting) and event.pending for event in events)
    await delete(client, area.inventory, Options(delete_data=True, timeout=60))


async def test_wait_does_not_wait_for_what_has_failed(client: Client, area: Any) -> None:
    await client.create(area.namespace())
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example.com/i"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": area.name},
        "spec": {"activeDeadlineSeconds": 1, "template": {"spec": pod}},
    }
    await client.create(job)
    await wait(client, [job], timeout=5)
    with pytest.raises(NotReady, match=r"(?s)these cannot become ready.*Job .*/j: failed: Job was active longer"):
        await wait(client, [job], timeout=60, jobs=True)
