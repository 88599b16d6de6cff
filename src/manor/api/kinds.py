"""What a CustomResourceDefinition says of each kind of Manor's beside its schema, once."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get` (additionalPrinterColumns)."""

    name: str
    type: Literal["string", "integer", "date"]
    path: str
    """JSONPath in the object."""
    wide: bool = False
    """Whether it is shown by `-o wide` alone."""


@dataclass(frozen=True)
class KindInfo:
    """A kind as the API server lists it: its names, its scope and its columns."""

    kind: str
    plural: str
    scope: Literal["Cluster", "Namespaced"]
    columns: tuple[Column, ...] = ()
    short_names: tuple[str, ...] = ()
    scaled: bool = False
    """Whether it has replicas, and with them the subresource `scale`."""
    defaulted: tuple[str, ...] = ()
    """Fields of the spec whose default the server fills in: a column, or `scale`, reads them."""

    @property
    def singular(self) -> str:
        """The name on a command line."""
        return self.kind.lower()

    @property
    def namespaced(self) -> bool:
        """Whether an object lives in a namespace."""
        return self.scope == "Namespaced"


def _condition(name: str, field: str, *, wide: bool = False) -> Column:
    """A column of the condition Ready."""
    return Column(name, "string", f'.status.conditions[?(@.type=="Ready")].{field}', wide=wide)


_AGE = Column("Age", "date", ".metadata.creationTimestamp")
_READY = _condition("Ready", "status")
_REASON = _condition("Reason", "reason", wide=True)
_MESSAGE = _condition("Message", "message", wide=True)
_APPLIED = Column("Applied by", "string", r".metadata.annotations.applyset\.kubernetes\.io/tooling")
"""Empty until somebody has made what the object asks for; tells it where nobody writes a status."""

PLATFORM = KindInfo(
    "Platform",
    "platforms",
    "Cluster",
    (
        _READY,
        Column("Domain", "string", ".spec.domain"),
        Column("Followed", "string", ".status.rollOut.followed"),
        Column("Roll-out", "string", '.status.conditions[?(@.type=="RollingOut")].reason'),
        _REASON,
        _MESSAGE,
        _AGE,
    ),
)
TOOL = KindInfo(
    "Tool",
    "tools",
    "Cluster",
    (
        Column("Version", "string", ".spec.version"),
        Column("Summary", "string", ".spec.summary"),
        _AGE,
    ),
)
TENANT = KindInfo(
    "Tenant",
    "tenants",
    "Cluster",
    (
        _READY,
        Column("Namespaces", "integer", ".status.namespaceCount"),
        Column("CPU", "string", ".status.quota.cpu"),
        Column("Memory", "string", ".status.quota.memory"),
        Column("GPUs", "string", ".status.quota.gpus"),
        Column("Storage", "string", ".status.quota.storage", wide=True),
        _REASON,
        _MESSAGE,
        _APPLIED,
        _AGE,
    ),
)
TRAINING_JOB = KindInfo(
    "TrainingJob",
    "trainingjobs",
    "Namespaced",
    (
        Column("Status", "string", ".status.phase"),
        Column("Workers", "integer", ".spec.workers"),
        _REASON,
        Column("Message", "string", ".status.message", wide=True),
        Column("Schedule", "string", ".spec.schedule", wide=True),
        Column("Last run", "string", ".status.lastRun.phase", wide=True),
        Column("Image", "string", ".spec.image", wide=True),
        _APPLIED,
        _AGE,
    ),
    defaulted=("workers",),
)
MODEL = KindInfo(
    "Model",
    "models",
    "Namespaced",
    (
        _READY,
        Column("URL", "string", ".status.url"),
        Column("Replicas", "integer", ".status.replicas"),
        _REASON,
        Column("Message", "string", ".status.message", wide=True),
        Column("Format", "string", ".spec.format", wide=True),
        Column("Storage", "string", ".spec.storageUri", wide=True),
        _APPLIED,
        _AGE,
    ),
    scaled=True,
    defaulted=("replicas",),
)

WORKSPACE = KindInfo(
    "Workspace",
    "workspaces",
    "Namespaced",
    (
        Column("Status", "string", ".status.phase"),
        Column("Message", "string", ".status.message"),
        _REASON,
        Column("Image", "string", ".spec.image", wide=True),
        _APPLIED,
        _AGE,
    ),
)

ALL = (PLATFORM, TOOL, TENANT, TRAINING_JOB, MODEL, WORKSPACE)
WORKLOADS = tuple(info for info in ALL if info.namespaced)
"""The kinds that an engine turns into pods."""
