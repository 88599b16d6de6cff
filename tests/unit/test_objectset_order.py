"""In which order kinds go, which of them stay, and which refusals pass."""

from typing import Any

import pytest

from manor.objectset.kinds import CILIUM_NETWORK_POLICY, NETWORK_POLICY, GroupKind
from manor.objectset.order import Wave, is_binding, wave_of
from manor.objectset.protection import (
    guards_namespace,
    holds_data,
    is_network_policy,
    opens_network,
)
from manor.objectset.refusals import is_passing

pytestmark = pytest.mark.unit

STRANGERS = [
    ("batch.volcano.sh", "Job"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("example.com", "ConfigMap"),
    ("example.com", "CustomResourceDefinition"),
    ("example.com", "LimitRange"),
    ("example.com", "Namespace"),
    ("example.com", "PersistentVolumeClaim"),
    ("example.com", "ResourceQuota"),
    ("example.com", "RoleBinding"),
    ("iam.cnrm.cloud.google.com", "ServiceAccount"),
    ("mlops.seldon.io", "Model"),
    ("networking.istio.io", "Gateway"),
    ("serving.knative.dev", "Service"),
]
"""Kinds of other groups, most of them under a name that a kind with a rule has too."""


def test_waves() -> None:
    kinds = [
        (("apiextensions.k8s.io", "CustomResourceDefinition"), False),
        (("", "Namespace"), False),
        (("rbac.authorization.k8s.io", "ClusterRole"), False),
        (("", "ConfigMap"), True),
        (("networking.k8s.io", "NetworkPolicy"), True),
        (("rbac.authorization.k8s.io", "RoleBinding"), True),
        (("", "Service"), True),
        (("apps", "Deployment"), True),
        (("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"), False),
    ]
    assert [wave_of(kind, namespaced=namespaced) for kind, namespaced in kinds] == list(Wave)


def test_a_role_goes_before_what_binds_it() -> None:
    group = "rbac.authorization.k8s.io"
    role, binding = (group, "Role"), (group, "RoleBinding")
    assert wave_of(role, namespaced=True) < wave_of(binding, namespaced=True)
    assert is_binding(binding)
    assert is_binding((group, "ClusterRoleBinding"))
    assert not is_binding(role)


@pytest.mark.parametrize("kind", STRANGERS)
def test_a_kind_of_another_group_has_no_place_of_its_own(kind: GroupKind) -> None:
    assert wave_of(kind, namespaced=True) is Wave.WORKLOADS
    assert wave_of(kind, namespaced=False) is Wave.CLUSTER
    assert not is_binding(kind)


@pytest.mark.parametrize("kind", STRANGERS)
def test_a_kind_of_another_group_is_not_protected(kind: GroupKind) -> None:
    assert not holds_data(kind)
    assert not guards_namespace(kind)
    assert not is_network_policy(kind)


def test_data_and_guards() -> None:
    assert holds_data(("", "PersistentVolumeClaim"))
    assert not guards_namespace(("", "PersistentVolumeClaim"))
    for kind in (
        NETWORK_POLICY,
        CILIUM_NETWORK_POLICY,
        ("", "ConfigMap"),
        ("", "LimitRange"),
        ("", "ResourceQuota"),
    ):
        assert guards_namespace(kind)
        assert not holds_data(kind)
    # A right is no guard: it goes with the rest.
    assert not guards_namespace(("rbac.authorization.k8s.io", "Role"))


def policy(
    api_version: str = "networking.k8s.io/v1", kind: str = "NetworkPolicy", **fields: Any
) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, **fields}


@pytest.mark.parametrize(
    ("obj", "opens"),
    [
        (policy(spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}), False),
        (policy(spec={"podSelector": {}, "ingress": []}), False),
        (policy(spec={"podSelector": {}, "ingress": [{}]}), True),
        (policy(spec={"podSelector": {}, "egress": [{"to": []}]}), True),
        (policy("cilium.io/v2", "CiliumNetworkPolicy", spec={"ingressDeny": [{}]}), False),
        (policy("cilium.io/v2", "CiliumNetworkPolicy", specs=[{"egress": [{}]}]), True),
        (policy("networking.k8s.io/v1", "Ingress", spec={"ingress": [{}]}), False),
    ],
)
def test_a_policy_with_rules_opens_a_network(obj: dict[str, Any], opens: bool) -> None:
    assert opens_network(obj) is opens


@pytest.mark.parametrize(
    ("message", "passing"),
    [
        (
            'denied the request: spec.runtimeRef: TrainingRuntime.trainer.kubeflow.org "a" not '
            "found: specified trainingRuntime must be created before the TrainJob is created",
            True,
        ),
        (
            (
                "ValidatingAdmissionPolicy 'manor-rbac' denied request: no params found for policy "
                "binding"
            ),
            True,
        ),
        (
            (
                "denied request: failed to configure binding: Get configmaps/manor-guardrails: "
                "context deadline exceeded"
            ),
            True,
        ),
        (
            'pods "x" is forbidden: status unknown for quota: manor-quota, resources: count/pods',
            True,
        ),
        (
            (
                "Resource kind manor.dev/v1alpha1, Kind=Model not found. There can be a delay "
                "between when CustomResourceDefinitions are created and when they are available."
            ),
            True,
        ),
        ("is forbidden: exceeded quota: manor-quota", False),
    ],
)
def test_what_is_refused_for_a_moment(message: str, passing: bool) -> None:
    assert is_passing(message) is passing
