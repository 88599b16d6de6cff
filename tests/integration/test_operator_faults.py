"""What goes wrong beneath the operator: the line to the API server, the server itself, other
writers, one tenant that is broken."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from manor.api import API_VERSION
from manor.api.wellknown import NETWORKING_API, QUOTA
from manor.kube import Client, NotFound
from operator_process import Operator, condition, operating, ready, tenant
from waiting import until

pytestmark = pytest.mark.integration

Make = Callable[..., Awaitable[None]]

AWAY = 20.0
"""Seconds for which the API server does not answer."""


@pytest.fixture
async def operator(platform_node: Any, line: Any, tmp_path: Path) -> AsyncIterator[Operator]:
    """An operator at the other end of the line."""
    with operating(line.kubeconfig, tmp_path / "operator.log") as running:
        yield running
        assert running.runs(), running.said


async def denies(client: Client, namespace: str) -> bool:
    with suppress(NotFound):
        await client.get(NETWORKING_API, "NetworkPolicy", "manor-default-deny", namespace)
        return True
    return False


async def test_a_watch_that_goes_silent_is_asked_for_anew(
    client: Client, line: Any, make: Make, operator: Operator
) -> None:
    await make(tenant("silent-a"))
    await ready(client, "silent-a")
    line.silent = True
    await make(tenant("silent-b"))
    path = f"/apis/{API_VERSION}/tenants"
    await until("the watch of Tenants is silent", lambda: _so(line.swallowed[path] > 0))
    line.silent = False  # for the watches to come; those that are open stay silent
    await ready(client, "silent-b", seconds=180)


async def test_what_went_while_the_version_became_too_old_is_made_again(
    client: Client, line: Any, make: Make, operator: Operator
) -> None:
    await make(tenant("gone-a"))
    await ready(client, "gone-a")
    broken = 0

    async def no_watch(request: web.Request) -> web.Response | None:
        nonlocal broken
        if "watch" not in request.query:
            return None
        broken += 1
        return web.Response(status=503)

    line.fault = no_watch
    line.cut()
    await until("every watch is broken", lambda: _so(broken > 3))
    await client.delete(NETWORKING_API, "NetworkPolicy", "manor-default-deny", "gone-a")
    line.old_version, line.fault = "1", None  # the server answers 410
    await until("the policy is there again", lambda: denies(client, "gone-a"))
    line.old_version = ""
    await make(tenant("gone-b"))
    await ready(client, "gone-b")


async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    client: Client, line: Any, make: Make, operator: Operator
) -> None:
    refused: dict[str, float] = {}
    early: list[str] = []

    async def busy(request: web.Request) -> web.Response | None:
        if request.method != "PATCH" or "busy" not in request.path:
            return None
        if request.path in refused:
            if time.monotonic() - refused[request.path] < 1.9:
                early.append(request.path)
            return None
        refused[request.path] = time.monotonic()
        return web.Response(status=429, headers={"Retry-After": "2"})

    line.fault = busy
    await make(tenant("busy-a"), tenant("busy-b"))
    await ready(client, "busy-a", "busy-b")
    assert len(refused) > 10
    assert not early


async def test_a_server_that_was_away_finds_the_operator_at_work(
    client: Client, platform_node: Any, make: Make, operator: Operator
) -> None:
    await make(tenant("away-a"))
    await ready(client, "away-a")
    await make(*(tenant(f"away-{letter}") for letter in "bcd"))
    with stopped(platform_node):  # in the midst of them
        await asyncio.sleep(AWAY)
    await make(tenant("away-e"))
    await ready(client, *(f"away-{letter}" for letter in "abcde"))


async def test_a_rival_who_writes_all_the_time_loses(
    client: Client, make: Make, operator: Operator
) -> None:
    await make(tenant("rival-a"))
    await ready(client, "rival-a")
    before = await client.get("v1", "ResourceQuota", QUOTA, "rival-a")
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": QUOTA, "namespace": "rival-a"},
    }
    for number in range(60):
        hard = {"requests.cpu": str(number + 5)}
        await client.apply({**quota, "spec": {"hard": hard}}, field_manager="rival", force=True)
        note = {"metadata": {"annotations": {"rival": str(number)}}}
        await client.patch(API_VERSION, "Tenant", "rival-a", note)

    async def as_before() -> bool:
        live = await client.get("v1", "ResourceQuota", QUOTA, "rival-a")
        return bool(live["spec"] == before["spec"])

    await until("the quota is as before", as_before)
    await ready(client, "rival-a")


async def test_writes_that_conflict_are_made_again(
    client: Client, line: Any, make: Make, operator: Operator
) -> None:
    left = 20

    async def conflict(request: web.Request) -> web.Response | None:
        nonlocal left
        if request.method != "PATCH" or "storm-" not in request.path or left == 0:
            return None
        left -= 1
        status = {"kind": "Status", "code": 409, "reason": "Conflict", "message": "as told"}
        return web.json_response(status, status=409)

    line.fault = conflict
    await make(tenant("storm-a"), tenant("storm-b"))
    await ready(client, "storm-a", "storm-b")
    assert left == 0


async def test_a_broken_tenant_does_not_stop_the_others(
    client: Client, line: Any, make: Make, operator: Operator
) -> None:
    taken = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "broken-a"}}
    await client.create(taken)  # somebody else's
    await make(tenant("broken-a"))
    await make(*(tenant(f"whole-{letter}") for letter in "abc"))
    await ready(client, *(f"whole-{letter}" for letter in "abc"))

    async def told() -> bool:
        live = await client.get(API_VERSION, "Tenant", "broken-a")
        return condition(live).get("status") == "False" and bool(condition(live)["message"])

    await until("it says what is wrong", told)
    live = await client.get(API_VERSION, "Tenant", "broken-a")
    assert "broken-a" in condition(live)["message"]
    assert condition(live, "Stalled")["status"] == "True"
    mark = len(line.requests)
    await make(tenant("whole-d"))
    await ready(client, "whole-d")
    tries = Counter(line.requests[mark:])["PATCH /apis/manor.dev/v1alpha1/tenants/broken-a/status"]
    assert tries <= 5


@contextmanager
def stopped(node: Any) -> Iterator[None]:
    """The API server's process stands still."""
    program = f"/{node.name}/bin/kube-apiserver\0".encode()
    [pid] = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if program in path.read_bytes()
    ]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _so(answer: bool) -> bool:
    return answer


async def test_a_new_tenant_costs_no_read(
    client: Client, line: Any, make: Make, operator: Operator
) -> None:
    await make(tenant("read-a"))
    await ready(client, "read-a")
    line.requests.clear()
    await make(tenant("read-b"))
    await ready(client, "read-b")
    assert not [request for request in line.requests if request.startswith("GET ")]
    wrote = [request for request in line.requests if request.startswith("PATCH ")]
    assert len([request for request in wrote if "read-b" in request]) <= 31, wrote


async def test_what_others_have_where_all_teams_have_something_is_seen(
    client: Client, make: Make, operator: Operator
) -> None:
    """It is followed as well: a stranger's object under a tenant's name is told, not taken."""
    await make(tenant("own-a"))
    await ready(client, "own-a")
    meta = {"name": "manor-own-b", "namespace": "envoy-gateway-system"}
    ports = [{"port": 80, "name": "theirs"}]
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}}
    await client.create(theirs)
    await make(tenant("own-b"))

    async def told() -> bool:
        live = await client.get(API_VERSION, "Tenant", "own-b")
        return "exists and was not made by this inventory" in condition(live).get("message", "")

    await until("it is told", told)
    live = await client.get("v1", "Service", "manor-own-b", "envoy-gateway-system")
    assert [port["name"] for port in live["spec"]["ports"]] == ["theirs"]
    await client.delete("v1", "Service", "manor-own-b", "envoy-gateway-system")
    await ready(client, "own-b")
