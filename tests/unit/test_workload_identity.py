"""The way to a cloud identity of one's own: what opens it, and what is seen where it gives out the
node's."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import NETWORK, platform, tenant
from manor.api import Platform, Tenant
from manor.kube import Object
from manor.render.network import network_policies
from manor.verify.asked import egress
from manor.verify.attempt import Verdict
from manor.verify.checks.network import egress_blocks
from manor.verify.checks.network.metadata_address import own_identity
from manor.verify.context import AttackContext
from manor.verify.probe.probe_pods import Outcome, Target
from manor.verify.probe.script import CLIENT, PYTHON
from manor.verify.snapshot import Snapshot
from manor.verify.team import Actor, Team, Tenancy
from metadata_stand_in import NODE, POOL, metadata_server

pytestmark = pytest.mark.unit

NAME = "manor-workload-identity"
GKE = platform(network={**NETWORK, "workloadIdentity": "gke"})
ASKING = tenant(network={"workloadIdentity": True})


def policies(whole: Platform, team: Tenant) -> list[Object]:
    return network_policies(whole, team, {}, "vision")


def test_it_opens_two_ports_where_both_ask_and_nothing_elsewhere() -> None:
    (made,) = [p for p in policies(GKE, ASKING) if p["metadata"]["name"] == NAME]
    opened = [
        (rule["to"], [port["port"] for port in rule["ports"]]) for rule in made["spec"]["egress"]
    ]
    assert opened == [
        ([{"ipBlock": {"cidr": "169.254.169.254/32"}}], [80]),
        ([{"ipBlock": {"cidr": "169.254.169.252/32"}}], [988]),
    ]
    assert made["spec"]["policyTypes"] == ["Egress"]
    for whole, team in ((GKE, tenant()), (platform(), ASKING)):
        assert NAME not in {p["metadata"]["name"] for p in policies(whole, team)}


def team_of(spec: Tenant) -> Team:
    return Team("vision", ("vision",), (Actor("owner", "ada"),), tenant=spec)


@pytest.mark.parametrize(
    ("whole", "spec", "host", "port", "open_"),
    [
        (GKE, ASKING, "169.254.169.254", 80, True),
        (GKE, ASKING, "169.254.169.252", 988, True),
        (GKE, ASKING, "169.254.169.254", 988, False),
        (GKE, ASKING, "169.254.169.254", 53, False),
        (GKE, ASKING, "169.254.170.2", 80, False),
        (GKE, tenant(), "169.254.169.254", 80, False),
        (platform(), ASKING, "169.254.169.254", 80, False),
    ],
)
def test_verify_takes_only_what_was_asked_for_as_asked(
    whole: Platform, spec: Tenant, host: str, port: int, open_: bool
) -> None:
    said = egress(team_of(spec), whole, host, port, "10.96.0.1")
    assert (said == "network.workloadIdentity of the tenant") is open_


class Pods:
    """Probe pods whose client runs here, with another way to the metadata address."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def probe(self, _team: Team, targets: Sequence[Target]) -> list[Outcome]:
        there = [replace(target, host="127.0.0.1", port=self._port) for target in targets]
        words = [{**asdict(target), "headers": dict(target.headers)} for target in there]
        done = subprocess.run(
            [*PYTHON, CLIENT, json.dumps(words)], capture_output=True, text=True, check=True
        )
        return [Outcome(**outcome) for outcome in json.loads(done.stdout)]


def context(
    server: ApiStandIn, spec: Tenant, port: int = 1, whole: Platform = GKE
) -> AttackContext:
    client, team = server.client(), team_of(spec)
    probes: Any = Pods(port)
    return AttackContext(client, Tenancy((team,), whole), team, team, Snapshot(client), probes)


def account(**annotations: str) -> Object:
    meta = {"name": "default", "namespace": "vision", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}


READER = "reader@lab.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("answers", "annotations", "verdicts"),
    [
        (POOL, {}, [Verdict.HELD, Verdict.HELD]),
        ({**POOL, "email": READER}, {"iam.gke.io/gcp-service-account": READER}, [Verdict.HELD] * 2),
        ({**POOL, "email": READER}, {}, [Verdict.BROKEN, Verdict.HELD]),
        (NODE, {}, [Verdict.BROKEN, Verdict.BROKEN]),
        ({**NODE, **POOL}, {}, [Verdict.HELD, Verdict.BROKEN]),
        ({"project-id": "lab"}, {}, [Verdict.ERROR]),
    ],
    ids=["pool", "own-account", "another-account", "node", "kube-env", "no-accounts"],
)
async def test_a_server_that_gives_the_nodes_identity_is_seen(
    answers: dict[str, str], annotations: dict[str, str], verdicts: list[Verdict]
) -> None:
    server = ApiStandIn()
    server.hold(account(**annotations))
    with metadata_server(answers) as port:
        attempts = await own_identity(context(server, ASKING, port))
    assert [attempt.verdict for attempt in attempts] == verdicts
    assert NODE["kube-env"] not in str(attempts)


async def test_no_metadata_server_where_one_is_asked_for_is_no_pass() -> None:
    server = ApiStandIn()
    server.hold(account())
    (attempt,) = await own_identity(context(server, ASKING))
    assert attempt.verdict is Verdict.ERROR
    assert attempt.got.startswith("refused")


def node(name: str, **labels: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {},
    }


WIDER = {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}


@pytest.mark.parametrize(
    ("spec", "enabled", "more", "broken"),
    [
        (ASKING, "true", None, []),
        (ASKING, "false", None, ["every node has GKE's metadata server"]),
        (ASKING, "true", WIDER, ["egress of vision to 169.254.169.254"]),
        (tenant(), "true", WIDER, ["egress of vision to 169.254.169.254"]),
        (tenant(), "false", None, []),
    ],
    ids=["as-asked", "a-node-without", "every-port", "unasked", "nobody-asks"],
)
async def test_the_look_at_policies_finds_more_than_was_asked_for(
    spec: Tenant, enabled: str, more: Object | None, broken: list[str]
) -> None:
    server = ApiStandIn()
    server.hold(
        *policies(GKE, spec), node("one", **{"iam.gke.io/gke-metadata-server-enabled": enabled})
    )
    if more is not None:
        named = {"name": "more", "namespace": "vision"}
        opening = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [more]}
        server.hold({**policies(GKE, spec)[0], "metadata": named, "spec": opening})
    attempts = await egress_blocks.CHECK.run(context(server, spec))
    assert [a.what for a in attempts if a.verdict is Verdict.BROKEN] == broken


async def test_a_tenant_that_did_not_ask_is_red_where_the_way_is_open() -> None:
    """The rules alone are not enough: the tenant's word makes them right."""
    server = ApiStandIn()
    server.hold(*policies(GKE, ASKING), node("one"))
    attempts = await egress_blocks.CHECK.run(context(server, tenant()))
    broken = [a.what for a in attempts if a.verdict is Verdict.BROKEN]
    assert broken == ["egress of vision to 169.254.169.254"]
