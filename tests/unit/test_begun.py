"""What an earlier Manor began goes on as it began."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import job, model, platform, tenant
from manor.api import Model, TrainingJob
from manor.apply import Options
from manor.kube import Object
from manor.limits import Rollout, override
from manor.load import Specs
from manor.rollout import Desired, ObjectSet, apply_set, apply_stages
from served_kinds import MANORS

pytestmark = pytest.mark.unit

BY_WORKER = {"backoffLimitPerIndex": 3, "maxFailedIndexes": 0}


def part(**spec: Any) -> ObjectSet:
    return part_of(job(**spec))


def part_of(workload: TrainingJob | Model) -> ObjectSet:
    specs = Specs(platform=platform(), tenants={"vision": tenant()}, workloads=[workload])
    return apply_stages(Desired(specs, specs))[-1][0]


@pytest.fixture
def server() -> ApiStandIn:
    made = ApiStandIn()
    made.kinds += MANORS
    meta = {"name": "vision", "labels": {"manor.dev/tenant": "vision"}}
    made.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    return made


def counts(server: ApiStandIn) -> Object:
    spec: Object = server.held("jobs", "train")["spec"]
    return {key: spec[key] for key in (*BY_WORKER, "backoffLimit") if key in spec}


def as_before(server: ApiStandIn) -> None:
    """The Job as the version before made it."""
    spec = server.held("jobs", "train")["spec"]
    for key in BY_WORKER:
        del spec[key]
    spec["backoffLimit"] = 3


async def test_how_restarts_are_counted_stays_as_the_run_began(server: ApiStandIn) -> None:
    client, run = server.client(), part(workers=2)
    assert (await apply_set(client, run, Options())).ok
    assert counts(server) == BY_WORKER
    as_before(server)
    assert (await apply_set(client, run, Options())).ok
    assert counts(server) == {"backoffLimit": 3}
    assert (await apply_set(client, part(workers=2, retries=5), Options())).ok
    assert counts(server) == {"backoffLimit": 5}


def filters(server: ApiStandIn, name: str) -> tuple[bool, bool]:
    """Whether the model's route has filters, and whether its Services have."""
    (rule,) = server.held("httproutes", name)["spec"]["rules"]
    return bool(rule.get("filters")), any("filters" in to for to in rule["backendRefs"])


async def test_a_route_keeps_its_form_while_its_versions_stay(server: ApiStandIn) -> None:
    client, served = server.client(), model()
    name, run = served.metadata.name, part_of(served)
    assert (await apply_set(client, run, Options())).ok
    assert filters(server, name) == (False, True)
    route = server.held("httproutes", name)["spec"]
    route["rules"][0]["filters"] = route["rules"][0]["backendRefs"][0].pop("filters")
    assert (await apply_set(client, run, Options())).ok
    assert filters(server, name) == (True, False)
    changed = model(canary={"storageUri": "pvc://data/digits/v2", "weight": 10})
    with override(rollout=Rollout(routed=0, proxied=0)):
        assert (await apply_set(client, part_of(changed), Options())).ok
    assert filters(server, name) == (False, True)
    del server.held("httproutes", name)["spec"]["rules"]
    assert (await apply_set(client, run, Options())).ok
    assert filters(server, name) == (False, True)
