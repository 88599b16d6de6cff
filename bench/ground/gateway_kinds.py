"""The kinds of the Gateway API and of what asks for keys and bounds them, and the namespaces of
front and proxies, on an API server that has neither."""

import yaml

from manor.api.wellknown import ENVOY_GROUP
from manor.apply import wait
from manor.kube import Client
from manor.local.binaries import obtain_folder
from manor.local.progress import Report as Progress

NAMESPACES = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for name in ("manor-front", "envoy-gateway-system")
]


async def install(client: Client) -> None:
    """Applies them, and waits until they are served."""
    files = [
        *sorted(obtain_folder("gateway-api", Progress()).glob("*.yaml")),
        *(
            obtain_folder("envoy-gateway/crds", Progress()) / f"{ENVOY_GROUP}_{plural}.yaml"
            for plural in ("backendtrafficpolicies", "envoyextensionpolicies", "securitypolicies")
        ),
    ]
    crds = [crd for path in files for crd in yaml.safe_load_all(path.read_text()) if crd]
    for obj in [*NAMESPACES, *crds]:
        await client.apply(obj, field_manager="gateway-api", force=True)
    await wait(client, crds, timeout=60)
