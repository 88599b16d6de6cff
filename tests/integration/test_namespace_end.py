"""While a namespace ends, what runs in it goes before what guards it (CVE-2024-7598).

Manor deletes namespaces whole, and owners theirs: the order is the namespace controller's, since
Kubernetes 1.34.
"""

import pytest

from manor.kube import Client, NotFound, Object
from waiting import until

pytestmark = pytest.mark.integration

SPACE = "ending"
HELD = {"name": "held", "namespace": SPACE, "finalizers": ["tests.manor.dev/held"]}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": HELD,
    "spec": {"containers": [{"name": "c", "image": "none"}]},
}
GUARD: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "manor-default-deny", "namespace": SPACE},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}


async def test_guards_outlive_pods(client: Client) -> None:
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    await until("a default ServiceAccount", lambda: has_account(client))
    await client.create(GUARD)
    await client.create(POD)
    await client.delete("v1", "Namespace", SPACE)

    async def ends() -> bool:
        return "deletionTimestamp" in (await client.get("v1", "Pod", "held", SPACE))["metadata"]

    await until("the pod is told to end", ends)
    await until("the controller has been through the namespace", lambda: looked(client))
    guard = await client.get(GUARD["apiVersion"], "NetworkPolicy", "manor-default-deny", SPACE)
    assert "deletionTimestamp" not in guard["metadata"]

    await client.patch("v1", "Pod", "held", {"metadata": {"finalizers": None}}, namespace=SPACE)

    async def gone() -> bool:
        try:
            await client.get("v1", "Namespace", SPACE)
        except NotFound:
            return True
        return False

    await until("the namespace is gone", gone)


async def has_account(client: Client) -> bool:
    try:
        await client.get("v1", "ServiceAccount", "default", SPACE)
    except NotFound:
        return False
    return True


async def looked(client: Client) -> bool:
    """Whether the namespace's controller has been through all that is in it: then it writes its
    conditions."""
    return "conditions" in (await client.get("v1", "Namespace", SPACE))["status"]
