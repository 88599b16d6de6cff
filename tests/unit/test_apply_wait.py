"""What is told of a thing that is waited for."""

import pytest

from api_stand_in import ApiStandIn
from manor.apply import NotReady, wait
from manor.kube import Client, Object

pytestmark = pytest.mark.unit

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "iris", "namespace": "vision"},
    "spec": {"selector": {"matchLabels": {"app": "iris"}}},
    "status": {"observedGeneration": 1},
}
META = {"name": "iris-1", "namespace": "vision", "labels": {"app": "iris"}}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": META, "spec": {}, "status": {}}
EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "e", "namespace": "vision"},
    "involvedObject": {"name": "iris-1"},
    "reason": "Failed",
    "message": "no image",
}


async def _explained(_client: Client, obj: Object) -> str:
    return f"{obj['metadata']['name']} has no room"


@pytest.mark.parametrize(
    ("explain", "told"),
    [(None, "last event: Failed: no image"), (_explained, "iris has no room")],
)
async def test_why_it_is_not_ready_is_told(explain: object, told: str) -> None:
    server = ApiStandIn()
    server.hold(DEPLOYMENT, POD, EVENT)
    with pytest.raises(NotReady) as caught:
        await wait(server.client(), [DEPLOYMENT], timeout=0, explain=explain)  # type: ignore[arg-type]
    (pending,) = caught.value.pending
    assert pending.reason == f"0 of 1 pods are available; {told}"
