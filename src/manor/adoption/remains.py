"""What is in a namespace and stays there, or will not work under a Tenant."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from manor.adoption.notes import Matter, Note
from manor.api.platform import Platform
from manor.api.wellknown import GROUP, MANAGED_BY_LABEL, TOOL_LABEL_PREFIX
from manor.objectset.applyset import PART_OF

Object = dict[str, Any]

OWNER_ANNOTATION = "owner"
"""By it the Profile controller knows that a namespace is a Profile's."""
SIDECAR = "istio-proxy"
KEPT_LABELS = (
    "kubernetes.io/metadata.name",
    MANAGED_BY_LABEL,
    "pod-security.kubernetes.io/",
    f"{GROUP}/",
    TOOL_LABEL_PREFIX,
    PART_OF,
)
"""Kubernetes' own and Manor's."""

OTHERS: Mapping[str, tuple[Matter, str]] = {
    "RoleBinding": (Matter.REMAINS, "rights beside the Tenant's; delete them"),
    "NetworkPolicy": (Matter.REMAINS, "what they open stays open; delete them"),
    "ResourceQuota": (Matter.REMAINS, "both quotas hold; delete them"),
    "LimitRange": (Matter.REMAINS, "both hold; delete them"),
    "AuthorizationPolicy": (
        Matter.BREAKS,
        "they let in whom a header names; NetworkPolicies take their place",
    ),
    "VirtualService": (
        Matter.BREAKS,
        "no gateway that teams share reaches the namespace; write HTTPRoutes to the team's own",
    ),
    "PodDefault": (
        Matter.BREAKS,
        "what they add to pods is judged as the team's own",
    ),
}
"""Kinds of which every object in the namespace is told, with what becomes of them."""


def remains(
    namespace: Object,
    objects: Mapping[str, Sequence[Object]],
    refused: Sequence[str],
    platform: Platform | None,
) -> Iterator[Note]:
    """What whoever adopts the namespace must see to; `refused` is what Pod Security says of its
    pods."""
    yield from _marks(namespace["metadata"])
    for kind, (matter, what) in OTHERS.items():
        if found := [each for each in objects.get(kind, ()) if not _is_manors(each)]:
            yield Note(matter, f"{kind} {_names(found)}: {what}")
    pods = objects.get("Pod", ())
    if meshed := [pod for pod in pods if _has_sidecar(pod)]:
        text = f"Pod {_names(meshed)}: Istio's sidecar reaches nothing outside the team"
        yield Note(Matter.BREAKS, text)
    for text in refused:
        yield Note(Matter.BREAKS, f"Pod {text}")
    if platform is not None:
        yield from _foreign_images(pods, platform)


def _marks(meta: Object) -> Iterator[Note]:
    if OWNER_ANNOTATION in (meta.get("annotations") or {}):
        text = (
            "by the namespace's annotation `owner` the Profile controller writes into it; remove it"
        )
        yield Note(Matter.REMAINS, text)
    for owner in meta.get("ownerReferences") or ():
        text = (
            f"the namespace is deleted with {owner['kind']} {owner['name']}, and all that is in it"
        )
        yield Note(Matter.REMAINS, f"{text}: remove its ownerReferences first")
    labels = [key for key in meta.get("labels") or {} if not key.startswith(KEPT_LABELS)]
    if labels:
        text = (
            f"the namespace's labels {', '.join(sorted(labels))}: others act by them; remove them"
        )
        yield Note(Matter.REMAINS, text)


def _is_manors(obj: Object) -> bool:
    return PART_OF in (obj["metadata"].get("labels") or {})


def _names(objects: Sequence[Object]) -> str:
    return ", ".join(sorted(each["metadata"]["name"] for each in objects))


def _containers(pod: Object) -> list[Object]:
    spec = pod["spec"]
    return [*spec.get("containers", ()), *spec.get("initContainers", ())]


def _has_sidecar(pod: Object) -> bool:
    return any(container["name"] == SIDECAR for container in _containers(pod))


def _foreign_images(pods: Sequence[Object], platform: Platform) -> Iterator[Note]:
    images = {
        container["image"]
        for pod in pods
        for container in _containers(pod)
        if container["name"] != SIDECAR and container.get("image")
    }
    allowed = tuple(f"{registry.rstrip('/')}/" for registry in platform.spec.registries)
    if foreign := sorted(image for image in images if not image.startswith(allowed)):
        text = f"image {', '.join(foreign)}: of no registry that the Platform names"
        yield Note(Matter.BREAKS, text)
