"""The objects that attacks and controls send, with `$words` for the names; in plain form a tenant
may make them."""

from collections.abc import Mapping
from typing import Any

from manor.api.wellknown import GATEWAY_API, NETWORKING_API, RBAC_API, RBAC_GROUP, cluster_role

Object = dict[str, Any]

NAME = "verify-probe"
"""Of what is sent as a dry run."""
VIEWER = f"ClusterRole/{cluster_role('viewer')}"
PREFIX = "manor-verify-"
"""What the names of stored Pods, Services and claims begin with; no tenant may touch them (policy
manor-probes)."""


def make(
    api_version: str, kind: str, namespace: str | None = "$own", name: str = NAME, **body: Any
) -> Object:
    """An object; `labels`, `annotations` and other metadata go into `meta`."""
    meta = {"name": name, **body.pop("meta", {})}
    if namespace is not None:
        meta["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **body}


def container(image: str = "$image", **fields: Any) -> Object:
    """A container that Pod Security `restricted` and a tenant's quota admit."""
    return {
        "name": "main",
        "image": image,
        "command": ["python3", "-c", "pass"],
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi"},
            "limits": {"memory": "64Mi"},
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        **fields,
    }


def accelerators(resource: str, number: int = 1) -> Object:
    """Resources of a container that asks for so many of an extended resource, and little else."""
    asked = {resource: str(number)}
    return {
        "requests": {"cpu": "10m", "memory": "16Mi", **asked},
        "limits": {"memory": "64Mi", **asked},
    }


def pod_spec(*containers: Object, security: Mapping[str, Any] | None = None, **spec: Any) -> Object:
    """A pod's spec that Pod Security `restricted` admits."""
    return {
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            **(security or {}),
        },
        "containers": list(containers) or [container()],
        **spec,
    }


def pod(
    *containers: Object, namespace: str = "$own", meta: Mapping[str, Any] | None = None, **spec: Any
) -> Object:
    """A pod; `spec` holds further fields of its spec."""
    return make("v1", "Pod", namespace, meta=dict(meta or {}), spec=pod_spec(*containers, **spec))


def _template(spec: Object, meta: Mapping[str, Any] | None = None) -> Object:
    return {"metadata": {"labels": {"app": NAME}, **(meta or {})}, "spec": spec}


def workloads(spec: Object, meta: Mapping[str, Any] | None = None) -> dict[str, Object]:
    """Everything that makes pods, each with a pod of this `spec` and its own metadata `meta`."""
    lasting = {**spec, "restartPolicy": "Always"}
    selector = {"matchLabels": {"app": NAME}}
    extra = dict(meta or {})
    job = {"template": _template(spec), "backoffLimit": 0}
    return {
        "Deployment": make(
            "apps/v1",
            "Deployment",
            meta=extra,
            spec={"selector": selector, "template": _template(lasting)},
        ),
        "ReplicaSet": make(
            "apps/v1",
            "ReplicaSet",
            meta=extra,
            spec={"selector": selector, "template": _template(lasting)},
        ),
        "StatefulSet": make(
            "apps/v1",
            "StatefulSet",
            meta=extra,
            spec={"serviceName": NAME, "selector": selector, "template": _template(lasting)},
        ),
        "Job": make("batch/v1", "Job", meta=extra, spec=job),
        "CronJob": make(
            "batch/v1",
            "CronJob",
            meta=extra,
            spec={"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": job}},
        ),
    }


def service(namespace: str = "$own", meta: Mapping[str, Any] | None = None, **spec: Any) -> Object:
    """A Service for pods of the namespace."""
    body = {"selector": {"app": NAME}, "ports": [{"port": 80}], **spec}
    return make(
        "v1",
        "Service",
        namespace,
        meta=dict(meta or {}),
        spec={k: v for k, v in body.items() if v is not None},
    )


def config_map(
    namespace: str = "$own", meta: Mapping[str, Any] | None = None, **data: str
) -> Object:
    """A ConfigMap: what every member who can write at all may write."""
    return make("v1", "ConfigMap", namespace, meta=dict(meta or {}), data=data)


def claim(namespace: str = "$own", meta: Mapping[str, Any] | None = None, **spec: Any) -> Object:
    """A small PersistentVolumeClaim of the default class."""
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    body |= {"storageClassName": "$storage_class", **spec}
    return make("v1", "PersistentVolumeClaim", namespace, meta=dict(meta or {}), spec=body)


def route(
    kind: str = "HTTPRoute",
    host: str | None = "$host",
    meta: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Object:
    """A route to a Service of the namespace, attached to the tenant's own Gateway."""
    parent = {"name": "$gateway", "namespace": "$gateway_namespace"}
    body: Object = {
        "parentRefs": [parent],
        "rules": [{"backendRefs": [{"name": NAME, "port": 80}]}],
        **spec,
    }
    if host is not None:
        body["hostnames"] = [host]
    return make(GATEWAY_API, kind, meta=dict(meta or {}), spec=body)


def ingress(
    host: str | None = "$host", meta: Mapping[str, Any] | None = None, **spec: Any
) -> Object:
    """An Ingress to a Service of the namespace."""
    backend = {"service": {"name": NAME, "port": {"number": 80}}}
    rule: Object = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    if host is not None:
        rule["host"] = host
    return make(NETWORKING_API, "Ingress", meta=dict(meta or {}), spec={"rules": [rule], **spec})


def role(*rules: Object) -> Object:
    """A Role."""
    return make(RBAC_API, "Role", rules=list(rules))


def role_binding(*subjects: Object, role: str = VIEWER, namespace: str = "$own") -> Object:
    """A RoleBinding of a Role or ClusterRole."""
    kind, _, name = role.partition("/")
    ref = {"apiGroup": RBAC_GROUP, "kind": kind, "name": name}
    return make(RBAC_API, "RoleBinding", namespace, roleRef=ref, subjects=list(subjects))


def user(name: str) -> Object:
    """A User, as a binding's subject."""
    return {"apiGroup": RBAC_GROUP, "kind": "User", "name": name}


def group(name: str) -> Object:
    """A Group, as a binding's subject."""
    return {"apiGroup": RBAC_GROUP, "kind": "Group", "name": name}


def service_account(name: str, namespace: str) -> Object:
    """A ServiceAccount, as a binding's subject."""
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
