"""Keys to a model on a real API server: who writes them, and what keeps or drops them."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.api import API_VERSION, Model
from manor.api.workload import ModelKey
from manor.kube import Client, Invalid, Object
from manor.limits import Cli, override
from manor.rollout import NotAtGateway, bring_to_gateway, change_keys
from manor.signing import make_key
from manor.state import read_state
from nodes import run_manor

pytestmark = pytest.mark.integration

TEAM = "keyed"
POLICY = ("gateway.envoyproxy.io/v1alpha1", "SecurityPolicy", "iris", TEAM)


def model(**access: Any) -> Object:
    said = {"access": access} if access else {}
    return {
        "apiVersion": API_VERSION,
        "kind": "Model",
        "metadata": {"name": "iris", "namespace": TEAM},
        "spec": {"format": "sklearn", "storageUri": "oci://manor.local/iris:1", **said},
    }


class Desk:
    """Applies the model's file, and looks at what came of it."""

    def __init__(self, node: Any, client: Client, folder: Path) -> None:
        self.node, self.client, self.folder = node, client, folder

    def apply(self, **access: Any) -> str:
        file = self.folder / "model.yaml"
        file.write_text(yaml.safe_dump(model(**access)))
        where = ("--kubeconfig", str(self.node.kubeconfig))
        return run_manor("apply", "-f", str(file), "--no-wait", *where).stderr

    async def model(self) -> Model:
        return Model.model_validate(await self.client.get(API_VERSION, "Model", "iris", TEAM))

    async def add(self, key: ModelKey) -> None:
        await change_keys(self.client, await self.model(), lambda keys: [*keys, key])

    async def names(self) -> tuple[list[str], list[str]]:
        """The keys in the Model, and those at the gateway."""
        live = await self.client.get(*POLICY)
        (provider,) = live["spec"]["jwt"]["providers"]
        found = json.loads(provider["localJWKS"]["inline"])["keys"]
        return (
            sorted(key.name for key in (await self.model()).open_to),
            [key["kid"] for key in found],
        )

    async def limits(self) -> list[tuple[str, int]]:
        """Whom the gateway counts, and how many requests a minute it lets through."""
        found = await self.client.list(POLICY[0], "BackendTrafficPolicy", TEAM)
        rules = [rule for obj in found for rule in obj["spec"]["rateLimit"]["local"]["rules"]]
        return [
            (rule["clientSelectors"][0]["headers"][1]["value"], rule["limit"]["requests"])
            for rule in rules
        ]

    async def guards(self) -> list[tuple[str, str, Object]]:
        """What stands before the route: its kind, in which version it is stored, and whose it
        is."""
        kinds = ("BackendTrafficPolicy", POLICY[1])
        found = [await self.client.get(POLICY[0], kind, *POLICY[2:]) for kind in kinds]
        return [
            (obj["kind"], obj["metadata"]["resourceVersion"], obj["metadata"]["ownerReferences"])
            for obj in found
        ]

    async def bring(self, client: Client | None = None) -> None:
        """No gateway's controller is there to say that it took them."""
        client = client or self.client
        known = await read_state(client, [TEAM], workloads=False)
        with override(cli=Cli(keys=0.1)), pytest.raises(NotAtGateway, match="no gateway has taken"):
            await bring_to_gateway(client, known, await self.model())


def key(name: str) -> ModelKey:
    return make_key(TEAM, "iris", name, datetime.now(UTC) + timedelta(days=1)).public


@pytest.fixture(scope="module")
async def team(platform_node: Any, client: Client, tmp_path_factory: Any) -> AsyncIterator[Any]:
    file = tmp_path_factory.mktemp("team") / "team.yaml"
    spec = {"owners": [{"name": "kay"}]}
    tenant = {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": TEAM}, "spec": spec}
    file.write_text(yaml.safe_dump(tenant))
    where = ("--kubeconfig", str(platform_node.kubeconfig))
    run_manor("apply", "-f", str(file), "--no-wait", *where)
    yield platform_node
    run_manor("delete", "-f", str(file), "--yes", "--delete-namespace", TEAM, *where)


@pytest.fixture
async def desk(team: Any, client: Client, tmp_path: Path) -> Desk:
    """A desk with a model that nobody may ask yet."""
    made = Desk(team, client, tmp_path)
    made.apply()
    await change_keys(client, await made.model(), lambda _: [])
    made.apply()
    return made


async def test_who_applies_the_file_keeps_what_was_given_out(desk: Desk) -> None:
    assert await desk.names() == ([], ["nobody"])
    await desk.add(key("ci"))
    await desk.bring()
    assert await desk.names() == (["ci"], ["ci"])
    desk.apply()
    assert await desk.names() == (["ci"], ["ci"])
    desk.apply(keys=[key("app").model_dump(by_alias=True)])
    assert await desk.names() == (["app", "ci"], ["app", "ci"])
    await desk.client.apply(model(), field_manager="kubectl")
    assert (await desk.names())[0] == ["app", "ci"]


async def test_what_the_file_no_longer_names_is_gone_at_once(desk: Desk) -> None:
    await desk.add(key("ci"))
    desk.apply(keys=[key("app").model_dump(by_alias=True)])
    assert await desk.names() == (["app", "ci"], ["app", "ci"])
    desk.apply()
    assert await desk.names() == (["ci"], ["ci"])


async def test_a_revoked_key_is_gone_from_the_gateway(desk: Desk) -> None:
    await desk.add(key("ci"))
    await desk.bring()
    await change_keys(desk.client, await desk.model(), lambda _: [])
    await desk.bring()
    assert await desk.names() == ([], ["nobody"])


async def test_of_keys_made_at_once_none_is_lost(desk: Desk) -> None:
    await asyncio.gather(*(desk.add(key(f"key-{number}")) for number in range(5)))
    assert (await desk.names())[0] == [f"key-{number}" for number in range(5)]


async def test_a_public_model_has_no_policy(desk: Desk) -> None:
    desk.apply(mode="public")
    found = await desk.client.list(*POLICY[:2], TEAM)
    assert found == []


async def test_a_team_gives_out_keys_with_its_own_rights_and_weakens_nothing(desk: Desk) -> None:
    kay = desk.client.impersonate("kay")
    await change_keys(kay, await desk.model(), lambda keys: [*keys, key("ci")])
    await desk.bring(kay)
    assert await desk.names() == (["ci"], ["ci"])
    for spec in (
        {"jwt": {"failOpen": True}},
        {"targetRefs": [], "targetSelectors": [{"kind": "HTTPRoute"}]},
    ):
        with pytest.raises(Invalid, match="manor-keys"):
            await kay.patch(*POLICY[:3], {"spec": spec}, namespace=TEAM)


async def test_what_is_counted_is_as_it_was_written_and_goes_with_the_last_limit(
    desk: Desk,
) -> None:
    """A second apply, and a second look, write nothing: the server adds nothing to the rules."""
    kay = desk.client.impersonate("kay")
    bounded = key("ci").model_copy(update={"requests_per_minute": 60})
    await change_keys(kay, await desk.model(), lambda keys: [*keys, bounded])
    await desk.bring(kay)
    assert await desk.limits() == [("ci", 60)]
    before = await desk.guards()
    await desk.bring(kay)
    desk.apply()
    assert await desk.guards() == before
    desk.apply(requestsPerMinute=5)
    assert await desk.limits() == [("ci", 60)]
    await desk.add(key("app"))
    await desk.bring(kay)
    assert await desk.limits() == [("app", 5), ("ci", 60)]
    other = {"spec": {"retry": {"numRetries": 1000}}}
    with pytest.raises(Invalid, match="manor-limits"):
        await kay.patch(POLICY[0], "BackendTrafficPolicy", "iris", other, namespace=TEAM)
    desk.apply()
    await change_keys(kay, await desk.model(), lambda _: [])
    await desk.bring(kay)
    assert await desk.limits() == []
