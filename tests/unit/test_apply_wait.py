"""What is told of a thing that is waited for."""

import pytest

from api_stand_in import ApiStandIn
from manor.apply.wait import hint

pytestmark = pytest.mark.unit

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "iris", "namespace": "vision"},
    "spec": {"selector": {"matchLabels": {"app": "iris"}}},
}


def pod(state: str) -> dict[str, object]:
    status = {"initContainerStatuses": [{"name": "wait-for-model", "state": {state: {}}}]}
    meta = {"name": "iris-1", "namespace": "vision", "labels": {"app": "iris"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": status}


@pytest.mark.parametrize(
    ("state", "told"), [("running", "wait-for-model: waiting for the model"), ("terminated", "")]
)
async def test_what_an_init_container_waits_for_is_told_in_its_own_words(
    state: str, told: str
) -> None:
    server = ApiStandIn()
    server.hold(DEPLOYMENT, pod(state))
    server.logs["/api/v1/namespaces/vision/pods/iris-1/log"] = "waiting for the model\n"
    assert await hint(server.client(), DEPLOYMENT) == told
