"""`manor describe model`: each version with what its pods counted, and what is wrong."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import model, platform, tenant
from manor.engines.registry import ENGINES
from manor.engines.requestlog import KEEPER
from manor.engines.requestlog.keep import AGAIN
from manor.render import spec_object
from manor.signing import make_key
from manor.traffic import Traffic, read_traffic
from served_kinds import MANORS

pytestmark = pytest.mark.unit

Object = dict[str, Any]
CANARY = {"storageUri": "pvc://models/3", "weight": 10, "shadow": True}


def told(*requests: tuple[str, str, float]) -> str:
    """The metrics of a server that was asked so: path, status, seconds."""
    registry = CollectorRegistry()
    seconds = Histogram(
        "rest_server_request_duration_seconds",
        "HTTP request duration, in seconds",
        ("method", "path", "status_code", "app_name"),
        registry=registry,
    )
    for path, status, took in requests:
        seconds.labels("POST", f"/v2/models/{{model_name}}/{path}", status, "mlserver").observe(
            took
        )
    return generate_latest(registry).decode()


def answer(text: str) -> list[bytes]:
    """As a server sends it, in parts."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + text.encode()
    return [whole[i : i + 1000] for i in range(0, len(whole), 1000)]


def test_requests_are_those_that_ask_the_model() -> None:
    found = read_traffic(
        told(
            *[("infer", "200", 0.004)] * 50,
            *[("infer", "200", 0.08)] * 48,
            ("versions/{model_version}/infer", "400", 0.004),
            ("infer", "500", 20),
            *[("ready", "200", 0.001)] * 500,
        )
    )
    assert (found.requests, found.answered("4"), found.answered("5")) == (100, 1, 1)
    median, late, latest = (found.quantile(part) for part in (0.5, 0.99, 1))
    assert median is not None
    assert late is not None
    assert 0 < median <= 0.005
    assert 0.075 < late <= 0.1
    assert latest == 10  # above the last bound nothing is known
    assert Traffic().quantile(0.5) is None
    assert read_traffic(told(("ready", "200", 1))).requests == 0


def test_what_several_pods_counted_is_added() -> None:
    whole = Traffic()
    for took in (0.001, 3):
        whole.add(read_traffic(told(("infer", "200", took))))
    assert whole.statuses == {"200": 2}
    assert whole.buckets[math.inf] == 2
    assert whole.buckets[1.0] == 1


@pytest.fixture
def team(cluster: ApiStandIn) -> ApiStandIn:
    """A team with a model of two replicas and a shadow, which has none yet."""
    cluster.kinds += MANORS
    space = {"apiVersion": "v1", "kind": "Namespace"}
    served = model(replicas=2, canary=CANARY)
    cluster.hold(
        spec_object(platform()),
        spec_object(tenant()),
        {**space, "metadata": {"name": "vision", "labels": {"manor.dev/tenant": "vision"}}},
        spec_object(served),
        *ENGINES["native"].render(platform(), tenant(), served),
        pod("digits-a", "digits"),
        pod("digits-b", "digits", ready=False),
    )
    cluster.ports |= {
        "digits-a:8082": answer(told(*[("infer", "200", 0.002)] * 3)),
        "digits-b:8082": answer(told(("infer", "422", 0.002))),
    }
    return cluster


def pod(name: str, version: str, *, ready: bool = True) -> Object:
    """A pod that runs, of a version's Deployment."""
    objects = ENGINES["native"].render(platform(), tenant(), model(canary=CANARY))
    (template,) = [
        obj["spec"]["template"]
        for obj in objects
        if (obj["kind"], obj["metadata"]["name"]) == ("Deployment", version)
    ]
    meta = {"name": name, "namespace": "vision", "labels": template["metadata"]["labels"]}
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [
            {"name": "server", "state": {}, "imageID": "r/serving@sha256:0123456789abcdef"}
        ],
    }
    kind = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
    return {**kind, "spec": template["spec"], "status": status}


def test_why_requests_are_not_kept_is_told(team: ApiStandIn, manor: Command) -> None:
    held = pod("digits-c", "digits")
    held["spec"] = {**held["spec"], "initContainers": [{"name": KEEPER}]}
    team.hold(held)
    log = "/api/v1/namespaces/vision/pods/digits-c/log"
    for said, told in (
        ("s3://bucket cannot be stored: 403\n", ["digits-c: s3://bucket cannot be stored: 403"]),
        (f"s3://bucket cannot be stored: 403\n{AGAIN}\n", []),
    ):
        team.logs[log] = said
        wrong = described(manor)["wrong"]
        assert [line for line in wrong if line.startswith("digits-c")] == told


def described(manor: Command) -> Object:
    done = manor("describe", "model", "digits", "-n", "vision", "-o", "json")
    assert done.code == 0, done.err
    whole: Object = json.loads(done.out)
    return whole


def test_a_model_is_described_by_version(team: ApiStandIn, manor: Command) -> None:
    lines = [
        line.strip()
        for line in manor("describe", "model", "digits", "-n", "vision").out.split("\n")
    ]
    assert lines[0] == "Model vision/digits: Ready"
    assert "URL:        http://vision.ml.example.com/v2/models/digits/infer" in lines
    assert "canary:     copies of 10 % of the requests, and answers none" in lines
    (row,) = [line.split() for line in lines if line.startswith("digits ")]
    assert row[:6] == ["digits", "pvc://models/digits", "1/2", "4", "1", "0"]
    assert row[-1] == "sha256:0123456789ab"
    whole = described(manor)
    stable, shadow = whole["versions"]
    assert (stable["requests"], stable["statuses"]) == (4, {"200": 3, "422": 1})
    assert shadow == {
        **{"name": "digits-canary", "storageUri": "pvc://models/3", "images": []},
        **{"replicas": 0, "ready": 0},
    }
    assert whole["wrong"] == [
        "nobody may ask it: it has no key; `manor keys create digits` makes one"
    ]
    assert team.written == []


def test_keys_are_told_and_never_what_opens(team: ApiStandIn, manor: Command) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    keys = [make_key("vision", "digits", "web", None), make_key("vision", "digits", "old", past)]
    stored = team.held("models", "digits")["spec"]
    stored["access"] = {"keys": [key.public.model_dump(by_alias=True) for key in keys]}
    told = manor("describe", "model", "digits", "-n", "vision").out
    assert f"keys:       web, old (ended {keys[1].public.expires})" in told
    whole = described(manor)
    assert [(key["name"], key["expired"]) for key in whole["access"]["keys"]] == [
        ("web", False),
        ("old", True),
    ]
    assert whole["wrong"] == []
    for key in keys:
        assert key.public.public_key not in told + json.dumps(whole)


def test_versions_are_told_apart_while_one_takes_the_others_place(
    team: ApiStandIn, manor: Command
) -> None:
    team.held("models", "digits")["spec"]["storageUri"] = "pvc://models/9"
    new, shadow, old = described(manor)["versions"]
    assert (new["storageUri"], new["replicas"]) == ("pvc://models/9", 0)
    assert (old["storageUri"], old["replicas"], old["requests"]) == ("pvc://models/digits", 2, 4)
    assert shadow["name"] == "digits-canary"


def test_what_is_not_seen_is_said(team: ApiStandIn, manor: Command) -> None:
    """Where a right is missing, a pod does not answer or answers nonsense, all else is told."""
    team.ports["digits-a:8082"] = [b"what?"]
    del team.ports["digits-b:8082"]
    whole = described(manor)
    first, second = whole["unseen"]
    assert "requests of pod digits-a: port 8082" in first
    assert "requests of pod digits-b: connection refused" in second
    assert "requests" not in whole["versions"][0]
    team.refused["GET .*/portforward"] = (403, "forbidden")
    told = manor("describe", "model", "digits", "-n", "vision").out
    assert told.count("not seen: requests: you may not open ports of pods") == 1
    team.refused["GET .*/pods"] = (403, "you may not list pods")
    assert "you may not list pods" in described(manor)["unseen"]


def test_a_server_that_does_not_count_is_said(team: ApiStandIn, manor: Command) -> None:
    ports = team.held("pods", "digits-a")["spec"]["containers"][0]["ports"]
    ports[:] = [port for port in ports if port["name"] == "http"]
    (said,) = described(manor)["unseen"]
    assert said.startswith("requests: servers without a port called metrics")
