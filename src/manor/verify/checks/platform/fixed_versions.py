"""The API server and the kubelets are of versions that Manor supports, with the fixes that isolation needs."""

import re

from manor.verify.check import Check, Level, Severity
from manor.verify.findings import holds, seen
from manor.verify.ground import Ground
from manor.verify.trial import Trial

OLDEST = (1, 35)


def _version(text: str) -> tuple[int, int]:
    match = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


async def _look(ground: Ground) -> list[Trial]:
    server = (await ground.client.request("GET", "/version"))["gitVersion"]
    nodes = await ground.snapshot.all("v1", "Node")
    kubelets = {n["metadata"]["name"]: n["status"]["nodeInfo"]["kubeletVersion"] for n in nodes}
    trials = [seen("versions are told", f"{server}, {len(kubelets)} kubelets")]
    for what, text in {"API server": server, **{f"kubelet of {node}": v for node, v in kubelets.items()}}.items():
        trials.append(holds(what, _version(text) >= OLDEST, text, "its version"))
    return trials


CHECK = Check(
    id="MNR-PLATFORM-009",
    title="Use a hole that newer versions of Kubernetes have closed",
    guarantee=(
        "The API server and the kubelets are of versions that Manor supports, with the fixes that isolation needs."
    ),
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "CVE-2024-10220",
        "CVE-2024-9042",
        "CVE-2025-0426",
        "CVE-2025-4563",
        "CVE-2025-5187",
    ),
    attempt=("Compares the versions of the API server and of every kubelet with the oldest that Manor supports."),
    expect="Each is 1.35 or newer.",
    remedy="Upgrade the cluster.",
    run=_look,
    scope="cluster",
)
