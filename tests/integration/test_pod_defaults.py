"""What admission fills in: ordinary manifests run, and nothing that they state is changed."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio

from guarded_cluster import TENANTS, guarded
from manor.kube import Client, NotFound
from policy_cases import cases
from waiting import until

pytestmark = pytest.mark.integration

FIRST = next(tenant for tenant in TENANTS if tenant.name == "team-a").user_ids.start
IMAGE = "registry.example.com/ml/train:1"
SAFE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
RESTRICTED = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
LABELS = {"app": "plain"}

Object = dict[str, Any]


@pytest_asyncio.fixture(scope="module")
async def ada(gateway_api_node: Any) -> AsyncIterator[Client]:
    """The owner of team-a, on an API server with the guardrails in force."""
    case = next(case for case in cases("refuse") if case.id == "pods-refuse-nodename")
    async with guarded(gateway_api_node.kubeconfig, case) as client:
        yield client.impersonate("ada")


def obj(api_version: str, kind: str, spec: Object, name: str = "plain") -> Object:
    metadata = {"name": name, "namespace": "team-a"}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def plain(container: Object | None = None, **spec: Any) -> Object:
    return {"containers": [{"name": "main", "image": IMAGE, **(container or {})}], **spec}


def template(spec: Object) -> Object:
    return {
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": spec},
    }


async def made(client: Client, spec: Object) -> Object:
    """The spec of a pod as the API server would store it."""
    found: Object = (await client.create(obj("v1", "Pod", spec), dry_run=True))["spec"]
    return found


async def test_a_plain_pod_is_restricted_and_counted(ada: Client) -> None:
    spec = await made(ada, plain(initContainers=[{"name": "first", "image": IMAGE}]))
    assert spec["securityContext"] == RESTRICTED | {
        "runAsUser": FIRST,
        "runAsGroup": FIRST,
        "fsGroup": FIRST,
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroupsPolicy": "Strict",
    }
    assert spec.get("hostUsers") is None
    for container in spec["containers"] + spec["initContainers"]:
        assert container["securityContext"] == SAFE
        assert container["resources"] == {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "256Mi"},
        }


async def test_what_is_stated_stays(ada: Client) -> None:
    context = {
        "runAsUser": FIRST + 7,
        "fsGroup": FIRST + 8,
        "fsGroupChangePolicy": "Always",
        "runAsNonRoot": True,
    }
    stated = {
        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        "readOnlyRootFilesystem": True,
    }
    resources = {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "8Gi", "cpu": "3"}}
    spec = await made(
        ada, plain({"securityContext": stated, "resources": resources}, securityContext=context)
    )
    assert {key: spec["securityContext"][key] for key in context} == context
    assert spec["containers"][0]["securityContext"] == stated | {"allowPrivilegeEscalation": False}
    assert spec["containers"][0]["resources"] == resources


@pytest.mark.parametrize(
    ("stated", "filled"),
    [
        (
            {"requests": {"memory": "4Gi"}},
            {"requests": {"cpu": "100m", "memory": "4Gi"}, "limits": {"memory": "4Gi"}},
        ),
        (
            {"limits": {"memory": "64Mi"}},
            {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
        ),
        (
            {"limits": {"cpu": "50m"}},
            {
                "requests": {"cpu": "50m", "memory": "256Mi"},
                "limits": {"cpu": "50m", "memory": "256Mi"},
            },
        ),
    ],
)
async def test_a_default_never_contradicts_a_container(
    ada: Client, stated: Object, filled: Object
) -> None:
    assert (await made(ada, plain({"resources": stated})))["containers"][0]["resources"] == filled


async def test_a_default_never_contradicts_a_pod(ada: Client) -> None:
    stated = {"requests": {"memory": "64Mi", "cpu": "10m"}}
    spec = await made(ada, plain(resources=stated))
    assert spec["resources"] == stated | {"limits": {"memory": "64Mi"}}
    assert "memory" not in spec["containers"][0]["resources"].get("requests", {})


async def test_another_user_gets_a_user_namespace(ada: Client) -> None:
    for context in ({"runAsUser": 1000}, {"fsGroup": 1000}, {"supplementalGroups": [FIRST, 1000]}):
        spec = await made(ada, plain(securityContext=context))
        assert spec["hostUsers"] is False
        assert spec["securityContext"] == context | RESTRICTED
    assert (await made(ada, plain({"securityContext": {"runAsUser": 1000}})))["hostUsers"] is False


async def test_whatever_makes_pods(ada: Client) -> None:
    job = {"template": {"spec": plain(restartPolicy="Never")}}
    makers = {
        "Deployment": (obj("apps/v1", "Deployment", template(plain())), ["spec", "template"]),
        "ReplicaSet": (obj("apps/v1", "ReplicaSet", template(plain())), ["spec", "template"]),
        "StatefulSet": (
            obj("apps/v1", "StatefulSet", {"serviceName": "plain", **template(plain())}),
            ["spec", "template"],
        ),
        "Job": (obj("batch/v1", "Job", job), ["spec", "template"]),
        "CronJob": (
            obj("batch/v1", "CronJob", {"schedule": "1 1 * * *", "jobTemplate": {"spec": job}}),
            ["spec", "jobTemplate", "spec", "template"],
        ),
        "ReplicationController": (
            obj("v1", "ReplicationController", template(plain()) | {"selector": LABELS}),
            ["spec", "template"],
        ),
        "PodTemplate": ({**obj("v1", "PodTemplate", {}), **template(plain())}, ["template"]),
    }
    makers["PodTemplate"][0].pop("spec")
    makers["PodTemplate"][0].pop("selector")
    for kind, (wanted, path) in makers.items():
        found = await ada.create(wanted, dry_run=True)
        for key in [*path, "spec"]:
            found = found[key]
        assert found["securityContext"] == RESTRICTED, kind
        assert found["containers"][0]["securityContext"] == SAFE, kind


async def test_controllers_go_on_with_what_was_filled_in(ada: Client) -> None:
    """A Deployment makes one ReplicaSet and its pod; a second apply changes nothing; a Job's
    template is left alone."""
    deployment = obj("apps/v1", "Deployment", template(plain()), "lasting")
    job = obj(
        "batch/v1",
        "Job",
        {"suspend": True, "template": {"spec": plain(restartPolicy="Never")}},
        "waiting",
    )
    try:
        first = await ada.apply(deployment, field_manager="ada")
        await ada.apply(job, field_manager="ada")

        async def pods() -> bool:
            found = await ada.list("v1", "Pod", namespace="team-a")
            return any(pod["metadata"]["name"].startswith("lasting-") for pod in found)

        await until("the Deployment has a pod", pods)
        second = await ada.apply(deployment, field_manager="ada")
        assert second["metadata"]["generation"] == first["metadata"]["generation"]
        assert second["spec"] == first["spec"]
        sets = [
            found
            for found in await ada.list("apps/v1", "ReplicaSet", namespace="team-a")
            if found["metadata"]["name"].startswith("lasting-")
        ]
        assert len(sets) == 1
        await ada.patch(
            "batch/v1", "Job", "waiting", {"spec": {"suspend": False}}, namespace="team-a"
        )
    finally:
        for made_here in (deployment, job):
            with suppress(NotFound):
                await ada.delete(
                    made_here["apiVersion"],
                    made_here["kind"],
                    made_here["metadata"]["name"],
                    "team-a",
                )
