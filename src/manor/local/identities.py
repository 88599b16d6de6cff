"""Collects Cilium's identities: one a set of labels, 65,535 in all; here Cilium has no operator
that would."""

from manor import kube

_API = "cilium.io/v2"


async def collect(client: kube.Client, unused_before: frozenset[str]) -> frozenset[str]:
    """Delete the identities that no endpoint had in the last round nor in this one; those unused
    now, for the next."""
    identities = await client.list(_API, "CiliumIdentity")
    endpoints = await client.list(_API, "CiliumEndpoint")
    used = {str(endpoint.get("status", {}).get("identity", {}).get("id")) for endpoint in endpoints}
    unused = frozenset(identity["metadata"]["name"] for identity in identities) - used
    for name in unused & unused_before:
        await client.delete(_API, "CiliumIdentity", name)
    return unused - unused_before
