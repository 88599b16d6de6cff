"""What a system's makers publish, made fit for a cluster of many teams. Pure.

Its webhooks see the namespaces of the tenants that use it and no others, so that its failure stops
nobody else. Of its roles stay those that something is bound to, and none with a wildcard. Its
namespace is closed and `restricted`.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Any

from manor.api.tool import ToolInstall
from manor.api.wellknown import MANAGED, NETWORKING_API, POD_SECURITY, TOOL_LABEL_PREFIX
from manor.install.errors import InstallError

Object = dict[str, Any]
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_EVERYWHERE = frozenset(
    {
        *(
            *_WEBHOOKS,
            "APIService",
            "ClusterRole",
            "ClusterRoleBinding",
            "CustomResourceDefinition",
            "PriorityClass",
        ),
        *("Namespace", "FlowSchema", "PriorityLevelConfiguration"),
    }
)
_ROLES = ("ClusterRole", "Role")
_WORKLOADS = ("Deployment", "StatefulSet")


def hardened(tool: str, install: ToolInstall, objects: Iterable[Object]) -> list[Object]:
    """The objects as they are installed. InstallError names a role or a container that cannot be
    left as it is."""
    kept = [obj for obj in objects if obj["kind"] != "Namespace"]
    bound = {(obj["roleRef"]["kind"], obj["roleRef"]["name"]) for obj in kept if "roleRef" in obj}
    made: list[Object] = [*_place(install)]
    problems: list[str] = []
    for obj in kept:
        if obj["kind"] == "ClusterRole" and ("ClusterRole", obj["metadata"]["name"]) not in bound:
            continue  # made to be handed to people: who may do what is the Tool's to say
        if obj["kind"] in _ROLES:
            problems += _wildcards(obj, install.broad)
        if obj["kind"] in _WORKLOADS:
            problems += _open_containers(obj)
        made.append(
            _confined(_rightly_placed(obj), tool)
            if obj["kind"] in _WEBHOOKS
            else _rightly_placed(obj)
        )
    if problems:
        raise InstallError("\n".join(problems))
    return made


def _rightly_placed(obj: Object) -> Object:
    """The object without the namespace that charts write onto what lives in none."""
    if obj["kind"] not in _EVERYWHERE:
        return obj
    return {
        **obj,
        "metadata": {key: value for key, value in obj["metadata"].items() if key != "namespace"},
    }


def _place(install: ToolInstall) -> Iterator[Object]:
    """The namespace, which nobody enters but by the ports that the API server needs."""
    namespace = install.namespace
    yield {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": {**MANAGED, **POD_SECURITY}},
    }
    ports = [{"protocol": "TCP", "port": port} for port in install.ports]
    spec: Object = {"podSelector": {}, "policyTypes": ["Ingress"]}
    if ports:
        # The API server has no label to be named by; tenants' pods cannot leave their namespaces
        # for this one.
        spec["ingress"] = [{"ports": ports}]
    yield {
        "apiVersion": NETWORKING_API,
        "kind": "NetworkPolicy",
        "metadata": {"name": "manor-closed", "namespace": namespace, "labels": dict(MANAGED)},
        "spec": spec,
    }


def _wildcards(role: Object, broad: Container[str]) -> Iterator[str]:
    name = role["metadata"]["name"]
    for rule in role.get("rules") or []:
        for field in ("verbs", "resources", "apiGroups"):
            if "*" in rule.get(field, []) and name not in broad:
                yield (
                    f"{role['kind']} {name} grants {field}: '*'; name it in install.broad "
                    f"where it must"
                )


def _open_containers(workload: Object) -> Iterator[str]:
    """Containers that a namespace with the standard `restricted` would refuse, or that may take a
    whole node."""
    pod = workload["spec"]["template"]["spec"]
    for container in pod["containers"]:
        where = f"{workload['kind']} {workload['metadata']['name']}, container {container['name']}"
        for sort in ("requests", "limits"):
            if "memory" not in container.get("resources", {}).get(sort, {}):
                yield f"{where} states no {sort} of memory; set them in install.values"
        if container.get("securityContext", {}).get("allowPrivilegeEscalation") is not False:
            yield (
                f"{where} does not rule out privilege escalation; set its securityContext in "
                f"install.values"
            )


def _confined(configuration: Object, tool: str) -> Object:
    """A webhook configuration for the namespaces of the tenants that use the Tool alone; it fails
    closed there."""
    chosen = {"key": TOOL_LABEL_PREFIX + tool, "operator": "In", "values": ["true"]}
    webhooks = []
    for webhook in configuration["webhooks"]:
        selector = webhook.get("namespaceSelector") or {}
        also = [each for each in selector.get("matchExpressions", []) if each != chosen]
        webhooks.append(
            {
                **webhook,
                "failurePolicy": "Fail",
                "namespaceSelector": {**selector, "matchExpressions": [*also, chosen]},
            }
        )
    return {**configuration, "webhooks": webhooks}
