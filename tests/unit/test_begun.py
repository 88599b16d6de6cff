"""A run that an earlier Manor began goes on as it began."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import job, platform, tenant
from manor.apply import Options
from manor.kube import Object
from manor.load import Specs
from manor.rollout import Desired, ObjectSet, apply_set, apply_stages
from served_kinds import MANORS

pytestmark = pytest.mark.unit

BY_WORKER = {"backoffLimitPerIndex": 3, "maxFailedIndexes": 0}


def part(**spec: Any) -> ObjectSet:
    specs = Specs(platform=platform(), tenants={"vision": tenant()}, workloads=[job(**spec)])
    return apply_stages(Desired(specs, specs))[-1][0]


def counts(server: ApiStandIn) -> Object:
    spec: Object = server.held("jobs", "train")["spec"]
    return {key: spec[key] for key in (*BY_WORKER, "backoffLimit") if key in spec}


def as_before(server: ApiStandIn) -> None:
    """The Job as the version before made it."""
    spec = server.held("jobs", "train")["spec"]
    for key in BY_WORKER:
        del spec[key]
    spec["backoffLimit"] = 3


async def test_how_restarts_are_counted_stays_as_the_run_began() -> None:
    server = ApiStandIn()
    server.kinds += MANORS
    meta = {"name": "vision", "labels": {"manor.dev/tenant": "vision"}}
    server.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    client, run = server.client(), part(workers=2)
    assert (await apply_set(client, run, Options())).ok
    assert counts(server) == BY_WORKER
    as_before(server)
    assert (await apply_set(client, run, Options())).ok
    assert counts(server) == {"backoffLimit": 3}
    assert (await apply_set(client, part(workers=2, retries=5), Options())).ok
    assert counts(server) == {"backoffLimit": 5}
