"""What the status of each kind says: how an object stands, for people and for programs.

Whoever makes what objects ask for writes it (an operator), through the subresource `status`, which
no tenant role may write. A spec has none: files that `kubectl get -o yaml` printed are read without
it. Nothing decides by a status but what shows it: what may be is told from specs alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from manor.api import kinds
from manor.api.meta import Part, one_line

MESSAGE_LIMIT = 1024
"""Most characters of a message; a container's last line may be of any length."""


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= MESSAGE_LIMIT else f"{line[: MESSAGE_LIMIT - 1]}…"


Message = Annotated[
    str, AfterValidator(_short), Field(json_schema_extra={"maxLength": MESSAGE_LIMIT})
]
"""Words for a person, in one line, whoever said them first."""
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A moment, as `2026-11-26T08:30:00Z`."""


def moment(time: datetime) -> Time:
    """A moment of UTC, as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


Amounts = dict[str, str]
"""Quantities, by the names that a ResourceQuota has for resources."""


class Phase(StrEnum):
    """How a workload stands, in one word."""

    PENDING = "Pending"
    """What it asks for is not there yet."""
    QUEUED = "Queued"
    """It waits in its queue."""
    SCHEDULED = "Scheduled"
    """It runs when its schedule says so; no run of it goes on."""
    RUNNING = "Running"
    READY = "Ready"
    """It serves."""
    STOPPED = "Stopped"
    """It was told to, or nobody used it; it can be started again."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    """It ended, or nothing brings it further until somebody changes something."""


class ConditionType(StrEnum):
    """What a condition is about. Each is there with status True or False, once anybody looked."""

    READY = "Ready"
    """All that the object asks for stands: a Model serves, a TrainingJob has succeeded or waits for
    its next run, a Workspace answers, or has stopped as it was to."""
    RECONCILING = "Reconciling"
    """It is on its way there (kstatus)."""
    STALLED = "Stalled"
    """Nothing brings it there until somebody changes something (kstatus)."""
    QUEUED = "Queued"
    """A workload waits in its queue."""
    RUNNING = "Running"
    """A workload's pods run."""
    SUCCEEDED = "Succeeded"
    """A TrainingJob has ended well."""
    FAILED = "Failed"
    """A workload has ended badly."""
    CANARY_PASSED = "CanaryPassed"
    """A canary with an analysis has become the model (True), or was taken away (False)."""
    ISOLATED = "Isolated"
    """The checks that the operator runs by itself found nothing open (Unknown: could not tell)."""
    ROLLING_OUT = "RollingOut"
    """Tenants do not follow the Platform with its Tools as they are now, or not yet."""


class Reason(StrEnum):
    """Why a condition is what it is, for a program; its message tells people."""

    APPLIED = "Applied"
    """All that it asks for was made, and is ready."""
    PROGRESSING = "Progressing"
    """It is being made, or becomes ready."""
    PAUSED = "Paused"
    """Somebody told the operator to leave it as it is."""
    INVALID = "Invalid"
    """It cannot be: it contradicts itself, another object or the Platform."""
    NO_PLATFORM = "NoPlatform"
    """There is no Platform yet, or it cannot be read."""
    NO_TENANT = "NoTenant"
    """The namespace is no tenant's."""
    NOT_APPLIED = "NotApplied"
    """Something of it was refused, or belongs to another."""
    DELETING = "Deleting"
    """It is on its way out; the message says what holds it up."""
    QUEUED = "Queued"
    """It waits in its queue."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """The quota of its namespace has no room for it."""
    REFUSED = "Refused"
    """An admission policy does not let its pods be made."""
    UNSCHEDULABLE = "Unschedulable"
    """No node takes its pods."""
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    """An image cannot be pulled."""
    VOLUME_UNAVAILABLE = "VolumeUnavailable"
    """A volume is missing, or cannot be bound or mounted."""
    CONFIG_UNAVAILABLE = "ConfigUnavailable"
    """A container needs a Secret or ConfigMap, or a key of one, that is not there."""
    CRASHED = "Crashed"
    """A container ends by itself, again and again."""
    SCHEDULED = "Scheduled"
    """It waits for the time of its next run."""
    RUNNING = "Running"
    """Its pods run."""
    SERVING = "Serving"
    """It answers."""
    SUCCEEDED = "Succeeded"
    """It has ended well."""
    FAILED = "Failed"
    """It has ended badly."""
    PROMOTED = "Promoted"
    """A canary has become the model."""
    ERRORS = "Errors"
    """A canary fails too often, or answers too late."""
    ISOLATED = "Isolated"
    """Every check found what it must."""
    NOT_ISOLATED = "NotIsolated"
    """A check found something open."""
    UNDETERMINED = "Undetermined"
    """A check could not tell."""
    STOPPED = "Stopped"
    """A Workspace has ended, and can be started again; a roll-out waits for a tenant that somebody
    has to look after."""


UNMADE = frozenset(
    {
        Reason.DELETING,
        Reason.INVALID,
        Reason.NO_PLATFORM,
        Reason.NO_TENANT,
        Reason.NOT_APPLIED,
        Reason.PAUSED,
    }
)
"""What an operator says of what it has not made as the spec says; all else is of how it stands."""


class _Part(Part):
    """A part of a status: what another version wrote besides is passed over."""

    model_config = ConfigDict(extra="ignore")


class Condition(_Part):
    """Something that is so, or is not (Kubernetes' metav1.Condition)."""

    type: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]*$", max_length=316)]
    """What it is about."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: Annotated[
        str, Field(pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", max_length=1024)
    ]
    """Why, in one word, for a program."""
    message: Message = ""
    """Why, for a person."""
    last_transition_time: Time | None = None
    """When its status became what it is."""
    observed_generation: int | None = Field(default=None, ge=0)
    """Which generation of the spec it is about."""


Conditions = Annotated[
    list[Condition],
    Field(
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        }
    ),
]


class Status(_Part):
    """How an object stands."""

    observed_generation: int | None = Field(default=None, ge=0)
    """The generation of the spec that it is about: an older one is of before the last change."""
    conditions: Conditions = []
    """What is so, and what is not; each type once."""

    def written(self) -> dict[str, Any]:
        """The status as an object has it: whole, to take the place of the one before."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type."""
        return next((found for found in self.conditions if found.type == kind), None)


class RollOut(_Part):
    """How far the tenants follow the Platform with its Tools. It is of the last change: tenants
    that came since are made from what there is."""

    revision: str = ""
    """The Platform with its Tools as they are now; a tenant that follows says the same."""
    waits_for: str = ""
    """The tenant that goes first, until it is Ready; none, where there is nothing to wait for."""
    followed: str = ""
    """How many tenants follow, as `followed/all`; those that are paused do not count."""


class PlatformStatus(Status):
    """How the Platform stands."""

    roll_out: RollOut | None = None
    """How far the tenants follow it."""


class ToolStatus(Status):
    """How a Tool stands."""


class QuotaStatus(_Part):
    """What the tenant's namespaces use of its budget, together: exact, and as columns show it."""

    used: Amounts = {}
    """What is used, by resource."""
    hard: Amounts = {}
    """What may be used, by resource."""
    cpu: str = ""
    """CPU requests, as `used/hard`."""
    memory: str = ""
    """Memory requests, as `used/hard`."""
    storage: str = ""
    """Volume sizes, as `used/hard`."""
    gpus: str = ""
    """GPUs, whole ones by the Platform's `gpu.perGpu`, as `used/hard`."""


class TenantStatus(Status):
    """How a tenant stands."""

    observed_revision: str = ""
    """The Platform with its Tools that it is about: where the Platform's `status.rollOut.revision`
    is another, the tenant does not follow yet."""
    namespaces: list[str] = []
    """Its namespaces, those that its owners made themselves behind those of its spec."""
    namespace_count: int | None = Field(default=None, ge=0)
    """How many namespaces it has."""
    quota: QuotaStatus | None = None
    """What it uses of its budget."""


class WorkloadStatus(Status):
    """How a workload stands."""

    phase: Phase | None = None
    """How it stands, in one word."""
    message: Message = ""
    """Why it is no further, for a person; empty where nothing is in its way."""


class RunStatus(_Part):
    """How a run of a schedule stands."""

    name: str
    """What it is called: that of its Job."""
    phase: Phase
    """How it stands, in one word."""


class TrialStatus(_Part):
    """How the trial with one set of a sweep stands."""

    phase: Phase
    """How it stands, in one word."""
    result: Message = ""
    """What it said of its result, or why it failed."""


class TrainingJobStatus(WorkloadStatus):
    """How a TrainingJob stands."""

    start_time: Time | None = None
    """When its workers were first let run."""
    completion_time: Time | None = None
    """When it ended well."""
    last_schedule_time: Time | None = None
    """When a run of its schedule was last begun."""
    last_successful_time: Time | None = None
    """When a run of its schedule last succeeded."""
    next_schedule_time: Time | None = None
    """When the next run of its schedule is due; none where it is suspended."""
    last_run: RunStatus | None = None
    """The newest run of its schedule that is still there."""
    trials: list[TrialStatus] = []
    """The trials of its sweep, in the order of `spec.sweep.parameters`."""


class ModelStatus(WorkloadStatus):
    """How a Model stands."""

    url: str = ""
    """Where it answers."""
    replicas: int | None = Field(default=None, ge=0)
    """Its pods."""
    ready_replicas: int | None = Field(default=None, ge=0)
    """Its pods that answer."""
    selector: str = ""
    """Which pods they are: a label selector, for whoever scales it."""


class WorkspaceStatus(WorkloadStatus):
    """How a Workspace stands."""


STATUSES: dict[str, type[Status]] = {
    kinds.PLATFORM.kind: PlatformStatus,
    kinds.TOOL.kind: ToolStatus,
    kinds.TENANT.kind: TenantStatus,
    kinds.TRAINING_JOB.kind: TrainingJobStatus,
    kinds.MODEL.kind: ModelStatus,
    kinds.WORKSPACE.kind: WorkspaceStatus,
}
"""The model of the status of every kind, by the kind's name."""

State = Literal["ready", "reconciling", "stalled"]
_STATES: dict[Phase, State] = {
    Phase.READY: "ready",
    Phase.SUCCEEDED: "ready",
    Phase.SCHEDULED: "ready",
    Phase.STOPPED: "ready",
    Phase.FAILED: "stalled",
}
"""The phases that are not a way to somewhere."""


def conditions(old: Sequence[Condition], new: Iterable[Condition], now: str) -> list[Condition]:
    """The conditions `old` with `new` in their places, at the moment `now`.

    The time of a condition is kept where its status is (metav1), so that nothing differs where
    nothing is new. Those of other types stay as they are.
    """
    merged = {condition.type: condition for condition in old}
    for condition in new:
        before = merged.get(condition.type)
        same = before is not None and before.status == condition.status
        since = before.last_transition_time if before and same else None
        merged[condition.type] = condition.model_copy(update={"last_transition_time": since or now})
    return list(merged.values())


def reached(
    state: State, reason: str, message: str = "", generation: int | None = None
) -> list[Condition]:
    """The conditions that kstatus knows of an object in this state; `generation` is that of the
    spec that was looked at."""
    so = {
        ConditionType.READY: state == "ready",
        ConditionType.RECONCILING: state == "reconciling",
        ConditionType.STALLED: state == "stalled",
    }
    return _told(so, reason, message, generation)


def workload_conditions(
    phase: Phase, reason: str, message: str = "", generation: int | None = None
) -> list[Condition]:
    """All conditions of a workload that stands at `phase`."""
    so = {
        ConditionType.QUEUED: phase is Phase.QUEUED,
        ConditionType.RUNNING: phase in (Phase.RUNNING, Phase.READY),
        ConditionType.SUCCEEDED: phase is Phase.SUCCEEDED,
        ConditionType.FAILED: phase is Phase.FAILED,
    }
    kstatus = reached(_STATES.get(phase, "reconciling"), reason, message, generation)
    return [*kstatus, *_told(so, reason, message, generation)]


def _told(
    so: Mapping[ConditionType, bool], reason: str, message: str, generation: int | None
) -> list[Condition]:
    """The message stands where somebody looks: at Ready, and at what is so."""
    return [
        Condition(
            type=kind,
            status="True" if true else "False",
            reason=reason,
            message=message if true or kind is ConditionType.READY else "",
            observed_generation=generation,
        )
        for kind, true in so.items()
    ]
