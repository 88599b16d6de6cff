"""What the operator counts and writes of what teams use, and what `manor usage` tells."""

import asyncio
import csv
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import job, model, platform, tenant
from manor.api.wellknown import REQUESTED_BY, SYSTEM_NAMESPACE, USAGE_LABEL, usage_account
from manor.kube import Cache, Object
from manor.limits import limits, override
from manor.metering import Account, Amounts, Holder, Holding, Month
from manor.operator.known import Known
from manor.operator.meter import Meter
from manor.render import spec_object
from served_kinds import BUILT_IN, MANORS
from waiting import until

pytestmark = pytest.mark.unit

CREATED_BY = "app.kubernetes.io/created-by"

THIS = Month.of(int(time.time()))
HOUR = 3600


def ago(seconds: int) -> int:
    """So long before now: the meter looks at the clock."""
    return int(time.time()) - seconds


def text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(name: str, start: int, cpu: str = "1", **meta: Any) -> Object:
    condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": text(start)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "vision",
            "creationTimestamp": text(start),
            **meta,
        },
        "spec": {"containers": [{"resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": "Running", "conditions": [condition]},
    }


def claim(phase: str, made: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "vision", "creationTimestamp": text(made)},
        "status": {"phase": phase, "capacity": {"storage": "1Gi"}},
    }


class _Follows:
    """A cache that has told all that there is."""

    async def follow(self, *_kind: str) -> None:
        pass


@pytest.fixture
def known() -> Known:
    found = Known()
    ours = spec_object(job())
    ours["metadata"]["annotations"] = {CREATED_BY: "eve@example.com"}
    for number, obj in enumerate((spec_object(platform()), spec_object(tenant()), ours)):
        obj["metadata"]["uid"] = str(number)
        found.change(None, obj)
    return found


@pytest.fixture
def api() -> ApiStandIn:
    found = ApiStandIn(kinds=[*BUILT_IN, *MANORS])
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}}
    found.hold(space)
    return found


@asynccontextmanager
async def counting(
    api: ApiStandIn,
    known: Known,
    before: Object | None = None,
    *,
    account: float = 0.05,
    late: float = 1.0,
) -> AsyncIterator[Meter]:
    """A meter at work, until the end of the block."""
    meter = Meter(api.client(), known)
    fast = replace(limits().operator, account=account, account_late=late)
    with override(operator=fast):
        task = asyncio.create_task(meter.run(cast("Cache", _Follows()), before or {}))
        try:
            yield meter
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def accounts(api: ApiStandIn) -> list[Account]:
    found = [
        obj["data"]
        for path, obj in sorted(api.objects.items())
        if "/configmaps/manor-usage-" in path
    ]
    return [Account.read(Month(*map(int, data["month"].split("-"))), data) for data in found]


def sums(api: ApiStandIn) -> dict[Holder, Amounts]:
    found: dict[Holder, Amounts] = {}
    for account in accounts(api):
        for rows in account.days.values():
            for holder, amounts in rows.items():
                found[holder] = found.get(holder, Amounts()) + amounts
    return found


def some(question: Callable[[], Any]) -> Any:
    async def asked() -> bool:
        return bool(question())

    return asked


async def test_what_went_is_counted_to_its_end_also_by_who_is_stopped(
    api: ApiStandIn, known: Known
) -> None:
    labels = {
        "app.kubernetes.io/name": "train",
        "app.kubernetes.io/component": "trainingjob",
        CREATED_BY: "somebody",
    }
    one = pod("one", ago(HOUR), "2", labels=labels)
    async with counting(api, known, account=600) as meter:
        await asyncio.sleep(0)
        meter.heard(None, one)
        meter.heard(one, None)
    assert set(sums(api)) == {Holder("eve@example.com", "TrainingJob vision/train")}
    (amounts,) = sums(api).values()
    assert amounts.cpu == pytest.approx(2000 * HOUR, rel=0.01)
    written = len(api.written)
    async with counting(api, known):
        await asyncio.sleep(0.2)
    assert len(api.written) == written  # nothing is held any more


VERSIONS = {
    "Pod": "v1",
    "ReplicaSet": "apps/v1",
    "Deployment": "apps/v1",
    "TrainJob": "trainer.kubeflow.org/v1alpha1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "RayJob": "ray.io/v1",
    "RayCluster": "ray.io/v1",
    "InferenceService": "serving.kserve.io/v1beta1",
    "SeldonDeployment": "machinelearning.seldon.io/v1",
}


def controlled(kind: str, name: str, uid: str, by: str = "") -> Object:
    """Something with the labels of the job `train`."""
    labels = {"app.kubernetes.io/name": "train", "app.kubernetes.io/component": "trainingjob"}
    owners = [{"kind": "X", "name": "x", "uid": by, "controller": True}] if by else []
    meta = {"name": name, "namespace": "vision", "uid": uid, "labels": labels}
    metadata = {**meta, "ownerReferences": owners}
    return {"apiVersion": VERSIONS.get(kind, "batch/v1"), "kind": kind, "metadata": metadata}


def worker(name: str, by: str = "") -> Object:
    meta = controlled("Pod", name, name, by)["metadata"]
    return pod(name, ago(HOUR), labels=meta["labels"], ownerReferences=meta["ownerReferences"])


@pytest.fixture
def asked(known: Known) -> Known:
    """Of whose job the API server knows who wrote it, whatever its team says."""
    (ours,) = (spec_object(one) for one in known.workloads["vision"].values())
    ours["metadata"]["annotations"] |= {REQUESTED_BY: "ada@example.com"}
    ours["metadata"]["uid"] = "2"
    known.change(None, ours)
    return known


JOB = controlled("Job", "train", "of-train")
VOUCHED = Holder("ada@example.com", "TrainingJob vision/train", vouched=True)
TOLD = VOUCHED._replace(vouched=False)


@pytest.mark.parametrize("late", [False, True])
async def test_what_the_workload_became_counts_for_who_wrote_it(
    api: ApiStandIn, asked: Known, *, late: bool
) -> None:
    async with counting(api, asked, account=600) as meter:
        await asyncio.sleep(0)
        one = worker("one", "of-train")
        told = [(meter.heard_of_controller, None, JOB), (meter.heard, None, one)]
        for tell, old, new in reversed(told) if late else told:
            tell(old, new)
        meter.heard_of_controller(JOB, None)  # it goes before its pods
        other = spec_object(job(image="r/other:1"))
        other["metadata"]["annotations"] = {REQUESTED_BY: "bob@example.com"}
        other["metadata"]["uid"] = "2"
        asked.change(None, other)
        meter.heard(one, one)
        meter.heard(one, None)
    assert set(sums(api)) == {VOUCHED}


@pytest.mark.parametrize("reached", [True, False])
@pytest.mark.parametrize(
    ("engine", "chain"),
    [
        ("kubeflow", ("TrainJob", "JobSet", "Job")),
        ("ray", ("RayJob", "RayCluster")),
        ("kserve", ("InferenceService", "Deployment", "ReplicaSet")),
        ("seldon", ("SeldonDeployment", "Deployment", "ReplicaSet")),
    ],
)
async def test_the_pods_of_every_engine_count_for_who_wrote_the_workload(
    api: ApiStandIn, asked: Known, engine: str, chain: tuple[str, ...], *, reached: bool
) -> None:
    """Unless what they lead to is of another name than the engine gives."""
    serves = chain[-1] == "ReplicaSet"
    ours = spec_object(model() if serves else job())
    name = ours["metadata"]["name"]
    ours["metadata"] |= {"uid": "3", "annotations": {REQUESTED_BY: "ada@example.com"}}
    asked.change(None, ours)
    chosen = spec_object(platform(engines={"model" if serves else "trainingJob": engine}))
    chosen["metadata"]["uid"] = "4"
    asked.change(None, chosen)
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": "model" if serves else "trainingjob",
    }
    async with counting(api, asked, account=600) as meter:
        await asyncio.sleep(0)
        above = ""
        for kind in chain:
            first = name if reached else "another"
            one = controlled(kind, first if not above else f"{name}-{kind}", kind, above)
            one["metadata"]["labels"] = labels
            meter.heard_of_controller(None, one)
            above = kind
        its = labels | (
            {"app.kubernetes.io/name": "kuberay", "app.kubernetes.io/instance": name}
            if engine == "ray"
            else {}
        )
        references = controlled("Pod", "one", "one", above)["metadata"]["ownerReferences"]
        worker = pod("one", ago(HOUR), labels=its, ownerReferences=references)
        meter.heard(None, worker)
        meter.heard(worker, None)
    workload = f"{ours['kind']} vision/{name}"
    assert set(sums(api)) == {Holder("ada@example.com", workload, vouched=reached)}


@pytest.mark.parametrize(
    "controllers",
    [
        pytest.param([], id="labels alone"),
        pytest.param([controlled("Job", "train-2", "it")], id="a Job of another name"),
        pytest.param([controlled("ReplicaSet", "train", "it")], id="another kind of its name"),
        pytest.param(
            [controlled("Job", "a", "it", "b"), controlled("Job", "b", "b", "it")], id="a circle"
        ),
    ],
)
async def test_what_only_its_labels_say_to_be_a_workloads_counts_as_told(
    api: ApiStandIn, asked: Known, controllers: list[Object]
) -> None:
    async with counting(api, asked, account=600) as meter:
        await asyncio.sleep(0)
        for one in controllers:
            meter.heard_of_controller(None, one)
        forged = worker("forged", "it" if controllers else "")
        meter.heard(None, forged)
        meter.heard(forged, None)
    assert set(sums(api)) == {TOLD}


async def test_a_pod_whose_workload_goes_first_counts_for_whom_it_did(
    api: ApiStandIn, asked: Known
) -> None:
    async with counting(api, asked, account=600) as meter:
        await asyncio.sleep(0)
        one = worker("one")
        meter.heard(None, one)
        gone = spec_object(job())
        gone["metadata"]["uid"] = "2"
        asked.change(gone, None)
        meter.heard(one, one)
        meter.heard(one, None)
    assert set(sums(api)) == {TOLD}


async def test_a_replicaset_that_its_deployment_lets_go_is_the_workloads_no_more(
    api: ApiStandIn, asked: Known
) -> None:
    async with counting(api, asked, account=600) as meter:
        await asyncio.sleep(0)
        forged = controlled("ReplicaSet", "more", "more", "of-train")
        free = controlled("ReplicaSet", "more", "more")
        meter.heard_of_controller(None, JOB)
        meter.heard_of_controller(None, forged)
        meter.heard(None, worker("one", "more"))
        meter.heard_of_controller(forged, free)
        meter.heard(worker("one", "more"), None)
    assert set(sums(api)) == {TOLD}


async def test_a_pod_that_its_controller_lets_go_is_the_workloads_no_more(
    api: ApiStandIn, asked: Known
) -> None:
    async with counting(api, asked, account=600) as meter:
        await asyncio.sleep(0)
        meter.heard_of_controller(None, JOB)
        meter.heard(None, worker("one", "of-train"))
        meter.heard(worker("one", "of-train"), worker("one"))
        meter.heard(worker("one"), None)
    assert set(sums(api)) == {TOLD}


async def test_the_time_before_it_came_is_filled_once_back_over_months(
    api: ApiStandIn, known: Known
) -> None:
    start = THIS.begin - 40 * 24 * HOUR
    for _ in range(2):
        async with counting(api, known) as meter:
            meter.heard(None, pod("long", start))
            await until("it is counted", some(lambda: accounts(api)))
    (amounts,) = sums(api).values()
    assert amounts.cpu == pytest.approx(1000 * (time.time() - start), rel=0.001)
    assert len(accounts(api)) >= 2
    assert all(a.until == a.month.next.begin for a in accounts(api) if a.month != THIS)


async def test_two_who_count_at_once_count_it_once(api: ApiStandIn, known: Known) -> None:
    start = max(ago(2 * HOUR), THIS.begin)
    async with counting(api, known) as one, counting(api, known) as other:
        for meter in (one, other):
            meter.heard(None, pod("long", start))
        await until("it is counted", some(lambda: sums(api)))
        await asyncio.sleep(1.5)
    assert sum(a.cpu for a in sums(api).values()) <= 1000 * (time.time() - start)


async def test_a_claim_counts_from_when_it_was_seen_bound_and_a_resized_pod_in_two_parts(
    api: ApiStandIn, known: Known
) -> None:
    async with counting(api, known, account=600) as meter:
        await asyncio.sleep(0)
        waits = claim("Pending", ago(HOUR))
        meter.heard(None, waits)
        meter.heard(waits, claim("Bound", ago(HOUR)))
        small, large = pod("p", ago(HOUR), "1"), pod("p", ago(HOUR), "9")
        meter.heard(None, small)
        meter.heard(small, large)
        meter.heard(large, None)
    (amounts,) = sums(api).values()
    assert amounts.cpu == pytest.approx(1000 * HOUR, rel=0.02)
    assert amounts.storage == 0


async def test_volumes_alone_are_written_once_a_day(api: ApiStandIn, known: Known) -> None:
    async with counting(api, known) as meter:
        meter.heard(None, claim("Bound", ago(HOUR)))
        await until("it is counted", some(lambda: sums(api)))
        await asyncio.sleep(2.5)
        assert len(api.written) == len(accounts(api))
        meter.heard(None, pod("p", ago(HOUR)))
        await until("so is the pod", some(lambda: len(sums(api)) == 2))


@pytest.mark.parametrize(("holder", "missed"), [("", HOUR), ("dead", HOUR + 90)])
async def test_when_nobody_looked_is_told(
    api: ApiStandIn, known: Known, holder: str, missed: int
) -> None:
    now = int(time.time())
    lease = {"renewTime": text(now - HOUR), "holderIdentity": holder}
    async with counting(api, known, lease, late=90.0) as meter:
        meter.heard(None, pod("long", now - 2 * HOUR))
        await until("it is counted", some(lambda: sums(api)))
    gaps = sum(end - start for account in accounts(api) for start, end in account.gaps)
    assert gaps == pytest.approx(missed, abs=30)


async def test_of_no_team_nothing_is_counted(api: ApiStandIn, known: Known) -> None:
    async with counting(api, known) as meter:
        stranger = pod("p", ago(HOUR), namespace="kube-system")
        meter.heard(None, stranger)
        await asyncio.sleep(0.2)
        meter.heard(stranger, None)
    assert api.written == []


def hold(cluster: ApiStandIn, name: str, *held: Holding, gap: int = 0) -> None:
    account = Account(THIS)
    account.count(held, THIS.next.begin)
    if gap:
        account.note_gap(THIS.begin, THIS.begin + gap)
    meta = {
        "name": usage_account(name, THIS.number),
        "namespace": SYSTEM_NAMESPACE,
        "labels": {USAGE_LABEL: name},
    }
    data = account.written()
    cluster.hold({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})


@pytest.fixture
def used(cluster: ApiStandIn) -> ApiStandIn:
    cluster.kinds += MANORS
    cluster.hold(spec_object(platform(prices={"currency": "EUR", "cpuHour": 0.5})))
    cluster.hold(spec_object(tenant()), {**spec_object(tenant()), "metadata": {"name": "idle"}})
    begin = THIS.begin
    hold(
        cluster,
        "vision",
        Holding(Holder("=1+1", "Job vision/a"), Amounts(cpu=2000), begin, begin + HOUR),
        Holding(Holder("", "Pod vision/b"), Amounts(cpu=500), begin, begin + 2 * HOUR),
        Holding(Holder("ada", "Job vision/c", vouched=True), Amounts(cpu=0), begin, begin + HOUR),
        gap=HOUR,
    )
    hold(cluster, "nlp", Holding(Holder("", "Pod n/c"), Amounts(cpu=1000), begin, begin + HOUR))
    return cluster


FIRST_DAY = f"{THIS}-01"


def test_it_is_told_by_tenant_person_and_day_with_its_cost(
    used: ApiStandIn, manor: Command
) -> None:
    header, *lines = manor("usage", "vision", "--by", "person", "--by", "day").out.splitlines()
    assert header.split()[:4] == ["TENANT", "DAY", "PERSON", "WORKLOAD"]
    assert header.endswith("COST (EUR)")
    assert lines[0].split() == [
        *("vision", FIRST_DAY, "unknown", "Pod", "vision/b"),
        *("1.00", "0.00", "0.00", "0.00", "0.50"),
    ]
    assert lines[1].split()[2:7] == ["=1+1", "(as", "told)", "-", "2.00"]
    assert lines[2].split()[2:5] == ["ada", "-", "0.00"]
    assert lines[3].split()[0] == "total"
    assert lines[3].split()[-1] == "1.50"
    assert lines[4].startswith(f"not watched: vision, {FIRST_DAY}T00:00:00Z to {FIRST_DAY}T01:00")
    told = json.loads(manor("usage", "-o", "json", "--to", FIRST_DAY, "--from", FIRST_DAY).out)
    assert [(line["tenant"], line["cpuHours"], line["cost"]) for line in told["items"]] == [
        ("nlp", 1, 0.5),
        ("vision", 3, 1.5),
    ]
    assert told["currency"] == "EUR"
    assert told["notWatched"][0]["tenant"] == "vision"
    assert used.written == []


def test_no_cell_is_a_formula_to_a_spreadsheet(used: ApiStandIn, manor: Command) -> None:
    rows = list(csv.DictReader(manor("usage", "--by", "person", "-o", "csv").out.splitlines()))
    assert [row["person"] for row in rows] == ["", "", "", "ada"]
    assert [row["personAsTold"] for row in rows] == ["", "", "'=1+1", ""]
    assert [row["workload"] for row in rows] == ["Pod n/c", "Pod vision/b", "", ""]
    assert rows[2]["cost"] == "1.0"


def test_a_member_is_told_of_the_own_tenant_and_of_no_other(
    used: ApiStandIn, manor: Command
) -> None:
    used.refused["GET /apis/manor.dev/v1alpha1/tenants"] = (403, "may not list")
    used.refused["GET /api/v1/namespaces/manor-system/configmaps"] = (403, "may not list")
    used.refused["GET /api/v1/namespaces/manor-system/configmaps/manor-usage-nlp-.*"] = (
        403,
        "forbidden: may not get",
    )
    rule = {
        "verbs": ["get"],
        "apiGroups": ["manor.dev"],
        "resources": ["tenants"],
        "resourceNames": ["vision"],
    }
    used.reviews["selfsubjectrulesreviews"] = {"resourceRules": [rule]}
    assert [line.split()[0] for line in manor("usage").out.splitlines()[1:2]] == ["vision"]
    other = manor("usage", "nlp")
    assert other.code == 2
    assert "forbidden" in other.err
    used.reviews["selfsubjectrulesreviews"] = {"resourceRules": []}
    nobody = manor("usage")
    assert nobody.code == 2
    assert "you are in no tenant" in nobody.err


def test_what_cannot_be_told_is_said(used: ApiStandIn, manor: Command) -> None:
    assert manor("usage", "idle").code == 0
    for words, said in (
        (("nobody",), "no tenant nobody"),
        (("--from", "2020-01-01"), "is kept from"),
        (("--from", "2026-02-02", "--to", "2026-02-01"), "is after"),
        (("--from", "yesterday"), "does not match"),
    ):
        done = manor("usage", *words)
        assert done.code == 2
        assert said in " ".join(done.err.split())
    path = f"/api/v1/namespaces/manor-system/configmaps/{usage_account('nlp', THIS.number)}"
    used.objects[path]["data"]["days"] = "{"
    broken = manor("usage")
    assert broken.code == 2
    assert "manor-usage-nlp" in broken.err
