"""Hours add up, whoever counts, in whatever order and however often he is stopped."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_specs import platform
from manor.api.platform import GpuSettings, Prices
from manor.metering import (
    Account,
    Amounts,
    Holder,
    Holding,
    Month,
    fields,
    holding_of,
    lines_of,
    months,
    report,
    total,
)
from manor.metering.accounts import moment_of

pytestmark = pytest.mark.unit

HOUR, DAY = 3600, 86400
BEGIN = moment_of("2026-10-30T00:00:00Z")
END = BEGIN + 4 * DAY
MOMENTS = st.integers(BEGIN, END)
HOLDERS = st.builds(
    Holder, st.sampled_from(["", "eve", "ada"]), st.sampled_from(["Job a/x", "y"]), st.booleans()
)
AMOUNTS = st.builds(Amounts, *[st.integers(0, 10**9)] * 4)


@st.composite
def holdings(draw: st.DrawFn) -> Holding:
    start = draw(MOMENTS)
    end = draw(st.none() | st.integers(start, END + DAY))
    return Holding(draw(HOLDERS), draw(AMOUNTS), start, end)


Sums = dict[tuple[str, Holder], Amounts]


def counted(held: Iterable[Holding], until: int) -> Sums:
    """All at once, second by second in thought: the sum by day and holder."""
    sums: Sums = defaultdict(Amounts)
    for one in held:
        for number in range(-1, 6):
            day = BEGIN + number * DAY
            end = until if one.end is None else min(one.end, until)
            seconds = min(end, day + DAY) - max(one.start, day)
            if seconds > 0:
                text = f"2026-{'10' if number < 2 else '11'}-{(30, 31, 1, 2, 3, 4, 29)[number]:02}"
                sums[text, one.holder] += one.amounts.times(seconds)
    return dict(sums)


class Records:
    """Where accounts are kept: what every process finds."""

    def __init__(self) -> None:
        self.data: dict[Month, dict[str, str]] = {}

    def count(self, held: Iterable[Holding], until: int) -> None:
        for month in months(BEGIN, until):
            account = Account.read(month, self.data.get(month, {}))
            account.count(held, until)
            self.data[month] = account.written()

    @property
    def sums(self) -> Sums:
        return {
            (day, holder): amounts
            for month, data in self.data.items()
            for day, rows in Account.read(month, data).days.items()
            for holder, amounts in rows.items()
        }


@given(st.lists(holdings(), max_size=8), st.lists(MOMENTS, max_size=6), st.randoms())
def test_stopped_anywhere_it_counts_the_same(
    held: list[Holding], stops: list[int], random: Any
) -> None:
    records = Records()
    for until in [*stops, END]:  # also by a clock that is behind: what is counted stays so
        # Whoever counts knows what began by now; ends that are to come, he does not.
        known = [
            Holding(
                one.holder, one.amounts, one.start, one.end if (one.end or END) <= until else None
            )
            for one in held
            if one.start <= until
        ]
        random.shuffle(known)
        records.count(known, until)
    assert records.sums == counted(held, END)


@given(st.lists(holdings(), max_size=8), MOMENTS)
def test_what_went_before_it_was_counted_is_counted_once(held: list[Holding], stop: int) -> None:
    records = Records()
    records.count(held, stop)
    left = [one for one in held if one.end is None or one.end > stop]  # what else is forgotten
    records.count(left, END)
    records.count(left, END)
    assert records.sums == counted(held, END)


def test_of_what_is_too_much_to_tell_apart_the_sums_are_right_and_it_fits_an_object() -> None:
    account, names = Account(Month(2026, 10)), range(1000)
    begin, end = account.month.begin, account.month.next.begin
    much = Amounts(*[10**13] * 4)
    held = [
        Holding(Holder("\\" * 100, f"{name:0160}", vouched=True), much, begin) for name in names
    ]
    account.count(held, end)
    for number in names:
        account.note_gap(begin + 1000 * number, begin + 1000 * number + 1)
    assert sum(len(text.encode()) for text in account.written().values()) < 2**20
    lines = lines_of({"a": [account]}, "2026-10-01", "2026-10-31")
    assert total(lines).amounts == much.times(len(names) * (end - begin))


def test_an_account_of_a_year_ago_is_begun_anew_and_a_broken_one_is_told() -> None:
    written = Account(Month(2025, 10)).written()
    assert Account.read(Month(2026, 10), written) == Account(Month(2026, 10))
    with pytest.raises(ValueError, match="days"):
        Account.read(Month(2025, 10), {"month": "2025-10", "until": written["until"]})
    assert [str(one) for one in months(0, BEGIN)][::11] == ["2025-11", "2026-10"]


def test_gaps_that_touch_are_one_and_keep_to_their_month() -> None:
    account = Account(Month(2026, 10))
    begin, end = account.month.begin, account.month.next.begin
    account.note_gap(begin - 50, begin + 100)
    account.note_gap(begin + 60, begin + 200)
    account.note_gap(end - 10, end + 10)
    account.note_gap(end + 10, end + 20)
    assert account.gaps == [(begin, begin + 200), (end - 10, end)]
    assert Account.read(account.month, account.written()) == account


def pod(**given: Any) -> dict[str, Any]:
    requests = {"cpu": "1500m", "memory": "2Gi", "nvidia.com/mig-1g.5gb": "7"}
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastTransitionTime": "2026-10-30T10:00:00Z",
    }
    meta = {
        "name": "train-0",
        "namespace": "vision",
        "creationTimestamp": "2026-10-30T09:00:00Z",
        **given.get("metadata", {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"resources": {"requests": requests}}], **given.get("spec", {})},
        "status": {"phase": "Running", "conditions": [scheduled], **given.get("status", {})},
    }


GPU = GpuSettings.model_validate(
    {
        "resourceNames": ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb"],
        "perGpu": {"nvidia.com/mig-1g.5gb": 7},
    }
)


def test_a_pod_holds_what_it_requests_from_when_it_was_scheduled() -> None:
    found = holding_of(pod(), GPU)
    assert found is not None
    assert found.amounts == Amounts(1500, 2 * 2**20, 1_000_000)
    assert found.start == moment_of("2026-10-30T10:00:00Z")
    assert found.end is None
    assert holding_of(pod(status={"conditions": []}), GPU) is None
    started = {"conditions": [], "startTime": "2026-10-30T09:30:00Z"}
    bound = holding_of(pod(status=started, spec={"nodeName": "n"}), GPU)
    assert bound
    assert bound.start == moment_of("2026-10-30T09:30:00Z")


def test_it_ends_when_its_last_container_did_whenever_one_looks() -> None:
    ended = [
        {"state": {"terminated": {"finishedAt": f"2026-10-30T{hour}:00:00Z"}}} for hour in (11, 12)
    ]
    found = holding_of(pod(status={"phase": "Succeeded", "containerStatuses": ended}), GPU)
    assert found
    assert found.end == moment_of("2026-10-30T12:00:00Z")
    evicted = holding_of(pod(status={"phase": "Failed"}), GPU)
    assert evicted
    assert evicted.end == evicted.start


def test_sidecars_overhead_and_requests_of_the_whole_pod_are_counted() -> None:
    cpu = [{"resources": {"requests": {"cpu": text}}} for text in ("1", "500m", "4")]
    sidecar = {**cpu[1], "restartPolicy": "Always"}
    besides = {"containers": [cpu[0]], "initContainers": [sidecar], "overhead": {"cpu": "250m"}}
    held = holding_of(pod(spec=besides), GPU)
    assert held
    assert held.amounts.cpu == 1750
    held = holding_of(pod(spec={**besides, "initContainers": [sidecar, cpu[2]]}), GPU)
    assert held
    assert held.amounts.cpu == 4750
    held = holding_of(pod(spec={**besides, "resources": {"requests": {"cpu": "8"}}}), GPU)
    assert held
    assert held.amounts.cpu == 8250


@pytest.mark.parametrize(
    ("metadata", "person", "workload"),
    [
        ({}, "", "Pod vision/train-0"),
        (
            {
                "labels": {
                    "app.kubernetes.io/name": "fit",
                    "app.kubernetes.io/component": "trainingjob",
                    "app.kubernetes.io/created-by": "eve",
                }
            },
            "eve",
            "TrainingJob vision/fit",
        ),
        (
            {
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
                "annotations": {"app.kubernetes.io/created-by": "ada@example.com\x1b[2J"},
            },
            "ada@example.com[2J",
            "Deployment vision/web",
        ),
    ],
)
def test_whose_a_pod_is_the_team_says(metadata: Any, person: str, workload: str) -> None:
    found = holding_of(pod(metadata=metadata), GPU)
    assert found
    assert found.holder == Holder(person, workload)


def test_a_claim_holds_its_volume_while_it_is_bound() -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data",
            "namespace": "vision",
            "creationTimestamp": "2026-10-30T09:00:00Z",
        },
        "status": {"phase": "Bound", "capacity": {"storage": "3Gi"}},
    }
    found = holding_of(claim, GPU)
    assert found
    assert found.amounts == Amounts(storage=3 * 2**20)
    assert holding_of({**claim, "status": {"phase": "Pending"}}, GPU) is None


def test_a_report_sums_up_and_has_its_price() -> None:
    account = Account(Month(2026, 10))
    begin = BEGIN + 22 * HOUR
    one = Amounts(2000, 4 * 2**20, 500_000, 73 * 2**20)
    held = [
        Holding(Holder("eve", "Job a/x"), one, begin, begin + 4 * HOUR),
        Holding(Holder("eve", "Job a/y"), one, begin, begin + HOUR),
        Holding(Holder("", "Pod a/z"), one, begin, begin + HOUR),
        Holding(Holder("eve", "Job a/v", vouched=True), Amounts(), begin, begin + HOUR),
    ]
    account.count(held, END)
    lines = lines_of({"a": [account]}, "2026-10-01", "2026-10-30")
    assert [line.of for line in report(lines, ["person", "day"])] == [
        ("a", "2026-10-30", "", "", "Pod a/z"),
        ("a", "2026-10-30", "", "eve", ""),
        ("a", "2026-10-30", "eve", "", ""),
    ]
    assert fields(["person", "day"]) == ("tenant", "day", "person", "personAsTold", "workload")
    (line,) = report(lines, [])
    assert line.hours() == {
        "cpuHours": 8,
        "memoryGiBHours": 16,
        "gpuHours": 2,
        "storageGiBHours": 292,
    }
    prices = Prices.model_validate(
        {
            "currency": "EUR",
            "cpuHour": 0.5,
            "memoryGibHour": 0.25,
            "gpuHour": 2,
            "storageGibMonth": 1,
        }
    )
    assert line.cost(prices) == pytest.approx(4 + 4 + 4 + 0.4)


def test_prices_are_the_platforms() -> None:
    assert platform(prices={"currency": "EUR", "gpuHour": 2}).spec.prices == Prices(
        currency="EUR", gpu_hour=2
    )
