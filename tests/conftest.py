"""Real API servers and nodes for the tests."""

import signal
from collections.abc import Iterator
from pathlib import Path
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


OWN_NODES = ("two_teams", "local_node", "local_images", "upgrade")
"""The modules of `e2e` that make whole nodes of their own; the others share one."""
BEHIND_THEM = ("data", "verify")
"""Others that run after those, in the same process, and share a node there: half of what takes a
whole node."""


LONG = ("operator", "verify_sabotage")
"""The longest of the modules with an API server: the last of them would run alone at the end."""


class _ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """What may run side by side: two whole nodes at a time, a shared one, and a module's own or
    another shared one; otherwise modules, which keep a server to themselves."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/e2e/"):
            apart = _has_own_node(nodeid) or _module(nodeid) in BEHIND_THEM
            return "own nodes" if apart else "shared node"
        return nodeid.partition("::")[0]


def _has_own_node(nodeid: str) -> bool:
    return _module(nodeid) in OWN_NODES


def _module(nodeid: str) -> str:
    return Path(nodeid.partition("::")[0]).stem.removeprefix("test_")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How xdist divides the tests among its processes (`--numprocesses`)."""
    return _ByServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first; what has a whole node of its own is done before the other
    tests' node is made."""
    rank = {"e2e": 0, "integration": 1}

    def place(item: pytest.Item) -> tuple[int, bool, bool]:
        first = min(rank.get(mark.name, 2) for mark in item.iter_markers())
        return first, not _has_own_node(item.nodeid), _module(item.nodeid) not in LONG

    items.sort(key=place)


@pytest.fixture(scope="module")
def api_node() -> Iterator[RunningNode]:
    """etcd, kube-apiserver and kube-controller-manager for one module: its guardrails would stop
    another's tests."""
    with node_for_tests("api", "--api-only") as running:
        yield running
