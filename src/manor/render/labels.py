"""The labels of what is made for a tenant, and of what an engine makes for a workload."""

from manor.api import Tenant, kinds
from manor.api.wellknown import (
    COMPONENT_LABEL,
    MANAGED,
    NAME_LABEL,
    POD_SECURITY,
    SANDBOX_LABEL,
    TENANT_LABEL,
    TOOL_LABEL_PREFIX,
    USER_IDS_LABEL,
)
from manor.render.objects import Object
from manor.tools import NO_TOOLS, Toolset

WORKERS = {COMPONENT_LABEL: kinds.TRAINING_JOB.kind.lower()}
"""What TrainingJobs' pods are known by, whichever engine made them."""


def is_workspace(obj: Object) -> bool:
    """Whether the object was made for a Workspace."""
    marks = obj["metadata"].get("labels") or {}
    return bool(marks.get(COMPONENT_LABEL) == kinds.WORKSPACE.singular)


def namespace_labels(tenant: Tenant, tools: Toolset = NO_TOOLS) -> dict[str, str]:
    """Labels of a tenant's namespace; `tools` are those that it uses."""
    sandbox = {SANDBOX_LABEL: "true"} if tenant.spec.sandbox else {}
    user_ids = {USER_IDS_LABEL: str(tenant.user_ids.start)}
    used = {TOOL_LABEL_PREFIX + tool.name: "true" for tool in tools.tools}
    return {**MANAGED, TENANT_LABEL: tenant.name, **user_ids, **sandbox, **used, **POD_SECURITY}


def workload_labels(kind: str, name: str) -> dict[str, str]:
    """Labels of what an engine makes for a workload; also its pods' selector."""
    return {**MANAGED, NAME_LABEL: name, COMPONENT_LABEL: kind.lower()}
