"""Every kind, by its name."""

from manor.api import kinds
from manor.api.platform import Platform
from manor.api.tenant import Tenant
from manor.api.tool import Tool
from manor.api.workload import Model, TrainingJob
from manor.api.workspace import Workspace

Workload = TrainingJob | Model | Workspace
"""A spec of what a data scientist runs."""
AnyKind = Platform | Tool | Tenant | Workload
"""A spec of any kind."""

KINDS: dict[str, type[AnyKind]] = {
    kinds.PLATFORM.kind: Platform,
    kinds.TOOL.kind: Tool,
    kinds.TENANT.kind: Tenant,
    kinds.TRAINING_JOB.kind: TrainingJob,
    kinds.MODEL.kind: Model,
    kinds.WORKSPACE.kind: Workspace,
}
"""The model of every kind, by the kind's name."""
