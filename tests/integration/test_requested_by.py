"""A workload bears the name of the person who last wrote its spec, whatever way it is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from guarded_cluster import guarded
from manor.api.wellknown import API_VERSION, OPERATOR, REQUESTED_BY, SYSTEM_NAMESPACE
from manor.kube import ApiError, Client, Object
from policy_cases import cases

pytestmark = pytest.mark.integration

ROBOT = "system:serviceaccount:team-a:robot"
KIND = (API_VERSION, "TrainingJob")
PLACE = (*KIND, "train", "team-a")


@pytest_asyncio.fixture(scope="module")
async def cluster(gateway_api_node: Any) -> AsyncIterator[Client]:
    """An API server with the guardrails in force; the client is cluster-admin."""
    case = next(case for case in cases("refuse") if case.policy == "requested-by")
    async with guarded(gateway_api_node.kubeconfig, case) as client:
        yield client


def train(**meta: Any) -> Object:
    spec = {"image": "registry.example.com/ml/train:1", "command": ["python"]}
    metadata = {"name": "train", "namespace": "team-a", **meta}
    return {"apiVersion": API_VERSION, "kind": "TrainingJob", "metadata": metadata, "spec": spec}


def named(obj: Object) -> str | None:
    found: str | None = obj["metadata"].get("annotations", {}).get(REQUESTED_BY)
    return found


@asynccontextmanager
async def made(cluster: Client, user: str, obj: Object) -> AsyncIterator[Object]:
    yield await cluster.impersonate(user).create(obj)
    await cluster.delete(*PLACE)


async def change(cluster: Client, user: str, body: Object) -> Object:
    return await cluster.impersonate(user).patch(*KIND, "train", body, namespace="team-a")


LONGER: Object = {"spec": {"timeoutSeconds": 60}}


async def test_it_is_the_name_of_who_wrote_the_spec_last(cluster: Client) -> None:
    async with made(cluster, "ada", train(annotations={"note": "a"})) as live:
        assert live["metadata"]["annotations"] == {"note": "a", REQUESTED_BY: "ada"}
        assert (
            named(await change(cluster, "platform", {"metadata": {"labels": {"a": "b"}}})) == "ada"
        )
        assert named(await change(cluster, "platform", LONGER)) == "platform"
        assert named(await change(cluster, "platform", LONGER)) == "platform"
        again = await cluster.impersonate("ada").apply(train(), field_manager="manor", force=True)
        assert named(again) == "platform"  # it says nothing of the time
        assert named(await change(cluster, "ada", {"spec": {"timeoutSeconds": None}})) == "ada"


async def test_what_a_service_account_wrote_nobody_asked_for(cluster: Client) -> None:
    async with made(cluster, ROBOT, train()) as live:
        assert named(live) is None
    async with made(cluster, "ada", train()):
        assert named(await change(cluster, ROBOT, {"metadata": {"labels": {"a": "b"}}})) == "ada"
        assert named(await change(cluster, ROBOT, LONGER)) is None
        assert named(await change(cluster, "ada", {"metadata": {"labels": {"a": "c"}}})) is None


async def test_the_operator_takes_nobodys_place(cluster: Client) -> None:
    operator = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{OPERATOR}"
    admin = cluster.impersonate(operator, ["system:masters"])
    async with made(cluster, "ada", train()):
        changed = await admin.patch(*KIND, "train", LONGER, namespace="team-a")
        assert changed["spec"]["timeoutSeconds"]
        assert named(changed) == "ada"


async def test_nobody_takes_it_away_or_puts_another_there(cluster: Client) -> None:
    async with made(cluster, "ada", train()) as live:
        del live["metadata"]["annotations"]
        assert named(await cluster.impersonate("ada").replace(live)) == "ada"
        gone = {"metadata": {"annotations": {REQUESTED_BY: None}}}
        assert named(await change(cluster, "platform", gone)) == "ada"
        for user, name in (("ada", "max"), (ROBOT, "ada2")):
            forged = {"metadata": {"annotations": {REQUESTED_BY: name}}, **LONGER}
            with pytest.raises(ApiError, match="names who wrote the spec"):
                await change(cluster, user, forged)
            with pytest.raises(ApiError, match="names who wrote the spec"):
                await change(cluster, user, {"metadata": forged["metadata"]})
    restored = train(annotations={REQUESTED_BY: "max"})
    async with made(cluster, "platform", restored) as live:
        assert named(live) == "max"


async def test_what_has_a_controller_becomes_no_part_of_a_workload_later(cluster: Client) -> None:
    """Of an owner that is there; of any other Kubernetes removes what it is to own."""
    place = ("v1", "ConfigMap", "notes", "team-a")
    marks = {"app.kubernetes.io/component": "trainingjob", "app.kubernetes.io/name": "train"}
    whole: Object = {"apiVersion": "v1", "kind": "ConfigMap"}
    kubernetes = ["system:masters", "system:serviceaccounts:kube-system"]
    team = cluster.impersonate("ada")
    controller = cluster.impersonate(ROBOT, kubernetes)

    def meta(**fields: Any) -> Object:
        return {"metadata": fields}

    owner = await team.create(whole | meta(name="whole", namespace="team-a"))
    reference = {**whole, "name": "whole", "uid": owner["metadata"]["uid"], "controller": True}
    await team.create(whole | meta(name="notes", namespace="team-a", ownerReferences=[reference]))
    with pytest.raises(ApiError, match="manor-parts"):
        await team.patch(*place[:3], meta(labels=marks), namespace="team-a")
    await controller.patch(*place[:3], meta(labels=marks), namespace="team-a")
    live = await team.patch(*place[:3], meta(annotations={"note": "seen"}), namespace="team-a")
    assert live["metadata"]["labels"] == marks
    other = meta(labels={"app.kubernetes.io/name": "other"})
    with pytest.raises(ApiError, match="manor-parts"):
        await team.patch(*place[:3], other, namespace="team-a")
    await cluster.delete("v1", "ConfigMap", "whole", "team-a")
