"""What a cluster says: its Platform, Tenants and workloads, read once for every command. A broken
one is named and set aside, so that one bad object never stops the work on the others."""

from manor.state.reading import (
    Broken,
    State,
    missing_tools,
    read_state,
    read_workload,
    read_workloads,
)
from manor.state.usage import Usage, budget, every_quota, usage

__all__ = [
    "Broken",
    "State",
    "Usage",
    "budget",
    "every_quota",
    "missing_tools",
    "read_state",
    "read_workload",
    "read_workloads",
    "usage",
]
