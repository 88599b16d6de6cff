"""Where an operator works, specs are stored for it: how that is seen, what is waited for, how it is
told."""

from typing import Any

import pytest

from api_stand_in import CONTROLLERS, ApiStandIn
from engine_specs import job, model, platform, tenant
from manor.api import API_VERSION
from manor.api.status import Condition, Phase, reached, workload_conditions
from manor.apply import Action, NotReady, Options, Waiting
from manor.kube import Object
from manor.limits import Apply, Operator, Rollout, override
from manor.load import Specs
from manor.rollout import Desired, Event, apply_stages, roll_out, wait_ready
from manor.rollout.handover import wait_followed
from manor.rollout.outcome import SetOutcome
from manor.rollout.progress import SetLeftOut
from manor.state import is_operated
from operator_lease import lease

pytestmark = pytest.mark.unit

QUICK = Apply(ready_poll=0.01, ready_poll_longest=0.01)


def says(conditions: Any) -> Any:
    """What an operator says of a new object."""
    told = [condition.model_dump(mode="json", by_alias=True) for condition in conditions]
    return lambda _: {"observedGeneration": 1, "conditions": told}


READY = reached("ready", "Applied", "", 1)


@pytest.fixture
def server() -> ApiStandIn:
    """A cluster with an operator that makes everything at once."""
    made = ApiStandIn()
    made.hold(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "manor-system"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}},
        lease(),
    )
    made.controllers = {
        **CONTROLLERS,
        "Tenant": says(READY),
        "TrainingJob": says(workload_conditions(Phase.RUNNING, "Running", "", 1)),
        "Model": says(workload_conditions(Phase.READY, "Serving", "", 1)),
    }
    return made


def team() -> Any:
    known = Specs(platform=platform(), tenants={"vision": tenant()}, workloads=[job(), model()])
    return apply_stages(Desired(Specs(tenants=known.tenants, workloads=known.workloads), known))


async def applied(
    server: ApiStandIn, events: list[Event] | None = None, options: Options | None = None
) -> Any:
    told = events if events is not None else []
    with override(apply=QUICK, rollout=Rollout(made=0.1)):
        return await roll_out(server.client(), team(), options or Options(), told.append)


async def test_only_specs_are_stored_and_their_words_waited_for(server: ApiStandIn) -> None:
    outcome = await applied(server)
    assert outcome.ok
    created = [("Tenant", Action.CREATE), ("TrainingJob", Action.CREATE), ("Model", Action.CREATE)]
    assert [(step.ref.kind, step.action) for step in outcome.steps] == created
    assert not server.names("resourcequotas")
    # As without an operator, the end of a run is waited for where that is asked for.
    with override(apply=QUICK):
        await wait_ready(server.client(), outcome.sets, 0.1)
        with pytest.raises(NotReady, match="TrainingJob vision/train"):
            await wait_ready(server.client(), outcome.sets, 0.1, jobs=True)
    again = await applied(server)
    assert {step.action for step in again.steps} == {Action.UNCHANGED}


@pytest.mark.parametrize(
    ("state", "reason"),
    [("stalled", "NotApplied"), ("stalled", "Paused"), ("reconciling", "NotApplied")],
)
async def test_what_it_does_not_make_fails_and_stops_what_stands_on_it(
    server: ApiStandIn, state: Any, reason: str
) -> None:
    server.controllers["Tenant"] = says(reached(state, reason, "the reason why", 1))
    events: list[Event] = []
    outcome = await applied(server, events)
    (step,) = outcome.steps
    assert (step.action, step.message) == (Action.FAIL, "the reason why")
    assert len([event for event in events if isinstance(event, SetLeftOut)]) == 2
    waits = [event.pending[0].reason for event in events if isinstance(event, Waiting)]
    assert set(waits) == {"the reason why"}


async def test_one_that_is_silent_is_told(server: ApiStandIn) -> None:
    del server.controllers["Tenant"]
    outcome = await applied(server)
    assert outcome.steps[0].message == "the operator has not looked at it yet"


async def test_a_workload_that_cannot_run_is_made_and_never_ready(server: ApiStandIn) -> None:
    crashed = workload_conditions(Phase.FAILED, "Crashed", "its last line", 1)
    server.controllers["Model"] = says(crashed)
    outcome = await applied(server)
    assert outcome.ok
    with override(apply=QUICK), pytest.raises(NotReady, match=r"cannot become.*\n.*its last line"):
        await wait_ready(server.client(), outcome.sets, 60)


async def test_what_takes_consent_is_not_handed_over(server: ApiStandIn) -> None:
    await applied(server, options=Options(adopt=True))
    assert server.names("resourcequotas")


@pytest.mark.parametrize(
    ("age", "holder", "works"),
    [(0, "pod-1", True), (0, "", False), (60, "pod-1", False), (-60, "pod-1", False)],
)
async def test_it_works_while_its_lease_is_renewed(
    server: ApiStandIn, age: float, holder: str, works: bool
) -> None:
    server.hold(lease(age, holder))
    with override(operator=Operator(lease_poll=0.01)):
        assert await is_operated(server.client()) is works


async def test_a_wrong_clock_does_not_hide_that_it_is_renewed(server: ApiStandIn) -> None:
    server.hold(lease(3600))
    get, ages = server.send, iter(range(3599, 0, -1))

    async def send(*words: Any, **more: Any) -> str:
        server.hold(lease(next(ages)))
        return await get(*words, **more)

    server.send = send  # type: ignore[method-assign]
    with override(operator=Operator(lease_poll=0.01)):
        assert await is_operated(server.client())


async def test_who_may_not_see_the_lease_writes_as_ever(server: ApiStandIn) -> None:
    server.refused["GET .*/leases/.*"] = (403, "no")
    assert not await is_operated(server.client())


def rolling(status: str, reason: str, generation: int = 1) -> Object:
    """The Platform, and what an operator says of it."""
    message = "3 of 120 tenants follow generation 1; waits for team-a: the reason why"
    out = Condition.model_validate(
        {
            "type": "RollingOut",
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": generation,
        }
    )
    spec = platform().model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {
        "apiVersion": API_VERSION,
        "kind": "Platform",
        "metadata": {"name": "manor", "generation": 1},
        "spec": spec["spec"],
        "status": says([*READY, out])({}),
    }


async def followed(server: ApiStandIn, events: list[Event] | None = None) -> None:
    known = Specs(platform=platform())
    stages = apply_stages(Desired(known, known))
    told = events if events is not None else []
    with override(apply=QUICK, operator=Operator(lease_poll=0.01)):
        sets = [SetOutcome(part) for stage in stages for part in stage]
        await wait_followed(server.client(), sets, 0.1, told.append)


async def test_a_platform_is_applied_once_the_tenants_follow(server: ApiStandIn) -> None:
    server.hold(rolling("False", "Applied"))
    await followed(server)


STOPPED = "the roll-out has stopped.*\n.*3 of 120 .* waits for team-a: the reason"


@pytest.mark.parametrize(
    ("reason", "generation", "said"),
    [
        ("Stopped", 1, STOPPED),
        ("Progressing", 1, "not rolled out after 0.1 s.*\n.*3 of 120 .*"),
        ("Stopped", 0, "not rolled out after 0.1 s.*\n.*has not looked at it yet"),
    ],
    ids=["stopped", "under way", "of before"],
)
async def test_a_roll_out_that_does_not_end_is_an_error(
    server: ApiStandIn, reason: str, generation: int, said: str
) -> None:
    server.hold(rolling("True", reason, generation))
    events: list[Event] = []
    with pytest.raises(NotReady, match=said):
        await followed(server, events)
    waits = [event for event in events if isinstance(event, Waiting)]
    assert bool(waits) is (said != STOPPED)


async def test_where_no_operator_works_no_roll_out_is_waited_for(server: ApiStandIn) -> None:
    server.hold(rolling("True", "Stopped"), lease(60))
    await followed(server)
