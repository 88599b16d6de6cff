"""The operator's installation on a real API server: by `manor install`, by kubectl and by Helm; and
what stands when it is gone."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubelet_stand_in import everything_up
from manor.kube import Client, NotFound, Object
from manor.local.images import operator_reference
from manor.manifests import documents
from manor.render.crds import crds
from manor.render.operator import render_operator
from nodes import MANOR, RunningNode, helm

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "01-two-teams"
CHART = ROOT / "deploy" / "chart"
SYSTEM, OPERATOR = "manor-system", "manor-operator"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:{OPERATOR}"
RBAC = "rbac.authorization.k8s.io"
MINE = (
    ("apps/v1", "Deployment", OPERATOR, SYSTEM),
    ("policy/v1", "PodDisruptionBudget", OPERATOR, SYSTEM),
    ("networking.k8s.io/v1", "NetworkPolicy", OPERATOR, SYSTEM),
    ("v1", "ServiceAccount", OPERATOR, SYSTEM),
    ("v1", "ConfigMap", "manor-verify-runs", SYSTEM),
    (f"{RBAC}/v1", "Role", OPERATOR, SYSTEM),
    (f"{RBAC}/v1", "RoleBinding", OPERATOR, SYSTEM),
    (f"{RBAC}/v1", "ClusterRole", "manor:operator", None),
    (f"{RBAC}/v1", "ClusterRoleBinding", "manor:operator", None),
    (f"{RBAC}/v1", "ClusterRoleBinding", "manor:operator:keeper", None),
    ("scheduling.k8s.io/v1", "PriorityClass", OPERATOR, None),
)


async def run(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, command, input=given, capture_output=True, text=True, timeout=400
    )


async def manor(node: RunningNode, *words: str) -> subprocess.CompletedProcess[str]:
    return await run(MANOR, *words, "--kubeconfig", str(node.kubeconfig))


async def by_helm(node: RunningNode, *words: str) -> str:
    done = await run(str(helm()), *words, "--kubeconfig", str(node.kubeconfig), "-n", SYSTEM)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def standing(client: Client) -> dict[tuple[str, str], Object]:
    """What there is of the operator."""
    found = {}
    for api_version, kind, name, namespace in MINE:
        try:
            obj = await client.get(api_version, kind, name, namespace)
        except NotFound:
            continue
        found[kind, name] = obj
    return found


def versions(objects: dict[tuple[str, str], Object]) -> dict[tuple[str, str], str]:
    return {key: obj["metadata"]["resourceVersion"] for key, obj in objects.items()}


@asynccontextmanager
async def team(client: Client) -> AsyncIterator[Object]:
    """A Tenant that waits for the operator before it goes."""
    (written,) = yaml.safe_load_all((EXAMPLE / "tenant-a.yaml").read_text())
    written["metadata"]["finalizers"] = ["manor.dev/operator"]
    made = await client.create(written)
    yield made
    await client.delete(made["apiVersion"], "Tenant", made["metadata"]["name"])
    with pytest.raises(NotFound):  # nothing holds it any more
        await client.get(made["apiVersion"], "Tenant", made["metadata"]["name"])


@pytest.mark.parametrize("schedule", [None, "0 3 * * *"])
async def test_what_helm_renders_is_what_is_installed(schedule: str | None) -> None:
    template = [str(helm()), "template", "manor", str(CHART), "-n", SYSTEM, "--include-crds"]
    done = await run(*template, *(["--set", f"verifySchedule={schedule}"] if schedule else []))
    assert done.returncode == 0, done.stderr
    objects = {(obj["kind"], obj["metadata"]["name"]): obj for obj in documents(done.stdout)}
    assert objects == {
        (obj["kind"], obj["metadata"]["name"]): obj
        for obj in (*crds(), *render_operator(operator_reference(), verify_schedule=schedule))
    }


async def test_helm_installs_changes_and_removes_it(api_node: RunningNode, client: Client) -> None:
    await by_helm(api_node, "install", "manor", str(CHART), "--create-namespace")
    made = await standing(client)
    assert len(made) == len(MINE)
    values = ("--set", "image=r.example/own:7", "--set", "replicas=3")
    await by_helm(api_node, "upgrade", "manor", str(CHART), *values)
    spec = (await standing(client))["Deployment", OPERATOR]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert (spec["replicas"], container["image"]) == (3, "r.example/own:7")
    assert container["resources"]["limits"] == {"memory": "512Mi"}

    async with team(client) as tenant:
        refused = await manor(api_node, "uninstall", "--yes")
        assert (refused.returncode, "Helm" in refused.stderr) == (2, True), refused.stderr
        await by_helm(api_node, "uninstall", "manor")
        assert await standing(client) == {}
        # The definitions and the tenants stand, and what Helm cannot know of is taken off.
        done = await manor(api_node, "uninstall", "--yes")
        assert done.returncode == 0, done.stderr
        assert "1 objects no longer wait" in done.stderr
        left = await client.get(tenant["apiVersion"], "Tenant", tenant["metadata"]["name"])
        assert left["metadata"]["uid"] == tenant["metadata"]["uid"]
        assert "finalizers" not in left["metadata"]


async def test_what_is_rendered_is_applied_by_kubectl_and_taken_over(
    api_node: RunningNode, client: Client
) -> None:
    rendered = await run(MANOR, "install", "--render")
    kubectl = ("kubectl", "--kubeconfig", str(api_node.kubeconfig), "apply", "--server-side")
    applied = await run(*kubectl, "-f", "-", given=rendered.stdout)
    assert applied.returncode == 0, applied.stderr
    made = await standing(client)
    assert len(made) == len(MINE)
    again = await run(*kubectl, "-f", "-", given=rendered.stdout)
    assert again.returncode == 0, again.stderr
    refused = await manor(api_node, "install", "--no-wait")
    assert refused.returncode == 1
    assert "--adopt" in refused.stderr
    taken = await manor(api_node, "install", "--no-wait", "--adopt")
    assert taken.returncode == 0, taken.stderr
    done = await manor(api_node, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert await standing(client) == {}


async def test_it_is_installed_once_and_leaves_teams_standing(
    api_node: RunningNode, client: Client
) -> None:
    with everything_up(api_node, SYSTEM):
        done = await manor(api_node, "install", "--adopt")
        assert done.returncode == 0, done.stderr
        assert "the operator is ready" in done.stderr
        pods = await client.list("v1", "Pod", SYSTEM)
        assert len(pods) == 2
        assert {pod["spec"]["priority"] for pod in pods} == {1_000_000_000}
        before = versions(await standing(client))
        again = await manor(api_node, "install")
        assert again.returncode == 0, again.stderr
        assert versions(await standing(client)) == before
        async with team(client) as tenant:
            done = await manor(api_node, "uninstall", "--yes")
            assert done.returncode == 0, done.stderr
            assert await standing(client) == {}
            assert await client.list("v1", "Pod", SYSTEM) == []
            left = await client.get(tenant["apiVersion"], "Tenant", tenant["metadata"]["name"])
            assert left["metadata"]["uid"] == tenant["metadata"]["uid"]


MAY = {
    "its lock": ("update", "coordination.k8s.io", "leases", OPERATOR, SYSTEM),
    "a team's own account": ("impersonate", "", "serviceaccounts", "manor-workloads", "tenant-a"),
    "a namespace": ("create", "", "namespaces", "", ""),
    "a tenant role": ("bind", RBAC, "clusterroles", "manor:editor", ""),
    "a tenant": ("patch", "manor.dev", "tenants", "tenant-a", ""),
    "word of what it did": ("create", "", "events", "", "tenant-a"),
}
MAY_NOT = {
    "a Secret": ("get", "", "secrets", "any", "tenant-a"),
    "Secrets": ("list", "", "secrets", "", ""),
    "other accounts": ("impersonate", "", "serviceaccounts", "default", "tenant-a"),
    "stand-ins": ("impersonate", "", "serviceaccounts", "manor-stand-in", "tenant-a"),
    "who becomes them": ("create", "", "serviceaccounts/token", "manor-verifier", SYSTEM),
    "a run as that": ("create", "batch", "jobs", "", SYSTEM),
    "another run as that": ("patch", "batch", "cronjobs", "manor-verifier", SYSTEM),
    "people": ("impersonate", "", "users", "ada", ""),
    "groups": ("impersonate", "", "groups", "system:masters", ""),
    "administrators": ("bind", RBAC, "clusterroles", "cluster-admin", ""),
    "rights it lacks": ("escalate", RBAC, "clusterroles", "", ""),
    "another's lock": ("update", "coordination.k8s.io", "leases", "kube-scheduler", "kube-system"),
    "a team's workloads by itself": ("create", "batch", "jobs", "", "tenant-a"),
    "a shell": ("create", "", "pods/exec", "", "tenant-a"),
    "tokens": ("create", "", "serviceaccounts/token", "manor-workloads", "tenant-a"),
    "guardrails": ("delete", "admissionregistration.k8s.io", "validatingadmissionpolicies", "", ""),
    "nodes": ("get", "", "nodes/proxy", "", ""),
}


async def may(client: Client, verb: str, group: str, what: str, name: str, namespace: str) -> Any:
    resource, _, subresource = what.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": ACCOUNT,
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": {**attributes, "name": name, "namespace": namespace},
        },
    }
    return (await client.create(review))["status"]["allowed"]


async def test_it_may_do_what_it_must_and_nothing_else(
    gateway_api_node: RunningNode, client: Client
) -> None:
    for words in (
        ("install", "--no-wait", "--adopt"),
        ("apply", "-f", str(EXAMPLE / "platform.yaml"), "--no-wait"),
    ):
        done = await manor(gateway_api_node, *words)
        assert done.returncode == 0, done.stderr
    assert {what: await may(client, *asked) for what, asked in MAY.items()} == dict.fromkeys(
        MAY, True
    )
    assert {what: await may(client, *asked) for what, asked in MAY_NOT.items()} == dict.fromkeys(
        MAY_NOT, False
    )
    done = await manor(gateway_api_node, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert not any([await may(client, *asked) for asked in MAY.values()])
