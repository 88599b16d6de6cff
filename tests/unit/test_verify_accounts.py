"""Where tenants' service accounts may be bound."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import platform, tenant
from manor.kube import Object
from manor.verify.attempt import Verdict
from manor.verify.checks.platform.workload_accounts import CHECK
from manor.verify.context import AttackContext
from manor.verify.snapshot import Snapshot
from manor.verify.team import Tenancy, team_of

pytestmark = pytest.mark.unit


def space(name: str, owner: str, *, ending: bool = False) -> Object:
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if ending else {}
    meta = {"name": name, "labels": {"manor.dev/tenant": owner}, **gone}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def binding(namespace: str) -> Object:
    """Of a service account of the team vision."""
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "manor-stand-in", "namespace": namespace},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "manor:stand-in"},
        "subjects": [{"kind": "ServiceAccount", "name": "manor-stand-in", "namespace": "vision"}],
    }


@pytest.mark.parametrize(
    ("place", "verdict"),
    [
        (space("vision", "vision"), Verdict.HELD),
        (space("vision-1", "vision", ending=True), Verdict.HELD),
        (space("other", "other"), Verdict.BROKEN),
        (space("other-1", "other", ending=True), Verdict.BROKEN),
        (space("vision-1", "vision"), Verdict.BROKEN),  # no namespace of the team's as it is known
    ],
    ids=["home", "home-that-ends", "another's", "another's-that-ends", "unknown"],
)
async def test_a_binding_is_at_home_until_its_namespace_is_gone(
    place: Object, verdict: Verdict
) -> None:
    server = ApiStandIn()
    server.hold(space("vision", "vision"), place, binding(place["metadata"]["name"]))
    client, team = server.client(), team_of(tenant(), None, ["vision"])
    assert team
    probes: Any = None
    context = AttackContext(
        client, Tenancy((team,), platform()), team, team, Snapshot(client), probes
    )
    _, told = await CHECK.run(context)
    assert told.verdict is verdict, told.got
