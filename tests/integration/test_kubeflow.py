"""Kubeflow's kinds on a real API server: Profiles become Tenants, and what a Notebook may say."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow_kinds import definitions
from manor.apply import wait
from manor.kube import ApiError, Client, NotFound, Object
from nodes import MANOR
from waiting import until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "08-kubeflow"
ROLE = "rbac.authorization.k8s.io"
TEAM = "kf-adopted"


@pytest.fixture(scope="module")
async def kubeflow(gateway_api_node: Any, client: Client) -> Any:
    """The example's platform on a server with Kubeflow's kinds."""
    given = definitions()
    for each in given:
        await client.apply(each, field_manager="test", force=True)
    await wait(client, given)
    done = manor(gateway_api_node, "apply", "-f", str(EXAMPLE / "platform.yaml"), "--no-wait")
    assert done.returncode == 0, done.stderr
    return gateway_api_node


def manor(node: Any, *args: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"KUBECONFIG": str(node.kubeconfig), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run(
        [MANOR, *args], input=given, capture_output=True, text=True, env=environment, timeout=300
    )


def binding(name: str, role: str, subject: Object, **meta: Any) -> Object:
    return {
        "apiVersion": f"{ROLE}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": TEAM, **meta},
        "roleRef": {"apiGroup": ROLE, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": ROLE, **subject}],
    }


async def make_profile(client: Client) -> None:
    """A Profile, and what Kubeflow's controllers make for it."""
    owner = {"kind": "User", "name": "ada@example.com"}
    spec = {
        "owner": {"apiGroup": ROLE, **owner},
        "resourceQuotaSpec": {"hard": {"cpu": "4", "memory": "8Gi", "services": "5"}},
    }
    meta = {"name": TEAM, "finalizers": ["profile-finalizer"]}
    made = await client.create(
        {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "metadata": meta, "spec": spec}
    )
    owned = {
        "ownerReferences": [
            {
                "apiVersion": "kubeflow.org/v1",
                "kind": "Profile",
                "name": TEAM,
                "uid": made["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    }
    marks = {"annotations": {"owner": owner["name"]}, "labels": {"istio-injection": "enabled"}}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TEAM, **marks, **owned}}
    await client.create(space)
    grace, readers = {"kind": "User", "name": "grace"}, {"kind": "Group", "name": "readers"}
    for each in (
        binding("namespaceAdmin", "kubeflow-admin", owner, **owned),
        binding("user-grace", "kubeflow-edit", grace),
        binding("readers", "kubeflow-view", readers),
    ):
        await client.create(each)
    pod = {"containers": [{"name": "lab", "image": "ghcr.io/kubeflow/jupyter:1"}]}
    meta = {"name": "lab-0", "namespace": TEAM}
    await until("a default ServiceAccount", lambda: has_account(client))
    await client.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod})


async def has_account(client: Client) -> bool:
    return bool(await client.list("v1", "ServiceAccount", TEAM))


async def test_a_profile_is_adopted_as_a_tenant_and_outlived_by_it(
    kubeflow: Any, client: Client
) -> None:
    await make_profile(client)
    plan = manor(kubeflow, "import", "profiles", "-o", "yaml")
    assert plan.returncode == 0, plan.stderr
    (tenant,) = yaml.safe_load_all(plan.stdout)
    assert tenant["spec"] == {
        "owners": [{"name": "ada@example.com"}],
        "members": [
            {"kind": "Group", "name": "readers", "role": "viewer"},
            {"name": "grace", "role": "editor"},
        ],
        "maxNamespaces": 0,
        "quota": {"cpu": "4", "memory": "8Gi"},
    }
    for word in (
        "not carried over: quota services: 5",
        "will not work: Pod lab-0: allowPrivilegeEscalation != false",
        "will not work: image ghcr.io/kubeflow/jupyter:1",
        "remains: RoleBinding namespaceAdmin, readers, user-grace",
        f"the namespace is deleted with Profile {TEAM}, and all that is in it",
    ):
        assert word in plan.stderr, plan.stderr
    refused = manor(kubeflow, "apply", "-f", "-", "--no-wait", given=plan.stdout)
    assert refused.returncode == 1
    adopting = ("apply", "--adopt", "-f", "-", "--no-wait")
    # A Profile goes with all that it owns: a Tenant's namespace would too.
    refused = manor(kubeflow, *adopting, given=plan.stdout)
    assert refused.returncode == 1
    assert f"controlled by Profile {TEAM} and deleted with it" in refused.stderr
    assert "metadata.ownerReferences" in refused.stderr
    await client.patch("v1", "Namespace", TEAM, {"metadata": {"ownerReferences": None}})
    done = manor(kubeflow, *adopting, given=plan.stdout)
    assert done.returncode == 0, done.stderr
    again = manor(kubeflow, "import", "profiles")
    assert again.returncode == 0
    assert f"{TEAM}: already adopted" in again.stderr
    nobody = {"metadata": {"finalizers": None}}
    await client.patch("kubeflow.org/v1", "Profile", TEAM, nobody)
    await client.delete("kubeflow.org/v1", "Profile", TEAM)
    await until("only what Kubeflow left", lambda: without_owned(client))
    space = await client.get("v1", "Namespace", TEAM)
    assert space["status"]["phase"] == "Active"


async def without_owned(client: Client) -> bool:
    bindings = await client.list(f"{ROLE}/v1", "RoleBinding", TEAM)
    names = {each["metadata"]["name"] for each in bindings}
    return "namespaceAdmin" not in names and {"user-grace", "readers"} <= names


def notebook(**changes: Any) -> Object:
    (given, _) = yaml.safe_load_all((EXAMPLE / "notebook.yaml").read_text())
    pod = {**given["spec"]["template"]["spec"], **changes.pop("pod", {})}
    metadata = {**given["metadata"], **changes}
    return {**given, "metadata": metadata, "spec": {"template": {"spec": pod}}}


async def said(client: Client, user: str, obj: Object) -> str:
    """What the server says to it, once quotas count its kind; a dry run."""
    answers = []

    async def answered() -> bool:
        try:
            await client.impersonate(user).create(obj, dry_run=True)
        except ApiError as error:
            answers.append(error.message)
        else:
            answers.append("admitted")
        return "status unknown for quota" not in answers[-1]

    await until("a quota that counts it", answered)
    return answers[-1]


async def test_what_a_notebook_may_say(kubeflow: Any, client: Client) -> None:
    teams = str(EXAMPLE / "teams")
    done = manor(kubeflow, "apply", "-f", teams, "--no-wait")
    assert done.returncode == 0, done.stderr
    assert await said(client, "red-scientist", notebook()) == "admitted"
    own = "ValidatingAdmissionPolicy 'manor-kubeflow-notebooks'"
    # As Kubeflow's bare CRD has it, this passes the schema and ends the controller.
    assert own in await said(client, "red-scientist", notebook(pod={"containers": []}))
    headers = {"notebooks.kubeflow.org/http-headers-request-set": '{"kubeflow-userid": "eve"}'}
    assert own in await said(client, "red-scientist", notebook(annotations=headers))
    assert "cannot create" in await said(client, "blue-scientist", notebook())


async def test_profiles_are_nobodys(kubeflow: Any, client: Client) -> None:
    mine = {"kind": "User", "name": "red-owner"}
    given = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Profile",
        "metadata": {"name": "mine"},
        "spec": {"owner": mine},
    }
    assert 'cannot create resource "profiles"' in await said(client, "red-owner", given)
    with pytest.raises(ApiError, match='cannot list resource "profiles"'):
        await client.impersonate("red-owner").list("kubeflow.org/v1", "Profile")
    with pytest.raises(NotFound):
        await client.get("kubeflow.org/v1", "Profile", "mine")
