"""Tools on a real API server: their guardrails, and what happens where one is not installed."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ground import gateway_kinds
from makers import definitions
from manor.api import API_VERSION, Tool
from manor.apply import wait
from manor.kube import Client
from manor.render import spec_object
from manor.rollout.fixtures import Finding, define_kinds, definition, try_fixtures
from manor.tools import shipped
from nodes import MANOR, RunningNode, node_for_tests
from spec_examples import BASE
from tool_examples import ANVIL, FORGE, tool

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def node() -> AsyncIterator[RunningNode]:
    """An API server of these tests' own, with all kinds of all Tools: the quota controller finds
    them in one go."""
    with node_for_tests("tools", "--api-only") as running:
        async with Client.connect(running.kubeconfig) as client:
            tools = (tool(), *shipped().values())
            # With their schemas, where those are at hand: they judge the fixtures too.
            groups = {kind.group for each in tools for kind in each.spec.kinds}
            makers = definitions(*groups)
            for crd in makers:
                await client.apply(crd, field_manager="tests", force=True)
            await wait(client, makers, timeout=60)
            for each in tools:
                await define_kinds(client, each)
        yield running


async def findings(node: RunningNode, given: Tool) -> list[Finding]:
    async with Client.connect(node.kubeconfig) as client:
        return [finding async for finding in try_fixtures(client, given)]


@pytest.mark.parametrize("given", [tool(), *shipped().values()], ids=lambda given: given.name)
async def test_guardrails_admit_and_refuse_what_they_must(node: RunningNode, given: Tool) -> None:
    assert [finding for finding in await findings(node, given) if not finding.ok] == []


async def test_a_guardrail_that_does_not_hold_is_seen(node: RunningNode) -> None:
    (guardrail,) = FORGE["guardrails"]
    open_ = {**guardrail, "rules": [{"expression": "true", "message": "nothing"}]}
    closed = {**guardrail, "rules": [{"expression": "false", "message": "everything"}]}
    seen = {}
    for name, rules in (("open", open_), ("closed", closed)):
        found = await findings(node, tool(name, guardrails=[rules]))
        seen[name] = {finding.must: finding.ok for finding in found}
    assert seen == {
        "open": {"admit": True, "refuse": False},
        "closed": {"admit": False, "refuse": True},
    }


def manor(node: RunningNode, *args: str) -> subprocess.CompletedProcess[str]:
    command = [MANOR, *args, "--kubeconfig", str(node.kubeconfig)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def written(folder: Path, *specs: Any) -> str:
    file = folder / "specs.yaml"
    file.write_text(yaml.safe_dump_all(specs))
    return str(file)


async def test_a_tool_that_is_not_installed_is_told_and_stops_nothing(
    node: RunningNode, tmp_path: Path
) -> None:
    kinds = [
        {
            **kind,
            "group": "kiln.example",
            "kind": f"Kiln{kind['kind']}",
            "plural": f"kiln{kind['plural']}",
        }
        for kind in FORGE["kinds"]
    ]
    brick = {"apiVersion": "kiln.example/v1", "kind": "KilnAnvil", "metadata": {"name": "first"}}
    own = tool("kiln", kinds=kinds, guardrails=[], objects={"namespace": [brick]})
    platform = {**BASE["Platform"], "spec": {**BASE["Platform"]["spec"], "tools": ["kiln"]}}
    team = {**BASE["Tenant"], "metadata": {"name": "kiln-team"}}
    file = written(tmp_path, platform, spec_object(own), team)
    async with Client.connect(node.kubeconfig) as client:
        await gateway_kinds.install(client)
        first = await asyncio.to_thread(manor, node, "apply", "-f", file, "--no-wait")
        assert first.returncode == 0, first.stderr
        assert (
            "warning: Tool kiln is not installed: the server has no KilnAnvil.kiln.example, "
            in first.stderr
        )
        assert (await client.get("v1", "ResourceQuota", "manor-quota", "kiln-team"))["spec"]["hard"]
        listed = await asyncio.to_thread(manor, node, "tools", "list")
        assert listed.stdout.split("kiln")[1].split()[:4] == ["1.0", "own", "yes", "no"]
        for kind in kinds:
            await client.apply(defined(kind), field_manager="tests")
        second = await asyncio.to_thread(manor, node, "apply", "-f", file, "--no-wait")
        assert second.returncode == 0, second.stderr
        assert "not installed" not in second.stderr
        assert await client.get("kiln.example/v1", "KilnAnvil", "first", "kiln-team")
        # As the team's owner: its kinds are its own, those of the whole cluster are read alone.
        owner = client.impersonate("ada@example.com")
        second_brick = {**brick, "metadata": {"name": "second", "namespace": "kiln-team"}}
        assert await owner.create(second_brick)
        assert await owner.list("kiln.example/v1", "KilnFire") == []


def defined(kind: dict[str, Any]) -> dict[str, Any]:
    """One of a Tool's kinds, as its own definition would be."""
    scope = "Namespaced" if kind.get("namespaced", True) else "Cluster"
    return definition(kind["group"], "v1", kind["kind"], kind["plural"], scope)


def test_check_says_what_is_wrong_by_file_and_field(tmp_path: Path) -> None:
    (guardrail,) = FORGE["guardrails"]
    bad = tool(guardrails=[{**guardrail, "admits": [{**ANVIL, "spec": {"kilos": 1000}}]}])
    file = written(tmp_path, spec_object(bad))
    done = subprocess.run(
        [MANOR, "tools", "check", file], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stderr
    assert f"{file}: spec.guardrails[0].admits[0] (weight): must admit; " in done.stderr
    assert "it's too heavy; ask your platform team" in done.stderr
    assert "1 of 2 fixtures are as they must be" in done.stderr


async def test_verify_attacks_each_guardrail_and_sees_one_that_is_gone(
    node: RunningNode, tmp_path: Path
) -> None:
    platform = {**BASE["Platform"], "spec": {**BASE["Platform"]["spec"], "tools": ["forge"]}}
    teams = [{**BASE["Tenant"], "metadata": {"name": name}} for name in ("forge-one", "forge-two")]
    unused = {
        **BASE["Tenant"],
        "metadata": {"name": "forge-less"},
        "spec": {**BASE["Tenant"]["spec"], "tools": []},
    }
    file = written(tmp_path, platform, spec_object(tool()), *teams, unused)
    attack = ["verify", "--level", "dry-run", "--only", "MNR-TOOLS-FORGE-WEIGHT", "-o", "json"]
    async with Client.connect(node.kubeconfig) as client:
        await gateway_kinds.install(client)
        for kind in FORGE["kinds"]:
            await client.apply(defined(kind), field_manager="tests", force=True)
        for other in await client.list(API_VERSION, "Tenant"):  # other tests' have other Tools
            await client.delete(API_VERSION, "Tenant", other["metadata"]["name"])
        applied = await asyncio.to_thread(manor, node, "apply", "-f", file, "--no-wait")
        assert applied.returncode == 0, applied.stderr
        sound = await asyncio.to_thread(manor, node, *attack)
        assert sound.returncode == 0, sound.stdout + sound.stderr
        (result,) = json.loads(sound.stdout)["results"]
        assert "policy manor-forge-weight" in str(result)
        assert "forge-less does not use the Tool forge" in str(result)
        for binding in ("manor-forge-weight", "manor-forge-weight-update"):
            await client.delete(
                "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", binding
            )
        await asyncio.sleep(3)  # until the API server acts without it
        opened = await asyncio.to_thread(manor, node, *attack)
        assert opened.returncode == 1, opened.stdout + opened.stderr
