"""What runs on the node as pods: DNS, volumes, the gateway. The manifests lie beside this file."""

import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from manor.apply import Inventory, Options, apply, wait
from manor.apply.steps import BAD
from manor.kube import Client
from manor.limits import limits
from manor.local import volumes
from manor.local.errors import StartFailed
from manor.local.images import Image
from manor.local.node import CLUSTER_DOMAIN, DNS_ADDRESS, INGRESS_PORT, Node
from manor.local.probes import is_ready
from manor.manifests import documents
from manor.polling import poll_until

IMAGES = ("pause", "base", "coredns", "envoy-gateway", "envoy")
"""The images that a node itself needs."""

_HERE = Path(__file__).parent
_GATEWAYS = {"envoy-gateway-system": [], "manor-front": ["front-values.yaml"]}
"""The namespaces with an Envoy Gateway, and its values beside the common ones."""


async def apply_rights(client: Client, node: Node) -> None:
    """What the network agent and the API server need before a node can be Ready: kinds
    and roles."""
    crds = _read_folder(Path(node.share) / "cilium" / "crds")
    await _apply(client, "manor-network", [*crds, *_read("rights.yaml", {})])


async def apply_addons(
    client: Client, node: Node, images: Mapping[str, Image]
) -> list[dict[str, Any]]:
    """DNS, volumes and the gateway; returns what was applied, to be waited for."""
    values = {
        **{name.replace("-", "_"): image.reference for name, image in images.items()},
        "cluster_domain": CLUSTER_DOMAIN,
        "dns_address": DNS_ADDRESS,
        "ingress_port": str(INGRESS_PORT),
        "forwarding": str(node.files.forwarding),
        "provisioner": volumes.PROVISIONER,
        "storage_class": volumes.STORAGE_CLASS,
    }
    share = Path(node.share)
    objects = [
        *_read_folder(share / "gateway-api"),
        *_read_folder(share / "envoy-gateway" / "crds"),
        *(obj for namespace in _GATEWAYS for obj in _render_chart(node, namespace, values)),
        *(
            obj
            for name in ("dns.yaml", "storage.yaml", "gateway.yaml")
            for obj in _read(name, values)
        ),
    ]
    await _apply(client, "manor-addons", objects)
    return objects


async def wait_for_addons(client: Client, node: Node, objects: list[dict[str, Any]]) -> None:
    """Until every Deployment is available, and the gateway answers the host."""
    waited_for = [obj for obj in objects if obj["kind"] in ("Deployment", "Gateway")]
    bounds = limits().local
    await wait(client, waited_for, timeout=bounds.addons)
    # After a restart the objects still tell of the time before.
    ask = partial(is_ready, node.ingress, status=b"404")
    if not await poll_until(bool, ask, timeout=bounds.addons, interval=bounds.addons_poll):
        raise StartFailed(f"the gateway does not answer at {node.ingress}")


async def _apply(client: Client, name: str, objects: list[dict[str, Any]]) -> None:
    inventory, options = Inventory(name, "kube-system"), Options(adopt=True, force_conflicts=True)
    result = await apply(client, objects, inventory, options)
    failed = [f"  {step.ref}: {step.message}" for step in result.steps if step.action in BAD]
    if failed:
        raise StartFailed("\n".join(["these objects of the node could not be applied:", *failed]))


def _render_chart(node: Node, namespace: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
    helm = [f"{node.bin}/helm", "template", namespace, f"{node.share}/envoy-gateway/chart"]
    beside = [word for name in _GATEWAYS[namespace] for word in ("--values", str(_HERE / name))]
    done = subprocess.run(
        [*helm, "--namespace", namespace, "--skip-crds", "--values", "-", *beside],
        input=_fill("gateway-values.yaml", values),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StartFailed(f"Envoy Gateway's chart cannot be rendered:\n{done.stderr.strip()}")
    return list(documents(done.stdout))


def _read(name: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
    return list(documents(_fill(name, values)))


def _fill(name: str, values: Mapping[str, str]) -> str:
    # Safe: shell variables in the manifests are not ours to replace.
    return Template((_HERE / name).read_text()).safe_substitute(values)


def _read_folder(folder: Path) -> list[dict[str, Any]]:
    return [obj for path in sorted(folder.glob("*.yaml")) for obj in documents(path.read_text())]
