"""The kinds of group manor.dev: what people write. Models only; what they become is render's and the engines' part."""

from manor.api.meta import API_VERSION, GROUP, VERSION
from manor.api.platform import Platform
from manor.api.tenant import Member, NamespaceShare, Subject, Tenant
from manor.api.workload import Model, TrainingJob, Workload

KINDS: dict[str, type[Platform] | type[Tenant] | type[TrainingJob] | type[Model]] = {
    "Platform": Platform,
    "Tenant": Tenant,
    "TrainingJob": TrainingJob,
    "Model": Model,
}
"""Every kind by its name."""

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
