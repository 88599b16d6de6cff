"""Specs onto a cluster: in which order sets go, what is waited for, what one failure stops, and how
it is told.

For whoever brings specs: the command line from files, an operator from events. What happens is told
as events (`manor.rollout.progress`), and what came of it is an `Outcome`; words for people are the
caller's.
"""

from manor.rollout.authority import Authority, authority
from manor.rollout.desired import Desired, compiled
from manor.rollout.diagnosis import Diagnosis, diagnose, in_words
from manor.rollout.installation import (
    InstalledOtherwise,
    install_stages,
    release,
    remove_operator,
)
from manor.rollout.keys import NotAtGateway, bring_to_gateway, change_keys
from manor.rollout.outcome import Outcome, SetOutcome
from manor.rollout.progress import Event, Progress, silent
from manor.rollout.reading import read_desired
from manor.rollout.removal import TenantsRemain, kept_namespaces, refuse_remaining, take_down
from manor.rollout.rollout import apply_set, plan_set, preview, roll_out, wait_ready
from manor.rollout.sets import ObjectSet, Stages, apply_stages, delete_stages, each_set
from manor.rollout.standing import Standing, standing
from manor.rollout.stored import make_stored
from manor.rollout.trials import Trial
from manor.rollout.usage import quota_status

__all__ = [
    "Authority",
    "Desired",
    "Diagnosis",
    "Event",
    "InstalledOtherwise",
    "NotAtGateway",
    "ObjectSet",
    "Outcome",
    "Progress",
    "SetOutcome",
    "Stages",
    "Standing",
    "TenantsRemain",
    "Trial",
    "apply_set",
    "apply_stages",
    "authority",
    "bring_to_gateway",
    "change_keys",
    "compiled",
    "delete_stages",
    "diagnose",
    "each_set",
    "in_words",
    "install_stages",
    "kept_namespaces",
    "make_stored",
    "plan_set",
    "preview",
    "quota_status",
    "read_desired",
    "refuse_remaining",
    "release",
    "remove_operator",
    "roll_out",
    "silent",
    "standing",
    "take_down",
    "wait_ready",
]
