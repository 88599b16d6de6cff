"""Which namespaces' pods the cluster's DNS asks the outside for: a name can carry data out as well
as any packet.

The platform's own namespaces, and those of teams that may reach the internet. All others get the
cluster's names alone.
"""

from ipaddress import ip_network

from manor import kube
from manor.api.wellknown import POLICY_EGRESS, TENANT_LABEL
from manor.local.node import CLUSTER_DOMAIN, Node, write_file

FILE = "forward.conf"


async def write(client: kube.Client, node: Node) -> None:
    """Write the server block that forwards, where it changed; CoreDNS reads it anew by itself."""
    namespaces = await client.list("v1", "Namespace")
    policies = await client.list("networking.k8s.io/v1", "NetworkPolicy")
    text = render(namespaces, policies)
    file = node.files.forwarding / FILE
    if not file.exists() or file.read_text() != text:
        write_file(file, text, mode=0o644)


def render(namespaces: list[kube.Object], policies: list[kube.Object]) -> str:
    """The server block for the namespaces that may ask for any name."""
    teams = {
        each["metadata"]["name"]
        for each in namespaces
        if TENANT_LABEL in each["metadata"].get("labels", {})
    }
    everyone = {each["metadata"]["name"] for each in namespaces}
    online = {each["metadata"]["namespace"] for each in policies if _opens_the_internet(each)}
    allowed = ", ".join(f"'{name}'" for name in sorted(everyone - teams | online & teams))
    return f"""\
.:53 {{
    view forward {{
        expr metadata('kubernetes/client-namespace') in [{allowed}]
    }}
    errors
    metadata
    # Here to know whose pod asks; the names of its zone are answered before.
    kubernetes {CLUSTER_DOMAIN} {{
        pods verified
    }}
    forward . /etc/resolv.conf
    cache 30
}}
"""


def _opens_the_internet(policy: kube.Object) -> bool:
    rules = policy["spec"].get("egress", []) if policy["metadata"]["name"] == POLICY_EGRESS else []
    blocks = (peer.get("ipBlock", {}).get("cidr") for rule in rules for peer in rule.get("to", []))
    return any(cidr and ip_network(cidr, strict=False).prefixlen == 0 for cidr in blocks)
