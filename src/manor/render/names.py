"""The names of rendered objects that only the renderer and the engines know; the others are in
`manor.api.wellknown`.

Names come from what a thing is, never from a list index.
"""

from hashlib import sha256

from manor.api import Tenant


def role_binding(role: str) -> str:
    """The RoleBinding of a tenant role in a namespace."""
    return f"manor-{role}s"


def tool_role_binding(tool: str, role: str) -> str:
    """The RoleBinding of what a tenant role may do with a Tool's kinds, or the Tool's controllers
    in the namespace."""
    return f"manor-tool-{tool}-{role}s"


def tool_traffic(tool: str, name: str) -> str:
    """The NetworkPolicy of one of a Tool's openings."""
    return f"manor-tool-{tool}-{name}"


POLICY_SAME_TENANT = "manor-same-tenant"
POLICY_WORKERS = "manor-workers"
POLICY_DNS = "manor-dns"
POLICY_GATEWAY = "manor-gateway"
POLICY_PEERS = "manor-peers"
POLICY_WORKLOAD_IDENTITY = "manor-workload-identity"


def platform_peer(name: str) -> str:
    """The NetworkPolicy of one of the Platform's peers."""
    return f"manor-peer-{name}"


def gateway(tenant: Tenant) -> str:
    """The tenant's Gateway in the system namespace, and its route that nobody has a key to."""
    return tenant.name


PROXIES = "manor-proxies"
"""What every tenant's proxy shares: the NetworkPolicy of their pods, and the front's leave to name
their Services."""


def proxy(tenant: Tenant) -> str:
    """Of the tenant's proxy: its Service, its NetworkPolicy, and the front's route of a tenant that
    names no hosts."""
    return f"manor-{tenant.name}"


def routes_from(namespace: str) -> str:
    """The ReferenceGrant to routes of another namespace of the tenant."""
    return f"manor-from-{namespace}"


def listener(host: str) -> str:
    """The listener, and the front's route, of a host name: readable, at most 63 characters,
    different for each host."""
    readable = host.replace("*", "any").replace(".", "-")[:54].rstrip("-")
    return f"{readable}-{sha256(host.encode()).hexdigest()[:8]}"


def fairness(tenant: Tenant) -> str:
    """The tenant's FlowSchema and PriorityLevelConfiguration."""
    return f"manor-{tenant.name}"
