"""The program for any cluster run by Pulumi itself. Needs `pulumi` and its Kubernetes plugin on
PATH; `make test-pulumi` runs it.
"""

import asyncio
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubelet_stand_in import everything_up
from manor.kube import Client
from nodes import RunningNode
from pulumi_cluster import api_server, live, tenant
from pulumi_engine import Stack, new_stack
from pulumi_programs import EXAMPLE
from waiting import until_now

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="`pulumi` is not on PATH"),
]


def quota(namespace: str) -> tuple[str, str, str, str]:
    return ("v1", "ResourceQuota", "manor-quota", namespace)


def volume(namespace: str) -> tuple[str, str, str, str]:
    return ("v1", "PersistentVolumeClaim", "models", namespace)


def closed(namespace: str) -> tuple[str, str, str, str]:
    return ("networking.k8s.io/v1", "NetworkPolicy", "manor-default-deny", namespace)


def editors(namespace: str) -> tuple[str, str, str, str]:
    return ("rbac.authorization.k8s.io/v1", "RoleBinding", "manor-editors", namespace)


def space(name: str) -> tuple[str, str, str, None]:
    return ("v1", "Namespace", name, None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningNode]:
    """An API server of these tests alone."""
    with api_server("pulumi-cli") as node:
        yield node


@pytest.fixture(scope="module")
def stack(cluster: RunningNode, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The two teams, made from nothing. Without a kubelet no model becomes ready: the
    teams alone."""
    made = new_stack(
        tmp_path_factory.mktemp("two-teams"), cluster, "tenant-a.yaml", "tenant-b.yaml"
    )
    made.up()
    return made


def set_by(node: RunningNode, manager: str, namespace: str, cpu: str) -> None:
    """Another writer changes a quota."""
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "manor-quota", "namespace": namespace},
        "spec": {"hard": {"requests.cpu": cpu}},
    }

    async def write() -> None:
        async with Client.connect(node.kubeconfig) as client:
            await client.apply(body, field_manager=manager, force=True)

    asyncio.run(write())


def cpu_of(node: RunningNode, namespace: str) -> str:
    (found,) = live(node, quota(namespace))
    assert found
    return str(found["spec"]["hard"]["requests.cpu"])


@contextmanager
def changed(file: Path, **spec: Any) -> Iterator[None]:
    """Some fields of a Tenant's file are others meanwhile."""
    before = file.read_text()
    stack = yaml.safe_load(before)
    file.write_text(yaml.safe_dump({**stack, "spec": {**stack["spec"], **spec}}))
    try:
        yield
    finally:
        file.write_text(before)


def test_up_makes_what_manor_would(stack: Stack) -> None:
    compared = stack.manor("diff", "-f", "platform.yaml", "-f", "teams")
    # The summary tells what is the same, and no change.
    assert (compared.stdout, compared.stderr, compared.returncode) == ("", "3 unchanged\n", 0)


def test_manor_verifies_the_isolation(stack: Stack) -> None:
    verified = stack.manor("verify", "--level", "dry-run")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("refresh", ["--refresh=false", "--refresh=true"])
def test_a_second_up_changes_nothing(stack: Stack, refresh: str) -> None:
    stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", refresh)


def test_a_changed_team_changes_only_what_follows_from_it(stack: Stack) -> None:
    with changed(
        stack.teams / "tenant-a.yaml", quota={"cpu": 7, "memory": "8Gi", "storage": "20Gi"}
    ):
        wanted = {"tenant-a:Tenant/tenant-a", "tenant-a:ResourceQuota/tenant-a/manor-quota"}
        assert stack.planned() == dict.fromkeys(wanted, "update")
        stack.pulumi("up", "--yes")
        assert cpu_of(stack.node, "tenant-a") == "7"
    stack.pulumi("up", "--yes", "--skip-preview")
    assert cpu_of(stack.node, "tenant-a") == "4"


def test_what_somebody_else_changed_stops_the_run_and_force_takes_it_back(stack: Stack) -> None:
    set_by(stack.node, "somebody", "tenant-a", "900")
    for command in ("preview", "up"):
        stopped = stack.infra(command)
        assert stopped.returncode == 2
        assert 'conflict with "somebody": .spec.hard.requests.cpu' in stopped.stderr
        assert "pulumi config set force true" in stopped.stderr
        assert cpu_of(stack.node, "tenant-a") == "900"
    stack.pulumi("config", "set", "force", "true")
    stack.up()
    stack.pulumi("config", "rm", "force")
    assert cpu_of(stack.node, "tenant-a") == "4"


def test_what_kubectl_changed_is_taken_back_unless_previewed(stack: Stack) -> None:
    set_by(stack.node, "kubectl", "tenant-b", "900")
    previewed = stack.infra("preview")
    assert previewed.returncode == 2
    assert 'conflict with "kubectl"' in previewed.stderr
    stack.up()
    assert cpu_of(stack.node, "tenant-b") == "4"


def test_a_bad_team_is_refused_in_the_preview_with_nothing_made(stack: Stack) -> None:
    held = stack.held()
    file = stack.write("wrong", tenant("wrong", quota={"cpu": "many"}))
    try:
        refused = stack.infra("preview")
    finally:
        file.unlink()
    assert refused.returncode == 2
    assert "teams/wrong.yaml:" in refused.stderr
    assert "spec.quota.cpu" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert stack.held() == held
    assert live(stack.node, space("wrong")) == [None]


def test_a_bad_configuration_is_refused_in_the_preview(stack: Stack) -> None:
    stack.pulumi("config", "set", "platform", "elsewhere.yaml")
    refused = stack.infra("preview")
    stack.pulumi("config", "rm", "platform")
    assert refused.returncode == 2
    assert "elsewhere.yaml" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_training_is_started_and_a_served_model_is_waited_for(stack: Stack) -> None:
    file = Path(shutil.copy(EXAMPLE / "iris.yaml", stack.teams))
    with everything_up(stack.node, "tenant-a"):
        stack.up()
        _check_workloads(stack)
        file.unlink()
        stack.up()
    gone = live(
        stack.node,
        ("apps/v1", "Deployment", "iris", "tenant-a"),
        ("v1", "Service", "iris", "tenant-a"),
    )
    assert gone == [None, None]


def _check_workloads(stack: Stack) -> None:
    job, deployment = live(
        stack.node,
        ("batch/v1", "Job", "train-iris", "tenant-a"),
        ("apps/v1", "Deployment", "iris", "tenant-a"),
    )
    assert job
    assert deployment
    assert deployment["status"]["availableReplicas"] == 1
    tenants = json.loads(stack.pulumi("stack", "output", "tenants", "--json"))
    assert tenants["tenant-a"]["models"] == {
        "iris": "http://tenant-a.manor.local:30080/v2/models/iris/infer"
    }
    compared = stack.manor("diff", "-f", "platform.yaml", "-f", "teams")
    assert (compared.stdout, compared.returncode) == ("", 0)
    stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--refresh")


def test_a_canary_gets_its_share_once_it_answers_and_becomes_the_model(stack: Stack) -> None:
    (model,) = [
        each
        for each in yaml.safe_load_all((EXAMPLE / "iris.yaml").read_text())
        if each["kind"] == "Model"
    ]
    newer = "pvc://models/newer/model.joblib"
    canary = {"canary": {"storageUri": newer, "weight": 20}}
    file = stack.write("iris", model)
    with everything_up(stack.node, "tenant-a"):
        stack.up()
    stack.write("iris", {**model, "spec": {**model["spec"], **canary}})
    with ThreadPoolExecutor(1) as other:
        running = other.submit(stack.infra, "up")
        until_now("the canary has a pod", lambda: bool(pods_of(stack.node, "iris-canary")), 120)
        assert shares(stack.node) == {"iris": 1}
        assert not running.done()
        with everything_up(stack.node, "tenant-a"):
            done = running.result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert shares(stack.node) == {"iris": 80, "iris-canary": 20}
    stack.write("iris", {**model, "spec": {**model["spec"], "storageUri": newer}})
    with everything_up(stack.node, "tenant-a"):
        stack.up()
        assert shares(stack.node) == {"iris": 1}
        assert live(stack.node, ("apps/v1", "Deployment", "iris-canary", "tenant-a")) == [None]
        file.unlink()
        stack.up()


def pods_of(node: RunningNode, name: str) -> list[str]:
    """The pods of a team's Deployment, by their names."""

    async def read() -> list[str]:
        async with Client.connect(node.kubeconfig) as client:
            pods = await client.list("v1", "Pod", "tenant-a")
        return [
            pod["metadata"]["name"]
            for pod in pods
            if pod["metadata"]["name"].startswith(f"{name}-")
        ]

    return asyncio.run(read())


def shares(node: RunningNode) -> dict[str, int]:
    """How many of a hundred requests to the model each Service gets."""
    (route,) = live(node, ("gateway.networking.k8s.io/v1", "HTTPRoute", "iris", "tenant-a"))
    assert route
    return {each["name"]: each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]}


def test_a_team_of_manor_apply_is_taken_over_and_given_back(stack: Stack) -> None:
    file = stack.write("shared", tenant("shared", members=[{"name": "ed", "role": "editor"}]))
    applied = stack.manor("apply", "-f", str(file), "--no-wait")
    assert applied.returncode == 0, applied.stderr
    stack.up()
    compared = stack.manor("diff", "-f", str(file))
    assert (compared.stdout, compared.returncode) == ("", 0)

    # What `manor apply` wrote and the file no longer says, Pulumi removes, without a conflict and
    # without force.
    stack.write("shared", tenant("shared", quota={"cpu": 2}))
    stack.up()
    assert live(stack.node, editors("shared")) == [None]
    assert cpu_of(stack.node, "shared") == "2"

    stack.write("shared", tenant("shared", quota={"cpu": 3}))
    applied = stack.manor("apply", "-f", str(file), "--no-wait")
    assert applied.returncode == 0, applied.stderr
    (urn,) = [
        line
        for line in stack.pulumi("stack", "--show-urns").split()
        if line.endswith("manor:index:Tenant::shared")
    ]
    stack.pulumi("state", "delete", urn, "--target-dependents", "--yes")
    file.unlink()
    stack.up()
    assert cpu_of(stack.node, "shared") == "3"


def test_a_removed_team_stops_at_its_data_until_it_is_given_up(stack: Stack) -> None:
    (stack.teams / "tenant-b.yaml").unlink()
    stopped = stack.infra("up")
    assert stopped.returncode == 2
    assert "because it is protected" in stopped.stderr
    assert "deleteData" in stopped.stderr
    assert None not in live(
        stack.node, space("tenant-b"), volume("tenant-b"), quota("tenant-b"), closed("tenant-b")
    )

    shutil.copy(EXAMPLE / "tenant-b.yaml", stack.teams)
    stack.pulumi("config", "set", "--path", "deleteData[0]", "tenant-b")
    stack.up()
    (stack.teams / "tenant-b.yaml").unlink()
    stack.up()
    assert not [name for name in stack.held() if name.startswith("tenant-b")]
    gone = live(stack.node, space("tenant-b"), ("manor.dev/v1alpha1", "Tenant", "tenant-b", None))
    assert gone == [None, None]
    assert None not in live(stack.node, space("tenant-a"), volume("tenant-a"))


def test_destroy_stops_at_data_and_leaves_it_guarded_when_told_to_go_on(stack: Stack) -> None:
    refused = stack.infra("destroy")
    assert refused.returncode == 2
    assert "because it is protected" in refused.stderr
    kept = [space("tenant-a"), volume("tenant-a"), quota("tenant-a"), closed("tenant-a")]
    assert None not in live(stack.node, *kept)

    stack.pulumi("state", "unprotect", "--all", "--yes")
    destroyed = stack.infra("destroy")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert None not in live(stack.node, *kept)
    crd = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "tenants.manor.dev", None)
    owners = ("rbac.authorization.k8s.io/v1", "RoleBinding", "manor-owners", "tenant-a")
    left, binding, system = live(stack.node, crd, owners, space("manor-system"))
    assert left
    assert (binding, system) == (None, None)
    assert not stack.held()
