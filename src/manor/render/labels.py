"""Every label and annotation that Manor writes, once."""

from manor.api import GROUP, Tenant

TENANT = f"{GROUP}/tenant"
"""On a namespace, Gateway or proxy: the tenant it belongs to. Only the platform may write it; isolation hangs on it."""

SANDBOX = f"{GROUP}/sandbox"
"""On a namespace: its tenant's pods run in the Platform's sandboxed runtime class."""

USER_IDS = f"{GROUP}/user-ids"
"""On a namespace: the first of the user and group IDs of its tenant's pods. What fills them in and what checks them
reads it here, so that neither needs another object."""

FRONT_PODS = {f"{GROUP}/front": "true"}
"""On the pods of the front, by its installation: the only ones that a tenant's proxy hears."""

MANAGED_BY = "app.kubernetes.io/managed-by"
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"

POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
"""Pod Security Standards: a tenant's pods are `restricted`, in every mode."""

MANAGED = {MANAGED_BY: "manor"}


def namespace_labels(tenant: Tenant) -> dict[str, str]:
    """Labels of a tenant's namespace."""
    sandbox = {SANDBOX: "true"} if tenant.spec.sandbox else {}
    user_ids = {USER_IDS: str(tenant.user_ids.start)}
    return {**MANAGED, TENANT: tenant.name, **user_ids, **sandbox, **POD_SECURITY}


def workload_labels(kind: str, name: str) -> dict[str, str]:
    """Labels of what an engine makes for a workload; also its pods' selector."""
    return {**MANAGED, NAME: name, COMPONENT: kind.lower()}
