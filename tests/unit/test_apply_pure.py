"""The parts of apply that decide without a server."""

from typing import Any

import pytest

from manor.apply import Action, Inventory, Ref, Step, changes, unified
from manor.apply.inventory import Scope
from manor.apply.ownership import is_applied
from manor.apply.readiness import readiness
from manor.apply.steps import Steps, conflict_step
from manor.apply.waves import wave_of
from manor.kube import Conflict

pytestmark = pytest.mark.unit

REF = Ref("apps", "Deployment", "a", "web")


def test_the_id_is_that_of_the_enhancement() -> None:
    # applyset-<base64url(sha256("<name>.<namespace>.<kind>.<group>"))>-v1
    assert Inventory("name", "ns", "v1", "ConfigMap").id == "applyset-42YS2ob3sik94RyWjkwp4PH1yZS6H5k6StaopNs0l5I-v1"


def test_waves() -> None:
    kinds = [
        ("apiextensions.k8s.io", "CustomResourceDefinition", False),
        ("", "Namespace", False),
        ("rbac.authorization.k8s.io", "ClusterRole", False),
        ("", "ConfigMap", True),
        ("networking.k8s.io", "NetworkPolicy", True),
        ("rbac.authorization.k8s.io", "RoleBinding", True),
        ("", "Service", True),
        ("apps", "Deployment", True),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", False),
    ]
    assert [wave_of(*kind) for kind in kinds] == list(range(9))
    assert wave_of("manor.dev", "Model", True) == wave_of("apps", "Deployment", True)


def test_scopes_join() -> None:
    scope = Scope.of([REF, Ref("", "Namespace", "", "a")]) | Scope.of([Ref("", "Secret", "b", "s")])
    assert scope.group_kinds == {("apps", "Deployment"), ("", "Namespace"), ("", "Secret")}
    assert scope.namespaces == {"a", "b"}


DESIRED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "a", "labels": {"x": "y"}},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}},
    },
}
PORTS = {"k:" + '{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}}
FIELDS = {
    "f:metadata": {"f:labels": {"f:x": {}}},
    "f:spec": {
        "f:selector": {},
        "f:template": {
            "f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:image": {}, "f:ports": PORTS}}}
        },
    },
}


def live(**container: Any) -> dict[str, Any]:
    """DESIRED as the server shows it: with defaults, with another manager's fields, with status."""
    port = {"containerPort": 80, "protocol": "TCP"}
    made = {"name": "c", "image": "i", "imagePullPolicy": "Always", "ports": [port], **container}
    entries = [
        {"manager": "manor", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": FIELDS},
        {"manager": "manor", "operation": "Update", "apiVersion": "apps/v1", "subresource": "status", "fieldsV1": {}},
    ]
    return {
        **DESIRED,
        "metadata": {**DESIRED["metadata"], "labels": {"x": "y", "other": "z"}, "managedFields": entries, "uid": "1"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [made], "dnsPolicy": "ClusterFirst"}},
        },
        "status": {"readyReplicas": 1},
    }


def with_container(**container: Any) -> dict[str, Any]:
    changed = {**DESIRED["spec"]["template"]["spec"]["containers"][0], **container}
    return {**DESIRED, "spec": {**DESIRED["spec"], "template": {"spec": {"containers": [changed]}}}}


def test_what_was_applied_is_known_as_applied() -> None:
    assert is_applied(DESIRED, live())


@pytest.mark.parametrize(
    "desired",
    [
        with_container(image="new"),
        with_container(command=["x"]),  # a field more
        {**DESIRED, "metadata": {"name": "web", "namespace": "a"}},  # a label less
        {**DESIRED, "spec": {**DESIRED["spec"], "selector": {"matchLabels": {"app": "web", "a": "b"}}}},  # atomic
        {**DESIRED, "apiVersion": "apps/v1beta1"},
        with_container(ports=[{"containerPort": 80}, {"containerPort": 81}]),
        with_container(ports=[{"containerPort": 80, "protocol": "UDP"}]),
    ],
)
def test_every_difference_is_seen(desired: dict[str, Any]) -> None:
    assert not is_applied(desired, live())


def test_drift_is_seen() -> None:
    assert not is_applied(DESIRED, live(image="drifted"))
    assert not is_applied(DESIRED, live(ports=[]))


def test_one_and_true_differ() -> None:
    def flagged(flag: Any, **meta: Any) -> dict[str, Any]:
        labelled = {"name": "x", "labels": {"a": "b"}, **meta}
        return {"apiVersion": "v1", "kind": "X", "metadata": labelled, "spec": {"flag": flag}}

    fields = {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:flag": {}}}
    entries = [{"manager": "manor", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}]
    assert is_applied(flagged(True), flagged(True, managedFields=entries))
    assert not is_applied(flagged(True), flagged(1, managedFields=entries))


def secret(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "resourceVersion": "1"}, "data": data}


def test_secrets_are_masked_in_every_form() -> None:
    step = Step(
        Ref("", "Secret", "a", "s"),
        Action.UPDATE,
        before=secret(a="c2FtZQ", b="b2xk"),
        after=secret(a="c2FtZQ", b="bmV3"),
    )
    text = unified(step)
    assert "-  b: '*** (before)'" in text
    assert "+  b: '*** (after)'" in text
    assert "   a: '***'" in text
    assert not any(value in text for value in ("c2FtZQ", "b2xk", "bmV3"))
    assert changes(step) == [(".data.b", "*** (before)", "*** (after)")]
    made = Step(step.ref, Action.CREATE, after=secret(a="c2FtZQ"))
    assert "c2FtZQ" not in unified(made)


def test_the_diff_leaves_out_what_the_server_writes() -> None:
    before = {**live(), "metadata": {**live()["metadata"], "resourceVersion": "1", "generation": 1}}
    after = {**live(image="j"), "metadata": {**live()["metadata"], "resourceVersion": "2", "generation": 2}}
    step = Step(REF, Action.UPDATE, before=before, after={**after, "status": {}})
    assert changes(step) == [(".spec.template.spec.containers[0].image", "i", "j")]
    lines = [line for line in unified(step).splitlines() if line[0] in "+-"]
    assert lines[2:] == ["-      - image: i", "+      - image: j"]


def test_a_conflict_names_managers_and_fields() -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using v1',
            "field": ".spec.replicas",
        }
    ]
    step = conflict_step(REF, Conflict(409, "Conflict", "conflict", {"causes": causes}, ""))
    assert step.action is Action.CONFLICT
    assert [(c.manager, c.field) for c in step.conflicts] == [("kubectl-edit", ".spec.replicas")]
    assert "kubectl-edit owns .spec.replicas" in step.message
    assert not Steps((step,)).ok
    assert conflict_step(REF, Conflict(409, "Conflict", "modified", {}, "")).action is Action.FAIL


def condition(kind: str, status: str, **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, **more}]}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "ready", "reason", "final"),
    [
        ("Deployment", {"replicas": 2}, {}, False, "has not seen it", False),
        ("Deployment", {"replicas": 2}, {"observedGeneration": 1}, False, "has not seen the change", False),
        (
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3},
            False,
            "old pods",
            False,
        ),
        (
            "Deployment",
            {"replicas": 2},
            {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
            True,
            "",
            False,
        ),
        (
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
        ("StatefulSet", {"replicas": 1}, {"readyReplicas": 0}, False, "0 of 1 pods", False),
        ("StatefulSet", {"replicas": 1}, {"readyReplicas": 1}, True, "", False),
        ("Job", {}, {"active": 1}, False, "1 active", False),
        ("Job", {}, condition("Complete", "True"), True, "", False),
        ("Job", {}, condition("Failed", "True", message="back-off"), False, "failed: back-off", True),
        ("Namespace", {}, {"phase": "Terminating"}, False, "is Terminating", True),
        ("PersistentVolumeClaim", {}, {"phase": "Pending"}, False, "is Pending", False),
        ("PersistentVolumeClaim", {}, {"phase": "Bound"}, True, "", False),
        ("CustomResourceDefinition", {}, condition("Established", "True"), True, "", False),
        (
            "Gateway",
            {},
            condition("Programmed", "False", reason="Pending", message="no address"),
            False,
            "no address",
            False,
        ),
        ("HTTPRoute", {"parentRefs": [{}]}, {}, False, "no gateway has taken it up", False),
        ("HTTPRoute", {"parentRefs": [{}]}, {"parents": [condition("Accepted", "True")]}, True, "", False),
        (
            "HTTPRoute",
            {"parentRefs": [{}]},
            {"parents": [condition("Accepted", "False", reason="NotAllowedByListeners")]},
            False,
            "NotAllowedByListeners",
            False,
        ),
        ("ConfigMap", {}, {}, True, "", False),
    ],
)
def test_readiness(
    kind: str, spec: dict[str, Any], status: dict[str, Any], ready: bool, reason: str, final: bool
) -> None:
    state = readiness({"kind": kind, "metadata": {"generation": 2}, "spec": spec, "status": status}, jobs=True)
    assert state.ready is ready
    if not ready:
        assert reason in state.reason
        assert state.final is final


def test_jobs_are_ready_at_once_unless_their_end_is_asked_for() -> None:
    assert readiness({"kind": "Job", "metadata": {}, "status": {"active": 1}}).ready
