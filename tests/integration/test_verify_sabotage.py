"""A bad cluster is found bad: each sabotage turns exactly its checks red, and they say why."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from accounts import kubeconfig_of
from ground import gateway_kinds
from manor.api import Member, Tenant
from manor.kube import Client
from manor.limits import Verify, override
from manor.tools import shipped
from manor.verify import Check, Level, Report, Status, Tenancy, load, read_tenancy, runner, verify
from manor.verify.attempt import Verdict
from manor.verify.tools import tool_checks
from nodes import RunningNode, node_for_tests, run_manor
from sabotages import Sabotage, bind, put, reds, sabotaged, settled, together, user
from verify_sabotages import SABOTAGES
from verify_world import STORAGE_CLASS, all_of, platform, queue_kinds, settle, tenant

pytestmark = pytest.mark.integration

PROPAGATION = 20.0
"""Seconds until all of the API server has seen a change; admission looks for new policies once a
second."""

INGRESS = {"classes": ["nginx"], "dataPlane": {"namespace": "ingress-nginx"}}
API_SERVER = {"cidr": "172.30.0.2/32", "port": 6443}
POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
}
TENANTS = ("tenant-a", "tenant-b")
CHECKS = [
    check
    for check in (*load(), *tool_checks([shipped()["kserve"]]))
    if check.level is not Level.LIVE
]


def of_several(name: str) -> Tenant:
    """A tenant with GPUs, two namespaces and a second editor: what is broken for one of several
    shows in no other."""
    made = tenant(name, gpu={"guarantee": 1}, namespaces=[{"name": name}, {"name": f"{name}-lab"}])
    second = Member(name=f"{name}-second", role="editor")
    return made.model_copy(
        update={"spec": made.spec.model_copy(update={"members": [*made.spec.members, second]})}
    )


@pytest.fixture(scope="module")
def verify_node() -> Iterator[RunningNode]:
    """An API server of its own: what is broken here would break other tests."""
    with node_for_tests("verify", "--api-only") as running:
        yield running


@pytest.fixture(scope="module")
async def world(verify_node: RunningNode) -> AsyncIterator[Client]:
    """Two tenants under Manor, with GPUs, queues and an ingress class to be had."""
    async with Client.connect(verify_node.kubeconfig) as client:
        await gateway_kinds.install(client)
        await queue_kinds(client)
        await all_of(client, [STORAGE_CLASS])
        everything = platform(engines={"queue": "kueue"}, ingress=INGRESS, tools=["kserve"])
        await settle(client, everything, [of_several(name) for name in TENANTS])
        yield client


async def attack(client: Client, checks: list[Check]) -> Report:
    return await verify(client, await read_tenancy(client), checks, Level.DRY_RUN)


async def whole_attack(client: Client, expected: frozenset[str]) -> Report:
    """What all checks find, once those that must go red do: a few are asked again and again, and
    all of them seldom."""
    few = [check for check in CHECKS if check.id.removeprefix("MNR-") in expected]
    if few:
        await settled(partial(attack, client), few, expected, PROPAGATION)
    return await settled(partial(attack, client), CHECKS, expected, PROPAGATION)


@pytest.fixture(autouse=True)
def small_matrix() -> Iterator[None]:
    """A part of the whole matrix is enough to see a binding; that it covers all is a test of its
    own."""
    with override(verify=Verify(cells=100)):
        yield


@pytest.fixture
def one_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenant A attacks tenant B: what is broken is broken for A, and the other direction costs as
    much again."""
    whole = runner.sample

    def only_a(tenancy: Tenancy) -> runner.Sample:
        pairs = whole(tenancy)
        return runner.Sample(pairs.static[:1], pairs.dry_run[:1], pairs.live[:1])

    monkeypatch.setattr(runner, "sample", only_a)


async def test_a_sound_cluster_passes_every_check(world: Client) -> None:
    with override(verify=Verify(cells=10**6)):
        report = await whole_attack(world, frozenset())
    assert {r.check.id: r.reason for r in report.results if r.status is not Status.PASS} == {}
    assert report.exit_code == 0


@pytest.mark.parametrize("sabotage", together(SABOTAGES, 4), ids=lambda sabotage: sabotage.name)
@pytest.mark.usefixtures("one_direction")
async def test_exactly_the_right_checks_go_red(world: Client, sabotage: Sabotage) -> None:
    async with sabotaged(world, sabotage):
        report = await whole_attack(world, sabotage.red)
    assert reds(report) == sabotage.red
    assert report.exit_code == 1
    for result in report.results:
        if result.status is Status.FAIL:
            assert result.telling is not None
            assert result.telling.verdict is Verdict.BROKEN
            assert result.telling.what
            assert result.telling.got


GENEROUS = {
    "owners": [{"kind": "Group", "name": "generous-owners"}],
    "namespaces": [{"name": "generous"}, {"name": "generous-more"}],
    "network": {
        "egress": {"internet": True, "cidrs": ["192.168.7.0/24"]},
        "apiServer": True,
        "allow": ["frugal"],
    },
    "loadBalancers": True,
    "hosts": ["*.models.example.com"],
    "registries": ["registry.example.com/generous", "docker.io", "localhost"],
    "maxNamespaces": 2,
    "firstUserId": 65500,
}
OWN_SPACES: list[dict[str, Any]] = [
    {"matchLabels": {"manor.dev/tenant": "generous", "team": "a"}},
    {
        "matchExpressions": [
            {
                "key": "kubernetes.io/metadata.name",
                "operator": "In",
                "values": ["generous", "generous-more"],
            }
        ]
    },
]
OWN_POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "mine", "namespace": "generous"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "db"}},
        "ingress": [{"from": [{"namespaceSelector": selector} for selector in OWN_SPACES]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "192.168.7.0/25"}}]}],
    },
}
"""What a team may write itself, as the Platform lets it."""
FRUGAL = {
    "owners": [{"kind": "ServiceAccount", "namespace": "frugal", "name": "boss"}],
    "network": {"allow": ["generous"]},
    "maxNamespaces": 0,
    "storageClasses": [],
    "quota": {"cpu": "1", "memory": "2Gi", "storage": "0", "pods": 5, "objects": 30},
}


async def test_what_tenants_ask_for_is_no_failure(world: Client) -> None:
    """One that asks for all there is to be had, and one that may have next to nothing and has used
    it up."""
    asking = [tenant("generous", **GENEROUS), tenant("frugal", **FRUGAL)]
    everything = platform(
        engines={"queue": "kueue"},
        ingress=INGRESS,
        tools=["kserve"],
        network={
            **platform().spec.network.model_dump(mode="json", by_alias=True),
            "apiServers": [API_SERVER],
            "tenantPolicies": True,
        },
        csiDrivers=["secrets-store.csi.k8s.io"],
        tokenAudiences=["sts.amazonaws.com", "vault"],
        gpu={"env": ["NVIDIA_VISIBLE_DEVICES"]},
    )
    await settle(world, everything, asking)
    await all_of(world, [OWN_POLICY])
    pods = {"spec": {"hard": {"pods": "0"}}}
    await world.patch("v1", "ResourceQuota", "manor-quota", pods, namespace="frugal")
    tenancy = await read_tenancy(world)
    ours = tuple(team for team in tenancy.teams if team.name in ("generous", "frugal"))
    try:
        # These look at every namespace and Gateway there is, and the other tenants are left out
        # here.
        chosen = [
            check for check in CHECKS if check.id not in ("MNR-METADATA-012", "MNR-ROUTES-010")
        ]
        report = await verify(world, replace(tenancy, teams=ours), chosen, Level.DRY_RUN)
        assert {r.check.id: r.reason for r in report.results if r.status is not Status.PASS} == {}
        assert report.exit_code == 0
    finally:
        for one in asking:
            await world.delete("manor.dev/v1alpha1", "Tenant", one.name)
            await world.delete("gateway.networking.k8s.io/v1", "Gateway", one.name, "manor-system")
            for space in one.namespaces:
                await world.delete("v1", "Namespace", space.name)


async def test_a_namespace_that_is_kept_is_told_and_no_failure(world: Client) -> None:
    check = [check for check in CHECKS if check.id == "MNR-METADATA-012"]
    labels = {"manor.dev/tenant": "tenant-a", **POD_SECURITY}
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "tenant-a-old", "labels": labels},
    }
    account = "applyset.kubernetes.io/additional-namespaces"

    async def note(value: str | None) -> None:
        await world.patch(
            "manor.dev/v1alpha1",
            "Tenant",
            "tenant-a",
            {"metadata": {"annotations": {account: value}}},
        )

    await world.apply(space, field_manager="tests")
    try:
        assert reds(await attack(world, check)) == {"METADATA-012"}
        await note("tenant-a,tenant-a-old")
        report = await attack(world, check)
        assert report.exit_code == 0
        assert "kept: namespace tenant-a-old of tenant-a" in report.results[0].reason
    finally:
        await note(None)
        await world.delete("v1", "Namespace", "tenant-a-old")


@pytest.mark.parametrize("output", ["table", "json", "junit", "sarif", "html"])
async def test_what_somebody_named_himself_is_shown_and_not_sent(
    world: Client, verify_node: RunningNode, output: str
) -> None:
    nasty = "\x1b[2J\x1b]0;verified\x07\u202eeve"
    async with sabotaged(
        world,
        Sabotage("nasty", (bind("manor:viewer", user(nasty), namespace="tenant-a"),), frozenset()),
    ):
        arguments = (
            "--kubeconfig",
            str(verify_node.kubeconfig),
            "--only",
            "MNR-PLATFORM-004",
            "--level",
            "static",
        )
        done = await asyncio.to_thread(run_manor, "verify", *arguments, "-o", output, check=False)
    assert done.returncode == 1, done.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)
    assert "u001b[2J" in done.stdout.replace("\n", "")


async def test_an_account_with_the_printed_role_sees_what_an_administrator_sees(
    world: Client, verify_node: RunningNode, tmp_path: Path
) -> None:
    await all_of(
        world, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ci"}}, CI_ACCOUNT]
    )
    own = await kubeconfig_of(world, verify_node, "ci", "verify", tmp_path / "kubeconfig")
    verify_as_ci = ("verify", "--kubeconfig", str(own), "--level", "dry-run")

    refused = await asyncio.to_thread(run_manor, *verify_as_ci, check=False)
    assert refused.returncode == 2
    assert "--print-role" in refused.stderr

    as_admin = ("verify", "--kubeconfig", str(verify_node.kubeconfig), "--level", "dry-run")
    printed = await asyncio.to_thread(run_manor, *as_admin, "--print-role")
    role = yaml.safe_load(printed.stdout)
    assert all(
        "*" not in word
        for rule in role["rules"]
        for words in rule.values()
        for word in words
        if "/" not in word
    )
    assert all(
        rule.get("resourceNames") for rule in role["rules"] if "impersonate" in rule["verbs"]
    )
    binding = bind(
        role["metadata"]["name"], {"kind": "ServiceAccount", "name": "verify", "namespace": "ci"}
    )
    async with sabotaged(world, Sabotage("verifier", (put(role), binding), frozenset())):
        done = await asyncio.to_thread(run_manor, *verify_as_ci, "-o", "json", check=False)
    assert done.returncode == 0, [
        r for r in json.loads(done.stdout)["results"] if r["status"] != "pass"
    ]


CI_ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "verify", "namespace": "ci"},
}


async def test_everything_is_as_it_was(world: Client) -> None:
    report = await whole_attack(world, frozenset())
    assert {r.check.id: r.reason for r in report.results if r.status is not Status.PASS} == {}
