"""What the operator does with what teams' proxies tell of their Models."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import model, platform, tenant
from manor.api import API_VERSION, Model
from manor.api.wellknown import GROUP
from manor.kube import Client, DirectReader, Object, Unreachable
from manor.objectset.references import Ref
from manor.operator.judge import Judge
from manor.operator.known import Known
from manor.operator.scaler import Scaler
from manor.operator.statuses import Statuses
from manor.render import spec_object

pytestmark = pytest.mark.unit

KEY = Ref(GROUP, "Model", "vision", "digits")


class Proxies:
    """What they tell, in the place of the connections to them."""

    text = ""

    async def from_each(self, host: str, port: int, path: str) -> dict[str, str]:
        assert (host, port) == ("manor-vision.envoy-gateway-system.svc", 19001)
        assert path.startswith("/stats/prometheus?filter=")
        if not self.text:
            raise Unreachable("nobody is there")
        return {"10.0.0.1": self.text}


class Events(list[tuple[str, str]]):
    """Those that were told."""

    def tell(
        self, _about: Ref, _uid: str, reason: str, message: str, kind: str = "Warning"
    ) -> None:
        self.append((f"{kind} {reason}", message))


def counted(name: str, value: int, cluster: str = "", **labels: str) -> str:
    told = {"envoy_cluster_name": f"httproute/vision/digits/rule/0{cluster}", **labels}
    inside = ",".join(f'{key}="{one}"' for key, one in told.items())
    return f"envoy_cluster_upstream_{name}{{{inside}}} {value}\n"


class World:
    """A team's model, its server and its proxies."""

    def __init__(self, replicas: int = 1, **spec: Any) -> None:
        self.server, self.proxies, self.events = ApiStandIn(), Proxies(), Events()
        self.server.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}})
        self.client: Client = self.server.client()
        self.stored = spec_object(model(**spec))
        self.server.hold(self.stored)
        for name in ("digits", "digits-canary"):
            meta = {"name": name, "namespace": "vision"}
            served = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta}
            self.server.hold({**served, "spec": {"replicas": replicas, "selector": {}}})
        self.known, self.models = Known(), {KEY: model(**spec)}
        reader = DirectReader(self.client)
        recorder: Any = self.events
        self.scaler = Scaler(self.client, reader, self.known, recorder)
        statuses = Statuses(self.client, reader, lambda *_: None)
        self.judge = Judge(self.client, reader, self.known, recorder, statuses)

    async def look(self, who: Any, text: str) -> None:
        self.proxies.text = text
        await who.look(self.proxies, platform(), tenant(), self.models)

    async def replicas(self) -> int:
        live = await self.client.get("apps/v1", "Deployment", "digits", "vision")
        return int(live["spec"]["replicas"])

    async def spec(self) -> Object:
        """What is stored of the model; it is what is looked at from then on."""
        live = await self.client.get(API_VERSION, "Model", "digits", "vision")
        self.models[KEY] = Model.model_validate(live)
        return dict(live["spec"])


async def test_a_model_goes_and_comes_with_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    world, now = World(autoscaling={"maxReplicas": 3, "idleAfter": "1m"}), 1000.0
    monkeypatch.setattr("manor.operator.scaler.time.monotonic", lambda: now)
    await world.look(world.scaler, counted("rq_total", 5))
    now += 61
    await world.look(world.scaler, counted("rq_total", 5))
    assert await world.replicas() == 0
    now += 600
    await world.look(world.scaler, counted("rq_total", 5) + counted("cx_connect_fail", 1))
    assert await world.replicas() == 1
    assert [reason for reason, _ in world.events] == ["Normal Scaled"] * 2
    assert world.events[0][1] == "from 1 to 0 replicas: nobody asked for 60 s"


async def test_where_a_proxy_is_silent_replicas_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    world, now = World(autoscaling={"maxReplicas": 3, "idleAfter": "1m"}), 1000.0
    monkeypatch.setattr("manor.operator.scaler.time.monotonic", lambda: now)
    await world.look(world.scaler, counted("rq_total", 5))
    now += 61
    await world.look(world.scaler, "")
    assert await world.replicas() == 1
    assert world.events[-1][0] == "Warning RequestsUnknown"


def answered(good: int, bad: int = 0) -> str:
    told = [("/backend/0", "2", 1000), ("/backend/1", "2", good), ("/backend/1", "5", bad)]
    return "".join(
        counted("rq_xx", count, version, envoy_response_code_class=digit)
        for version, digit, count in told
    )


CANARY = {
    "storageUri": "pvc://models/next",
    "analysis": {"steps": [10, 50], "interval": "1s", "minRequests": 20},
}


async def test_a_canary_becomes_the_model_share_by_share(monkeypatch: pytest.MonkeyPatch) -> None:
    world, now = World(canary=CANARY), 1000.0
    monkeypatch.setattr("manor.operator.judge.time.monotonic", lambda: now)
    weights = []
    for looks in range(1, 6):
        await world.look(world.judge, answered(100 * looks))
        weights.append((await world.spec()).get("canary", {}).get("weight"))
        now += 2
    assert weights == [10, 10, 50, 50, None]
    assert (await world.spec())["storageUri"] == "pvc://models/next"
    assert [reason.split()[1] for reason, _ in world.events] == [
        *("CanaryRaised", "CanaryRaised", "CanaryPromoted")
    ]


async def test_a_canary_that_errs_is_taken_away_and_it_is_told() -> None:
    world = World(canary={**CANARY, "weight": 10})
    await world.look(world.judge, answered(100))
    await world.look(world.judge, answered(110, 12))
    spec = await world.spec()
    assert ("canary" in spec, spec["storageUri"]) == (False, "pvc://models/digits")
    ((reason, said),) = world.events
    assert (reason, "54.5 % of 22 requests failed" in said) == ("Warning CanaryFailed", True)
    # The server in memory keeps what is written to a subresource beside the object.
    (written,) = (obj for path, obj in world.server.objects.items() if path.endswith("/status"))
    (told,) = written["status"]["conditions"]
    assert (told["type"], told["status"], told["reason"]) == ("CanaryPassed", "False", "Errors")


async def test_nobody_is_sent_to_a_canary_without_a_replica() -> None:
    world = World(replicas=0, canary=CANARY)
    path = next(path for path in world.server.objects if path.endswith("/digits-canary"))
    world.server.objects[path]["spec"]["replicas"] = 1
    world.server.objects[path]["status"] = {}
    await world.look(world.judge, answered(100))
    assert (await world.spec())["canary"].get("weight", 0) == 0
    assert not world.events


async def test_a_canary_whose_replica_goes_is_not_found_good_by_what_it_said_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, now = World(canary={**CANARY, "weight": 10}), 1000.0
    monkeypatch.setattr("manor.operator.judge.time.monotonic", lambda: now)
    await world.look(world.judge, answered(100))
    path = next(path for path in world.server.objects if path.endswith("/digits-canary"))
    status, world.server.objects[path]["status"] = world.server.objects[path]["status"], {}
    now += 2
    await world.look(world.judge, answered(200))
    assert (await world.spec())["canary"]["weight"] == 10
    world.server.objects[path]["status"] = status
    await world.look(world.judge, answered(200))
    assert (await world.spec())["canary"]["weight"] == 50


async def test_a_change_by_somebody_else_is_not_written_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(canary={**CANARY, "weight": 10})
    stale = await world.client.get(API_VERSION, "Model", "digits", "vision")
    await world.look(world.judge, answered(100))
    await world.client.patch(
        API_VERSION, "Model", "digits", {"spec": {"replicas": 2}}, namespace="vision"
    )

    async def live(_statuses: Statuses, _key: Ref) -> Object:
        return stale

    monkeypatch.setattr(Statuses, "live", live)
    await world.look(world.judge, answered(100, 100))
    assert "canary" in await world.spec()
