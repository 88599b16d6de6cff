"""Volumes of class `standard`: a folder for each claim, made when the scheduler has placed a pod,
gone with the claim.

A folder's path is made of the claim's UID alone, which the API server chose: nothing that a team
writes is part of it.
"""

import asyncio
import os
import re
from pathlib import Path

from manor import kube
from manor.api.wellknown import GROUP, USER_IDS_LABEL
from manor.local.node import Node

PROVISIONER = f"{GROUP}/folder"
STORAGE_CLASS = "standard"

_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_NAME = re.compile(r"pvc-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def provide(client: kube.Client, node: Node, claim: kube.Object) -> None:
    """Make the volume of a claim that waits for one on this node."""
    spec, annotations = claim["spec"], claim["metadata"].get("annotations", {})
    if (
        spec.get("storageClassName") != STORAGE_CLASS
        or spec.get("volumeMode", "Filesystem") != "Filesystem"
        or claim.get("status", {}).get("phase") != "Pending"
        or annotations.get(_SELECTED_NODE) != node.name
    ):
        return
    volume = describe(node, claim)
    folder = _folder_of(node, volume["metadata"]["name"])
    folder.mkdir(exist_ok=True)
    home = await client.get("v1", "Namespace", claim["metadata"]["namespace"])
    if group := home["metadata"].get("labels", {}).get(USER_IDS_LABEL):
        # A team's pods are all in its group. Set-group-ID: so is what they write.
        os.chown(folder, 0, int(group))
        folder.chmod(0o2770)
    else:
        # Whichever user a pod runs as may write. Nobody else gets here: the folder above is root's
        # alone.
        folder.chmod(0o777)
    try:
        await client.create(volume)
    except kube.Conflict:  # made before, and not bound yet
        return


async def reclaim(client: kube.Client, node: Node, volume: kube.Object) -> None:
    """Remove the folder of a volume whose claim is gone, and the volume."""
    meta = volume["metadata"]
    if (
        meta.get("annotations", {}).get(_PROVISIONED_BY) != PROVISIONER
        or volume.get("status", {}).get("phase") != "Released"
        or volume["spec"].get("persistentVolumeReclaimPolicy") != "Delete"
    ):
        return
    # `rm` bears what a team may leave behind: folders nested deeper than a recursive function goes.
    process = await asyncio.create_subprocess_exec(
        "rm",
        "--recursive",
        "--force",
        "--one-file-system",
        "--",
        str(_folder_of(node, meta["name"])),
    )
    if await process.wait() == 0:
        await client.delete("v1", "PersistentVolume", meta["name"])


def describe(node: Node, claim: kube.Object) -> kube.Object:
    """The PersistentVolume for a claim."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    owner = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "uid": meta["uid"]}
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": STORAGE_CLASS,
            "claimRef": {**owner, "namespace": meta["namespace"], "name": meta["name"]},
            "local": {"path": str(_folder_of(node, name))},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def _folder_of(node: Node, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a volume of this node")
    return node.files.volumes / name
