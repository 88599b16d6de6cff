"""What NetworkPolicies let pass, worked out from their text."""

from ipaddress import ip_network
from typing import Any

import pytest

from manor.verify import netpol

pytestmark = pytest.mark.unit

Object = dict[str, Any]


def policy(**spec: Any) -> Object:
    body = {"podSelector": {}, **spec}
    return {"metadata": {"name": "p", "namespace": "home"}, "spec": body}


DENY = policy(policyTypes=["Ingress", "Egress"])
PART = {"ipBlock": {"cidr": "10.244.3.0/24"}}
BLOCK = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16", "10.0.0.0/8"]}}


@pytest.mark.parametrize(
    ("policies", "address", "port", "passes"),
    [
        ([], "1.2.3.4", 80, True),
        ([DENY], "1.2.3.4", 80, False),
        ([policy(policyTypes=["Ingress"])], "1.2.3.4", 80, True),
        ([DENY, policy(egress=[{}])], "1.2.3.4", 80, True),
        ([DENY, policy(egress=[{"to": [BLOCK]}])], "1.2.3.4", 80, True),
        ([DENY, policy(egress=[{"to": [PART]}])], "10.244.0.0/16", None, True),
        ([DENY, policy(egress=[{"to": [PART]}])], "10.245.0.0/16", None, False),
        ([DENY, policy(egress=[{"to": [BLOCK]}])], "169.254.169.254", 80, False),
        ([DENY, policy(egress=[{"to": [BLOCK]}])], "10.96.0.1", 443, False),
        ([DENY, policy(egress=[{"to": [BLOCK]}])], "fd00:ec2::254", 80, False),
        (
            [DENY, policy(egress=[{"to": [{"ipBlock": {"cidr": "::/0"}}]}])],
            "fd00:ec2::254",
            80,
            True,
        ),
        ([DENY, policy(egress=[{"to": [{"namespaceSelector": {}}]}])], "172.30.0.2", 10250, False),
        (
            [DENY, policy(egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])],
            "8.8.8.8",
            443,
            False,
        ),
        ([DENY, policy(egress=[{"ports": [{"port": 400, "endPort": 500}]}])], "8.8.8.8", 443, True),
        (
            [policy(podSelector={"matchLabels": {"a": "b"}}, policyTypes=["Egress"])],
            "8.8.8.8",
            443,
            True,
        ),
        (
            [DENY, policy(podSelector={"matchLabels": {"a": "b"}}, egress=[{}])],
            "8.8.8.8",
            443,
            True,
        ),
    ],
)
def test_egress(policies: list[Object], address: str, port: int | None, passes: bool) -> None:
    assert (netpol.egress_to(policies, address, port) is not None) is passes


EVERYBODY: Object = {"namespaceSelector": {}}
OTHER = {"kubernetes.io/metadata.name": "other", "manor.dev/tenant": "b"}


@pytest.mark.parametrize(
    ("peer", "admitted"),
    [
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {"manor.dev/tenant": "b"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"manor.dev/tenant": "a"}}}, False),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}},
            False,
        ),
        (
            {
                "namespaceSelector": {
                    "matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]
                }
            },
            True,
        ),
        (
            {
                "namespaceSelector": {"matchLabels": {"manor.dev/tenant": "b"}},
                "podSelector": {"matchLabels": {"x": "y"}},
            },
            True,
        ),
        ({"podSelector": {}}, False),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, False),
    ],
)
def test_ingress_from_another_namespace(peer: Object, admitted: bool) -> None:
    policies = [DENY, policy(ingress=[{"from": [peer]}])]
    assert (netpol.admits(policies, "Ingress", "other", OTHER) is not None) is admitted


def test_what_opens_a_pod_of_one_label_opens_the_namespace() -> None:
    """Whoever is in it gives a pod that label."""
    own = policy(podSelector={"matchLabels": {"a": "b"}}, ingress=[{"from": [EVERYBODY]}])
    assert netpol.admits([DENY, own], "Ingress", "other", OTHER) is not None
    assert netpol.admits([DENY, own], "Ingress", "other", OTHER, {"a": "c"}) is None
    assert netpol.admits([own], "Ingress", "other", OTHER, {"a": "c"}) is not None


def test_a_namespace_without_policies_is_open() -> None:
    assert netpol.admits([], "Ingress", "other", OTHER) is not None


@pytest.mark.parametrize(
    ("block", "admitted"),
    [
        ({"cidr": "0.0.0.0/0"}, True),
        ({"cidr": "10.244.3.7/32"}, True),
        ({"cidr": "192.0.2.0/24"}, False),
        ({"cidr": "::/0"}, False),
        ({"cidr": "10.244.3.7/16"}, True),
        ({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, False),
        ({"cidr": "0.0.0.0/0", "except": ["10.244.0.0/17", "10.244.128.0/17"]}, False),
        ({"cidr": "0.0.0.0/0", "except": ["10.244.1.0/24"]}, True),
    ],
)
def test_ingress_by_the_address_of_a_pod(block: Object, admitted: bool) -> None:
    policies = [
        DENY,
        policy(podSelector={"matchLabels": {"a": "b"}}, ingress=[{"from": [{"ipBlock": block}]}]),
    ]
    found = netpol.admits_by_address(policies, [ip_network("10.244.0.0/16")])
    assert (found is not None) is admitted
