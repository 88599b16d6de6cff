"""Makes a cluster hold a set of plain objects, and remembers which are its own: plan, apply, wait,
delete."""

from manor.apply.apply import apply, revoke
from manor.apply.delete import KeptNamespace, delete, release, to_be_kept
from manor.apply.diff import Change, changes, unified
from manor.apply.enforcement import wait_enforced
from manor.apply.errors import (
    ApplyError,
    InvalidObjects,
    InventoryError,
    NotEnforced,
    NotReady,
    Refused,
)
from manor.apply.options import Options
from manor.apply.parent import store
from manor.apply.plan import Plan, plan
from manor.apply.progress import Event, Finished, Pending, Phase, Progress, Started, Waiting, silent
from manor.apply.reasons import Reason
from manor.apply.steps import Action, FieldConflict, Result, Step
from manor.apply.wait import wait
from manor.objectset.inventory import Inventory, Owned
from manor.objectset.references import Ref

__all__ = [
    "Action",
    "ApplyError",
    "Change",
    "Event",
    "FieldConflict",
    "Finished",
    "InvalidObjects",
    "Inventory",
    "InventoryError",
    "KeptNamespace",
    "NotEnforced",
    "NotReady",
    "Options",
    "Owned",
    "Pending",
    "Phase",
    "Plan",
    "Progress",
    "Reason",
    "Ref",
    "Refused",
    "Result",
    "Started",
    "Step",
    "Waiting",
    "apply",
    "changes",
    "delete",
    "plan",
    "release",
    "revoke",
    "silent",
    "store",
    "to_be_kept",
    "unified",
    "wait",
    "wait_enforced",
]
