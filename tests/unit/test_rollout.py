"""Specs onto a cluster: the order of sets, what one failure stops, what must be served, and how it
is told."""

from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import job, model, platform, tenant
from manor.apply import Action, Finished, InvalidObjects, Inventory, NotReady, Options, Ref, Started
from manor.engines import Requirement
from manor.kube import Object, Unreachable
from manor.limits import Rollout, override
from manor.load import Specs
from manor.rollout import (
    Authority,
    Desired,
    Event,
    ObjectSet,
    TenantsRemain,
    apply_stages,
    authority,
    delete_stages,
    preview,
    roll_out,
    take_down,
    wait_ready,
)
from manor.rollout.progress import SetFailed, SetKept, SetLeftOut, SetsStarted, SetUncounted
from manor.rollout.removal import refuse_remaining
from served_kinds import Kind

pytestmark = pytest.mark.unit


def whole() -> Desired:
    specs = Specs(platform=platform(), tenants={"vision": tenant()}, workloads=[job(), model()])
    return Desired(specs, specs)


def config(name: str, namespace: str = "a") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
    }


def part(name: str, *, needs: ObjectSet | None = None, **more: Any) -> ObjectSet:
    """A set of one ConfigMap, with a ConfigMap of its own as its parent."""
    inventory = Inventory(f"{name}-inventory", "a")
    return ObjectSet(
        f"Set {name}", inventory, None, [config(name)], needs.ref if needs else None, **more
    )


@pytest.fixture
def server() -> ApiStandIn:
    made = ApiStandIn()
    made.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})
    return made


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_sets_go_foundation_first_and_each_names_what_it_stands_on() -> None:
    stages = apply_stages(whole())
    assert [[one.title for one in stage] for stage in stages] == [
        ["foundation"],
        ["Platform manor"],
        ["Tenant vision"],
        ["TrainingJob train", "Model digits"],
    ]
    (foundation,), (top,), (team,), workloads = stages
    assert [top.needs, team.needs] == [foundation.ref, top.ref]
    assert {one.needs for one in workloads} == {team.ref}
    assert top.ref == Ref("manor.dev", "Platform", "", "manor")


def test_deletion_goes_the_other_way_and_compiles_nothing() -> None:
    stages = delete_stages(whole())
    assert [one.title for one in stages[0]] == ["TrainingJob train", "Model digits"]
    assert [one.title for one in stages[-1]] == ["foundation"]
    assert not any(one.objects for stage in stages[:-1] for one in stage)


def test_sets_of_one_name_in_two_namespaces_are_two() -> None:
    there = model()
    elsewhere = there.model_copy(
        update={"metadata": there.metadata.model_copy(update={"namespace": "lab"})}
    )
    specs = Specs(workloads=[there, elsewhere])
    team = tenant(namespaces=[{"name": "vision"}, {"name": "lab"}])
    (stage,) = delete_stages(Desired(specs, Specs(platform(), {"vision": team})))
    assert len({one.ref for one in stage}) == 2


async def test_one_failure_stops_what_stands_on_it_and_no_other(server: ApiStandIn) -> None:
    bad, good = part("bad"), part("good")
    on_bad, on_good = part("on-bad", needs=bad), part("on-good", needs=good)
    server.refused["GET .*/configmaps/bad-inventory"] = (403, "forbidden: bad-inventory")
    events: list[Event] = []
    outcome = await roll_out(
        server.client(), [[bad, good], [on_bad, on_good]], Options(), events.append
    )
    assert server.names("configmaps") == {"good", "good-inventory", "on-good", "on-good-inventory"}
    assert [one.title for one in outcome.failed.values()] == ["Set bad", "Set on-bad"]
    assert not outcome.ok
    assert outcome.forbidden
    assert [(event.part.title, str(event.error)) for event in of(SetFailed, events)] == [
        ("Set bad", "forbidden: bad-inventory")
    ]
    assert [(event.part.title, event.needs.title) for event in of(SetLeftOut, events)] == [
        ("Set on-bad", "Set bad")
    ]
    assert [len(event.sets) for event in of(SetsStarted, events)] == [2, 2]
    assert {one.part.title: one.attempted for one in outcome.sets}["Set on-bad"] is False


async def test_what_takes_an_operator_is_refused_by_its_field_where_none_works(
    server: ApiStandIn,
) -> None:
    rests = model(autoscaling={"maxReplicas": 1, "idleAfter": "1h"})
    specs = Specs(platform=platform(), tenants={"vision": tenant()}, workloads=[rests, model()])
    *_, (one, other) = apply_stages(Desired(specs, specs))
    assert (one.operated, other.operated) == ("spec.autoscaling.idleAfter", "")
    idle = part("idle", operated=one.operated)
    outcome = await roll_out(server.client(), [[idle, part("plain")]], Options())
    assert server.names("configmaps") == {"plain", "plain-inventory"}
    assert "spec.autoscaling.idleAfter takes an operator" in outcome.reasons


async def test_a_refused_object_is_told_once_and_fails_its_set(server: ApiStandIn) -> None:
    server.hold(config("taken"))
    events: list[Event] = []
    outcome = await roll_out(server.client(), [[part("taken")]], Options(), events.append)
    assert [event.step.action for event in of(Finished, events)] == [Action.REFUSE]
    assert [step.action for step in outcome.steps] == [Action.REFUSE]
    assert not outcome.ok
    assert not outcome.forbidden


async def test_a_lost_server_ends_all(server: ApiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = server.client()

    async def lost(*_args: Any, **_more: Any) -> str:
        raise Unreachable("no answer")

    monkeypatch.setattr(server, "send", lost)
    with pytest.raises(Unreachable):
        await roll_out(client, [[part("one")]], Options())


async def test_a_preview_writes_nothing_and_goes_on_after_an_error(server: ApiStandIn) -> None:
    server.refused["GET .*/configmaps/bad-inventory"] = (403, "forbidden")
    outcome = await preview(server.client(), [[part("bad"), part("good")]], Options())
    assert server.written == []
    assert [step.action for step in outcome.steps] == [Action.CREATE]
    assert [one.title for one in outcome.failed.values()] == ["Set bad"]


async def test_kinds_that_are_not_served_are_told_before_anything_is_changed(
    server: ApiStandIn,
) -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "r"},
    }
    lacking = ObjectSet("Set x", Inventory("x", "a"), None, [config("x"), route])
    server.kinds = [kind for kind in server.kinds if "HTTPRoute" not in kind]
    with pytest.raises(
        InvalidObjects, match=r"no kind HTTPRoute in gateway\.networking\.k8s\.io/v1.*Nothing was"
    ):
        await roll_out(server.client(), [[lacking]], Options())
    assert server.written == []


async def test_an_engine_that_is_not_installed_is_refused_by_the_platforms_field(
    server: ApiStandIn,
) -> None:
    wanted = Requirement(
        "spec.engines.queue", "kueue", frozenset({("kueue.x-k8s.io", "LocalQueue")})
    )
    queued = part("x", requires=(wanted,))
    lack = (
        r"spec\.engines\.queue: kueue is not installed: the server has no kind LocalQueue in "
        r"kueue\.x-k8s\.io\."
    )
    with pytest.raises(InvalidObjects, match=lack):
        await roll_out(server.client(), [[queued]], Options())
    assert server.written == []
    server.kinds.append(Kind("kueue.x-k8s.io", "v1beta1", "LocalQueue", "localqueues", True))
    assert (await roll_out(server.client(), [[queued]], Options())).ok


def test_a_workload_requires_its_own_engine_and_a_platform_may_come_first() -> None:
    specs = Specs(
        platform=platform(engines={"queue": "kueue"}),
        tenants={"vision": tenant()},
        workloads=[job()],
    )
    _, (top,), (team,), (train,) = apply_stages(Desired(specs, specs))
    assert [wanted.field for wanted in train.requires] == ["spec.engines.trainingJob"]
    assert top.requires == team.requires == ()


def quota(used: dict[str, str]) -> Object:
    hard = {"count/trainingjobs.manor.dev": "9", "count/jobs.batch": "9"}
    meta = {"name": "q", "namespace": "vision"}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": meta,
        "spec": {"hard": hard},
        "status": {"used": used},
    }


async def test_what_no_quota_counts_yet_is_left_out(server: ApiStandIn) -> None:
    server.hold(quota({"count/jobs.batch": "0"}))
    specs, known = Specs(workloads=[job()]), Specs(platform(), {"vision": tenant()}, [job()])
    events: list[Event] = []
    with override(rollout=Rollout(counted=0)):
        outcome = await roll_out(
            server.client(), apply_stages(Desired(specs, known)), Options(), events.append
        )
    (told,) = of(SetUncounted, events)
    assert told.part.title == "TrainingJob train"
    assert told.why.endswith("ResourceQuota vision/q does not count trainingjobs.manor.dev yet")
    assert not outcome.ok
    assert server.names("trainingjobs") == set()


async def test_what_others_stand_on_is_kept_with_them(server: ApiStandIn) -> None:
    base = part("base")
    top = ObjectSet("Set top", Inventory("top-inventory", "a"), None, [_claim()], base.ref)
    assert (await roll_out(server.client(), [[base], [top]], Options())).ok
    events: list[Event] = []
    outcome = await take_down(server.client(), [[top], [base]], Options(), events.append)
    assert [event.part.title for event in of(SetKept, events)] == ["Set base"]
    assert [step.action for step in outcome.steps] == [Action.KEEP]
    assert {"base", "top-inventory"} <= server.names("configmaps")
    again = await take_down(server.client(), [[top], [base]], Options(delete_data=True))
    assert again.ok
    assert server.names("persistentvolumeclaims") | server.names("configmaps") == set()


def _claim() -> Object:
    meta = {"name": "data", "namespace": "a"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": {}}


def test_a_platform_does_not_go_before_its_tenants() -> None:
    known = Specs(platform(), {"vision": tenant()})
    with pytest.raises(TenantsRemain, match="vision; delete them first, or name them too"):
        refuse_remaining(Desired(Specs(platform()), known))
    refuse_remaining(Desired(known, known))
    refuse_remaining(Desired(Specs(), known))


async def test_only_what_was_applied_is_waited_for(server: ApiStandIn) -> None:
    server.refused["GET .*/configmaps/bad-inventory"] = (403, "forbidden")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "never"}}
    bad = ObjectSet("Set bad", Inventory("bad-inventory", "a"), None, [namespace])
    good = ObjectSet(
        "Set good", Inventory("good", "a"), None, [{**namespace, "metadata": {"name": "soon"}}]
    )
    outcome = await roll_out(server.client(), [[bad, good]], Options())
    events: list[Event] = []
    await wait_ready(server.client(), outcome.sets, 0.0, events.append)
    assert [event.total for event in of(Started, events)] == [1]
    server.remove("/api/v1/namespaces/soon")
    with pytest.raises(NotReady, match="Namespace soon: does not exist"):
        await wait_ready(server.client(), outcome.sets, 0.0)


def test_who_may_apply_what() -> None:
    assert authority(whole().specs) is Authority.CLUSTER_ADMINISTRATOR
    assert authority(Specs(tenants={"vision": tenant()}, workloads=[job()])) is Authority.APPLIER
    assert authority(Specs(workloads=[job()])) is Authority.EDITOR
