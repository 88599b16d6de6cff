"""`manor verify` as a command, and what it does on clusters that are not as it expects."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from manor.apply import wait
from manor.kube import Client
from manor.limits import Verify, override
from manor.rollout.fixtures import definition
from manor.verify import Level, Status, Tenancy, load, parse_team, select, verify
from nodes import RunningNode, run_manor
from waiting import until

pytestmark = pytest.mark.integration

BARE_RULES = [
    {
        "apiGroups": ["", "apps"],
        "resources": ["pods", "services", "deployments", "replicasets"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    }
]
TENANTS = [f"name={name},namespace=bare-{name},user=bare-{name}-user" for name in ("a", "b")]


def bare(name: str) -> list[dict[str, Any]]:
    """A namespace with the Role and RoleBinding that most clusters begin with."""
    meta = {"name": "editor", "namespace": f"bare-{name}"}
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"bare-{name}"}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": BARE_RULES},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "editor"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": f"bare-{name}-user"}],
        },
    ]


async def accounts(client: Client) -> bool:
    listed = await client.list("v1", "ServiceAccount")
    return {"bare-a", "bare-b"} <= {account["metadata"]["namespace"] for account in listed}


@pytest.fixture(scope="module")
async def bare_cluster(api_node: RunningNode) -> AsyncIterator[Client]:
    async with Client.connect(api_node.kubeconfig) as client:
        for obj in [*bare("a"), *bare("b")]:
            await client.apply(obj, field_manager="tests", force=True)
        await until(
            "pods have service accounts, without which none is admitted", lambda: accounts(client)
        )
        yield client
        for name in ("a", "b"):
            await client.delete("v1", "Namespace", f"bare-{name}")


@pytest.fixture(autouse=True)
def small_matrix() -> Iterator[None]:
    with override(verify=Verify(cells=400)):
        yield


async def statuses(client: Client, teams: list[str], level: Level) -> dict[str, Status]:
    tenancy = Tenancy(tuple(parse_team(text) for text in teams))
    report = await verify(client, tenancy, load(), level)
    return {result.check.id.removeprefix("MNR-"): result.status for result in report.results}


async def status_of(name: str, client: Client) -> Status:
    """What one check finds."""
    tenancy = Tenancy(tuple(parse_team(text) for text in TENANTS))
    (check,) = (check for check in load() if check.id == f"MNR-{name}")
    (result,) = (await verify(client, tenancy, [check], check.level)).results
    return result.status


async def test_a_bare_cluster_shows_what_is_open(bare_cluster: Client) -> None:
    found = await statuses(bare_cluster, TENANTS, Level.DRY_RUN)
    kept = {
        "RBAC-001",
        "RBAC-002",
        "RBAC-003",
        "RBAC-004",
        "RBAC-005",
        "RBAC-007",
        "RBAC-011",
        "METADATA-002",
    }
    opened = {
        "POD-001",
        "POD-002",
        "POD-003",
        "POD-006",
        "POD-020",
        "POD-023",
        "QUOTA-001",
        "QUOTA-009",
        "ADMISSION-001",
        "ADMISSION-003",
        "ADMISSION-004",
        "NETWORK-020",
        "NETWORK-021",
        "NETWORK-022",
        "PLATFORM-007",
    }
    assert {name for name in kept if found[name] is not Status.PASS} == set()
    assert {name for name in opened if found[name] is not Status.FAIL} == set()


@pytest.mark.parametrize("teams", [TENANTS, TENANTS[:1]], ids=["two", "one"])
async def test_nothing_is_an_error_where_manor_is_not(
    bare_cluster: Client, teams: list[str]
) -> None:
    """Every check says what it requires: one that did not would crash on what is not there."""
    found = await statuses(bare_cluster, teams, Level.DRY_RUN)
    assert {name for name, status in found.items() if status is Status.ERROR} == set()


async def test_a_single_tenant_is_tried_against_a_decoy_and_nothing_is_made(
    bare_cluster: Client,
) -> None:
    before = {ns["metadata"]["name"] for ns in await bare_cluster.list("v1", "Namespace")}
    found = await statuses(bare_cluster, TENANTS[:1], Level.STATIC)
    assert found["RBAC-001"] is Status.PASS
    assert found["RBAC-005"] is Status.PASS
    assert {ns["metadata"]["name"] for ns in await bare_cluster.list("v1", "Namespace")} == before


def command(node: RunningNode, *arguments: str) -> Any:
    tenants = [word for text in TENANTS for word in ("--tenant", text)]
    return run_manor(
        "verify", "--kubeconfig", str(node.kubeconfig), *tenants, *arguments, check=False
    )


@pytest.mark.usefixtures("bare_cluster")
def test_the_exit_code_of_the_command(api_node: RunningNode) -> None:
    assert command(api_node, "--only", "MNR-RBAC-001", "--level", "static").returncode == 0
    assert command(api_node, "--only", "MNR-POD-001", "--level", "dry-run").returncode == 1
    assert command(api_node, "--only", "MNR-METADATA-012", "--level", "static").returncode == 2


@pytest.mark.usefixtures("bare_cluster")
def test_json_on_stdout_names_the_request_and_its_denial(api_node: RunningNode) -> None:
    done = command(api_node, "--only", "MNR-RBAC-001", "--level", "static", "-o", "json")
    attempts = json.loads(done.stdout)["results"][0]["trials"]
    denied = [attempt for attempt in attempts if attempt["mechanism"] == "RBAC"]
    assert denied
    for attempt in denied:
        assert re.search(
            r"as bare-[ab]-user \(member\): GET /api/v1/namespaces/bare-[ab]/secrets",
            attempt["what"],
        )
        assert attempt["got"].startswith("403 Forbidden: secrets")


@pytest.mark.usefixtures("bare_cluster")
def test_a_baseline_accepts_a_finding(api_node: RunningNode, tmp_path: Path) -> None:
    accepted = tmp_path / "accepted.yaml"
    accepted.write_text("accepted: [{id: MNR-POD-001, reason: a test, expires: 2999-01-01}]")
    done = command(
        api_node, "--only", "MNR-POD-001", "--level", "dry-run", "--baseline", str(accepted)
    )
    assert done.returncode == 0
    assert "accepted" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "MNR-NONE-001"], "no check has the id MNR-NONE-001"),
        (["--plane", "space"], "no plane is called space"),
        (["--explain", "nothing"], "no check has the id NOTHING"),
        (["--tenant", "name=x"], "namespace=… is missing"),
        (["--baseline", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
    ],
)
def test_bad_input_is_told_and_nothing_is_run(
    api_node: RunningNode, arguments: list[str], says: str
) -> None:
    done = run_manor("verify", "--kubeconfig", str(api_node.kubeconfig), *arguments, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert not done.stdout


def test_a_cluster_without_tenants_says_what_to_do(api_node: RunningNode) -> None:
    done = run_manor(
        "verify", "--kubeconfig", str(api_node.kubeconfig), "--only", "MNR-RBAC-001", check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--tenant name=team-a,namespace=ns-a,user=alice" in done.stderr


def test_list_and_explain_need_no_cluster() -> None:
    listed = run_manor("verify", "--list", "--plane", "quota").stdout
    assert len(re.findall(r"^MNR-QUOTA-", listed, re.MULTILINE)) == len(
        select(load(), [], ["quota"])
    )
    assert "Remedy" in run_manor("verify", "--explain", "MNR-QUOTA-001").stdout


async def test_a_crashed_check_is_an_error_in_the_report(bare_cluster: Client) -> None:
    async def crash(_: Any) -> Any:
        raise ZeroDivisionError("a check of poor quality")

    broken = replace(load()[0], run=crash)
    tenancy = Tenancy(tuple(parse_team(text) for text in TENANTS))
    report = await verify(bare_cluster, tenancy, [broken], Level.STATIC)
    assert report.results[0].status is Status.ERROR
    assert "ZeroDivisionError: a check of poor quality" in report.results[0].reason
    assert report.exit_code == 2


OVERLAY = ("overlay.example.com", "v1", "FastNetworkPolicy")
"""A kind that nobody has heard of."""


@pytest.fixture(scope="module")
async def overlay(bare_cluster: Client, api_node: RunningNode) -> AsyncIterator[Client]:
    """The cluster with a CNI's own kinds of policies, in namespaces and cluster-wide."""
    group, version, kind = OVERLAY
    made = [
        definition(group, version, kind, "fastnetworkpolicies", "Namespaced"),
        definition(group, version, f"Wide{kind}", "widefastnetworkpolicies", "Cluster"),
    ]
    for crd in made:
        await bare_cluster.apply(crd, field_manager="tests", force=True)
    await wait(bare_cluster, made, timeout=60)
    async with Client.connect(api_node.kubeconfig) as client:
        yield client
    for crd in made:
        await bare_cluster.delete(
            crd["apiVersion"], "CustomResourceDefinition", crd["metadata"]["name"]
        )


ALLOW = {"egress": [{"action": "Deny"}, {"action": "Allow"}]}


@pytest.mark.parametrize(
    ("prefix", "namespace", "spec", "status"),
    [
        ("", "bare-a", ALLOW, Status.ERROR),
        ("", "bare-b", {"ingress": [{"from": []}]}, Status.ERROR),
        ("Wide", None, ALLOW, Status.ERROR),
        ("Wide", None, {"selector": "all()", "open": {"to": "everyone"}}, Status.ERROR),
        ("", "default", ALLOW, Status.PASS),
        ("", "bare-a", {"egressDeny": [{"to": []}]}, Status.PASS),
        ("Wide", None, {"ingress": [{"action": "Deny"}, {"action": "Pass"}]}, Status.PASS),
    ],
)
async def test_a_policy_of_a_kind_that_is_not_understood_is_told(
    overlay: Client, prefix: str, namespace: str | None, spec: dict[str, Any], status: Status
) -> None:
    group, version, kind = OVERLAY
    place = {"namespace": namespace} if namespace else {}
    policy: dict[str, Any] = {
        "apiVersion": f"{group}/{version}",
        "kind": f"{prefix}{kind}",
        "metadata": {"name": "overlay", **place},
        "spec": spec,
    }
    assert await status_of("NETWORK-027", overlay) is Status.PASS
    await overlay.create(policy)
    try:
        assert await status_of("NETWORK-027", overlay) is status
    finally:
        await overlay.delete(policy["apiVersion"], policy["kind"], "overlay", namespace)


async def test_a_right_on_such_a_kind_is_told(overlay: Client) -> None:
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [OVERLAY[0]], "resources": ["fastnetworkpolicies"], "verbs": ["create"]}
    grown = [*BARE_RULES, rule]
    await overlay.patch(f"{group}/v1", "Role", "editor", {"rules": grown}, namespace="bare-a")
    try:
        assert await status_of("NETWORK-025", overlay) is Status.FAIL
    finally:
        await overlay.patch(
            f"{group}/v1", "Role", "editor", {"rules": BARE_RULES}, namespace="bare-a"
        )
    assert await status_of("NETWORK-025", overlay) is Status.PASS
