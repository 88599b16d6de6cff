"""The operator on a real API server: what is stored is made, kept, told and drained."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.api import API_VERSION
from manor.api.wellknown import POD_SECURITY, QUOTA
from manor.kube import Client, Forbidden, Invalid, NotFound, Object
from nodes import run_manor
from operator_process import condition, is_stored, operating, ready, tenant
from waiting import until

pytestmark = pytest.mark.integration

RBAC = "rbac.authorization.k8s.io/v1"
NETWORK = "networking.k8s.io/v1"
POLICIES = "admissionregistration.k8s.io/v1"


def job(namespace: str, name: str) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "manor.local/train:1", "command": ["true"]},
    }


@pytest.fixture(scope="module")
async def operated(
    own: Path, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    """The cluster with the operator running."""
    log = tmp_path_factory.mktemp("operator") / "log"
    with operating(own, log):
        yield client


async def is_so(client: Client, what: str, name: str) -> bool:
    """Whether a Tenant has a condition with status True."""
    live = await client.get(API_VERSION, "Tenant", name)
    return bool(condition(live, what).get("status") == "True")


async def made(client: Client, name: str, **spec: Any) -> None:
    """A Tenant stored as `kubectl create` does, once it is ready."""
    await client.create(tenant(name, **spec))
    await ready(client, name)


async def is_gone(client: Client, *place: Any) -> bool:
    try:
        await client.get(*place)
    except NotFound:
        return True
    return False


async def test_a_restart_writes_nothing(own: Path, client: Client, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with operating(own, log):
        await made(client, "owl")
        await until("owl is looked after", partial(_is_isolated, client, "Tenant", "owl"))
        before = await _versions(client)
    with operating(own, log):
        await made(client, "pig")
        await until("all are looked after", partial(_is_isolated, client, "Tenant", "pig"))
        after = await _versions(client)
    assert {ref: after[ref] for ref in before} == before


async def _versions(client: Client) -> dict[str, str]:
    """The resource version of all that was made for `owl`, and of the Tenant."""
    kinds = ("ResourceQuota", "LimitRange", "ConfigMap", "ServiceAccount")
    found = [obj for kind in kinds for obj in await client.list("v1", kind, "owl")]
    found += await client.list(RBAC, "RoleBinding", "owl")
    found += await client.list(NETWORK, "NetworkPolicy", "owl")
    found.append(await client.get(API_VERSION, "Tenant", "owl"))
    return {
        f"{obj['kind']} {obj['metadata']['name']}": obj["metadata"]["resourceVersion"]
        for obj in found
        if obj["kind"] != "ResourceQuota"  # its controller counts
    }


async def test_one_works_and_the_next_takes_over(own: Path, client: Client, tmp_path: Path) -> None:
    first_log, second_log = tmp_path / "first", tmp_path / "second"
    with operating(own, first_log, "--elect") as first:
        await made(client, "rat")
        with operating(own, second_log, "--elect") as second:
            await made(client, "ram")
            assert "leading" not in second.log.read_text()
            first.kill()  # it gives up nothing: the lease has to run out
            await made(client, "roe")
            assert "leading" in second.log.read_text()
            with operating(own, first_log, "--elect"):
                second.process.terminate()  # it gives up the lease
                await made(client, "yak")


async def test_what_is_stored_is_made_as_apply_makes_it(
    operated: Client, platform_node: Any, tmp_path: Path
) -> None:
    await made(operated, "ant", volumes=[{"name": "data", "size": "1Gi"}])
    file = tmp_path / "ant.yaml"
    file.write_text(yaml.safe_dump(tenant("ant", volumes=[{"name": "data", "size": "1Gi"}])))
    config = ("--kubeconfig", str(platform_node.kubeconfig))
    assert run_manor("diff", "-f", str(file), *config).stdout == ""
    live = await operated.get(API_VERSION, "Tenant", "ant")
    assert live["status"]["namespaces"] == ["ant"]
    assert live["status"]["quota"]["cpu"].endswith("/4")


async def test_what_somebody_changes_is_put_right_and_told(operated: Client) -> None:
    await made(operated, "bee")
    await operated.delete(NETWORK, "NetworkPolicy", "manor-default-deny", "bee")
    widened = {"spec": {"hard": {"pods": "9999"}}}
    await operated.patch("v1", "ResourceQuota", "manor-quota", widened, namespace="bee")

    async def right() -> bool:
        quota = await operated.get("v1", "ResourceQuota", "manor-quota", "bee")
        return quota["spec"]["hard"]["pods"] != "9999" and not await is_gone(
            operated, NETWORK, "NetworkPolicy", "manor-default-deny", "bee"
        )

    await until("both are as they were", right)

    async def told() -> bool:
        events = await operated.list("v1", "Event", "default")
        said = " ".join(e["message"] for e in events if e["involvedObject"]["name"] == "bee")
        return "manor-default-deny, deleted by somebody" in said and "manor-quota, changed" in said

    await until("both are told", told)


async def test_who_is_no_longer_a_member_has_no_rights(operated: Client) -> None:
    await made(operated, "cat", members=[{"name": "eve", "role": "editor"}])
    binding = await operated.get(RBAC, "RoleBinding", "manor-editors", "cat")
    assert [subject["name"] for subject in binding["subjects"]] == ["eve"]
    await operated.patch(API_VERSION, "Tenant", "cat", {"spec": {"members": None}})
    await until(
        "the binding is gone",
        lambda: is_gone(operated, RBAC, "RoleBinding", "manor-editors", "cat"),
    )


async def test_one_that_cannot_be_says_why_and_stops_no_other(operated: Client) -> None:
    await made(operated, "dog", hosts=["shared.manor.local"])
    await operated.create(tenant("dove", hosts=["shared.manor.local"]))
    await operated.create(tenant("eel"))
    await ready(operated, "eel")
    await until("dove is stalled", lambda: is_so(operated, "Stalled", "dove"))
    told = condition(await operated.get(API_VERSION, "Tenant", "dove"))
    assert (told["status"], told["reason"]) == ("False", "Invalid")
    assert "overlaps 'shared.manor.local' of tenant 'dog'" in told["message"]
    assert await is_gone(operated, "v1", "Namespace", "dove")
    await operated.patch(API_VERSION, "Tenant", "dog", {"spec": {"hosts": ["dog.manor.local"]}})
    await ready(operated, "dove")


async def test_a_job_is_made_as_its_tenant(operated: Client) -> None:
    await made(operated, "fox")
    await until("quotas count jobs", partial(is_stored, operated, job("fox", "first")))
    await until("it is made", lambda: _has_job(operated, "first"))
    await until("its standing is told", partial(_is_pending, operated, "first"))
    # The right to make Jobs is the tenant's, not the operator's.
    role = await operated.get(RBAC, "ClusterRole", "manor:workloads")
    none = [{"op": "replace", "path": "/rules", "value": []}]
    patch = "application/json-patch+json"
    await operated.patch(RBAC, "ClusterRole", "manor:workloads", none, content_type=patch)
    try:
        await operated.create(job("fox", "second"))
        who = "system:serviceaccount:fox:manor-workloads"

        async def refused() -> bool:
            live = await operated.get(API_VERSION, "TrainingJob", "second", "fox")
            return who in condition(live).get("message", "")

        await until("it is refused", refused)
        assert not await _has_job(operated, "second")
    finally:
        back = [{"op": "replace", "path": "/rules", "value": role["rules"]}]
        await operated.patch(RBAC, "ClusterRole", "manor:workloads", back, content_type=patch)
    await until("it is made after all", lambda: _has_job(operated, "second"))


async def test_a_model_tells_its_pods(operated: Client) -> None:
    await made(operated, "mink")
    meta = {"name": "iris", "namespace": "mink"}
    spec = {"format": "sklearn", "storageUri": "oci://manor.local/iris:1", "replicas": 2}
    model = {"apiVersion": API_VERSION, "kind": "Model", "metadata": meta, "spec": spec}
    await until("quotas count it", partial(is_stored, operated, model))

    async def counted() -> bool:
        status = (await operated.get(API_VERSION, "Model", "iris", "mink")).get("status", {})
        return bool(status.get("replicas") == 2 and status.get("readyReplicas") == 0)

    await until("its pods are counted", counted)
    path = f"/apis/{API_VERSION}/namespaces/mink/models/iris/scale"
    scale = (await operated.request("GET", path))["status"]
    labels = dict(label.split("=") for label in scale["selector"].split(","))
    pods = await operated.list("v1", "Pod", "mink", labels)
    assert (scale["replicas"], len(pods)) == (2, 2)


async def test_a_canary_has_its_share_while_it_is_ready(operated: Client) -> None:
    await made(operated, "ibex")
    meta = {"name": "iris", "namespace": "ibex"}
    uri = "oci://manor.local/iris"
    spec = {
        "format": "sklearn",
        "storageUri": f"{uri}:1",
        "canary": {"storageUri": f"{uri}:2", "weight": 30},
    }
    model = {"apiVersion": API_VERSION, "kind": "Model", "metadata": meta, "spec": spec}
    await until("quotas count it", partial(is_stored, operated, model))
    routes = ("gateway.networking.k8s.io/v1", "HTTPRoute")

    async def shares(*wanted: int) -> bool:
        found = [one["spec"]["rules"][0] for one in await operated.list(*routes, "ibex")]
        return [[to["weight"] for to in rule["backendRefs"]] for rule in found] == [list(wanted)]

    async def canaries() -> list[Object]:
        return await operated.list(
            "v1", "Pod", "ibex", {"app.kubernetes.io/instance": "iris-canary"}
        )

    async def has_pod() -> bool:
        return bool(await canaries())

    async def becomes(ready: str) -> None:
        """As a kubelet would tell."""
        (pod,) = await canaries()
        status = {"conditions": [{"type": "Ready", "status": ready}]}
        where = "v1", "Pod", pod["metadata"]["name"], {"status": status}
        await operated.patch(*where, namespace="ibex", subresource="status")

    await until("the model answers all", partial(shares, 100, 0))
    await until("it has a pod", has_pod)
    for stands, wanted in (("True", (70, 30)), ("False", (100, 0)), ("True", (70, 30))):
        await becomes(stands)
        await until("it is as it should be", partial(shares, *wanted), 30)
    away = {"spec": {"canary": None}}
    await operated.patch(API_VERSION, "Model", "iris", away, namespace="ibex")
    await until("it is taken away", partial(shares, 1))


async def test_a_run_that_has_ended_is_not_run_again(operated: Client) -> None:
    """Its Job goes by its time to live: made anew, it would run for ever."""
    endings = ("Succeeded", "Failed")
    await made(operated, "hen")
    for ending in endings:
        once = job("hen", ending.lower())
        once["spec"]["retries"] = 0
        await until("quotas count jobs", partial(is_stored, operated, once))

    async def have_ended() -> bool:
        told = []
        for ending in endings:
            name = ending.lower()
            labels = {"batch.kubernetes.io/job-name": name}
            for pod in await operated.list("v1", "Pod", "hen", labels):
                where = pod["metadata"]["name"], {"status": {"phase": ending}}
                await operated.patch("v1", "Pod", *where, namespace="hen", subresource="status")
            live = await operated.get(API_VERSION, "TrainingJob", name, "hen")
            told.append((live.get("status") or {}).get("phase"))
        return tuple(told) == endings

    await until("both ends are told", have_ended)
    for ending in endings:
        live = await operated.get(API_VERSION, "TrainingJob", ending.lower(), "hen")
        assert live["status"]["startTime"]
        assert ("completionTime" in live["status"]) == (ending == "Succeeded")
        await operated.delete("batch/v1", "Job", ending.lower(), "hen")

    async def one_is_there() -> bool:
        return bool(await operated.list("batch/v1", "Job", "hen"))

    # What failed is looked at again after a pause that has grown meanwhile.
    await until("both are gone", partial(_not, one_is_there))
    with pytest.raises(AssertionError, match="still not"):
        await until("one is made again", one_is_there, seconds=20)


async def _not(question: Callable[[], Awaitable[bool]]) -> bool:
    return not await question()


async def _is_pending(client: Client, name: str) -> bool:
    live = await client.get(API_VERSION, "TrainingJob", name, "fox")
    return bool(condition(live).get("status") == "False")


async def _has_job(client: Client, name: str) -> bool:
    return name in {found["metadata"]["name"] for found in await client.list("batch/v1", "Job")}


def _claimed(name: str, tenant: str) -> Object:
    labels = {"manor.dev/tenant": tenant, **POD_SECURITY}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


async def _may_work(client: Client, namespace: str) -> bool:
    """Whether the client may store something in the namespace, and the guardrails let it."""
    meta = {"name": "notes", "namespace": namespace}
    try:
        await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    except (Forbidden, Invalid, NotFound):
        return False
    return True


async def test_a_namespace_of_an_owners_making_is_his_team_s_at_once(
    operated: Client, platform_node: Any, tmp_path: Path
) -> None:
    await made(operated, "lynx", members=[{"name": "lou", "role": "editor"}])
    editor, warnings = operated.impersonate("lou"), list[str]()
    config = platform_node.kubeconfig
    began = time.monotonic()
    async with Client.connect(config, on_warning=warnings.append) as admin:
        await admin.impersonate("lynx-owner").create(_claimed("lynx-1", "lynx"))
    assert warnings == []  # that nobody would act on it
    await until("an editor may work in it", lambda: _may_work(editor, "lynx-1"))
    print(f"usable after {time.monotonic() - began:.2f} s")
    live = await operated.get(API_VERSION, "Tenant", "lynx")
    await ready(operated, "lynx")
    # The budget is what it was, now in two parts.
    quotas = [await operated.get("v1", "ResourceQuota", QUOTA, f"lynx{n}") for n in ("", "-1")]
    assert [quota["spec"]["hard"]["requests.cpu"] for quota in quotas] == ["2", "2"]
    assert "namespaces" not in live["spec"]  # nobody changed what the author said
    # The command line sees the same tenant, and changes nothing.
    file = tmp_path / "lynx.yaml"
    file.write_text(yaml.safe_dump(tenant("lynx", members=[{"name": "lou", "role": "editor"}])))
    assert run_manor("diff", "-f", str(file), "--kubeconfig", str(config)).stdout == ""
    # Its end is the owner's too, and gives its part back.
    await operated.impersonate("lynx-owner").delete("v1", "Namespace", "lynx-1")
    await until("it is gone", lambda: is_gone(operated, "v1", "Namespace", "lynx-1"))

    async def whole() -> bool:
        quota = await operated.get("v1", "ResourceQuota", QUOTA, "lynx")
        return bool(quota["spec"]["hard"]["requests.cpu"] == "4")

    await until("the other one has all of the budget", whole)
    await ready(operated, "lynx")


async def test_who_claims_another_teams_label_gains_nothing(operated: Client) -> None:
    await made(operated, "mole")
    await made(operated, "newt")
    mallory = operated.impersonate("newt-owner")
    claims = [_claimed("mole-1", "mole"), _claimed("newt-1", "mole"), _claimed("other", "mole")]
    for claim in claims:
        with pytest.raises(Invalid, match="not yours to make for tenant mole"):
            await mallory.create(claim)
    # With that guardrail off, the operator still hands out nothing to who made them.
    policy = (POLICIES, "ValidatingAdmissionPolicyBinding", "manor-namespaces")
    binding = await operated.get(*policy)
    await operated.delete(*policy)
    try:
        await until("the guardrail is off", partial(_is_made, mallory, claims[0]))
        for claim in claims[1:]:
            await mallory.create(claim)
        await until("mole's is filled", lambda: _is_bound(operated, "mole-1"))
        await made(operated, "oryx")  # the operator has heard of all of them by then
    finally:
        meta = {key: binding["metadata"][key] for key in ("name", "labels", "annotations")}
        await operated.create({**binding, "metadata": meta})
    # What could be mole's is mole's alone; the others are nobody's.
    assert not await _is_bound(operated, "newt-1")
    assert not await _is_bound(operated, "other")
    for name in ("mole-1", "newt-1", "other"):
        assert not await _may_work(mallory, name)
    subjects = [
        subject["name"]
        for binding in await operated.list(RBAC, "RoleBinding", "mole-1")
        for subject in binding["subjects"]
    ]
    assert "mole-owner" in subjects
    assert "newt-owner" not in subjects
    told = await operated.get(API_VERSION, "Tenant", "newt")
    assert told["status"]["namespaces"] == ["newt"]

    # And it does not pass in silence.
    async def told_of_labels() -> bool:
        return "MNR-METADATA-012" in (await _isolation(operated, "Platform", "manor"))["message"]

    await until("the labels are told", told_of_labels)
    for name in ("mole-1", "newt-1", "other"):
        await operated.delete("v1", "Namespace", name)


async def _is_made(client: Client, obj: Object) -> bool:
    try:
        await client.create(obj)
    except Invalid:
        return False
    return True


async def _is_bound(client: Client, namespace: str) -> bool:
    """Whether anybody has a role in the namespace."""
    return bool(await client.list(RBAC, "RoleBinding", namespace))


def _binding(namespace: str, user: str) -> Object:
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "manor:viewer"}
    meta = {"name": "favour", "namespace": namespace}
    subject = {"apiGroup": group, "kind": "User", "name": user}
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": role,
        "subjects": [subject],
    }


async def _isolation(client: Client, kind: str, name: str) -> Object:
    return condition(await client.get(API_VERSION, kind, name), "Isolated")


async def _is_isolated(client: Client, kind: str, name: str, status: str = "True") -> bool:
    return bool((await _isolation(client, kind, name)).get("status") == status)


async def test_what_opens_a_team_turns_its_condition_until_it_is_mended(operated: Client) -> None:
    await made(operated, "puma")
    await made(operated, "quail")
    for name in ("puma", "quail"):
        await until(f"{name} is isolated", partial(_is_isolated, operated, "Tenant", name))
    # An administrator lets another team's owner look in.
    await operated.create(_binding("puma", "quail-owner"))
    await until("it turns", partial(_is_isolated, operated, "Tenant", "puma", "False"), 30)
    told = await _isolation(operated, "Tenant", "puma")
    assert told["reason"] == "NotIsolated"
    assert "MNR-PLATFORM-004" in told["message"]
    assert "it names User quail-owner" in told["message"]
    assert await _is_isolated(operated, "Tenant", "quail")
    await until(
        "the Platform says so", partial(_is_isolated, operated, "Platform", "manor", "False")
    )
    assert "tenant puma" in (await _isolation(operated, "Platform", "manor"))["message"]
    report = await operated.get("v1", "ConfigMap", "manor-verify", "manor-system")
    assert "quail-owner" in report["data"]["report.json"]
    await until("an event tells", partial(_is_told, operated, "puma", "NotIsolated"))
    assert (condition(await operated.get(API_VERSION, "Tenant", "puma")))["status"] == "True"
    await operated.delete(RBAC, "RoleBinding", "favour", "puma")
    await until("it turns back", partial(_is_isolated, operated, "Tenant", "puma"), 30)
    await until("the Platform's too", partial(_is_isolated, operated, "Platform", "manor"))
    await until("an event tells that", partial(_is_told, operated, "puma", "Isolated"))
    report = await operated.get("v1", "ConfigMap", "manor-verify", "manor-system")
    assert "quail-owner" not in report["data"]["report.json"]


async def _is_told(client: Client, name: str, reason: str) -> bool:
    events = await client.list("v1", "Event", "default")
    return (name, reason) in {(e["involvedObject"]["name"], e["reason"]) for e in events}


async def test_a_guardrail_that_no_longer_denies_turns_the_platform(operated: Client) -> None:
    await made(operated, "sloth")
    await until("it is isolated", partial(_is_isolated, operated, "Platform", "manor"))
    place = (POLICIES, "ValidatingAdmissionPolicyBinding", "manor-probes")
    warning = {"spec": {"validationActions": ["Warn"]}}
    await operated.patch(*place, warning)
    try:
        turned = partial(_is_isolated, operated, "Platform", "manor", "False")
        await until("it turns", turned, 60)
        told = await _isolation(operated, "Platform", "manor")
        assert "MNR-ADMISSION-009" in told["message"]
        assert "no binding denies" in told["message"]
    finally:
        await operated.patch(*place, {"spec": {"validationActions": ["Deny"]}})
    await until("it turns back", partial(_is_isolated, operated, "Platform", "manor"), 90)


async def test_a_paused_tenant_is_left_as_it_is(operated: Client) -> None:
    await made(operated, "gnu")
    paused = {"metadata": {"annotations": {"manor.dev/paused": "while we move"}}}
    await operated.patch(API_VERSION, "Tenant", "gnu", paused)
    await until("it rests", lambda: is_so(operated, "Stalled", "gnu"))
    await operated.delete(NETWORK, "NetworkPolicy", "manor-dns", "gnu")
    await made(operated, "goose")  # the operator has heard of the deletion by then
    assert await is_gone(operated, NETWORK, "NetworkPolicy", "manor-dns", "gnu")
    paused["metadata"]["annotations"]["manor.dev/paused"] = None  # type: ignore[assignment]
    await operated.patch(API_VERSION, "Tenant", "gnu", paused)
    await ready(operated, "gnu")
    assert not await is_gone(operated, NETWORK, "NetworkPolicy", "manor-dns", "gnu")


async def test_manor_delete_is_not_undone(
    operated: Client, platform_node: Any, tmp_path: Path
) -> None:
    await made(operated, "ibis")
    file = tmp_path / "ibis.yaml"
    file.write_text(yaml.safe_dump(tenant("ibis")))
    where = ("--kubeconfig", str(platform_node.kubeconfig))
    run_manor("delete", "-f", str(file), "--yes", "--delete-namespace", "ibis", *where)
    assert await is_gone(operated, API_VERSION, "Tenant", "ibis")
    await made(operated, "jackdaw")  # the operator has heard of all of it by then
    assert await is_gone(operated, RBAC, "ClusterRole", "manor:tenant:ibis")
    assert await is_gone(operated, "v1", "Namespace", "ibis")


async def test_deletion_keeps_data_unless_the_tenant_says_so(operated: Client) -> None:
    volumes = [{"name": "data", "size": "1Gi"}]
    await made(operated, "jay", volumes=volumes)
    await made(operated, "kid", volumes=volumes, deletionPolicy="Delete")
    for name in ("jay", "kid"):
        await operated.delete(API_VERSION, "Tenant", name)
    for name in ("jay", "kid"):
        gone = partial(is_gone, operated, API_VERSION, "Tenant", name)
        await until(f"{name} is gone", gone)
    assert not await is_gone(operated, "v1", "PersistentVolumeClaim", "data", "jay")
    assert await is_gone(operated, RBAC, "RoleBinding", "manor-owners", "jay")
    assert not await is_gone(operated, NETWORK, "NetworkPolicy", "manor-default-deny", "jay")
    # What is kept, closed, is no hole.
    await until("the Platform is isolated", partial(_is_isolated, operated, "Platform", "manor"))
    await until("kid's is gone", lambda: is_gone(operated, "v1", "Namespace", "kid"))


async def test_the_platform_says_how_many_teams_follow_it(operated: Client) -> None:
    await made(operated, "emu")

    async def all_are_counted() -> bool:
        tenants = await operated.list(API_VERSION, "Tenant")
        made_so = [each for each in tenants if "observedRevision" in each.get("status", {})]
        live = await operated.get(API_VERSION, "Platform", "manor")
        return bool(live["status"]["rollOut"]["followed"] == f"{len(made_so)}/{len(made_so)}")

    await until("emu is counted", all_are_counted)
