"""Nothing that the cluster tells the version of has a known hole by which tenants reach each other
or the nodes."""

from collections.abc import Iterator

from manor.api.wellknown import TENANT_LABEL
from manor.verify import holes
from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, seen
from manor.verify.objects import Object

OURS = "manor.local/"
"""Images that Manor builds for the embedded node: their tags are its own, their versions pinned
where it builds."""


def _kubernetes(what: str, text: str) -> Attempt:
    version = holes.parse(text) or (0,)
    faults = holes.found("kubernetes", version) + (
        [] if version >= holes.OLDEST else ["older than 1.35"]
    )
    return holds(what, not faults, f"{text}: {'; '.join(faults) or 'no known hole'}", "its version")


def _runtime(node: Object) -> Attempt:
    name, told = (
        node["metadata"]["name"],
        node["status"]["nodeInfo"].get("containerRuntimeVersion", ""),
    )
    component, _, text = told.partition("://")
    version = holes.parse(text)
    if component not in holes.table() or version is None:
        return seen(f"runtime of {name}", f"{told or 'not told'}: the table knows no holes of it")
    faults = holes.found(component, version)
    return holds(
        f"runtime of {name}",
        not faults,
        f"{told}: {'; '.join(faults) or 'no known hole'}",
        "its version",
    )


def _images(pods: list[Object]) -> Iterator[Attempt]:
    images = {
        c["image"]
        for pod in pods
        for c in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
    }
    for image in sorted(image for image in images if not image.startswith(OURS)):
        if known := holes.component_of(image):
            component, version = known
            if version is None:
                yield seen(f"image {image}", "its tag tells no version")
                continue
            faults = holes.found(component, version)
            yield holds(
                f"image {image}", not faults, "; ".join(faults) or "no known hole", "its version"
            )


async def _look(context: AttackContext) -> list[Attempt]:
    server = (await context.client.request("GET", "/version"))["gitVersion"]
    nodes = [
        node
        for node in await context.snapshot.all("v1", "Node")
        if node.get("status", {}).get("nodeInfo")
    ]
    spaces = await context.snapshot.all("v1", "Namespace")
    tenants = {
        s["metadata"]["name"] for s in spaces if TENANT_LABEL in s["metadata"].get("labels", {})
    }
    pods = [
        pod
        for pod in await context.snapshot.all("v1", "Pod")
        if pod["metadata"]["namespace"] not in tenants
    ]
    attempts = [
        seen("versions are told", f"{server}, {len(nodes)} nodes"),
        _kubernetes("API server", server),
    ]
    for node in nodes:
        info, name = node["status"]["nodeInfo"], node["metadata"]["name"]
        attempts.append(_kubernetes(f"kubelet of {name}", info["kubeletVersion"]))
        attempts.append(_runtime(node))
        told = (
            f"{info.get('kernelVersion')}, {info.get('osImage')}: mended without a new "
            f"number, and not judged"
        )
        attempts.append(seen(f"kernel of {name}", told))
    return [*attempts, *_images(pods)]


CHECK = Check(
    id="MNR-PLATFORM-009",
    title="Use a hole that newer versions have closed",
    guarantee=(
        "What the cluster tells the version of has no known hole by which a tenant leaves "
        "its place."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=tuple(sorted({hole.id for found in holes.table().values() for hole in found})),
    attempt=(
        "Compares the versions of the API server, of every kubelet and container runtime, and of "
        "the platform's images "
        "(local-path-provisioner, ingress-nginx, NVIDIA's toolkit and operator) with a table of "
        "known holes. runc and "
        "kernels are told by no API, or not by their number: they are shown, or named in "
        "verify.md, and not judged."
    ),
    expect=(
        "Kubernetes is 1.35 or newer, and each version is at or above the one that mended "
        "every hole of the table."
    ),
    remedy="Upgrade what is named to the version beside it.",
    run=_look,
    scope="cluster",
)
