"""Statuses and scales on a real API server: who writes them, what is refused, what columns show."""

import subprocess
from typing import Any

import pytest

from engine_specs import platform as platform_spec
from guarded_cluster import grant
from manor.api import API_VERSION, kinds
from manor.api.status import (
    ModelStatus,
    Phase,
    QuotaStatus,
    Reason,
    Status,
    TenantStatus,
    TrainingJobStatus,
    conditions,
    reached,
    workload_conditions,
)
from manor.apply import wait
from manor.kube import Client, Conflict, Forbidden, Invalid, Object
from manor.render.crds import crds
from manor.render.rbac import applier_role
from manor.render.roles import cluster_roles
from manor.tools import NO_TOOLS
from spec_examples import BASE

pytestmark = pytest.mark.integration

NOW = "2026-11-26T08:30:00Z"
PLACE = "team-a"
APPLIER = "system:serviceaccount:manor-system:operator"


@pytest.fixture(scope="module")
async def cluster(client: Client) -> Client:
    """Manor's kinds, an object of each, and a person in every role."""
    definitions = crds()
    roles = [*cluster_roles(platform_spec()), applier_role(NO_TOOLS, [])]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}}
    for obj in [*definitions, namespace, *roles]:
        await client.apply(obj, field_manager="tests", force=True)
    await wait(client, definitions, timeout=60)
    for role in ("viewer", "editor", "owner"):
        await client.create(binding(role, f"manor:{role}", f"an-{role}", PLACE))
    await client.create(binding("applier", "manor:applier", APPLIER))
    for spec in BASE.values():
        await client.create(spec)
    return client


def binding(name: str, role: str, user: str, namespace: str | None = None) -> Object:
    made: Object = grant(name, [], user, namespace)[1]
    return {**made, "roleRef": {**made["roleRef"], "kind": "ClusterRole", "name": role}}


async def write(client: Client, kind: str, status: Status) -> Object:
    meta = BASE[kind]["metadata"]
    return await client.patch(
        API_VERSION,
        kind,
        meta["name"],
        {"status": status.written()},
        namespace=meta.get("namespace"),
        subresource="status",
    )


async def scale(client: Client, replicas: int) -> Object:
    return await client.patch(
        API_VERSION,
        "Model",
        "iris",
        {"spec": {"replicas": replicas}},
        namespace=PLACE,
        subresource="scale",
    )


def columns(node: Any, *what: str) -> list[list[str]]:
    """The table that kubectl prints, by its words."""
    command = ["kubectl", "--kubeconfig", str(node.kubeconfig), "get", *what]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", BASE)
async def test_whoever_applies_writes_every_status(cluster: Client, kind: str) -> None:
    meta = BASE[kind]["metadata"]
    before = await cluster.get(API_VERSION, kind, meta["name"], meta.get("namespace"))
    told = conditions([], reached("ready", Reason.APPLIED, "", 1), NOW)
    status = Status(observed_generation=before["metadata"]["generation"], conditions=told)
    written = await write(cluster.impersonate(APPLIER), kind, status)
    assert Status.model_validate(written["status"]) == status
    assert written["metadata"]["generation"] == before["metadata"]["generation"]
    assert written["spec"] == before["spec"]


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
@pytest.mark.parametrize("kind", BASE)
async def test_no_tenant_role_writes_a_status(cluster: Client, kind: str, role: str) -> None:
    plural = next(info.plural for info in kinds.ALL if info.kind == kind)
    with pytest.raises(Forbidden, match=f'cannot patch resource "{plural}/status"'):
        await write(cluster.impersonate(f"an-{role}"), kind, Status(observed_generation=1))


async def test_a_status_that_is_stored_with_a_spec_is_dropped(cluster: Client) -> None:
    """An editor who writes the whole object writes the spec of it alone."""
    editor = cluster.impersonate("an-editor")
    made = {**BASE["TrainingJob"], "metadata": {"name": "sly", "namespace": PLACE}}
    lie = TrainingJobStatus(observed_generation=1, phase=Phase.SUCCEEDED).written()
    assert "status" not in await editor.create({**made, "status": lie})
    changed = await editor.patch(
        API_VERSION, "TrainingJob", "sly", {"status": lie, "spec": {"workers": 2}}, namespace=PLACE
    )
    assert "status" not in changed
    assert changed["spec"]["workers"] == 2


async def test_an_editor_scales_a_model_within_what_its_spec_may_say(cluster: Client) -> None:
    editor, viewer = cluster.impersonate("an-editor"), cluster.impersonate("an-viewer")
    path = f"/apis/{API_VERSION}/namespaces/{PLACE}/models/iris/scale"
    assert (await editor.request("GET", path))["spec"] == {"replicas": 1}  # its file says none
    assert (await scale(editor, 3))["spec"] == {"replicas": 3}
    assert (await cluster.get(API_VERSION, "Model", "iris", PLACE))["spec"]["replicas"] == 3
    with pytest.raises(Forbidden, match='cannot patch resource "models/scale"'):
        await scale(viewer, 2)
    with pytest.raises(Invalid, match="less than or equal to 1000"):
        await scale(editor, 1001)
    most = {"spec": {"autoscaling": {"maxReplicas": 5}}}
    await editor.patch(API_VERSION, "Model", "iris", most, namespace=PLACE)
    with pytest.raises(Invalid, match=r"autoscaling\.maxReplicas is less than replicas"):
        await scale(editor, 6)
    told = ModelStatus(replicas=3, ready_replicas=2, selector="app.kubernetes.io/instance=iris")
    await write(cluster.impersonate(APPLIER), "Model", told)
    seen = (await editor.request("GET", path))["status"]
    assert seen == {"replicas": 3, "selector": "app.kubernetes.io/instance=iris"}


async def test_a_scale_and_a_file_with_replicas_are_in_conflict(cluster: Client) -> None:
    bare = {**BASE["Model"], "metadata": {"name": "scaled", "namespace": PLACE}}
    two = {**bare, "spec": {**bare["spec"], "replicas": 2}}
    path = f"/apis/{API_VERSION}/namespaces/{PLACE}/models/scaled/scale"
    await cluster.apply(two, field_manager="manor")
    asked = await cluster.request("GET", path)
    asked["spec"]["replicas"] = 3
    await cluster.impersonate("an-editor").request("PUT", path, body=asked)
    with pytest.raises(Conflict, match=r"\.spec\.replicas"):
        await cluster.apply(two, field_manager="manor")
    left = await cluster.apply(bare, field_manager="manor")
    assert left["spec"]["replicas"] == 3


async def test_columns_answer_the_first_question(cluster: Client, api_node: Any) -> None:
    applier = cluster.impersonate(APPLIER)
    ready = conditions([], reached("ready", Reason.APPLIED, "", 1), NOW)
    quota = QuotaStatus(cpu="1500m/8", memory="1Gi/32Gi", gpus="2/4")
    tenant = TenantStatus(conditions=ready, namespaces=[PLACE], namespace_count=1, quota=quota)
    await write(applier, "Tenant", tenant)
    waits = conditions([], workload_conditions(Phase.QUEUED, Reason.QUEUED, "is third"), NOW)
    job = TrainingJobStatus(conditions=waits, phase=Phase.QUEUED, message="is third")
    await write(applier, "TrainingJob", job)
    serves = conditions([], workload_conditions(Phase.READY, Reason.SERVING), NOW)
    await write(applier, "Model", ModelStatus(conditions=serves, url="http://a/", replicas=2))
    header, *rows = columns(api_node, "tenants")
    assert " ".join(header) == "NAME READY NAMESPACES CPU MEMORY GPUS APPLIED BY AGE"
    assert rows[0][:-1] == ["team-a", "True", "1", "1500m/8", "1Gi/32Gi", "2/4"]
    header, *rows = columns(api_node, "trainingjobs", "-n", PLACE, "fit")
    assert " ".join(header) == "NAME STATUS WORKERS APPLIED BY AGE"
    assert rows[0][:-1] == ["fit", "Queued", "1"]
    _, wide = columns(api_node, "trainingjobs", "-n", PLACE, "fit", "-o", "wide")
    assert wide[3:6] == ["Queued", "is", "third"]
    _, row = columns(api_node, "models", "-n", PLACE, "iris")
    assert row[:-1] == ["iris", "True", "http://a/", "2"]


async def test_a_status_of_another_form_is_refused(cluster: Client) -> None:
    twice = [{"type": "Ready", "status": "True", "reason": "Applied"}] * 2
    for wrong in ({"phase": "Fine"}, {"conditions": twice}, {"startTime": "today"}):
        with pytest.raises(Invalid):
            await cluster.patch(
                API_VERSION,
                "TrainingJob",
                "fit",
                {"status": wrong},
                namespace=PLACE,
                subresource="status",
            )
