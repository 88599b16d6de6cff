"""What a check needs of the cluster and of the specs, and is told before anything is attempted."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from manor.api.wellknown import ENVOY_GROUP, NETWORKING_API
from manor.verify.context import AttackContext
from manor.verify.places import models_with_keys, node_address, proxy_service
from manor.verify.team import DECOY


@dataclass(frozen=True)
class Feature:
    """Something that not every cluster has; where it is missing, the checks that require it are
    skipped."""

    name: str
    what: str
    remedy: str
    """What to do where it is missing."""
    there: Callable[[AttackContext], Awaitable[bool]]
    """Whether attacker, victim and cluster have it; what it reads of the cluster is read once a
    run."""
    chosen: bool = False
    """Whether the specs choose it: a platform without it lacks nothing, and a check of it has
    nothing to try."""

    def __str__(self) -> str:
        return f"needs {self.name}, {self.what}: {self.remedy}"


def _tool(name: str) -> Feature:
    """A Tool that is installed, and that the attacker uses."""

    async def there(context: AttackContext) -> bool:
        return name in context.tools.names - context.tenancy.not_installed

    remedy = f"`manor tools install {name}`, spec.tools"
    return Feature(name, f"the Tool {name}, installed and used", remedy, there, chosen=True)


async def _controllers(context: AttackContext) -> bool:
    return any(tool.spec.rights for tool in context.tools.tools)


async def _manor(context: AttackContext) -> bool:
    return context.tenancy.platform is not None


async def _tenants(context: AttackContext) -> bool:
    return context.attacker.tenant is not None


async def _two_tenants(context: AttackContext) -> bool:
    return context.victim.name != DECOY


async def _gateways(context: AttackContext) -> bool:
    teams = [team for team in (context.attacker, context.victim) if team.name != DECOY]
    return await _manor(context) and all(team.gateway for team in teams)


async def _own_proxies(context: AttackContext) -> bool:
    return await _manor(context) and context.platform.spec.gateway.isolation == "tenant"


async def _gateway_service(context: AttackContext) -> bool:
    return await _manor(context) and await proxy_service(context) is not None


async def _keys(context: AttackContext) -> bool:
    wanted = (ENVOY_GROUP, "securitypolicies")
    return any((r.group, r.resource) == wanted for r in await context.snapshot.resources())


async def _keyed_models(context: AttackContext) -> bool:
    return await _keys(context) and bool(await models_with_keys(context))


async def _network_policies(context: AttackContext) -> bool:
    return bool(
        await context.snapshot.of(NETWORKING_API, "NetworkPolicy", context.attacker.namespace)
    )


async def _nodes(context: AttackContext) -> bool:
    return await node_address(context) is not None


async def _probe_image(context: AttackContext) -> bool:
    return context.probes.image is not None


MANOR = Feature("manor", "a Platform object", "`manor apply` a Platform", _manor)
TENANTS = Feature("tenants", "Tenant objects", "apply Tenants in place of --tenant", _tenants)
TWO_TENANTS = Feature(
    "two-tenants", "a second tenant as the victim", "apply or name another tenant", _two_tenants
)
GATEWAYS = Feature(
    "gateways",
    "a Gateway for each tenant",
    "install the Gateway API, then `manor apply` makes them",
    _gateways,
)
OWN_PROXIES = Feature(
    "own-proxies",
    "a proxy for each tenant",
    "set gateway.isolation: tenant in the Platform",
    _own_proxies,
)
GATEWAY_SERVICE = Feature(
    "gateway-service",
    "a NodePort or LoadBalancer Service at the gateway's port",
    (
        "install the gateway's controller, or name the namespace of its proxies in the Platform's "
        "gateway"
    ),
    _gateway_service,
)
KEYS = Feature(
    "keys",
    "a gateway that asks for keys",
    "install Envoy Gateway for the tenants' proxies",
    _keys,
)
KEYED_MODELS = Feature(
    "keyed-models",
    "a Model of the attacker's that is not public",
    "apply one",
    _keyed_models,
    chosen=True,
)
NETWORK_POLICIES = Feature(
    "network-policies",
    "NetworkPolicies in the attacker's namespace",
    "`manor apply` writes them",
    _network_policies,
)
NODES = Feature("nodes", "a node with an internal address", "add a node that tells one", _nodes)
PROBE_IMAGE = Feature(
    "probe-image", "an image for probe pods", "name one with python3 by --probe-image", _probe_image
)
KSERVE = _tool("kserve")
TOOL_CONTROLLERS = Feature(
    "tool-controllers",
    "a Tool whose controllers write where it is used",
    "turn one on (spec.tools)",
    _controllers,
    chosen=True,
)

FEATURES = (
    MANOR,
    TENANTS,
    TWO_TENANTS,
    GATEWAYS,
    OWN_PROXIES,
    GATEWAY_SERVICE,
    KEYS,
    KEYED_MODELS,
    NETWORK_POLICIES,
    NODES,
    PROBE_IMAGE,
    KSERVE,
    TOOL_CONTROLLERS,
)
"""Every feature that a check may require."""
