"""Real API servers and nodes for the tests."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from nodes import RunningNode, node_for_tests

# The machine may be busy: how long an example takes says nothing of it.
settings.register_profile("manor", deadline=None)
settings.load_profile("manor")

# Started in the background, a process ignores Ctrl-C, and so do its children; tests of Ctrl-C need
# it.
signal.signal(signal.SIGINT, signal.default_int_handler)


class _ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """What may run side by side: one whole node at a time; otherwise modules, which keep a server
    to themselves."""

    def _split_scope(self, nodeid: str) -> str:
        return "e2e" if nodeid.startswith("tests/e2e/") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How xdist divides the tests among its processes (`--numprocesses`)."""
    return _ByServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first; what has a whole node of its own is done before the other
    tests' node is made."""
    rank = {"e2e": 0, "integration": 1}

    def place(item: pytest.Item) -> tuple[int, bool]:
        first = min(rank.get(mark.name, 2) for mark in item.iter_markers())
        return first, "two_teams" not in getattr(item, "fixturenames", ())

    items.sort(key=place)


@pytest.fixture(scope="module")
def api_node() -> Iterator[RunningNode]:
    """etcd, kube-apiserver and kube-controller-manager for one module: its guardrails would stop
    another's tests."""
    with node_for_tests("api", "--api-only") as running:
        yield running
