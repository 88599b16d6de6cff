"""`manor apply` where an operator works: specs are stored, and what comes of them is waited for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.api import API_VERSION
from manor.kube import Client, NotFound, Object
from manor.state import is_operated
from nodes import run_manor
from operator_process import condition, is_ready, operating, tenant
from waiting import until

pytestmark = pytest.mark.integration

RBAC = "rbac.authorization.k8s.io/v1"
READ = ["get", "list"]
NO_MORE_THAN = [
    {"apiGroups": ["manor.dev"], "resources": ["platforms", "tools"], "verbs": READ},
    {
        "apiGroups": ["manor.dev"],
        "resources": ["tenants", "trainingjobs"],
        "verbs": [*READ, "create", "patch", "manage"],
    },
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["manor-operator"],
        "verbs": ["get"],
    },
]
"""Who may store specs, and see whether somebody makes them."""


def job(namespace: str) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingJob",
        "metadata": {"name": "train", "namespace": namespace},
        "spec": {"image": "manor.local/train:1", "command": ["true"]},
    }


class Applier:
    """Runs `manor apply` on files made of specs."""

    def __init__(self, node: Any, folder: Path) -> None:
        self.node, self.folder = node, folder

    def __call__(self, *specs: Object, user: str = "", options: str = "") -> Any:
        (self.folder / "specs.yaml").write_text(yaml.safe_dump_all(specs))
        config = self.node.kubeconfig
        if user:
            config = self.folder / "kubeconfig"
            made = run_manor("local", "kubeconfig", "--name", self.node.name, "--user", user)
            config.write_text(made.stdout)
        words = ("apply", "-f", str(self.folder / "specs.yaml"), *options.split())
        return run_manor(*words, "--kubeconfig", str(config), check=False)


@pytest.fixture
def apply(platform_node: Any, tmp_path: Path) -> Applier:
    return Applier(platform_node, tmp_path)


@pytest.fixture(scope="module")
async def operated(
    platform_node: Any, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    """The cluster with the operator at work; `ci` may store specs and nothing else."""
    subject = {"kind": "User", "name": "ci", "apiGroup": "rbac.authorization.k8s.io"}
    ref = {"kind": "ClusterRole", "name": "ci", "apiGroup": "rbac.authorization.k8s.io"}
    meta = {"metadata": {"name": "ci"}, "apiVersion": RBAC}
    await client.create({**meta, "kind": "ClusterRole", "rules": NO_MORE_THAN})
    await client.create(
        {**meta, "kind": "ClusterRoleBinding", "roleRef": ref, "subjects": [subject]}
    )
    log = tmp_path_factory.mktemp("operator") / "log"
    with operating(platform_node.kubeconfig, log, "--elect"):
        await until("it leads", lambda: is_operated(client))
        yield client


async def test_where_no_operator_works_apply_writes_itself(
    platform_node: Any, client: Client, apply: Applier
) -> None:
    """The lease of one that was killed is renewed no more; one that ended well has given it up."""
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "manor-operator", "namespace": "manor-system"},
        "spec": {"leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"},
    }
    for name, holder in (("ape", "killed"), ("auk", "")):
        lease["spec"]["holderIdentity"] = holder  # type: ignore[index]
        await client.apply(lease, field_manager="test", force=True)
        done = apply(tenant(name), options="--no-wait --verbose")
        assert done.returncode == 0, done.stderr
        assert f"Namespace {name} created" in done.stderr
        assert not condition(await client.get(API_VERSION, "Tenant", name))


async def test_who_may_only_store_specs_applies_a_team(operated: Client, apply: Applier) -> None:
    done = apply(tenant("ant"), job("ant"), user="ci")
    assert done.returncode == 0, done.stderr
    assert "2 created in" in done.stderr
    assert is_ready(await operated.get(API_VERSION, "Tenant", "ant"))
    assert await operated.get("batch/v1", "Job", "train", "ant")
    again = apply(tenant("ant"), job("ant"), user="ci", options="-o json")
    assert (again.returncode, '"unchanged": 2' in again.stdout) == (0, True), again.stderr


async def test_an_editor_hands_over_too(operated: Client, apply: Applier) -> None:
    team = tenant("bee", members=[{"name": "eve", "role": "editor"}])
    assert apply(team).returncode == 0
    done = apply(job("bee"), user="eve", options="--verbose")
    assert done.returncode == 0, done.stderr
    assert "TrainingJob bee/train created" in done.stderr
    assert "1 created in" in done.stderr


async def test_what_the_operator_cannot_make_is_told_as_an_error(
    operated: Client, apply: Applier
) -> None:
    role = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "manor:tenant:cat"}}
    await operated.create(role)
    for options in ("", "--no-wait"):
        done = apply(tenant("cat"), job("cat"), options=options)
        assert done.returncode == 1, done.stderr
        assert "Tenant cat failed: ClusterRole manor:tenant:cat" in done.stderr
        assert "exists and was not made by this inventory" in done.stderr
        assert "TrainingJob train not attempted: Tenant cat failed" in done.stderr
        assert "not everything was applied; mend what is named above" in done.stderr
    # What takes a person's consent is no operator's to do.
    done = apply(tenant("cat"), options="--adopt --verbose --no-wait")
    assert done.returncode == 0, done.stderr
    assert "Namespace cat created" in done.stderr


async def test_one_that_rests_is_told(operated: Client, apply: Applier) -> None:
    paused = tenant("eel")
    paused["metadata"]["annotations"] = {"manor.dev/paused": "while we move"}
    done = apply(paused)
    assert done.returncode == 1
    assert "Tenant eel failed: it is as it was when it was paused" in done.stderr
    with pytest.raises(NotFound):
        await operated.get("v1", "Namespace", "eel")
