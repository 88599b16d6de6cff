"""The pod that every engine starts from: Pod Security `restricted` admits it, and its root file
system is read-only."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from manor.api import Platform, Tenant
from manor.api.workload import DataSource, Resources, SecretUse, VolumeMount, is_fetched
from manor.render.objects import Object
from manor.render.quota import gpu_resources

TMP = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the pod's own emptyDir
"""Where each container may write."""


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


KEYS_PATH = "/var/secrets"
"""Where what fetches or stores sees the keys of its Secret as files (KServe's convention)."""

Parts = tuple[list[Object], list[Object]]
"""Volumes of a pod, and their mounts in its container."""


def shared_memory(size: str) -> Parts:
    """A /dev/shm of that size, which counts against the limit of the memory; it has 64 MiB
    otherwise."""
    volume = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": size}}
    return [volume], [{"name": "shm", "mountPath": "/dev/shm"}]  # noqa: S108 - the pod's own


def volume_name(kind: str, of: str) -> str:
    """What a pod calls the volume of a claim or a Secret: at most 63 characters."""
    name = f"{kind}-{of}"
    return name if len(name) <= 63 else f"{name[:54]}-{sha256(of.encode()).hexdigest()[:8]}"


def claim_volumes(claims: Iterable[str]) -> list[Object]:
    """The volumes of these claims, each once, as `claim_mounts` calls them."""
    return [
        {"name": volume_name("volume", claim), "persistentVolumeClaim": {"claimName": claim}}
        for claim in dict.fromkeys(claims)
    ]


def claim_mounts(volumes: Iterable[VolumeMount]) -> list[Object]:
    """Where the tenant's volumes are seen."""
    mounts = []
    for volume in volumes:
        mount: Object = {"name": volume_name("volume", volume.name), "mountPath": volume.path}
        mounts.append({**mount, "readOnly": True} if volume.read_only else mount)
    return mounts


def secret_files(secrets: Iterable[SecretUse]) -> Parts:
    """Those of the Secrets that are files."""
    volumes, mounts = [], []
    for secret in secrets:
        if secret.path is not None:
            name = volume_name("secret", secret.name)
            mounts.append({"name": name, "mountPath": secret.path, "readOnly": True})
            volumes.append({"name": name, "secret": {"secretName": secret.name}})
    return volumes, mounts


def data_parts(sources: Sequence[DataSource]) -> Parts:
    """Where data is seen that `data_fetchers` fetch, or that is an image's."""
    volumes, mounts = [], []
    for name, source in _named(sources):
        held: Object = {"emptyDir": {}}
        if not is_fetched(source.uri):
            held = {"image": {"reference": source.uri.partition("://")[2]}}
        volumes += [{"name": name, **held}, *key_volumes(name, source.secret)]
        mounts.append({"name": name, "mountPath": source.path, "readOnly": True})
    return volumes, mounts


def data_fetchers(platform: Platform, sources: Sequence[DataSource], amounts: Object) -> Object:
    """The pod's field for what fetches data before its containers start, if anything does; each
    asks for `amounts`."""
    fetchers = [
        fetcher(
            *(platform, name, source.uri, {"name": name, "mountPath": source.path}),
            *(source.secret, amounts),
        )
        for name, source in _named(sources)
        if is_fetched(source.uri)
    ]
    return {"initContainers": fetchers} if fetchers else {}


def _named(sources: Sequence[DataSource]) -> list[tuple[str, DataSource]]:
    """Each with the name of its volume and of what fetches it."""
    return [(f"data-{number}", source) for number, source in enumerate(sources, start=1)]


def secret_variables(secrets: Iterable[SecretUse]) -> Object:
    """The container's field for those of the Secrets that are variables, if there are any."""
    sources = [{"secretRef": {"name": one.name}} for one in secrets if one.path is None]
    return {"envFrom": sources} if sources else {}


def pull_secrets(names: Sequence[str]) -> Object:
    """The pod's field for the Secrets with which its images are pulled, if there are any."""
    return {"imagePullSecrets": [{"name": name} for name in names]} if names else {}


def unexpanded(text: str) -> str:
    """A text of a container's command, arguments or variables in which the kubelet is to expand
    nothing."""
    return text.replace("$", "$$")


def env(variables: dict[str, str]) -> list[Object]:
    """Environment variables as a container lists them, in the order of their names."""
    return [{"name": name, "value": value} for name, value in sorted(variables.items())]


def fetcher(
    platform: Platform, name: str, uri: str, mount: Object, secret: str | None, amounts: Object
) -> Object:
    """An init container that fetches the files of a URI into the folder that it mounts, with the
    keys of a Secret of the namespace. `key_volumes` of that folder's name are the pod's."""
    container = {
        "name": name,
        "image": platform.spec.images.fetching,
        "args": [uri, mount["mountPath"]],
        "env": env({"HOME": "/tmp"}),  # noqa: S108 - the pod's own emptyDir
        "resources": amounts,
        "securityContext": container_security_context(),
        "volumeMounts": [mount, TMP],
    }
    return with_keys(container, mount["name"], secret)


def key_volumes(name: str, secret: str | None) -> list[Object]:
    """The volume of the Secret with which `name` is fetched or stored, if there is one. A Secret
    that is missing is told of by the variables that it lacks."""
    source = {"secretName": secret, "optional": True}
    return [{"name": f"{name}-keys", "secret": source}] if secret else []


def with_keys(container: Object, name: str, secret: str | None) -> Object:
    """The container with the keys of a Secret, if there is one: as variables, and as files for
    the clients that read files."""
    if not secret:
        return container
    mount = {"name": f"{name}-keys", "mountPath": KEYS_PATH, "readOnly": True}
    return {
        **container,
        "envFrom": [{"secretRef": {"name": secret}}],
        "volumeMounts": [*container["volumeMounts"], mount],
    }


def alone(fields: Object) -> Object:
    """The fields of a pod whose container is its only one: its first process is not the command,
    which as process 1 would pass over SIGTERM and leave zombies. Of several containers no pod of a
    tenant shares processes."""
    return fields if "initContainers" in fields else {**fields, "shareProcessNamespace": True}


def pod_spec(containers: Sequence[Object], volumes: Sequence[Object], **fields: object) -> Object:
    """A pod's spec: no service-account token, a writable /tmp for every container, and what is
    given."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security_context(),
        "containers": [
            {**c, "volumeMounts": [*c.get("volumeMounts", []), TMP]} for c in containers
        ],
        "volumes": [*volumes, {"name": "tmp", "emptyDir": {}}],
        **fields,
    }
