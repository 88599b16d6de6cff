"""A Workspace: what it becomes, what it may not ask for, and how it stays as it was started."""

import json
from typing import Any

import pytest

from engine_specs import notes, platform, tenant
from manor.api import Platform, Workspace
from manor.engines import checked, render_workload
from manor.engines.registry import ENGINES
from manor.load import Document, InvalidInput, specs_from
from manor.render import spec_object
from manor.rollout.sets import inventory_of

pytestmark = pytest.mark.unit


def with_workspaces(**settings: Any) -> Platform:
    images = {"workspace": "r/workspace:1"}
    return platform(images=images, workspaces=settings)


def rendered(space: Workspace, on: Platform | None = None) -> dict[str, Any]:
    objects = render_workload(on or with_workspaces(), tenant(gpu={"guarantee": 2}), space)
    return {obj["kind"]: obj for obj in objects}


def settings_of(made: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(made["ConfigMap"]["data"]["workspace.json"]))


def test_it_is_one_pod_with_a_home_that_nobody_reaches_from_outside() -> None:
    made = rendered(notes())
    assert sorted(made) == ["ConfigMap", "Job", "PersistentVolumeClaim"]
    pod = made["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert "ports" not in container
    assert pod["automountServiceAccountToken"] is False
    assert container["image"] == "r/workspace:1"
    command = settings_of(made)["command"]
    assert "--ServerApp.ip=127.0.0.1" in command
    # Nothing tells the token to whoever may read the pod or its ConfigMap.
    assert not any("token" in word.lower() for word in command)
    assert not any("TOKEN" in variable["name"] for variable in container["env"])


def test_stopped_it_is_its_home_alone() -> None:
    (home,) = rendered(notes(stopped=True)).values()
    assert home == rendered(notes())["PersistentVolumeClaim"]


def test_times_and_sizes_are_the_platforms_where_it_says_nothing() -> None:
    sizes = [{"name": "small", "memory": "2Gi"}, {"name": "large", "memory": "8Gi", "gpu": 1}]
    on = with_workspaces(idleAfter="20m", lifetimeMost="48h", sizes=sizes)

    def asked(space: Workspace) -> tuple[Any, ...]:
        made = rendered(space, on)
        settings, job = settings_of(made), made["Job"]["spec"]
        (container,) = job["template"]["spec"]["containers"]
        late = job["activeDeadlineSeconds"] - settings["lifetime"]
        limits = container["resources"]["limits"]
        return settings["idle"], settings["lifetime"], late, limits

    assert asked(notes()) == (1200, 172800, 3600, {"memory": "2Gi"})
    own = notes(size="large", idleAfter="2h", lifetime="90s")
    assert asked(own) == (7200, 90, 3600, {"memory": "8Gi", "nvidia.com/gpu": "1"})


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"size": "huge"}, "spec.size", "the Platform has no size 'huge'; one of: small"),
        ({"resources": {"gpu": 1}}, "spec.resources", "write size, one of: small"),
        ({"idleAfter": "9h"}, "spec.idleAfter", "9h is longer than 8h, the most here"),
        ({"lifetime": "169h"}, "spec.lifetime", "169h is longer than 168h, the most here"),
        ({"queue": "default"}, "spec.queue", "the Platform has no queue system"),
    ],
)
def test_what_the_platform_bounds_is_refused_with_its_field(
    spec: dict[str, Any], field: str, said: str
) -> None:
    on = with_workspaces(sizes=[{"name": "small"}])
    with pytest.raises(InvalidInput) as refused:
        together(on, notes(**spec))
    (problem,) = refused.value.problems
    assert problem.field == field
    assert said in problem.message


def test_without_an_image_in_the_catalogue_it_needs_its_own() -> None:
    with pytest.raises(InvalidInput, match=r"no workspace image \(spec.images.workspace\)"):
        together(platform(), notes())
    together(platform(), notes(image="r/own:1"))


def together(on: Platform, space: Workspace) -> None:
    """Read as a set of files would be."""
    specs = on, tenant(), space
    specs_from([Document(spec_object(spec), "x.yaml", {(): 1}) for spec in specs])


def test_its_job_alone_stays_as_it_was_started() -> None:
    owned = inventory_of(notes()).owned
    assert owned is not None
    assert owned.once == {("batch", "Job")}
    assert owned.kinds == ENGINES["native"].made_kinds["Workspace"]


def test_a_home_larger_than_the_budget_is_refused() -> None:
    for storage, told in (("20Gi", []), ("5Gi", [("spec", "home", "size")])):
        team = tenant(quota={"storage": storage})
        _, objections = checked(with_workspaces(), {"vision": team}, [notes()])
        assert [objection.path for objection in objections] == told
