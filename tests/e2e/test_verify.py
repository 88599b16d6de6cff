"""`manor verify` on a real node: all passes, live attacks turn red when their guardrail is broken,
nothing is left."""

import asyncio
import json
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

import metadata_stand_in
from manor.api import Platform, Tenant
from manor.api.wellknown import NETWORKING_API, POLICY_API_SERVER
from manor.apply import wait_enforced
from manor.kube import Client, Conflict, NotFound, Object
from manor.local.node import load_node
from manor.polling import poll_until
from manor.render import render_tenant, spec_object
from manor.state import read_state
from manor.verify import Check, Level, Report, Status, Tenancy, load, read_tenancy, verify
from manor.verify.attempt import Verdict
from manor.verify.probe.leftovers import find
from manor.verify.probe.pod import Disturbed
from manor.verify.probe.probe_pods import ProbePods, Target
from manor.verify.probe.reach import marked
from manor.verify.probe.script import TCP_PORT
from metadata_stand_in import NODE, POOL
from nodes import MANOR, RunningNode
from sabotages import Sabotage, reds, remove, sabotaged, settled, together
from verify_live_sabotages import SABOTAGES, A, B
from verify_world import platform, settle, tenant

pytestmark = pytest.mark.e2e

TENANTS = [tenant(A), tenant(B)]
PROPAGATION = 20.0
"""Seconds until the CNI enforces a change."""
GREEDY = "verify-greedy"
API_SERVER = "MNR-NETWORK-008"
LIVE = [check for check in load() if check.level is Level.LIVE]


@pytest.fixture(scope="module")
async def world(node: RunningNode) -> AsyncIterator[Client]:
    """Two tenants of this test's own on the node, gone afterwards."""
    async with Client.connect(node.kubeconfig) as client:
        world = (await read_state(client, workloads=False)).platform or platform()
        await settle(client, world, TENANTS)
        yield client
        await removed(client, world, TENANTS)


async def removed(client: Client, world: Platform, tenants: list[Tenant]) -> None:
    """The tenants are gone with all that was made of them."""
    known = {one.name: one for one in tenants}
    for one in tenants:
        for obj in [*reversed(render_tenant(world, one, known)), spec_object(one)]:
            meta = obj["metadata"]
            with suppress(NotFound):
                await client.delete(
                    obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace")
                )
    names = {space.name for one in tenants for space in one.namespaces}

    async def left() -> set[str]:
        return names & {one["metadata"]["name"] for one in await client.list("v1", "Namespace")}

    assert not await poll_until(operator.not_, left, timeout=120, interval=0.5)


async def attack(client: Client, checks: list[Check], names: Iterable[str] = (A, B)) -> Report:
    """What the checks find between tenants of this test."""
    await wait_enforced(client)
    tenancy = await read_tenancy(client)
    ours = tuple(team for team in tenancy.teams if team.name in names)
    return await verify(client, Tenancy(ours, tenancy.platform), checks, Level.LIVE)


@contextmanager
def frozen(node: RunningNode) -> Iterator[int]:
    """The processes of Manor that the node has stand still; the end of its supervisor would be the
    node's. How many."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if node.name in words and "manor.local.supervisor" in words:
                found.append(int(process.name))
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield len(found)
    finally:
        for pid in found:
            os.kill(pid, signal.SIGCONT)


async def test_a_sound_cluster_passes_every_check_with_manor_stopped_and_nothing_is_left(
    world: Client, node: RunningNode
) -> None:
    with frozen(node) as processes:
        assert processes
        report = await verify(world, await read_tenancy(world), load(), Level.LIVE)
    assert {r.check.id: r.reason for r in report.results if r.status is not Status.PASS} == {}
    assert report.exit_code == 0
    assert await find(world) == []


@pytest.mark.parametrize("sabotage", together(SABOTAGES, 2), ids=lambda sabotage: sabotage.name)
async def test_exactly_the_right_live_checks_go_red(world: Client, sabotage: Sabotage) -> None:
    async with sabotaged(world, sabotage):
        report = await settled(partial(attack, world), LIVE, sabotage.red, PROPAGATION)
    assert reds(report) == sabotage.red, {
        r.check.id: r.reason for r in report.results if r.status is not Status.PASS
    }
    for result in report.results:
        if result.status is Status.FAIL:
            assert result.telling is not None
            assert result.telling.got


@pytest.fixture
async def asking(world: Client, node: RunningNode) -> AsyncIterator[Client]:
    """A third tenant, which asks for all that its Platform lets it reach, the API server too."""
    before = (await read_state(world, workloads=False)).platform
    assert before is not None
    spec = before.model_dump(mode="json", by_alias=True, exclude_unset=True)
    spec["spec"]["network"]["apiServers"] = [{"cidr": f"{node.ip}/32", "port": 6443}]
    wide = {"internet": True, "cidrs": ["0.0.0.0/1", "128.0.0.0/1"]}
    greedy = tenant(GREEDY, network={"apiServer": True, "egress": wide})
    after = Platform.model_validate(spec)
    await settle(world, after, [greedy])
    yield world
    await removed(world, after, [greedy])
    await settle(world, before, TENANTS)


async def test_the_api_server_is_reached_by_who_asks_and_nothing_else_of_the_node(
    asking: Client,
) -> None:
    """To the network plugin the API server is the node: opening the one must not open the other,
    nor must the ranges that hold the node's addresses and bar them."""
    network = [check for check in LIVE if check.id.startswith("MNR-NETWORK-")]
    report = await settled(
        partial(attack, asking, names=(GREEDY, B)), network, frozenset(), PROPAGATION
    )
    assert {r.check.id: r.reason for r in report.results if r.status is not Status.PASS} == {}
    (own,) = [result for result in report.results if result.check.id == API_SERVER]
    seen = {
        (attempt.context.partition(" ")[0], attempt.verdict, attempt.got.partition(" ")[0])
        for attempt in own.attempts
        if not attempt.control
    }
    assert seen == {(GREEDY, Verdict.ASKED, "reached"), (B, Verdict.HELD, "timeout")}


async def test_who_asks_for_the_api_server_in_vain_is_told(asking: Client) -> None:
    gone = remove(NETWORKING_API, "NetworkPolicy", POLICY_API_SERVER, GREEDY)
    check = [check for check in LIVE if check.id == API_SERVER]
    async with sabotaged(asking, Sabotage("no way there", (gone,), frozenset())):
        end = time.monotonic() + PROPAGATION
        while True:
            report = await attack(asking, check, (GREEDY, B))
            (result,) = report.results
            if result.status is Status.ERROR or time.monotonic() > end:
                break
    assert result.status is Status.ERROR, result.reason
    assert "asked for by network.apiServer of the tenant" in result.reason


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def metadata_server(node: RunningNode, attributes: Mapping[str, str]) -> Iterator[None]:
    """A metadata server one hop from the node, in a network namespace of its own, at the address
    that clouds have it at."""
    here, there, link = load_node(node.name).namespace, "manor-metadata", "metadata"
    address = "169.254.169.254/32"
    _ip("netns", "add", there)
    try:
        _ip("-n", here, "link", "add", link, "type", "veth", "peer", "eth0", "netns", there)
        _ip("-n", here, "address", "add", "198.18.0.1/30", "dev", link)
        _ip("-n", there, "address", "add", "198.18.0.2/30", "dev", "eth0")
        _ip("-n", there, "address", "add", address, "dev", "eth0")
        _ip("-n", here, "link", "set", link, "up")
        _ip("-n", there, "link", "set", "eth0", "up")
        _ip("-n", here, "route", "add", address, "via", "198.18.0.2")
        program = [sys.executable, metadata_stand_in.__file__, json.dumps(attributes)]
        with subprocess.Popen(["nsenter", f"--net=/run/netns/{there}", *program]) as server:
            try:
                yield
            finally:
                server.terminate()
    finally:
        _ip("netns", "delete", there)  # its end of the link takes the other along


METADATA = [check for check in LIVE if check.id == "MNR-NETWORK-009"]


@pytest.fixture
async def identified(world: Client) -> AsyncIterator[Client]:
    """A third tenant, which asks for a cloud identity of its own where the Platform has it."""
    before = (await read_state(world, workloads=False)).platform
    assert before is not None
    spec = before.model_dump(mode="json", by_alias=True, exclude_unset=True)
    spec["spec"]["network"]["workloadIdentity"] = "gke"
    after = Platform.model_validate(spec)
    asking = tenant(GREEDY, network={"workloadIdentity": True})
    await settle(world, after, [asking])
    yield world
    await removed(world, after, [asking])
    await settle(world, before, TENANTS)


@pytest.mark.parametrize(("answers", "status"), [(POOL, Status.PASS), (NODE, Status.FAIL)])
async def test_a_metadata_server_is_reached_by_who_asks_and_must_not_give_the_nodes_identity(
    identified: Client, node: RunningNode, answers: dict[str, str], status: Status
) -> None:
    with metadata_server(node, answers):
        red = frozenset() if status is Status.PASS else frozenset({"NETWORK-009"})
        report = await settled(
            partial(attack, identified, names=(GREEDY, B)), METADATA, red, PROPAGATION
        )
    (result,) = report.results
    assert result.status is status, result.reason
    seen = {
        (attempt.context.partition(" ")[0], attempt.verdict)
        for attempt in result.attempts
        if attempt.what.startswith("AWS, GCP, Azure")
    }
    # The other team's packets are dropped, on their way to a server that answers.
    assert seen == {(GREEDY, Verdict.ASKED), (B, Verdict.HELD)}
    assert NODE["kube-env"] not in str(result)


async def test_an_interrupted_run_leaves_nothing(world: Client, node: RunningNode) -> None:
    command = [MANOR, "verify", "--kubeconfig", str(node.kubeconfig), "--plane", "network"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not [obj for obj in await find(world) if obj["kind"] == "Pod"]:
        assert time.monotonic() < end, "no probe pod was made"
        assert running.poll() is None
        await asyncio.sleep(0.2)
    running.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(running.wait, 120) == 130
    assert await find(world) == []


async def test_what_a_killed_run_left_is_removed_by_the_next(
    world: Client, node: RunningNode
) -> None:
    command = [
        MANOR,
        "verify",
        "--kubeconfig",
        str(node.kubeconfig),
        "--only",
        "MNR-NETWORK-001",
        "-o",
        "json",
    ]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not [obj for obj in await find(world) if obj["kind"] == "Pod"]:
        assert time.monotonic() < end, "no probe pod was made"
        await asyncio.sleep(0.2)
    running.kill()
    await asyncio.to_thread(running.wait)
    assert await find(world) != []
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "verified"
    assert await find(world) == []


async def test_a_probe_that_was_replaced_proves_nothing(world: Client) -> None:
    """Who replaces it has far more rights than a tenant: what keeps tenants from it is a check of
    its own."""
    tenancy = await read_tenancy(world)
    team = next(team for team in tenancy.teams if team.name == A)
    async with ProbePods.set(world, tenancy, Level.LIVE, None) as probes:
        server = await probes.running(team, "server")
        sent, unsent = (marked(Target("tcp", server.ip, TCP_PORT)) for _ in range(2))
        assert [outcome.outcome for outcome in await probes.probe(team, [sent])] == ["reached"]
        assert await probes.received(team, [sent, unsent]) == [True, False]
        pod = await world.get("v1", "Pod", f"{probes.run}-client", team.namespace)
        await world.delete("v1", "Pod", pod["metadata"]["name"], team.namespace, grace_seconds=0)
        end = time.monotonic() + 60
        while True:
            with suppress(Conflict):
                await world.create(_again(pod))
                break
            assert time.monotonic() < end
            await asyncio.sleep(0.2)
        await probes.ready(team.namespace, pod["metadata"]["name"])
        with pytest.raises(Disturbed, match="was replaced, restarted or changed"):
            await probes.probe(team, [sent])
    assert await find(world) == []


def _again(pod: Object) -> Object:
    """A pod that differs from it by nothing but its UID."""
    meta = {key: pod["metadata"][key] for key in ("name", "namespace", "labels", "ownerReferences")}
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


async def test_what_a_tenant_calls_a_leftover_is_left_alone(
    world: Client, node: RunningNode
) -> None:
    """A claim labelled as older releases labelled theirs, and held by a pod, ended every run with
    an error."""
    name, labels = "mine", {"app.kubernetes.io/managed-by": "manor-verify"}
    own = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": A, "labels": labels},
    }
    await world.impersonate(f"{A}-editor").create(own)
    command = [
        MANOR,
        "verify",
        "--kubeconfig",
        str(node.kubeconfig),
        "--only",
        "MNR-NETWORK-001",
        "-o",
        "json",
    ]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (await world.get("v1", "ConfigMap", name, A))["metadata"]["labels"] == labels
