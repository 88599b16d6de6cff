"""The kinds of group manor.dev: what people write. Models only; what they become is render's and the engines' part."""

from manor.api import kinds
from manor.api.platform import Platform
from manor.api.subjects import Member, Subject
from manor.api.tenant import NamespaceShare, Tenant
from manor.api.wellknown import API_VERSION, GROUP, VERSION
from manor.api.workload import Model, TrainingJob, Workload

KINDS: dict[str, type[Platform] | type[Tenant] | type[TrainingJob] | type[Model]] = {
    kinds.PLATFORM.kind: Platform,
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
    "Member",
    "Model",
    "NamespaceShare",
    "Platform",
    "Subject",
    "Tenant",
    "TrainingJob",
    "Workload",
]
