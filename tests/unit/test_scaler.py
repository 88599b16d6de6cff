"""What the operator does with what teams' proxies tell of their Models."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import model, platform, tenant
from manor.api.wellknown import GROUP
from manor.kube import Client, DirectReader, Unreachable
from manor.objectset.references import Ref
from manor.operator.known import Known
from manor.operator.scaler import Scaler
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

    async def look(self, who: Any, text: str) -> None:
        self.proxies.text = text
        await who.look(self.proxies, platform(), tenant(), self.models)

    async def replicas(self) -> int:
        live = await self.client.get("apps/v1", "Deployment", "digits", "vision")
        return int(live["spec"]["replicas"])


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
