"""A canary gets its share of the requests once it answers, whichever engine serves it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_stand_in import ApiStandIn
from engine_specs import model, platform, tenant
from manor.apply import Action, NotReady, Options
from manor.kube import Object
from manor.limits import Rollout, override
from manor.load import Specs
from manor.rollout import Desired, Event, ObjectSet, apply_set, apply_stages, plan_set, wait_ready
from manor.rollout.canaries import LEAST, WHOLE, steps
from manor.rollout.outcome import SetOutcome
from manor.rollout.progress import ShareWithheld
from served_kinds import MANORS, Kind

pytestmark = pytest.mark.unit

CANARY = {"storageUri": "pvc://models/digits-2", "weight": 10}
SERVERS = {
    "native": Kind("apps", "v1", "Deployment", "deployments", True),
    "kserve": Kind("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices", True),
    "seldon": Kind(
        "machinelearning.seldon.io", "v1", "SeldonDeployment", "seldondeployments", True
    ),
}
ANSWERS: Object = {
    "observedGeneration": 1,
    **dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1),
    "conditions": [{"type": "Ready", "status": "True"}],
    "state": "Available",
}


class World:
    """A team's model with a canary, by one engine."""

    def __init__(self, engine: str, **spec: Any) -> None:
        self.kind = SERVERS[engine]
        self.server = ApiStandIn()
        self.server.kinds += [*MANORS, self.kind]
        self.server.controllers[self.kind.kind] = lambda _: {}
        meta = {"name": "vision", "labels": {"manor.dev/tenant": "vision"}}
        self.server.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        self.client = self.server.client()
        self.spec, self.engine = {"canary": CANARY, **spec}, engine

    @property
    def part(self) -> ObjectSet:
        tools = [self.engine] if self.engine != "native" else []
        top, team = platform(engines={"model": self.engine}, tools=tools), tenant(tools=tools)
        specs = Specs(platform=top, tenants={"vision": team}, workloads=[model(**self.spec)])
        return apply_stages(Desired(specs, specs))[-1][0]

    async def apply(self, events: list[Event] | None = None) -> list[int]:
        """The shares of the model and of its canary, once it was applied."""
        tell = events.append if events is not None else lambda _: None
        result = await apply_set(self.client, self.part, Options(), tell)
        assert result.ok, [step.message for step in result]
        return self.shares()

    def shares(self) -> list[int]:
        (rule,) = self.server.held("httproutes", "digits")["spec"]["rules"]
        return [backend["weight"] for backend in rule["backendRefs"]]

    def becomes(self, status: Object) -> None:
        """What serves the canary comes to stand so."""
        name = "digits" if self.engine == "seldon" else "digits-canary"
        self.server.held(self.kind.plural, name)["status"] = status


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """No proxy has to hear of a route."""
    with override(rollout=Rollout(routed=0, proxied=0)):
        yield


@pytest.mark.parametrize("engine", SERVERS)
async def test_a_canary_gets_its_share_once_it_answers_and_while_it_does(engine: str) -> None:
    world, events = World(engine), list[Event]()
    assert await world.apply(events) == [100, 0]
    assert [event.part.ref for event in events if isinstance(event, ShareWithheld)] == [
        world.part.ref
    ]
    assert await world.apply() == [100, 0]
    world.becomes(ANSWERS)
    assert await world.apply() == [90, 10]
    planned = await plan_set(world.client, world.part, Options())
    assert {step.action for step in planned} == {Action.UNCHANGED}
    world.becomes({})
    assert await world.apply() == [100, 0]


async def test_a_share_that_grows_does_so_at_once_where_it_answers() -> None:
    world = World("native")
    await world.apply()
    world.becomes(ANSWERS)
    world.spec["canary"] = {**CANARY, "weight": 50}
    assert await world.apply() == [50, 50]


@pytest.mark.parametrize("engine", ["native", "kserve"])
async def test_what_was_a_shadow_answers_nobody_until_another_version_is_there(engine: str) -> None:
    world = World(engine, canary={**CANARY, "shadow": True})
    await world.apply()
    world.becomes(ANSWERS)
    assert await world.apply() == [100, 0]
    world.spec["canary"] = {**CANARY, "storageUri": "pvc://models/third"}
    assert await world.apply() == [100, 0]
    world.becomes(ANSWERS)
    assert await world.apply() == [90, 10]


@pytest.mark.parametrize("canary", [{**CANARY, "shadow": True}, {**CANARY, "weight": 0}])
async def test_where_nobody_waits_for_its_answer_nothing_is_withheld(canary: Object) -> None:
    world, events = World("native", canary=canary), list[Event]()
    assert await world.apply(events) == [100, 0]
    assert not [event for event in events if isinstance(event, ShareWithheld)]


async def test_who_waits_until_all_is_ready_gives_the_share() -> None:
    world = World("native")
    world.server.controllers["Deployment"] = lambda obj: (
        {} if obj["metadata"]["name"] == "digits-canary" else ANSWERS
    )
    part = world.part
    result = await apply_set(world.client, part, Options())
    with pytest.raises(NotReady, match="digits-canary"):
        await wait_ready(world.client, [SetOutcome(part, result)], 0.0)
    assert world.shares() == [100, 0]
    world.becomes(ANSWERS)
    await wait_ready(world.client, [SetOutcome(part, result)], 0.0)
    assert world.shares() == [90, 10]


async def test_a_share_that_is_refused_in_the_end_is_told() -> None:
    world = World("native")
    world.server.controllers["Deployment"] = lambda _: ANSWERS
    part = world.part
    result = await apply_set(world.client, part, Options())
    world.server.refused["PATCH .*/httproutes/digits"] = (403, "forbidden: httproutes")
    with pytest.raises(NotReady, match=r"(?s)canary of Model digits has no share.*httproutes"):
        await wait_ready(world.client, [SetOutcome(part, result)], 0.0)


async def test_who_comes_into_a_route_or_leaves_it_has_the_least_share_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, seen = World("native"), list[list[int]]()
    send = world.server.send

    async def recorded(identity: Any, method: str, path: str, *rest: Any, **more: Any) -> str:
        answer = await send(identity, method, path, *rest, **more)
        if method == "PATCH" and "/httproutes/" in path and seen[-1:] != [world.shares()]:
            seen.append(world.shares())
        return answer

    world.server.controllers["Deployment"] = lambda _: ANSWERS
    await world.apply()
    monkeypatch.setattr(world.server, "send", recorded)
    assert await world.apply() == [90, 10]
    assert seen == [[1_000_000, LEAST], [90, 10]]
    world.spec["canary"] = {**CANARY, "weight": 50}
    assert await world.apply() == [50, 50]
    del world.spec["canary"]
    assert await world.apply() == [1]
    assert seen[2:] == [[50, 50], [1_000_000, LEAST], [1]]


SHARES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 1_000_000))


@given(SHARES, SHARES)
def test_no_service_gets_more_than_the_least_at_once_or_loses_more(
    before: dict[str, int], after: dict[str, int]
) -> None:
    """Whatever a route says and shall say; unless nobody was answered, or shall be."""

    def part(shares: dict[str, int], name: str) -> float:
        return shares.get(name, 0) / sum(shares.values())

    if not sum(before.values()) or not sum(after.values()):
        assert not steps(before, after)
        return
    for one, then in pairwise([before, *steps(before, after), after]):
        for name in "abc":
            if bool(one.get(name)) != bool(then.get(name)):
                assert LEAST in (one.get(name), then.get(name))
                assert min(part(one, name) + part(then, name), 1) <= 3 / WHOLE
