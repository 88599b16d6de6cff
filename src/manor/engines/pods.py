"""The pod that every engine starts from: Pod Security `restricted` admits it, and its root file
system is read-only."""

from collections.abc import Sequence

from manor.api import Platform, Tenant
from manor.api.workload import Resources
from manor.render.objects import Object
from manor.render.quota import gpu_resources

_TMP = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the pod's own emptyDir


def pod_security_context() -> Object:
    """Security context of a pod: not root, the runtime's seccomp profile. Admission fills in the
    tenant's own IDs."""
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def container_security_context() -> Object:
    """Security context of a container: no privilege to gain, no capability, a read-only root file
    system."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def resources(platform: Platform, tenant: Tenant, wanted: Resources) -> Object:
    """Requests and limits of a container; the CPU has no limit, since throttling helps nobody on an
    idle node."""
    requests = {"cpu": wanted.cpu, "memory": wanted.memory}
    limits = {"memory": wanted.memory}
    if wanted.gpu:
        held = [
            name for name, count in gpu_resources(platform, tenant).items() if count and "/" in name
        ]
        gpu = (held or platform.spec.gpu.resource_names)[0]
        requests[gpu] = limits[gpu] = str(wanted.gpu)
    return {"requests": requests, "limits": limits}


def placement(platform: Platform, tenant: Tenant, wanted: Resources) -> Object:
    """Where a pod runs: the sandbox if the tenant demands it, GPU nodes if the pod holds GPUs."""
    fields: Object = {}
    if tenant.spec.sandbox:
        fields["runtimeClassName"] = platform.spec.sandbox_runtime_class
    if wanted.gpu:
        allowed = [wanted.gpu_flavor] if wanted.gpu_flavor else tenant.spec.gpu.flavors
        flavors = [f for f in platform.spec.gpu.flavors if not allowed or f.name in allowed]
        if wanted.gpu_flavor and flavors[0].node_labels:
            fields["nodeSelector"] = dict(flavors[0].node_labels)
        fields["tolerations"] = [
            _toleration(taint) for taint in dict.fromkeys(f.taint for f in flavors if f.taint)
        ]
    return fields


def _toleration(taint: str) -> Object:
    key, equals, value = taint.partition("=")
    return (
        {"key": key, "operator": "Equal", "value": value}
        if equals
        else {"key": key, "operator": "Exists"}
    )


def env(variables: dict[str, str]) -> list[Object]:
    """Environment variables as a container lists them, in the order of their names."""
    return [{"name": name, "value": value} for name, value in sorted(variables.items())]


def fetcher(
    platform: Platform, name: str, uri: str, mount: Object, secret: str | None, amounts: Object
) -> Object:
    """An init container that fetches the files of a URI into the folder that it mounts, with the
    keys of a Secret of the namespace as its environment."""
    return {
        "name": name,
        "image": platform.spec.images.fetching,
        "args": [uri, mount["mountPath"]],
        "env": env({"HOME": "/tmp"}),  # noqa: S108 - the pod's own emptyDir
        **({"envFrom": [{"secretRef": {"name": secret}}]} if secret else {}),
        "resources": amounts,
        "securityContext": container_security_context(),
        "volumeMounts": [mount, _TMP],
    }


def pod_spec(containers: Sequence[Object], volumes: Sequence[Object], **fields: object) -> Object:
    """A pod's spec: no service-account token, a writable /tmp for every container, and what is
    given."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security_context(),
        "containers": [
            {**c, "volumeMounts": [*c.get("volumeMounts", []), _TMP]} for c in containers
        ],
        "volumes": [*volumes, {"name": "tmp", "emptyDir": {}}],
        **fields,
    }
