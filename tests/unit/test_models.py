"""`manor models`: the versions of a model, and how one takes the place of another."""

from typing import Any

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import model, platform, tenant
from manor.engines import served_version
from manor.engines.registry import ENGINES
from manor.models import changes
from manor.render import spec_object
from served_kinds import MANORS, Kind

pytestmark = pytest.mark.unit

Object = dict[str, Any]
URIS = [
    "pvc://models/digits/1",
    "pvc://models",
    "oci://manor.local/digits:2",
    "s3://bucket/digits",
    "hf://org/digits:v1",
    "models:/digits/3",
    "models:/digits@champion",
]


@pytest.mark.parametrize("engine", ["native", "kserve", "seldon"])
@pytest.mark.parametrize("uri", URIS)
def test_a_servers_pod_says_which_version_it_serves(engine: str, uri: str) -> None:
    served = model(storageUri=uri, env={"MLFLOW_TRACKING_URI": "http://mlflow"})
    objects = ENGINES[engine].render(platform(), tenant(), served)
    (pod,) = ENGINES[engine].pods(objects)
    assert served_version(pod.spec) == uri


def test_an_image_of_ones_own_says_it_too() -> None:
    served = model(storageUri="pvc://models/chat", format="custom", image="r/chat:1")
    (pod,) = ENGINES["native"].pods(ENGINES["native"].render(platform(), tenant(), served))
    assert served_version(pod.spec) == "pvc://models/chat"
    del pod.spec["containers"][0]["env"], pod.spec["volumes"]
    assert served_version(pod.spec) == ""


@pytest.fixture
def team(cluster: ApiStandIn) -> ApiStandIn:
    """A team with a model that has a canary, and an older version of it."""
    cluster.kinds += [*MANORS, Kind("apps", "v1", "ReplicaSet", "replicasets", True)]
    labels = {"manor.dev/tenant": "vision"}
    space = {"apiVersion": "v1", "kind": "Namespace"}
    served = model(
        storageUri="pvc://models/2", canary={"storageUri": "pvc://models/3", "weight": 10}
    )
    cluster.hold(
        spec_object(platform()),
        spec_object(tenant()),
        {**space, "metadata": {"name": "vision", "labels": labels}},
        claim("models"),
        spec_object(served),
        replicas(1, "pvc://models/1"),
        replicas(2, "pvc://models/2", spec={"replicas": 1}, status={"readyReplicas": 1}),
    )
    return cluster


def claim(name: str) -> Object:
    meta = {"name": name, "namespace": "vision"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta}


def replicas(number: int, uri: str, **more: Any) -> Object:
    """What Kubernetes keeps of a version."""
    objects = ENGINES["native"].render(platform(), tenant(), model(storageUri=uri))
    (deployment,) = [obj for obj in objects if obj["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    meta = {
        "name": f"digits-{number}",
        "namespace": "vision",
        "labels": template["metadata"]["labels"],
        "annotations": {"deployment.kubernetes.io/revision": str(number)},
        "creationTimestamp": f"2026-01-0{number}T00:00:00Z",
    }
    spec = {"template": template, "replicas": 0, **more.get("spec", {})}
    kind = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta}
    return {**kind, "spec": spec, "status": more.get("status", {})}


def stored(team: ApiStandIn) -> Object:
    spec: Object = team.held("models", "digits")["spec"]
    return spec


def test_versions_are_listed_the_newest_first(team: ApiStandIn, manor: Command) -> None:
    done = manor("models", "history", "digits", "-n", "vision")
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()[1:]]
    assert lines == [
        ["2", "pvc://models/2", "1/1", "2026-01-02T00:00:00Z"],
        ["1", "pvc://models/1", "-", "2026-01-01T00:00:00Z"],
    ]
    whole = manor("models", "history", "digits", "-n", "vision", "-o", "yaml").out
    assert [each["number"] for each in yaml.safe_load_all(whole)] == [2, 1]


@pytest.mark.parametrize("shadow", [False, True])
def test_the_canary_becomes_the_model(team: ApiStandIn, manor: Command, shadow: bool) -> None:
    stored(team)["canary"]["shadow"] = shadow
    done = manor("models", "promote", "digits", "-n", "vision")
    assert done.code == 0, done.err
    assert stored(team)["storageUri"] == "pvc://models/3"
    assert "canary" not in stored(team)
    again = manor("models", "promote", "digits", "-n", "vision")
    assert (again.code, "has no canary" in again.err) == (2, True)


def test_what_somebody_changes_meanwhile_stays(
    team: ApiStandIn, manor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = changes.find_model

    async def then_changed(*args: Any) -> Any:
        found = await read(*args)
        stored(team)["canary"]["storageUri"] = "pvc://models/4"
        return found

    monkeypatch.setattr(changes, "find_model", then_changed)
    done = manor("models", "promote", "digits", "-n", "vision")
    assert (done.code, "somebody changed Model vision/digits meanwhile" in done.err) == (2, True)
    assert stored(team)["storageUri"] == "pvc://models/2"


def test_the_version_before_is_served_again(team: ApiStandIn, manor: Command) -> None:
    done = manor("models", "rollback", "digits", "-n", "vision")
    assert done.code == 0, done.err
    assert stored(team)["storageUri"] == "pvc://models/1"
    assert "canary" not in stored(team)
    assert "image" not in stored(team)


def test_a_version_that_is_not_there_is_told(team: ApiStandIn, manor: Command) -> None:
    done = manor("models", "rollback", "digits", "-n", "vision", "--to", "7")
    assert done.code == 2
    assert "no version 7 of Model vision/digits; earlier ones: 1" in done.err
    done = manor("models", "history", "lost", "-n", "vision")
    assert "no Model lost in namespace vision; `manor get models -n vision` lists them" in done.err
    assert not team.written
