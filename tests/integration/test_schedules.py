"""Schedules and sweeps on a real API server: its controllers make each run, an operator tells of
it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from engine_specs import job, platform
from engine_specs import tenant as engine_tenant
from manor.api import API_VERSION
from manor.api.workload import WORKLOAD_NAME_LIMIT
from manor.engines import render_workload
from manor.kube import ApiError, Client, Object
from operator_process import condition, is_stored, operating, ready, tenant
from spec_examples import SCHEDULES
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

INDEX = "batch.kubernetes.io/job-completion-index"
SETS = [{"LR": "0.1"}, {"LR": "0.01"}, {"LR": "1"}]


def training(name: str, **spec: object) -> Object:
    meta = {"name": name, "namespace": "plover"}
    small = {"cpu": "100m", "memory": "64Mi"}
    body = {"image": "manor.local/base:1", "command": ["true"], "resources": small, **spec}
    return {"apiVersion": API_VERSION, "kind": "TrainingJob", "metadata": meta, "spec": body}


async def runs_of(client: Client, name: str) -> list[Object]:
    marks = {"app.kubernetes.io/name": name}
    return await client.list("batch/v1", "Job", "plover", marks)


async def pods_of(client: Client, name: str) -> dict[int, Object]:
    """The pods of a job, by their index."""
    pods = await client.list("v1", "Pod", "plover", {"app.kubernetes.io/name": name})
    return {int(pod["metadata"]["annotations"][INDEX]): pod for pod in pods}


async def end(client: Client, pod: Object, code: int, words: str) -> None:
    """What a kubelet says of a pod whose container has ended."""
    state = {"terminated": {"exitCode": code, "message": words}}
    body = {"name": "worker", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    status = {
        "phase": "Failed" if code else "Succeeded",
        "containerStatuses": [{**body, "state": state}],
    }
    name = pod["metadata"]["name"]
    patch = {"status": status}
    await client.patch("v1", "Pod", name, patch, namespace="plover", subresource="status")


async def told(client: Client, name: str) -> Object:
    """The status of a job."""
    live = await client.get(API_VERSION, "TrainingJob", name, "plover")
    status: Object = live.get("status") or {}
    return status


def says(client: Client, name: str, **wanted: object) -> Callable[[], Awaitable[bool]]:
    """Whether the status of a job says this."""

    async def look() -> bool:
        status = await told(client, name)
        return all(status.get(key) == value for key, value in wanted.items())

    return look


async def test_an_operator_tells_of_runs_and_of_trials(
    own: Path, client: Client, tmp_path: Path
) -> None:
    with operating(own, tmp_path / "log"):
        await client.create(tenant("plover"))
        await ready(client, "plover")
        await until(
            "quotas count it", partial(is_stored, client, training("tick", schedule="* * * * *"))
        )
        await client.create(training("tune", sweep={"parameters": SETS, "atOnce": 2}, retries=0))
        await client.create(training("huge", schedule="@daily", resources={"cpu": "64"}))
        await _trials(client)
        await _runs(client)
        live = await client.get(API_VERSION, "TrainingJob", "huge", "plover")
        assert condition(live)["reason"] == "Invalid"
        assert "asks for 64 cpu at once" in condition(live)["message"]


async def _trials(client: Client) -> None:
    async def two() -> bool:
        return len(await pods_of(client, "tune")) == 2

    await until("two trials are begun", two)
    await asyncio.sleep(1)
    pods = await pods_of(client, "tune")
    assert pods.keys() == {0, 1}  # and no more at once
    await end(client, pods[0], 0, "loss=1\n")
    await end(client, pods[1], 3, "ValueError: no rows")

    async def third() -> bool:
        return 2 in await pods_of(client, "tune")

    await until("the third has its turn, whatever became of the others", third)
    await until("it runs on", says(client, "tune", phase="Running"))
    await end(client, (await pods_of(client, "tune"))[2], 0, "loss=2")
    await until("it has failed", says(client, "tune", phase="Failed"))
    status = await told(client, "tune")
    why = "container worker ended with exit code 3: ValueError: no rows"
    assert status["trials"] == [
        {"phase": "Succeeded", "result": "loss=1"},
        {"phase": "Failed", "result": why},
        {"phase": "Succeeded", "result": "loss=2"},
    ]
    assert status["message"].startswith("2 of 3 trials succeeded, 1 failed")


async def _runs(client: Client) -> None:
    async def begun() -> bool:
        return bool(await pods_of(client, "tick"))

    await until("the controller has begun a run", begun, 75)
    (run,) = await runs_of(client, "tick")
    name = run["metadata"]["name"]
    await until(
        "its run is told of", says(client, "tick", lastRun={"name": name, "phase": "Pending"})
    )
    await end(client, (await pods_of(client, "tick"))[0], 0, "")
    ended = {"name": name, "phase": "Succeeded"}
    await until("it waits for the next", says(client, "tick", phase="Scheduled", lastRun=ended))

    async def success() -> bool:
        return "lastSuccessfulTime" in await told(client, "tick")

    await until("the controller has told of it", success)
    status = await told(client, "tick")
    assert status["lastScheduleTime"] < status["nextScheduleTime"]
    assert status["message"].endswith(f"; {name} succeeded")

    more = {"spec": {"suspend": True}}
    await client.patch(API_VERSION, "TrainingJob", "tick", more, namespace="plover")
    await until("it is suspended", says(client, "tick", phase="Stopped"))
    assert "nextScheduleTime" not in await told(client, "tick")
    assert (await client.get("batch/v1", "CronJob", "tick", "plover"))["spec"]["suspend"]
    await client.delete(API_VERSION, "TrainingJob", "tick", "plover")

    async def gone() -> bool:
        return not (await runs_of(client, "tick") or await pods_of(client, "tick"))

    await until("its runs are gone with it", gone)


async def test_what_a_trainingjob_takes_the_api_server_takes_of_a_cronjob(client: Client) -> None:
    space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}}
    await client.apply(space, field_manager="tests")
    refused: dict[str, str] = {}
    for schedule in SCHEDULES:
        spec = job(schedule=schedule, timeZone="America/Argentina/Buenos_Aires")
        (made,) = render_workload(platform(), engine_tenant(), spec)
        try:
            await client.create(made, dry_run=True)
        except ApiError as error:
            refused[schedule] = error.message
    assert refused == {}


async def test_the_longest_name_leaves_room_for_the_minute_and_for_workers(client: Client) -> None:
    spec = job(schedule="@daily", workers=1000)
    *_, made = render_workload(platform(), engine_tenant(), spec)
    template = made["spec"]["jobTemplate"]
    name = f"{'a' * WORKLOAD_NAME_LIMIT}-29929080"
    run = {"apiVersion": "batch/v1", "kind": "Job", **template}
    run["metadata"] = {"name": name, "namespace": "default"}
    await client.create(run, dry_run=True)
    run["metadata"] = {"name": f"a{name}", "namespace": "default"}
    with pytest.raises(ApiError, match="invalid DNS label"):
        await client.create(run, dry_run=True)
