"""Whose requests go to which priority level, as the API server itself says: by impersonation, as it
classifies them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from manor.api import API_VERSION, Platform, Tenant
from manor.api.wellknown import FLOWCONTROL_API
from manor.kube import Client
from manor.kube.connection import open_connection
from manor.render.fairness import SHARES, fairness

pytestmark = pytest.mark.integration

PLATFORM = Platform.model_validate(
    {
        "apiVersion": API_VERSION,
        "kind": "Platform",
        "spec": {
            "domain": "example.org",
            "network": {
                "podCidrs": ["10.0.0.0/16"],
                "serviceCidrs": ["10.1.0.0/16"],
                "nodeCidrs": ["10.2.0.0/16"],
            },
            "identity": {"groupPrefix": "oidc:"},
        },
    }
)


def tenant(name: str, **spec: Any) -> Tenant:
    whole = {"owners": [{"name": f"{name}-user"}], **spec}
    made = {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": whole}
    return Tenant.model_validate(made)


A = tenant("fair-a", namespaces=[{"name": "fair-a"}, {"name": "fair-a-prod"}])
B = tenant("fair-b", members=[{"name": "fair-b-team", "kind": "Group"}])


@pytest.fixture(scope="module")
async def names(api_node: Any, client: Client) -> AsyncIterator[dict[str, str]]:
    """The schemas and levels on the server by UID, two tenants' among them and in force."""
    objects = [obj for one in (A, B) for obj in fairness(PLATFORM, one)]
    for obj in objects:
        await client.apply(obj)
    kinds = ("FlowSchema", "PriorityLevelConfiguration")
    found = [obj for kind in kinds for obj in await client.list(FLOWCONTROL_API, kind)]
    uids = {obj["metadata"]["uid"]: obj["metadata"]["name"] for obj in found}
    async with asyncio.timeout(30):
        for one in (A, B):
            while await classified(api_node, uids, f"{one.name}-user") != (
                f"manor-{one.name}",
                f"manor-{one.name}",
            ):
                await asyncio.sleep(0.1)
    yield uids
    for obj in reversed(objects):
        await client.delete(FLOWCONTROL_API, obj["kind"], obj["metadata"]["name"])


async def classified(
    api_node: Any, names: dict[str, str], user: str, *groups: str
) -> tuple[str, str]:
    """The schema and the level that took a request of `user`; manor.kube shows no headers of
    answers."""
    connection = await open_connection(api_node.kubeconfig, None)
    headers = [("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups)]
    async with connection.session as session:
        url = f"{connection.server}/api/v1/namespaces/fair-b/configmaps"
        async with session.get(url, headers=headers, **connection.options) as answer:
            uids = [
                answer.headers[f"X-Kubernetes-PF-{what}-UID"]
                for what in ("FlowSchema", "PriorityLevel")
            ]
    return names[uids[0]], names[uids[1]]


@pytest.mark.parametrize(
    ("user", "groups", "schema"),
    [
        ("fair-a-user", [], "manor-fair-a"),
        ("system:serviceaccount:fair-a:default", [], "manor-fair-a"),
        ("system:serviceaccount:fair-a-prod:robot", [], "manor-fair-a"),
        ("fair-b-user", [], "manor-fair-b"),
        ("somebody", ["oidc:fair-b-team", "system:authenticated"], "manor-fair-b"),
    ],
)
async def test_tenants_people_and_pods_have_their_own_level(
    api_node: Any, names: dict[str, str], user: str, groups: list[str], schema: str
) -> None:
    assert await classified(api_node, names, user, *groups) == (schema, schema)


@pytest.mark.parametrize(
    ("user", "groups", "schema", "level"),
    [
        ("somebody", [], "global-default", "global-default"),
        ("somebody", ["fair-b-team", "system:authenticated"], "global-default", "global-default"),
        ("system:serviceaccount:fair-a-stranger:default", [], "service-accounts", "workload-low"),
        (
            "system:serviceaccount:kube-system:cilium",
            [],
            "kube-system-service-accounts",
            "workload-high",
        ),
        ("system:node:one", ["system:nodes", "system:authenticated"], "system-nodes", "system"),
    ],
)
async def test_nobody_else_is_in_a_tenants_level(
    api_node: Any, names: dict[str, str], user: str, groups: list[str], schema: str, level: str
) -> None:
    assert await classified(api_node, names, user, *groups) == (schema, level)


@pytest.mark.usefixtures("names")
async def test_kubernetes_own_levels_have_the_shares_that_ours_are_measured_by(
    client: Client,
) -> None:
    levels = await client.list(FLOWCONTROL_API, "PriorityLevelConfiguration")
    shares = {
        level["metadata"]["name"]: level["spec"]["limited"]["nominalConcurrencyShares"]
        for level in levels
        if level["spec"]["type"] == "Limited"
    }
    assert shares["manor-fair-a"] == shares["manor-fair-b"] == SHARES
    own = {name: count for name, count in shares.items() if not name.startswith("manor-")}
    assert own == {
        "node-high": 40,
        "system": 30,
        "leader-election": 10,
        "workload-high": 40,
        "workload-low": 100,
        "global-default": 20,
        "catch-all": 5,
    }
