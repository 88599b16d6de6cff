"""What a cluster says: its Platform, Tenants and workloads, read once for every command. A broken
one is named and set aside, so that one bad object never stops the work on the others."""

from manor.state.operating import is_operated
from manor.state.reading import (
    Broken,
    State,
    missing_tools,
    read_state,
)
from manor.state.usage import Usage, budget, every_quota, told_usage, usage
from manor.state.workloads import (
    NoSuchNamespace,
    NoSuchWorkload,
    add_workload,
    list_in,
    read_workload,
    read_workloads,
)

__all__ = [
    "Broken",
    "NoSuchNamespace",
    "NoSuchWorkload",
    "State",
    "Usage",
    "add_workload",
    "budget",
    "every_quota",
    "is_operated",
    "list_in",
    "missing_tools",
    "read_state",
    "read_workload",
    "read_workloads",
    "told_usage",
    "usage",
]
