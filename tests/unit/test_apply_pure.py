"""The parts of apply that decide without a server."""

import asyncio
from typing import Any, cast

import pytest

from manor.apply import (
    Action,
    Event,
    Inventory,
    Options,
    Phase,
    Ref,
    Started,
    Step,
    Waiting,
    changes,
    unified,
    wait,
)
from manor.apply.ownership import is_applied, unwritten
from manor.apply.prune import plan_pruning
from manor.apply.steps import Steps, conflict_step
from manor.kube import Client, Conflict

pytestmark = pytest.mark.unit

REF = Ref("apps", "Deployment", "a", "web")
NO_SERVER = cast(Client, None)


DESIRED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "a", "labels": {"x": "y"}},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}
        },
    },
}
PORTS: dict[str, Any] = {
    'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
}
FIELDS = {
    "f:metadata": {"f:labels": {"f:x": {}}},
    "f:spec": {
        "f:selector": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"c"}': {".": {}, "f:name": {}, "f:image": {}, "f:ports": PORTS}
                }
            }
        },
    },
}


def live(**container: Any) -> dict[str, Any]:
    """DESIRED as the server shows it: with defaults, with another manager's fields, with status."""
    port = {"containerPort": 80, "protocol": "TCP"}
    made = {"name": "c", "image": "i", "imagePullPolicy": "Always", "ports": [port], **container}
    entries = [
        {"manager": "manor", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": FIELDS},
        {
            "manager": "manor",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "subresource": "status",
            "fieldsV1": {},
        },
    ]
    return {
        **DESIRED,
        "metadata": {
            **DESIRED["metadata"],
            "labels": {"x": "y", "other": "z"},
            "managedFields": entries,
            "uid": "1",
        },
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
        {
            **DESIRED,
            "spec": {**DESIRED["spec"], "selector": {"matchLabels": {"app": "web", "a": "b"}}},
        },  # atomic
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


def test_a_default_that_the_server_filled_in_is_no_difference() -> None:
    wanted = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": {"a": 1}}
    entry = {"manager": "manor", "operation": "Apply", "apiVersion": "v1"}
    noted: list[tuple[dict[str, Any], bool]] = [
        ({"f:a": {}}, True),
        ({"f:a": {}, "f:b": {}}, False),
    ]
    for fields, same in noted:
        meta = {"name": "x", "managedFields": [{**entry, "fieldsV1": {"f:spec": fields}}]}
        assert is_applied(wanted, {**wanted, "metadata": meta, "spec": {"a": 1, "b": 2}}) is same


@pytest.mark.parametrize(
    ("rule", "certain", "perhaps"),
    [
        ({"verbs": ["get"]}, True, True),
        ({"verbs": ["get"], "scope": "*"}, False, True),
        ({"verbs": ["get", "list"]}, False, False),
        ({"verbs": ["list"]}, False, False),
        ({}, False, False),
    ],
)
def test_what_the_server_fills_into_an_atomic_value_may_be_what_was_applied(
    rule: dict[str, Any], certain: bool, perhaps: bool
) -> None:
    meta = {"name": "x"}
    wanted = {"apiVersion": "v1", "kind": "X", "metadata": meta, "rules": [{"verbs": ["get"]}]}
    entry = {"manager": "manor", "operation": "Apply", "apiVersion": "v1"}
    entry["fieldsV1"] = {"f:rules": {}}  # type: ignore[assignment]
    found = {**wanted, "metadata": {**meta, "managedFields": [entry]}, "rules": [rule]}
    assert is_applied(wanted, found) is certain
    assert is_applied(wanted, found, defaults=True) is perhaps


def secret(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "resourceVersion": "1"},
        "data": data,
    }


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
    after = {
        **live(image="j"),
        "metadata": {**live()["metadata"], "resourceVersion": "2", "generation": 2},
    }
    step = Step(REF, Action.UPDATE, before=before, after={**after, "status": {}})
    assert changes(step) == [(".spec.template.spec.containers[0].image", "i", "j")]
    lines = [line for line in unified(step).splitlines() if line[0] in "+-"]
    assert lines[2:] == ["-      - image: i", "+      - image: j"]


def test_a_diff_shows_what_an_object_shares_with_itself_in_both_places() -> None:
    shared = {"from": "Same"}
    step = Step(
        REF, Action.CREATE, after={**named("v1", "X"), "spec": {"one": shared, "two": shared}}
    )
    assert unified(step).count("+    from: Same\n") == 2
    assert "&id" not in unified(step)


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


def named(api_version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "a"}}


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("networking.istio.io/v1", "Gateway"),
        ("batch.volcano.sh/v1alpha1", "Job"),
        ("mlops.seldon.io/v1alpha1", "Model"),
    ],
)
def test_a_kind_of_another_group_is_not_waited_for(api_version: str, kind: str) -> None:
    told: list[Event] = []
    asyncio.run(wait(NO_SERVER, [named(api_version, kind)], progress=told.append))
    started, waiting = told
    assert started == Started(Phase.WAIT, 0)
    assert isinstance(waiting, Waiting)
    assert waiting.pending == ()


def test_a_kind_of_another_group_is_pruned_like_any_other() -> None:
    claim, stranger = (
        named("v1", "PersistentVolumeClaim"),
        named("example.com/v1", "PersistentVolumeClaim"),
    )
    model = named("mlops.seldon.io/v1alpha1", "Model")
    pruning = asyncio.run(
        plan_pruning(NO_SERVER, Inventory("x"), [claim, stranger, model], Options())
    )
    assert [step.before for step in pruning.kept] == [claim]
    assert pruning.waves == ((stranger, model),)


def test_what_others_set_stays_when_we_say_less() -> None:
    entries = [
        {"manager": "manor", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {}}}}
    ]
    live = {"metadata": {"managedFields": entries}, "spec": {"a": 1, "b": 2, "default": 3}}
    assert unwritten(live, "spec") == {"default": 3}
    assert unwritten({**live, "metadata": {}}, "spec") == live["spec"]
