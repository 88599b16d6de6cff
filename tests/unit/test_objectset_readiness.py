"""When an object is ready, told from its status."""

from typing import Any

import pytest

from manor.objectset.readiness import READY, has_readiness, readiness

pytestmark = pytest.mark.unit

GATEWAY_API = "gateway.networking.k8s.io/v1"
POLICY_API = "gateway.envoyproxy.io/v1alpha1"


def condition(kind: str, status: str, **more: str | int) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, **more}]}


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "status", "ready", "reason", "final"),
    [
        ("apps/v1", "Deployment", {"replicas": 2}, {}, False, "has not seen it", False),
        (
            "apps/v1",
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 1},
            False,
            "has not seen the change",
            False,
        ),
        (
            "apps/v1",
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3},
            False,
            "old pods",
            False,
        ),
        (
            "apps/v1",
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
            True,
            "",
            False,
        ),
        (
            "apps/v1",
            "Deployment",
            {},
            {
                "observedGeneration": 2,
                **condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="m"),
            },
            False,
            "m",
            True,
        ),
        (
            "apps/v1",
            "StatefulSet",
            {"replicas": 1},
            {"readyReplicas": 0},
            False,
            "0 of 1 pods",
            False,
        ),
        ("apps/v1", "StatefulSet", {"replicas": 1}, {"readyReplicas": 1}, True, "", False),
        ("batch/v1", "Job", {}, {"active": 1}, False, "1 active", False),
        ("batch/v1", "Job", {}, condition("Complete", "True"), True, "", False),
        (
            "batch/v1",
            "Job",
            {},
            condition("Failed", "True", message="back-off"),
            False,
            "failed: back-off",
            True,
        ),
        ("v1", "Namespace", {}, {"phase": "Terminating"}, False, "is Terminating", True),
        ("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"}, False, "is Pending", False),
        ("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}, True, "", False),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {},
            condition("Established", "True"),
            True,
            "",
            False,
        ),
        (
            GATEWAY_API,
            "Gateway",
            {},
            {
                **condition("Programmed", "True"),
                "listeners": [
                    {"name": "web", **condition("Programmed", "True")},
                    {"name": "all", **condition("Programmed", "False", reason="Invalid")},
                ],
            },
            False,
            "listener all is not Programmed: Invalid",
            False,
        ),
        (
            GATEWAY_API,
            "Gateway",
            {},
            condition("Programmed", "False", reason="Pending", message="no address"),
            False,
            "no address",
            False,
        ),
        (
            GATEWAY_API,
            "HTTPRoute",
            {"parentRefs": [{}]},
            {},
            False,
            "no gateway has taken it up",
            False,
        ),
        (
            GATEWAY_API,
            "HTTPRoute",
            {"parentRefs": [{}]},
            {"parents": [condition("Accepted", "True")]},
            True,
            "",
            False,
        ),
        (
            GATEWAY_API,
            "HTTPRoute",
            {"parentRefs": [{}]},
            {"parents": [condition("Accepted", "False", reason="NotAllowedByListeners")]},
            False,
            "NotAllowedByListeners",
            False,
        ),
        *(
            (POLICY_API, kind, {}, {"ancestors": told}, ready, why, False)
            for kind in ("BackendTrafficPolicy", "SecurityPolicy")
            for told, ready, why in (
                ([], False, "no gateway has taken it up"),
                ([condition("Accepted", "True", observedGeneration=2)], True, ""),
                ([condition("Accepted", "True", observedGeneration=1)], False, "no gateway has"),
                (
                    [condition("Accepted", "False", reason="Invalid", observedGeneration=2)],
                    False,
                    "Invalid",
                ),
            )
        ),
        ("v1", "ConfigMap", {}, {}, True, "", False),
    ],
)
def test_readiness(
    api_version: str,
    kind: str,
    spec: dict[str, Any],
    status: dict[str, Any],
    ready: bool,
    reason: str,
    final: bool,
) -> None:
    obj = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"generation": 2},
        "spec": spec,
        "status": status,
    }
    state = readiness(obj, jobs=True)
    assert state.ready is ready
    if not ready:
        assert reason in state.reason
        assert state.final is final


def test_jobs_are_ready_at_once_unless_their_end_is_asked_for() -> None:
    assert readiness(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "status": {"active": 1}}
    ).ready


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("networking.istio.io/v1", "Gateway"),
        ("batch.volcano.sh/v1alpha1", "Job"),
        ("mlops.seldon.io/v1alpha1", "Model"),
        ("example.com/v1", "Deployment"),
    ],
)
def test_a_kind_of_another_group_is_not_waited_for(api_version: str, kind: str) -> None:
    assert not has_readiness((api_version.partition("/")[0], kind))
    obj = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {},
        "status": condition("Programmed", "False"),
    }
    assert readiness(obj, jobs=True) == READY


def test_what_has_readiness_is_waited_for() -> None:
    assert has_readiness(("gateway.networking.k8s.io", "Gateway"))
    assert has_readiness(("batch", "Job"))
    assert not has_readiness(("", "ConfigMap"))
