"""Pulumi programs on a real API server: they make the cluster that `manor apply` makes, and each
goes on where the other stopped.
"""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.infra import Platform, Tenant, ToolInstallation, TrainingJob
from manor.install import manifests
from manor.kube import Client, Conflict, Object
from manor.render import spec_object
from nodes import MANOR, RunningNode
from pulumi_cluster import RANDOM_MANAGER, api_server, connected, counted, live, tenant
from pulumi_programs import EXAMPLE, files, run_program
from pulumi_runs import Recorder, run
from tool_examples import installed_tool

pytestmark = pytest.mark.integration

CONFIG = {"manor-any:platform": str(EXAMPLE / "platform.yaml")}
PLATFORM = EXAMPLE / "platform.yaml"


def manor(node: RunningNode, *args: str) -> subprocess.CompletedProcess[str]:
    command = [MANOR, args[0], "--kubeconfig", str(node.kubeconfig), *args[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningNode]:
    """An API server of these tests alone."""
    with api_server("pulumi") as node:
        yield node


@pytest.fixture(scope="module")
def example(
    cluster: RunningNode, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunningNode, Recorder]:
    """The two teams and their models, made by the program for any cluster."""
    teams = tmp_path_factory.mktemp("teams")
    for file in EXAMPLE.glob("*.yaml"):
        if file.name != "platform.yaml":
            (teams / file.name).write_text(file.read_text())
    make(cluster, making())
    asyncio.run(counted(cluster.kubeconfig))
    with connected(cluster.kubeconfig) as real:
        recorder, outputs = run_program(
            "any", {**CONFIG, "manor-any:teams": str(teams)}, Recorder(make=real.make)
        )
    assert outputs["tenants"][0]["tenant-a"]["namespaces"] == ["tenant-a"]
    return cluster, recorder


def all_live(node: RunningNode, recorder: Recorder) -> dict[str, Object]:
    """Every object of a program as it is, by its logical name."""
    made = recorder.objects()
    found = live(
        node,
        *(
            (i["apiVersion"], i["kind"], i["metadata"]["name"], i["metadata"].get("namespace"))
            for i in (one.inputs for one in made.values())
        ),
    )
    assert None not in found
    return dict(zip(made, (obj for obj in found if obj), strict=True))


def make(
    node: RunningNode, program: Callable[[], object], *, preview: bool = False, force: bool = False
) -> Recorder:
    with connected(node.kubeconfig, preview=preview, force=force) as real:
        recorder = Recorder(make=real.make)
        run(program, recorder, preview=preview)
    return recorder


def written(tmp_path: Path, *documents: dict[str, Any]) -> str:
    file = tmp_path / "specs.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return str(file)


def making(*documents: dict[str, Any]) -> Callable[[], None]:
    """A program that makes the tenants and workloads in the order given."""

    def program() -> None:
        platform = Platform("manor", {"spec": PLATFORM})
        owner = None
        for each in documents:
            name = each["metadata"]["name"]
            if each["kind"] == "Tenant":
                owner = Tenant(name, {"spec": each, "platform": platform})
            else:
                TrainingJob(name, {"spec": each, "tenant": owner})

    return program


def test_manor_finds_no_difference(example: tuple[RunningNode, Recorder]) -> None:
    compared = manor(example[0], "diff", "-f", str(EXAMPLE))
    # The summary tells what is the same, and no change.
    assert (compared.stdout, compared.stderr, compared.returncode) == ("", "7 unchanged\n", 0)


def test_manor_verifies_the_isolation(example: tuple[RunningNode, Recorder]) -> None:
    verified = manor(example[0], "verify", "--level", "dry-run")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_second_run_changes_nothing(example: tuple[RunningNode, Recorder]) -> None:
    node, recorder = example
    before = all_live(node, recorder)
    make(node, files(EXAMPLE))
    after = all_live(node, recorder)
    assert [tidy(obj) for obj in before.values()] == [tidy(obj) for obj in after.values()]


SERVERS_OWN = ("managedFields", "resourceVersion", "generation")


def tidy(obj: Object) -> Object:
    meta = {k: v for k, v in obj["metadata"].items() if k not in SERVERS_OWN}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": meta}


def test_a_preview_writes_nothing(example: tuple[RunningNode, Recorder]) -> None:
    node, recorder = example
    before = all_live(node, recorder)
    make(node, making(tenant("tenant-a", quota={"cpu": 99})), preview=True)
    assert [tidy(obj) for obj in all_live(node, recorder).values()] == [
        tidy(obj) for obj in before.values()
    ]


def test_the_writers_are_those_of_manor_apply(example: tuple[RunningNode, Recorder]) -> None:
    node, recorder = example
    for name, obj in all_live(node, recorder).items():
        entries = [e for e in obj["metadata"]["managedFields"] if "subresource" not in e]
        writers = {e["manager"] for e in entries if e["operation"] == "Apply"}
        # A workload's set is what its engine makes; its spec bears no marks.
        marks = {RANDOM_MANAGER} if obj["kind"] in ("Platform", "Tenant") else set()
        assert writers == (
            {"manor-applyset"}
            if name == "manor:ConfigMap/manor-system/manor"
            else {"manor"} | marks
        )


def test_from_pulumi_to_manor(example: tuple[RunningNode, Recorder], tmp_path: Path) -> None:
    node = example[0]
    editor = [{"name": "ed", "role": "editor"}]
    make(node, making(tenant("goes-over", members=editor, network={"egress": {"internet": True}})))
    binding = ("rbac.authorization.k8s.io/v1", "RoleBinding", "manor-editors", "goes-over")
    egress = ("networking.k8s.io/v1", "NetworkPolicy", "manor-egress", "goes-over")
    assert None not in live(node, binding, egress)

    less = written(tmp_path, tenant("goes-over", quota={"cpu": 3}))
    applied = manor(node, "apply", "-f", less, "--no-wait")
    assert applied.returncode == 0, applied.stderr
    gone_binding, gone_egress, quota = live(
        node, binding, egress, ("v1", "ResourceQuota", "manor-quota", "goes-over")
    )
    assert (gone_binding, gone_egress) == (None, None)
    assert quota
    assert quota["spec"]["hard"]["requests.cpu"] == "3"
    assert "pulumi.com/patchFieldManager" not in quota["metadata"].get("annotations", {})
    assert manor(node, "diff", "-f", less).returncode == 0


def test_from_manor_to_pulumi(example: tuple[RunningNode, Recorder], tmp_path: Path) -> None:
    node = example[0]
    job: Object = {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": "taken-job", "namespace": "taken"},
        "spec": {"command": ["true"], "files": {"stays.py": "1", "goes.py": "2"}},
    }
    specs = written(tmp_path, tenant("taken"), job)
    applied = manor(node, "apply", "-f", specs, "--no-wait")
    assert applied.returncode == 0, applied.stderr

    make(node, making(tenant("taken"), job))
    assert manor(node, "diff", "-f", specs).stdout == ""

    # What Manor wrote and Pulumi no longer wants goes, without a conflict and without force.
    less = {**job, "spec": {**job["spec"], "files": {"stays.py": "1"}}}
    make(node, making(tenant("taken", quota={"cpu": 2}), less))
    config, quota = live(
        node,
        ("v1", "ConfigMap", "taken-job-files", "taken"),
        ("v1", "ResourceQuota", "manor-quota", "taken"),
    )
    assert config
    assert quota
    assert config["data"] == {"stays.py": "1"}
    assert quota["spec"]["hard"]["requests.cpu"] == "2"


def test_what_somebody_else_changed_stops_the_run_unless_forced(
    example: tuple[RunningNode, Recorder],
) -> None:
    node = example[0]
    make(node, making(tenant("drifts")))

    async def drift() -> None:
        async with Client.connect(node.kubeconfig) as client:
            quota = {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "manor-quota", "namespace": "drifts"},
                "spec": {"hard": {"requests.cpu": "1000"}},
            }
            await client.apply(quota, field_manager="somebody", force=True)

    asyncio.run(drift())
    with pytest.raises(Conflict, match="somebody"):
        make(node, making(tenant("drifts")))
    make(node, making(tenant("drifts")), force=True)
    (quota,) = live(node, ("v1", "ResourceQuota", "manor-quota", "drifts"))
    assert quota
    assert quota["spec"]["hard"]["requests.cpu"] == "8"


def tools(node: RunningNode, *words: str) -> str:
    command = [MANOR, "tools", *words, "--kubeconfig", str(node.kubeconfig)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_system_is_installed_as_by_the_command_line_which_goes_on_with_it(
    cluster: RunningNode, tmp_path: Path
) -> None:
    forge = installed_tool(pods=False)
    file = tmp_path / "forge.yaml"
    file.write_text(yaml.safe_dump(spec_object(forge)))
    make(
        cluster,
        lambda: ToolInstallation("tool-forge", {"tool": forge, "manifests": manifests(forge)}),
    )
    named = (
        ("v1", "Secret", "forge-cert", "forge-system"),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "forge", None),
    )
    secret, webhooks = live(cluster, *named)
    assert secret
    assert webhooks
    trusted = webhooks["webhooks"][0]["clientConfig"]["caBundle"]
    assert trusted == secret["data"]["tls.crt"]

    # It takes Pulumi's own annotations away, and nothing else.
    assert "5 updated" in tools(cluster, "install", "forge", "-f", str(file))
    assert "5 unchanged" in tools(cluster, "install", "forge", "-f", str(file))
    same, still = live(cluster, *named)
    assert same
    assert still
    assert (same["data"], still["webhooks"]) == (secret["data"], webhooks["webhooks"])
    tools(cluster, "uninstall", "forge", "-f", str(file), "--yes")
    assert live(cluster, *named) == [None, None]
