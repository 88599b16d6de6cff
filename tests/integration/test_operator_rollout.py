"""A change of the Platform reaches one tenant first, and the others once that one is Ready."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from manor.api import API_VERSION
from manor.api.wellknown import NETWORKING_API
from manor.kube import Client, Object
from nodes import run_manor
from operator_process import PLATFORM, condition, operating, ready, tenant
from waiting import until

pytestmark = pytest.mark.integration

POLICIES = "admissionregistration.k8s.io/v1"
NAMES = [f"wave-{number:02}" for number in range(20)]
UNTOUCHED, FIRST, *REST = NAMES
"""The oldest has nothing to do with what is changed; the next one goes first."""


@pytest.fixture(scope="module")
async def teams(
    platform_node: Any, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """Twenty tenants, made."""
    with operating(platform_node.kubeconfig, tmp_path_factory.mktemp("operator") / "log"):
        for name in NAMES:
            peers: Any = {"network": {"platformPeers": []}} if name == UNTOUCHED else {}
            await client.create(tenant(name, **peers))
            await ready(client, name)  # their age has whole seconds, and then the name decides
        await until("all follow", lambda: rolled_out(client))
    return NAMES


@pytest.fixture
def changed(tmp_path: Path) -> Any:
    """A file of the Platform with one more opening into the teams' namespaces."""

    def write(peer: str) -> Path:
        platform = yaml.safe_load(PLATFORM.read_text())
        platform["spec"]["network"]["peers"] = [{"name": peer, "namespace": peer}]
        file = tmp_path / "platform.yaml"
        file.write_text(yaml.safe_dump(platform))
        return file

    return write


async def platform(client: Client) -> Object:
    return await client.get(API_VERSION, "Platform", "manor")


async def rolled_out(client: Client) -> bool:
    return condition(await platform(client), "RollingOut").get("status") == "False"


async def stopped(client: Client) -> bool:
    return condition(await platform(client), "RollingOut").get("reason") == "Stopped"


async def open_to(client: Client, peer: str) -> list[str]:
    """The tenants that pods of the peer are let into."""
    found = await client.list(NETWORKING_API, "NetworkPolicy")
    suffix = f"-{peer}"
    return sorted(
        obj["metadata"]["namespace"] for obj in found if obj["metadata"]["name"].endswith(suffix)
    )


async def forbid(client: Client, peer: str, name: str = FIRST) -> None:
    """From now on no such opening may be made for a tenant."""
    meta = {"name": "test-no-opening"}
    rules = [
        {
            "apiGroups": ["networking.k8s.io"],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["networkpolicies"],
        }
    ]
    said = {"expression": f"!object.metadata.name.endsWith('-{peer}')", "message": "not today"}
    space = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules, "namespaceSelector": space},
        "validations": [said],
    }
    policy = {"apiVersion": POLICIES, "kind": "ValidatingAdmissionPolicy", "metadata": meta}
    binding = {"apiVersion": POLICIES, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta}
    bound = {"policyName": meta["name"], "validationActions": ["Deny"]}
    await client.apply({**policy, "spec": spec}, field_manager="test")
    await client.apply({**binding, "spec": bound}, field_manager="test")
    probe = {
        "apiVersion": NETWORKING_API,
        "kind": "NetworkPolicy",
        "metadata": {"name": f"probe-{peer}", "namespace": name},
        "spec": {"podSelector": {}},
    }

    async def denies() -> bool:
        try:
            await client.apply(probe, field_manager="test", dry_run=True)
        except Exception as error:
            return "not today" in str(error)
        return False

    await until("it is forbidden", denies)


async def allow(client: Client) -> None:
    for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
        await client.delete(POLICIES, kind, "test-no-opening")


async def test_it_stops_at_the_first_that_cannot_take_it_until_that_is_mended(
    platform_node: Any, client: Client, teams: list[str], changed: Any, tmp_path: Path
) -> None:
    where = ("--kubeconfig", str(platform_node.kubeconfig))
    log = tmp_path / "log"
    await forbid(client, "stop")
    with operating(platform_node.kubeconfig, log, "--elect") as operator:
        done = run_manor("apply", "-f", str(changed("stop")), *where, check=False)
        assert done.returncode != 0
        assert "the roll-out has stopped" in done.stderr
        assert re.search(
            rf"1 of 20 tenants follow generation \d+; waits for {FIRST}: .*not today", done.stderr
        )
        assert await stopped(client)
        status = (await platform(client))["status"]["rollOut"]
        assert (status["waitsFor"], status["followed"]) == (FIRST, "1/20")
        assert await open_to(client, "stop") == []
        events = await client.list("v1", "Event")
        told = [one["message"] for one in events if one["reason"] == "Stopped"]
        assert any(FIRST in message and "not today" in message for message in told)
        # What is asked for one tenant alone goes on, by the Platform as it is now.
        await client.delete(NETWORKING_API, "NetworkPolicy", "manor-default-deny", REST[3])
        spec = {"spec": {"quota": {"cpu": "3", "memory": "8Gi", "storage": "20Gi"}}}
        await client.patch(API_VERSION, "Tenant", REST[5], spec)
        own = sorted([REST[3], REST[5]])
        await until("both are as they say", lambda: _open_to(client, "stop", own))
        await ready(client, *own)
        operator.kill()
    with operating(platform_node.kubeconfig, log, "--elect"):
        await client.patch(API_VERSION, "Tenant", REST[7], spec)
        own = sorted([*own, REST[7]])
        await until("the next is as it says", lambda: _open_to(client, "stop", own))
        await until("it is told", lambda: _follow(client, "4/20"))
        assert await stopped(client)
        assert (await platform(client))["status"]["rollOut"]["waitsFor"] == FIRST
        await allow(client)
        await until("all follow", lambda: rolled_out(client), 360)
        assert await open_to(client, "stop") == [FIRST, *REST]
        assert (await platform(client))["status"]["rollOut"]["followed"] == "20/20"
        again = run_manor(
            "apply", "-f", str(changed("stop")), "--timeout", "2", *where, check=False
        )
        # Nothing makes this node's Gateways ready; the tenants are waited for before.
        assert "Gateway manor-front/manor-front" in again.stderr
        before = await _versions(client)
    with operating(platform_node.kubeconfig, log):
        await until("it works", lambda: _said(log, "synced", 3))
        await client.patch(API_VERSION, "Tenant", UNTOUCHED, spec)
        await ready(client, UNTOUCHED)
        after = await _versions(client)
    assert {name: after[name] for name in (*before,) if name != UNTOUCHED} == {
        name: version for name, version in before.items() if name != UNTOUCHED
    }


async def test_killed_in_the_middle_it_goes_on(
    line: Any, client: Client, teams: list[str], changed: Any, tmp_path: Path, platform_node: Any
) -> None:
    log = tmp_path / "log"
    where = ("--kubeconfig", str(platform_node.kubeconfig))
    with operating(line.kubeconfig, log) as victim:
        await until("it works", lambda: _said(log, "synced", 1))
        openings = 0

        async def fault(request: web.Request) -> web.Response | None:
            nonlocal openings
            openings += request.method == "PATCH" and request.path.endswith("-mid")
            if openings <= 6:
                return None
            if victim.runs():
                victim.process.kill()
            return web.Response(status=503)  # what it had sent already is as lost

        line.fault, line.requests[:] = fault, []
        run_manor("apply", "-f", str(changed("mid")), "--no-wait", *where)
        await until("it is killed", lambda: _is(not victim.runs()))
    line.fault = None
    # The first was told to be Ready before any other was changed.
    writes = [said for said in line.requests if said.startswith("PATCH") and "dry" not in said]
    opened = [said.split("/")[5] for said in writes if said.endswith("-mid")]
    assert set(opened[:2]) == {FIRST}
    told = writes.index(f"PATCH /apis/{API_VERSION}/tenants/{FIRST}/status")
    others = [i for i, said in enumerate(writes) if said.endswith("-mid") and FIRST not in said]
    assert told < min(others)
    assert 1 <= len(await open_to(client, "mid")) < len(REST)
    with operating(platform_node.kubeconfig, log):
        await until("all follow", lambda: rolled_out(client))
        assert await open_to(client, "mid") == [FIRST, *REST]


async def _is(answer: bool) -> bool:
    return answer


async def _said(log: Path, word: str, times: int) -> bool:
    return log.read_text().count(word) >= times


async def _open_to(client: Client, peer: str, names: list[str]) -> bool:
    return await open_to(client, peer) == names


async def _follow(client: Client, count: str) -> bool:
    return bool((await platform(client))["status"]["rollOut"]["followed"] == count)


async def _versions(client: Client) -> dict[str, str]:
    """The resource versions of the tenants and of the Platform."""
    found = [await platform(client), *await client.list(API_VERSION, "Tenant")]
    return {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] for obj in found}
