"""A released volume is deleted, so that no later claim finds its data."""

from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.findings import holds, need, seen


async def _look(context: AttackContext) -> list[Attempt]:
    volumes = await context.snapshot.all("v1", "PersistentVolume")
    classes = await context.snapshot.all("storage.k8s.io/v1", "StorageClass")
    allowed = [c for c in classes if c["metadata"]["name"] in context.attacker.storage_classes]
    need(
        allowed or not context.attacker.storage_classes,
        "none of the tenant's storage classes exists",
    )
    attempts = [
        seen("storage is listed", f"{len(classes)} storage classes, {len(volumes)} volumes")
    ]
    for item in allowed:
        policy = item.get("reclaimPolicy", "Delete")
        what = f"reclaim policy of StorageClass {item['metadata']['name']}"
        attempts.append(holds(what, policy == "Delete", policy, "its reclaim policy"))
    mine = [
        v
        for v in volumes
        if v["spec"].get("claimRef", {}).get("namespace") in context.attacker.namespaces
    ]
    for volume in mine:
        policy = volume["spec"]["persistentVolumeReclaimPolicy"]
        what = f"reclaim policy of volume {volume['metadata']['name']}"
        attempts.append(holds(what, policy == "Delete", policy, "its reclaim policy"))
    left = [
        volume["metadata"]["name"]
        for volume in volumes
        if volume.get("status", {}).get("phase") in ("Available", "Released")
        and volume["spec"].get("storageClassName") in context.attacker.storage_classes
    ]
    got = f"released: {', '.join(left)}" if left else "none is unbound"
    attempts.append(holds("volumes that wait for anybody's claim", not left, got, "their deletion"))
    return attempts


CHECK = Check(
    id="MNR-STORAGE-007",
    title="Inherit what another tenant left on a volume",
    guarantee="A released volume is deleted, so that no later claim finds its data.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=(
        "Kubernetes: Reclaiming",
        "MTB: Data isolation",
    ),
    attempt=(
        "Looks at the reclaim policy of the storage classes that the tenant may use, of the "
        "volumes bound to "
        "its claims, and for released volumes that anybody could bind."
    ),
    expect="Classes and volumes say Delete; no released or unbound volume lies about.",
    remedy=(
        "Set reclaimPolicy Delete on the class and persistentVolumeReclaimPolicy Delete on "
        "the volume."
    ),
    run=_look,
)
