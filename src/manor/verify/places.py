"""What on the cluster attacks aim at: a node's address, the Service of the gateway's proxies."""

from manor.api import API_VERSION, kinds
from manor.verify.context import AttackContext
from manor.verify.snapshot import Object


async def node_address(context: AttackContext) -> str | None:
    """The internal address of a node."""
    for node in await context.snapshot.all("v1", "Node"):
        for address in node["status"].get("addresses", []):
            if address["type"] == "InternalIP":
                return str(address["address"])
    return None


async def proxy_service(context: AttackContext) -> Object | None:
    """The Service by which the gateway's proxies are reached from outside."""
    settings = context.platform.spec.gateway
    namespace = (
        settings.data_plane.namespace
        if settings.isolation == "shared"
        else settings.front.namespace
    )
    for service in await context.snapshot.of("v1", "Service", namespace):
        ports = [port["port"] for port in service["spec"]["ports"]]
        if service["spec"].get("type") in ("NodePort", "LoadBalancer") and settings.port in ports:
            return service
    return None


async def models_with_keys(context: AttackContext) -> list[Object]:
    """The attacker's Models that are not public."""
    found = []
    for namespace in context.attacker.namespaces:
        found += await context.snapshot.of(API_VERSION, kinds.MODEL.kind, namespace)
    return [model for model in found if (model["spec"].get("access") or {}).get("mode") != "public"]
