"""What NetworkPolicies let pass, worked out from their text."""

from typing import Any

import pytest

from manor.verify import netpol

pytestmark = pytest.mark.unit

Object = dict[str, Any]


def policy(**spec: Any) -> Object:
    body = {"podSelector": {}, **spec}
    return {"metadata": {"name": "p", "namespace": "home"}, "spec": body}


DENY = policy(policyTypes=["Ingress", "Egress"])
BLOCK = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16", "10.0.0.0/8"]}}


@pytest.mark.parametrize(
    ("policies", "address", "port", "passes"),
    [
        ([], "1.2.3.4", 80, True),
        ([DENY], "1.2.3.4", 80, False),
        ([policy(policyTypes=["Ingress"])], "1.2.3.4", 80, True),
        ([DENY, policy(egress=[{}])], "1.2.3.4", 80, True),
        ([DENY, policy(egress=[{"to": [BLOCK]}])], "1.2.3.4", 80, True),
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
    ],
)
def test_egress(policies: list[Object], address: str, port: int, passes: bool) -> None:
    assert (netpol.egress_to(policies, address, port) is not None) is passes


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


def test_a_namespace_without_policies_is_open() -> None:
    assert netpol.admits([], "Ingress", "other", OTHER) is not None
