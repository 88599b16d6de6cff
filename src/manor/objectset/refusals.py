"""What the API server says in words alone, and what follows from it. Its texts are matched here and
nowhere else."""

import re
from typing import NamedTuple

_IMMUTABLE = "field is immutable"
_UNCOUNTED = "status unknown for quota"
_CONTENDED = "Operation cannot be fulfilled on resourcequotas"
_UNSEEN = "must be created before the TrainJob is created"
_UNLEARNED = "There can be a delay between when CustomResourceDefinitions are created"
_PASSING = (
    *("no params found for policy", "failed to configure binding"),
    *(_UNCOUNTED, _CONTENDED, _UNSEEN, _UNLEARNED),
)
_POLICY = "ValidatingAdmissionPolicy"
_EXCEEDED = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+?), used: (?P<used>.+?), "
    r"limited: (?P<limited>\S+)"
)
_DENIED = (
    re.compile(
        rf"{_POLICY} '(?P<by>[^']+)'(?: with binding '[^']*')? denied request: (?P<why>.+)", re.S
    ),
    re.compile(r'admission webhook "(?P<by>[^"]+)" denied the request: (?P<why>.+)', re.S),
    re.compile(r"violates (?P<by>PodSecurity) (?P<why>.+)", re.S),
    re.compile(r"failed quota: (?P<by>[^:]+): (?P<why>.+)", re.S),
)
_FORBIDDEN = " is forbidden: "
_AVAILABLE = re.compile(
    r"^(?P<fit>\d+)/(?P<all>\d+) nodes are available: (?P<why>.+?)(?:\. |\.?$)", re.S
)
_NODES = (
    (re.compile(r"(\d+) Insufficient (\S+)"), r"\1 with too little \2"),
    (re.compile(r"(\d+) Too many pods"), r"\1 with as many pods as it may have"),
    (
        re.compile(r"(\d+) node\(s\) had untolerated taint(?:\(s\))?"),
        r"\1 with a taint that it does not tolerate",
    ),
    (
        re.compile(r"(\d+) node\(s\) didn't match Pod's node affinity/selector"),
        r"\1 with other labels than it asks for",
    ),
    (re.compile(r"(\d+) node\(s\) were unschedulable"), r"\1 closed to new pods"),
)
"""What the scheduler says of nodes, in shorter words."""


class Refusal(NamedTuple):
    """Why something was not let in: who says so, and the words."""

    by: str
    why: str
    quota: bool = False
    """Whether the quota `by` has no room left."""


def is_immutable(message: str) -> bool:
    """Whether the server refuses the change because nobody may change the field."""
    return _IMMUTABLE in message


def is_passing(message: str) -> bool:
    """Whether the same request may be admitted within seconds.

    A policy refuses everything until each API server has seen its parameters, or while a busy one
    cannot read them, and a quota what it limits until its controller has counted, or while others
    are counted at the same time. A policy that fills in refuses a kind until it has read its
    schema, which it looks for every five seconds. Nothing in an object shows when it is over.
    Kubeflow Trainer's webhook refuses a job until it has seen its runtime.
    """
    return any(text in message for text in _PASSING)


def is_uncounted(message: str) -> bool:
    """Whether the quota controller has not counted the kind yet: it looks for new kinds every half
    minute."""
    return _UNCOUNTED in message


def is_by_policy(message: str, name: str) -> bool:
    """Whether the admission policy `name` refused the request."""
    return _POLICY in message and name in message


def conflicting_manager(message: str) -> str:
    """The field manager that a cause of a conflict names; the whole message where it names none."""
    # The server says: conflict with "kubectl-edit" using v1
    return message.split('"')[1] if message.count('"') >= 2 else message


def refusal(message: str) -> Refusal:
    """What a refusal by admission says; by nobody that is named where it is another."""
    if found := _EXCEEDED.search(message):
        asked, used, most = (_amounts(found[part]) for part in ("requested", "used", "limited"))
        words = [
            f"{name}: {amount} asked for, {used.get(name, '?')} of {most.get(name, '?')} used"
            for name, amount in asked.items()
        ]
        return Refusal(found["quota"], "; ".join(words), quota=True)
    for denied in _DENIED:
        if found := denied.search(message):
            return Refusal(found["by"], found["why"])
    return Refusal("", message.partition(_FORBIDDEN)[2] or message)


def is_by_admission(message: str) -> bool:
    """Whether admission refused the request, and not the lack of a right (RBAC)."""
    return bool(_EXCEEDED.search(message) or any(d.search(message) for d in _DENIED))


def unscheduled(message: str) -> str:
    """Why no node takes a pod, from what the scheduler says, in short."""
    found = _AVAILABLE.match(message)
    if found is None:
        return message
    why = found["why"]
    for said, short in _NODES:
        why = said.sub(short, why)
    return f"of {found['all']} nodes: {why}"


def _amounts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name: amount for name, _, amount in pairs}
