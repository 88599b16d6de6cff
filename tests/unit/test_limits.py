"""Every time-out and bound is in one place, documented and used; and the one loop that waits by
them."""

import ast
import asyncio
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from manor.limits import Kube, Limits, limits, override
from manor.polling import poll_until, wait_until

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
NAMES = [
    f"{group.name}.{one.name}"
    for group in fields(Limits)
    for one in fields(getattr(limits(), group.name))
]
BOUND = re.compile(
    r"TIMEOUT|DEADLINE|RETRIES|TRIES$|BACKOFF|INTERVAL|PATIENCE|POLL|PAUSE(?!D)|TTL$|CONCURRENCY"
)


@pytest.mark.parametrize("name", NAMES)
def test_every_limit_bounds_something_and_is_documented(name: str) -> None:
    field = name.partition(".")[2]
    texts = [path.read_text() for path in SOURCES if path.name != "limits.py"]
    assert any(
        re.search(rf"\b(limits\(\)\.\w+|bounds|[A-Z]\w+)\.{field}\b", text) for text in texts
    )
    assert f"| `{field}` |" in (ROOT / "docs" / "reference.md").read_text()


def _own_bounds(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in tree.body:
        names = [
            t.id
            for t in getattr(node, "targets", [getattr(node, "target", None)])
            if isinstance(t, ast.Name)
        ]
        yield from (f"{path.name}: {name}" for name in names if BOUND.search(name))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        values = [word.value for word in call.keywords if word.arg in ("timeout", "interval")]
        if getattr(call.func, "attr", "") in ("sleep", "timeout"):
            values += call.args
        yield from (
            f"{path.name}:{v.lineno}" for v in values if isinstance(v, ast.Constant) and v.value
        )


def test_no_module_has_limits_of_its_own() -> None:
    # They run in a pod, where nothing of Manor's is.
    elsewhere = {"limits.py", "fetch.py", "attendant.py", "start.py", "buckets.py", "keep.py"}
    others = [path for path in SOURCES if path.name not in elsewhere]
    assert [found for path in others for found in _own_bounds(path)] == []


async def test_others_hold_inside_a_block_and_in_the_tasks_started_there() -> None:
    async def page() -> int:
        await asyncio.sleep(0)
        return limits().kube.page

    with override(kube=Kube(page=2)):
        inside = asyncio.create_task(page())
        assert await asyncio.to_thread(lambda: limits().kube.page) == 2
    assert await page() == Kube.page
    assert await inside == 2


async def _count(looks: list[int]) -> int:
    looks.append(len(looks) + 1)
    return looks[-1]


async def test_it_looks_until_it_is_so() -> None:
    looks: list[int] = []
    assert (
        await poll_until(lambda found: found == 3, lambda: _count(looks), timeout=60, interval=0)
        == 3
    )
    assert looks == [1, 2, 3]


async def test_after_the_time_out_it_says_what_it_saw_last() -> None:
    looks: list[int] = []
    assert await poll_until(lambda _: False, lambda: _count(looks), timeout=0, interval=60) == 1
    last = await poll_until(lambda _: False, lambda: _count(looks), timeout=0.05, interval=0.01)
    assert last == looks[-1]


@pytest.mark.parametrize(("longest", "expected"), [(None, [2, 2, 2]), (4, [2, 3, 4])])
async def test_its_pauses_grow_up_to_the_longest(
    longest: float | None, expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, pauses = list[int](), list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    await poll_until(
        lambda found: found == 4, lambda: _count(looks), timeout=600, interval=2, longest=longest
    )
    assert pauses == expected


def test_without_an_event_loop_it_waits_alike() -> None:
    looks = iter((False, False, True))
    assert wait_until(lambda: next(looks), timeout=60, interval=0)
    assert not wait_until(lambda: False, timeout=0, interval=60)
