"""The kinds of group manor.dev: what people write. Models only; what they become is render's and
the engines' part."""

from manor.api import kinds
from manor.api.platform import Platform
from manor.api.subjects import Member, Subject
from manor.api.tenant import NamespaceShare, Tenant
from manor.api.tool import Tool
from manor.api.wellknown import API_VERSION, GROUP, VERSION
from manor.api.workload import Model, TrainingJob, Workload

AnyKind = Platform | Tool | Tenant | Workload
"""A spec of any kind."""

KINDS: dict[str, type[Platform] | type[Tool] | type[Tenant] | type[TrainingJob] | type[Model]] = {
    kinds.PLATFORM.kind: Platform,
    kinds.TOOL.kind: Tool,
    kinds.TENANT.kind: Tenant,
    kinds.TRAINING_JOB.kind: TrainingJob,
    kinds.MODEL.kind: Model,
}
"""The model of every kind, by the kind's name."""

__all__ = [
    "API_VERSION",
    "GROUP",
    "KINDS",
    "VERSION",
    "AnyKind",
    "Member",
    "Model",
    "NamespaceShare",
    "Platform",
    "Subject",
    "Tenant",
    "Tool",
    "TrainingJob",
    "Workload",
]
