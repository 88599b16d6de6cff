"""The kinds of the Gateway API, and the namespaces of front and proxies, on an API server that has neither."""

from pathlib import Path

import yaml

from manor.apply import wait
from manor.kube import Client
from manor.local.binaries import obtain_folder
from manor.local.progress import Report as Progress


async def install(kubeconfig: Path) -> None:
    """Applies them, and waits until they are served."""
    folder = obtain_folder("gateway-api", Progress())
    crds = [crd for path in sorted(folder.glob("*.yaml")) for crd in yaml.safe_load_all(path.read_text()) if crd]
    async with Client.connect(kubeconfig) as client:
        for name in ("manor-front", "envoy-gateway-system"):
            await client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for crd in crds:
            await client.apply(crd)
        await wait(client, crds, timeout=60)
