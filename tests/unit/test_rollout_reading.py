"""Documents beside the cluster: what is wanted, how a workload stands, what a tenant uses."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import job, model, platform, tenant
from manor.api.platform import Engines
from manor.engines import Phase
from manor.kube import Object
from manor.load import Document, InvalidInput
from manor.render import spec_object
from manor.rollout import Event, quota_status, read_desired, standing
from manor.rollout.progress import GpusOvercommitted, SpecSetAside
from manor.state import every_quota, read_state, usage
from tool_examples import tool

pytestmark = pytest.mark.unit


def document(obj: Object) -> Document:
    return Document(obj, "given.yaml", {(): 1})


@pytest.fixture
def server() -> ApiStandIn:
    made = ApiStandIn(namespace="vision")
    made.hold(spec_object(platform()), spec_object(tenant()))
    return made


async def test_a_workload_without_a_namespace_is_in_the_clients(server: ApiStandIn) -> None:
    obj = spec_object(model(storageUri="oci://r/m:1"))
    del obj["metadata"]["namespace"]
    desired = await read_desired(server.client(), [document(obj)])
    assert [workload.metadata.namespace for workload in desired.specs.workloads] == ["vision"]
    assert list(desired.known.tenants) == ["vision"]
    assert desired.specs.platform is None
    assert desired.known.platform is not None


async def test_what_cannot_be_read_is_told_unless_it_is_given_anew(server: ApiStandIn) -> None:
    broken: Object = {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": "old"},
        "spec": {},
    }
    server.hold(broken)
    events: list[Event] = []
    await read_desired(server.client(), [document(spec_object(tenant()))], events.append)
    assert [event.broken.name for event in events if isinstance(event, SpecSetAside)] == ["old"]
    mended = {**broken, "spec": {"owners": [{"name": "ada"}]}}
    events.clear()
    desired = await read_desired(server.client(), [document(mended)], events.append)
    assert list(desired.specs.tenants) == ["old"]
    assert events == []


async def test_more_gpus_than_there_are_is_told(server: ApiStandIn) -> None:
    events: list[Event] = []
    await read_desired(
        server.client(), [document(spec_object(tenant(gpu={"guarantee": 2})))], events.append
    )
    assert events == [GpusOvercommitted(2, 0)]
    node: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "many"}}
    server.hold({**node, "status": {"allocatable": {"nvidia.com/gpu": "1k"}}})
    greedy = tenant(gpu={"guarantee": 1001})
    events.clear()
    await read_desired(server.client(), [document(spec_object(greedy))], events.append)
    assert events == [GpusOvercommitted(1001, 1000)]
    server.refused["GET .*/nodes"] = (403, "forbidden")
    events.clear()
    await read_desired(
        server.client(), [document(spec_object(tenant(gpu={"guarantee": 2})))], events.append
    )
    assert events == []


async def test_what_two_claim_one_can_give_up(server: ApiStandIn) -> None:
    other = spec_object(tenant(namespaces=[{"name": "vision"}])) | {"metadata": {"name": "other"}}
    with pytest.raises(InvalidInput, match="belongs to tenant 'vision' already"):
        await read_desired(server.client(), [document(other)])
    assert list(
        (await read_desired(server.client(), [document(other)], delete=True)).specs.tenants
    ) == ["other"]


@pytest.mark.parametrize(
    ("live", "phase", "reason"),
    [
        (None, Phase.NOT_APPLIED, ""),
        (
            {"spec": {"suspend": True}, "status": {}},
            Phase.SUSPENDED,
            "it waits in its queue",
        ),
        (
            {"spec": {}, "status": {"active": 1, "ready": 1}},
            Phase.RUNNING,
            "is not complete (1 active, 1 ready)",
        ),
        (
            {"spec": {}, "status": {"conditions": [{"type": "Complete", "status": "True"}]}},
            Phase.COMPLETE,
            "",
        ),
        (
            {"spec": {}, "status": {}},
            Phase.PENDING,
            "is not complete (no pods yet); Failed: no room",
        ),
    ],
)
async def test_how_a_workload_stands(
    server: ApiStandIn, live: Any, phase: Phase, reason: str
) -> None:
    meta = {"name": "train", "namespace": "vision"}
    if live:
        server.hold({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, **live})
    involved = {"kind": "Job", "name": "train"}
    about = {"type": "Warning", "reason": "Failed", "message": "no room"}
    server.hold(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "vision"},
            "involvedObject": involved,
            **about,
        }
    )
    stands = await standing(server.client(), job(), Engines())
    assert (stands.phase, stands.reason) == (phase, reason)


async def test_who_may_not_list_tools_reads_those_of_the_platform(server: ApiStandIn) -> None:
    """What a workload becomes depends on them, whoever applies it."""
    on = platform(tools=["forge", "mlflow"])
    server.hold(spec_object(on), spec_object(tool()), spec_object(tool("kiln")))
    assert (await read_state(server.client())).tools.keys() == {"forge", "kiln"}
    server.refused["GET /apis/manor.dev/v1alpha1/tools"] = (403, "forbidden")
    known = await read_state(server.client())
    assert known.tools.keys() == {"forge"}
    assert known.toolset.names == {"forge", "mlflow"}


def test_a_status_tells_the_budget_in_whole_gpus_and_counts_no_objects() -> None:
    names = ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "gpu.nvidia.com"]
    gpu = {"resourceNames": names, "perGpu": {"nvidia.com/mig-1g.5gb": 7}}
    budget = {
        "requests.cpu": ("1500m", "8"),
        "requests.nvidia.com/gpu": ("1", "2"),
        "requests.nvidia.com/mig-1g.5gb": ("3", "7"),
        "gpu.nvidia.com.deviceclass.resource.k8s.io/devices": ("2", "4"),
        "count/secrets": ("5", "200"),
    }
    told = quota_status(budget, platform(gpu=gpu))
    assert (told.cpu, told.memory, told.gpus) == ("1500m/8", "", "3.4/7")
    assert told.used == {name: used for name, (used, _) in budget.items() if "count" not in name}
    assert told.hard.keys() == told.used.keys()
    without = quota_status({"requests.nvidia.com/gpu": ("0", "0")}, platform())
    assert without.gpus == ""


async def test_a_status_is_that_of_the_object_as_it_is_now(server: ApiStandIn) -> None:
    for told, known in (
        ({"observedGeneration": 1, "phase": "Queued"}, Phase.SUSPENDED.value),
        ({"observedGeneration": 0, "phase": "Queued"}, None),
        ({"phase": "Queued"}, None),
        ({"observedGeneration": 1, "phase": "Invented"}, None),
        (None, None),
    ):
        server.hold({**spec_object(job()), "status": told})
        state = await read_state(server.client(), ["vision"])
        found = state.status_of(job())
        assert (found and found.written()["phase"]) == known, told


async def test_what_a_tenant_uses_is_summed_over_its_namespaces(server: ApiStandIn) -> None:
    team = tenant(namespaces=[{"name": "vision"}, {"name": "lab"}])
    for place, used in (("vision", "500m"), ("lab", "1")):
        labels = {"app.kubernetes.io/managed-by": "manor"}
        hard = {"requests.cpu": "2"}
        meta = {"name": "q", "namespace": place, "labels": labels}
        body = {"spec": {"hard": hard}, "status": {"used": {"requests.cpu": used}}}
        server.hold({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, **body})
    client = server.client()
    known = await read_state(client)
    known.namespaces["vision-own"] = "vision"
    for status in (200, 403):
        if status == 403:  # who may not list quotas everywhere asks in each namespace
            server.refused["GET /api/v1/resourcequotas"] = (403, "forbidden")
        found = (await usage(client, [team], known, await every_quota(client)))["vision"]
        assert found.namespaces == ("vision", "lab", "vision-own")
        assert found.budget == {"requests.cpu": ("1500m", "4")}
