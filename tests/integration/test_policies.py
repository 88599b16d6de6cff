"""Every policy against the objects beside it, on a real API server, as the tenant's user with far
too many rights."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio

from guarded_cluster import apply_all, bindings, guarded, refusal, refuses, said_by, send
from manor.kube import Client, Invalid
from manor.local.components import list_components
from manor.local.node import load_node
from policy_cases import FOLDERS, Case, cases
from waiting import until

pytestmark = pytest.mark.integration


def refusals(folder: str) -> list[Case]:
    return [case for case in cases("refuse") if case.policy == folder]


@pytest_asyncio.fixture(scope="module")
async def cluster(gateway_api_node: Any) -> AsyncIterator[Client]:
    """An API server with the guardrails in force; the client is cluster-admin."""
    async with guarded(
        gateway_api_node.kubeconfig, *(refusals(folder)[0] for folder in FOLDERS)
    ) as client:
        yield client


@pytest.mark.parametrize("case", cases("admit"), ids=lambda case: case.id)
async def test_admits(cluster: Client, case: Case) -> None:
    await send(cluster, case)


@pytest.mark.parametrize("case", cases("refuse"), ids=lambda case: case.id)
async def test_refuses(cluster: Client, case: Case) -> None:
    message = await refusal(cluster, case)
    assert message is not None, "it was admitted"
    assert said_by(case) in message
    assert case.directives["expect"] in message


@pytest.mark.parametrize("folder", FOLDERS)
async def test_nothing_else_refuses(cluster: Client, folder: str) -> None:
    """With this policy unbound all that it refuses is admitted: the refusals above are its own
    doing."""
    bound = bindings(folder)
    for obj in bound:
        await cluster.delete(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])
    try:
        for case in refusals(folder):

            async def unrefused(case: Case = case) -> bool:
                return said_by(case) not in (await refusal(cluster, case) or "")

            await until(f"{case.id} no longer refused", unrefused)
            assert await refusal(cluster, case) is None
    finally:
        await apply_all(cluster, bound)
        await until(f"{folder} in force", lambda: refuses(cluster, refusals(folder)[0]))


@contextmanager
def type_checker(name: str) -> Iterator[None]:
    """The controller that looks for doubtful expressions, which a node does without."""
    node = load_node(name)
    (manager,) = (c for c in list_components(node) if c.name == "kube-controller-manager")
    argv = [word for word in manager.argv if not word.startswith("--controllers=")]
    alone = ("--controllers=validatingadmissionpolicy-status-controller", "--secure-port=0")
    process = subprocess.Popen([*argv, *alone], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def test_api_server_finds_no_fault(cluster: Client, gateway_api_node: Any) -> None:
    """Expressions too dear or not well-formed are refused when applied; what is doubtful shows in
    the status."""
    with type_checker(gateway_api_node.name):
        await without_warnings(cluster)


async def without_warnings(cluster: Client) -> None:
    for obj in await cluster.list("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"):
        name = obj["metadata"]["name"]

        async def checked(name: str = name) -> bool:
            live = await cluster.get(
                "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", name
            )
            return bool(
                live.get("status", {}).get("observedGeneration") == live["metadata"]["generation"]
            )

        await until(f"{name} type-checked", checked)
        live = await cluster.get(
            "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", name
        )
        assert not live["status"].get("typeChecking", {}).get("expressionWarnings"), name


async def test_namespace_without_params_admits_nothing(cluster: Client) -> None:
    """A namespace that an owner has just made holds no ConfigMap yet."""
    case = next(case for case in cases("admit") if case.id == "pods-admit-pod")
    fresh = next(case for case in cases("admit") if case.id == "namespaces-admit-own")
    name = fresh.object["metadata"]["name"]
    ada = cluster.impersonate("ada")
    await ada.create(fresh.object)
    try:
        pod = {**case.object, "metadata": {"name": "first", "namespace": name}}
        with pytest.raises(Invalid, match="no params found"):
            await cluster.create(pod, dry_run=True)
    finally:
        await ada.delete("v1", "Namespace", name)
