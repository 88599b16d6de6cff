"""Waiting until what was applied is ready."""

from typing import Any

import pytest

from manor.apply import Event, NotReady, Options, Waiting, apply, delete, wait
from manor.kube import ApiError, Client
from waiting import until

pytestmark = pytest.mark.integration


async def test_wait_tells_what_is_not_ready_and_why(client: Client, area: Any) -> None:
    labels = {"app": "web"}
    pods = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "example.com/i"}]},
    }
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
    ready = [
        area.namespace(),
        lazy,
        area.claim("later", storageClassName=area.name),
        area.config("c"),
    ]
    assert (await apply(client, [*ready, deployment], area.inventory)).ok
    await wait(client, ready, timeout=20)
    await until("the Deployment has a ReplicaSet", lambda: _scaled(client, area.name))
    events: list[Event] = []
    with pytest.raises(NotReady, match="not ready after 2 s") as caught:
        await wait(client, [*ready, deployment], timeout=2, progress=events.append)
    [pending] = caught.value.pending
    assert str(pending.ref) == f"Deployment {area.name}/web"
    assert "0 of 1 pods are available" in pending.reason
    assert "last event: ScalingReplicaSet" in pending.reason
    assert any(isinstance(event, Waiting) and event.pending for event in events)
    await delete(client, area.inventory, Options(delete_data=True, timeout=60))


async def _scaled(client: Client, namespace: str) -> bool:
    live = await client.get("apps/v1", "Deployment", "web", namespace)
    events = await client.list("v1", "Event", namespace)
    return "observedGeneration" in live.get("status", {}) and any(
        e["reason"] == "ScalingReplicaSet" for e in events
    )


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
    with pytest.raises(
        NotReady, match=r"(?s)these cannot become ready.*Job .*/j: failed: Job was active longer"
    ):
        await wait(client, [job], timeout=60, jobs=True)


async def test_what_follows_admission_policies_meets_them_in_force(
    client: Client, area: Any
) -> None:
    """Each round renames what is refused: the server acts by the new policy when `apply` returns,
    every time."""
    group = "admissionregistration.k8s.io/v1"
    for number in range(3):
        refused = area.config(f"refused-{number}")
        policy = {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": area.name},
            "spec": {
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["configmaps"],
                        }
                    ]
                },
                "validations": [{"expression": f"object.metadata.name != 'refused-{number}'"}],
            },
        }
        binding = {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": area.name},
            "spec": {"policyName": area.name, "validationActions": ["Deny"]},
        }
        assert (await apply(client, [area.namespace(), policy, binding], area.inventory)).ok
        with pytest.raises(ApiError, match="ValidatingAdmissionPolicy"):
            await client.create(refused, dry_run=True)
    names = {
        one["metadata"]["name"] for one in await client.list(group, "ValidatingAdmissionPolicy")
    }
    assert names == {area.name}
    await delete(client, area.inventory)
