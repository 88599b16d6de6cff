"""The run of `manor verify` that nobody attends: with the rights of its own account alone it finds
what is open, and the operator tells it."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from accounts import kubeconfig_of
from ground import gateway_kinds
from manor.api import API_VERSION, AnyKind
from manor.kube import ApiError, Client, Forbidden, Object
from manor.policies.digest import digest_annotation
from manor.render import spec_object
from manor.verify import Level, load, read_tenancy, with_stand_ins
from manor.verify.rules import Rules
from manor.verify.snapshot import Snapshot
from manor.verify.team import account
from nodes import RunningNode, node_for_tests, run_manor
from operator_process import condition, operating, ready
from verify_world import STORAGE_CLASS, all_of, counted, platform, queue_kinds, tenant
from waiting import until

pytestmark = pytest.mark.integration

SYSTEM, VERIFIER, RUNS = "manor-system", "manor-verifier", "manor-verify-runs"
RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io/v1"
POLICY = "ValidatingAdmissionPolicy"
STAND_IN = "system:serviceaccount:tenant-a:manor-stand-in"
TENANTS = ("tenant-a", "tenant-b")


@dataclass(frozen=True)
class Scheduled:
    """A cluster on which the run has a schedule."""

    client: Client
    node: RunningNode
    own: Path
    """A kubeconfig of the run's account."""

    async def run(self) -> "subprocess.CompletedProcess[str]":
        """What the CronJob's pod runs, as its account."""
        cron = await self.client.get("batch/v1", "CronJob", VERIFIER, SYSTEM)
        (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        command = (*container["args"], "--kubeconfig", str(self.own))
        return await asyncio.to_thread(run_manor, *command, check=False)

    async def kept(self) -> dict[str, Any]:
        """The report that the last run left."""
        runs = await self.client.get("v1", "ConfigMap", RUNS, SYSTEM)
        report: dict[str, Any] = json.loads(runs["data"]["dry-run.json"])
        return report


@pytest.fixture(scope="module")
def scheduled_node() -> Iterator[RunningNode]:
    """An API server of its own: what is broken here would break other tests."""
    with node_for_tests("scheduled", "--api-only") as running:
        yield running


@pytest.fixture(scope="module")
async def scheduled(
    scheduled_node: RunningNode, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scheduled]:
    """Two tenants, made by an operator as a person installs it."""
    folder = tmp_path_factory.mktemp("scheduled")
    where = ("--kubeconfig", str(scheduled_node.kubeconfig))
    async with Client.connect(scheduled_node.kubeconfig) as client:
        await gateway_kinds.install(client)
        await queue_kinds(client)
        await all_of(client, [STORAGE_CLASS])
        run_manor("install", "--no-wait", "--verify-schedule", "0 3 * * *", *where)
        await counted(client)
        whole = platform(
            engines={"queue": "kueue"},
            ingress={"classes": ["nginx"], "dataPlane": {"namespace": "ingress-nginx"}},
        )
        specs: list[AnyKind] = [whole, *(tenant(name, gpu={"guarantee": 1}) for name in TENANTS)]
        file = folder / "specs.yaml"
        file.write_text(yaml.safe_dump_all(spec_object(one) for one in specs))
        run_manor("apply", "-f", str(file), "--no-wait", *where)
        operator = await kubeconfig_of(
            client, scheduled_node, SYSTEM, "manor-operator", folder / "operator"
        )
        own = await kubeconfig_of(client, scheduled_node, SYSTEM, VERIFIER, folder / "verifier")
        with operating(operator, folder / "log"):
            await ready(client, *TENANTS)
            yield Scheduled(client, scheduled_node, own)


async def _isolated(client: Client, kind: str, name: str, status: str) -> bool:
    told = condition(await client.get(API_VERSION, kind, name), "Isolated")
    return bool(told.get("status") == status)


async def test_a_sound_cluster_passes_and_the_report_is_kept(scheduled: Scheduled) -> None:
    done = await scheduled.run()
    assert done.returncode == 0, done.stdout + done.stderr
    kept = await scheduled.kept()
    assert kept["open"] == []
    assert kept["verdict"].startswith("verified: ")
    # What a stand-in cannot try is left out, and nothing besides.
    attended = {check.id for check in load() if check.attended}
    expected = {check.id for check in load() if check.level is not Level.LIVE} - attended
    assert expected == set(kept["checks"])
    assert len(attended) < 6
    for kind, name in (("Platform", "manor"), ("Tenant", "tenant-a")):
        await until(f"{name} is isolated", partial(_isolated, scheduled.client, kind, name, "True"))


async def test_what_a_run_finds_turns_the_conditions_until_a_run_finds_it_mended(
    scheduled: Scheduled,
) -> None:
    """A guardrail that stands, is bound and denies, and refuses nothing: who looks at objects
    alone sees nothing of it."""
    client = scheduled.client
    turned = partial(_isolated, client, "Tenant", "tenant-a", "False")
    async with _toothless(client, "manor-images"):
        await until("images are admitted", partial(_admits_any_image, client))
        done = await scheduled.run()
        assert done.returncode == 1, done.stdout + done.stderr
        found = {(each["check"], each["tenant"]) for each in (await scheduled.kept())["open"]}
        assert found == {(f"MNR-POD-02{n}", name) for n in range(3) for name in TENANTS}
        await until("the Tenant's condition turns", turned)
        told = condition(await client.get(API_VERSION, "Tenant", "tenant-a"), "Isolated")
        assert "MNR-POD-020" in told["message"]
        await until(
            "the Platform's turns", partial(_isolated, client, "Platform", "manor", "False")
        )
        await until("an event tells", partial(_is_told, client, "tenant-a", "NotIsolated"))
    await until("images are refused", partial(_refuses_foreign_images, client))
    assert await turned()  # until somebody looks again
    done = await scheduled.run()
    assert done.returncode == 0, done.stdout + done.stderr
    await until("it turns back", partial(_isolated, client, "Tenant", "tenant-a", "True"))
    await until("the Platform's too", partial(_isolated, client, "Platform", "manor", "True"))
    await until("an event tells that", partial(_is_told, client, "tenant-a", "Isolated"))


async def _is_told(client: Client, name: str, reason: str) -> bool:
    events = await client.list("v1", "Event", "default")
    return (name, reason) in {(e["involvedObject"]["name"], e["reason"]) for e in events}


@asynccontextmanager
async def _toothless(client: Client, name: str) -> AsyncIterator[None]:
    """The policy with validations that hold of everything, as if Manor had written them."""
    before = (await client.get(ADMISSION, POLICY, name))["spec"]

    async def write(spec: Object) -> None:
        digest = {"annotations": digest_annotation(spec)}
        change = {"metadata": digest, "spec": {"validations": spec["validations"]}}
        await client.patch(ADMISSION, POLICY, name, change)

    await write({**before, "validations": [{"expression": "true"} for _ in before["validations"]]})
    try:
        yield
    finally:
        await write(before)


def _foreign(namespace: str = "tenant-a") -> Object:
    container = {
        "name": "main",
        "image": "evil.example/image:1",
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi"},
            "limits": {"memory": "64Mi"},
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": security,
        "containers": [container],
    }
    meta = {"name": "foreign", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


async def _admits_any_image(client: Client) -> bool:
    try:
        await client.impersonate("tenant-a-user").create(_foreign(), dry_run=True)
    except ApiError:
        return False
    return True


async def _refuses_foreign_images(client: Client) -> bool:
    return not await _admits_any_image(client)


async def test_members_rights_are_worked_out_as_the_server_tells_them(
    scheduled: Scheduled,
) -> None:
    """Where tenants are many, the rules of who may not be become are read off the bindings."""
    client = scheduled.client
    tenancy = await read_tenancy(client)
    stood_in = with_stand_ins(tenancy)
    everywhere = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"}
    people = [{"apiGroup": RBAC, "kind": "User", "name": "tenant-a-viewer"}]
    people += [{"apiGroup": RBAC, "kind": "Group", "name": "system:authenticated"}]
    binding = {"roleRef": everywhere, "subjects": people, "metadata": {"name": "look-in"}}
    binding |= {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding"}

    async def known() -> bool:
        return ("list", "", "pods", "") in _cells(
            await Snapshot(client).rules(tenancy.teams[0].actors[0], "nowhere")
        )

    for sabotage in (None, binding):
        if sabotage:
            await client.create(sabotage)
            await until("the authorizer has seen the binding", known)
        told = Snapshot(client)
        worked_out = Snapshot(client, [team.stand_in for team in stood_in.teams if team.stand_in])
        for team in tenancy.teams:
            for actor in (*team.actors, account(team.namespace, "default")):
                for space in ("tenant-a", "tenant-b", "nowhere"):
                    one, other = [await s.rules(actor, space) for s in (told, worked_out)]
                    assert _cells(one) == _cells(other), (actor, space)
                    assert other.complete
    await client.delete(f"{RBAC}/v1", "ClusterRoleBinding", "look-in")


def _cells(rules: Rules) -> set[tuple[str, ...]]:
    """Each thing that rules allow."""
    paths = {
        (verb, url)
        for rule in rules.paths
        for verb in rule["verbs"]
        for url in rule["nonResourceURLs"]
    }
    return (
        paths
        | {
            (verb, group, resource, name)
            for rule in rules.resources
            for verb in rule["verbs"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for name in rule.get("resourceNames") or ("",)
        }
        | {
            (verb, url)
            for rule in rules.paths
            for verb in rule["verbs"]
            for url in rule["nonResourceURLs"]
        }
    )


def _note(name: str = "note") -> Object:
    meta = {"name": name, "namespace": "tenant-a"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"key": "value"}}


async def test_its_account_becomes_a_stand_in_and_nobody_else(scheduled: Scheduled) -> None:
    async with Client.connect(scheduled.own) as account:
        await account.impersonate(STAND_IN).create(_note(), dry_run=True)
        for other in (
            *("tenant-a-user", "system:admin", "system:serviceaccount:tenant-a:default"),
            *("system:serviceaccount:tenant-a:manor-workloads",),
            *("system:serviceaccount:manor-system:manor-operator",),
            "system:serviceaccount:kube-system:replicaset-controller",
        ):
            with pytest.raises(Forbidden, match="cannot impersonate"):
                await account.impersonate(other).create(_note(), dry_run=True)
        with pytest.raises(Forbidden, match="cannot impersonate"):
            await account.impersonate(STAND_IN, ["system:masters"]).list("v1", "Secret")
        for attempt in (
            account.create(_note()),
            account.list("v1", "Secret", "tenant-a"),
            account.list("v1", "ConfigMap", "tenant-a"),
        ):
            with pytest.raises(Forbidden):
                await attempt


async def test_a_stand_in_stores_nothing_and_sees_no_secret(scheduled: Scheduled) -> None:
    secret = {**_note("key"), "kind": "Secret", "data": {"key": "dmFsdWU="}}
    await scheduled.client.create(secret)
    async with Client.connect(scheduled.own) as account:
        stand_in = account.impersonate(STAND_IN)
        with pytest.raises(ApiError, match="a tenant's stand-in stores nothing"):
            await stand_in.create(_note())
        for attempt in (
            stand_in.get("v1", "Secret", "key", "tenant-a"),
            stand_in.list("v1", "Secret", "tenant-a"),
            # What a dry run answers is the whole object.
            stand_in.patch("v1", "Secret", "key", {}, namespace="tenant-a", dry_run=True),
            stand_in.request(
                "POST",
                "/api/v1/namespaces/tenant-a/serviceaccounts/default/token",
                body={"spec": {}},
                params={"dryRun": "All"},
            ),
            stand_in.request(
                "POST", "/api/v1/namespaces/tenant-a/pods/any/exec", params={"command": "true"}
            ),
            stand_in.create({**_note(), "metadata": {"name": "note", "namespace": "tenant-b"}}),
        ):
            with pytest.raises(Forbidden, match=r"cannot (get|list|patch|create)"):
                await attempt


async def test_without_the_guardrail_a_stand_in_would_store(scheduled: Scheduled) -> None:
    """It is that policy which stops it."""
    client = scheduled.client
    place = (ADMISSION, f"{POLICY}Binding", "manor-stand-ins")
    await client.patch(*place, {"spec": {"validationActions": ["Audit"]}})
    async with Client.connect(scheduled.own) as account:

        async def stores() -> bool:
            try:
                await account.impersonate(STAND_IN).create(_note("stored"))
            except ApiError:
                return False
            return True

        try:
            await until("it stores", stores)
        finally:
            await client.patch(*place, {"spec": {"validationActions": ["Deny"]}})
            await client.delete("v1", "ConfigMap", "stored", "tenant-a")

        async def refused() -> bool:
            if await stores():
                await client.delete("v1", "ConfigMap", "stored", "tenant-a")
                return False
            return True

        await until("it is refused again", refused)
