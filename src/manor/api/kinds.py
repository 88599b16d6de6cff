"""What a CustomResourceDefinition says of each kind of Manor's beside its schema, once."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get` (additionalPrinterColumns)."""

    name: str
    type: Literal["string", "integer"]
    path: str
    """JSONPath in the object."""


@dataclass(frozen=True)
class KindInfo:
    """A kind as the API server lists it: its names, its scope and its columns."""

    kind: str
    plural: str
    scope: Literal["Cluster", "Namespaced"]
    columns: tuple[Column, ...] = ()
    short_names: tuple[str, ...] = ()

    @property
    def singular(self) -> str:
        """The name on a command line."""
        return self.kind.lower()

    @property
    def namespaced(self) -> bool:
        """Whether an object lives in a namespace."""
        return self.scope == "Namespaced"


_APPLIED = Column("Applied by", "string", r".metadata.annotations.applyset\.kubernetes\.io/tooling")
"""Empty until `manor apply` has made what the object asks for."""

PLATFORM = KindInfo(
    "Platform", "platforms", "Cluster", (Column("Domain", "string", ".spec.domain"),)
)
TOOL = KindInfo(
    "Tool",
    "tools",
    "Cluster",
    (Column("Version", "string", ".spec.version"), Column("Summary", "string", ".spec.summary")),
)
TENANT = KindInfo(
    "Tenant",
    "tenants",
    "Cluster",
    (
        Column("CPU", "string", ".spec.quota.cpu"),
        Column("Memory", "string", ".spec.quota.memory"),
        _APPLIED,
    ),
)
TRAINING_JOB = KindInfo(
    "TrainingJob",
    "trainingjobs",
    "Namespaced",
    (
        Column("Workers", "integer", ".spec.workers"),
        Column("Image", "string", ".spec.image"),
        _APPLIED,
    ),
)
MODEL = KindInfo(
    "Model",
    "models",
    "Namespaced",
    (
        Column("Format", "string", ".spec.format"),
        Column("Storage", "string", ".spec.storageUri"),
        _APPLIED,
    ),
)

ALL = (PLATFORM, TOOL, TENANT, TRAINING_JOB, MODEL)
WORKLOADS = tuple(info for info in ALL if info.namespaced)
"""The kinds that an engine turns into pods."""
