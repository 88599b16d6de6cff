"""The commands, run as a user runs them, on a real API server."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ground import gateway_kinds
from manor.kube import Client
from nodes import node_for_tests

pytestmark = pytest.mark.integration

EXAMPLE = "examples/01-two-teams"
ROOT = Path(__file__).parent.parent.parent


def manor(node: Any, *args: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"KUBECONFIG": str(node.kubeconfig), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("manor")), *args]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=500
    )


PLATFORM = f"{EXAMPLE}/platform.yaml"


def tenant(name: str, extra: str = "") -> str:
    return f"""\
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  owners: [{{name: {name}-owner}}]
{extra}"""


@pytest.fixture
def bare_api_node() -> Iterator[Any]:
    """An API server on which nothing was installed."""
    with node_for_tests("bare", "--api-only") as running:
        yield running


@pytest.fixture(scope="module")
def platform(gateway_api_node: Any) -> Any:
    """The API server with the Gateway API's kinds and the Platform on it."""
    result = manor(
        gateway_api_node, "apply", "-f", PLATFORM, "--no-wait"
    )  # no gateway controller is there
    assert result.returncode == 0, result.stderr
    return gateway_api_node


def test_a_second_apply_changes_nothing_and_diff_is_empty(platform: Any) -> None:
    first = manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-once"))
    assert first.returncode == 0, first.stderr
    again = manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-once"))
    assert again.returncode == 0
    assert not {"created", "updated", "deleted"} & set(again.stderr.split())
    assert manor(platform, "diff", "-f", "-", given=tenant("cli-once")).returncode == 0


def test_diff_shows_a_change_and_writes_nothing(platform: Any) -> None:
    assert (
        manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-diff")).returncode == 0
    )
    changed = tenant("cli-diff", "  quota: {cpu: 3}\n")
    for _ in range(2):
        shown = manor(platform, "diff", "-f", "-", given=changed)
        assert shown.returncode == 1
        assert "+    requests.cpu: '3'" in shown.stdout
        assert "-    requests.cpu: '8'" in shown.stdout


def test_get_tenants_lists_what_was_applied(platform: Any) -> None:
    assert manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-get")).returncode == 0
    table = manor(platform, "get", "tenants")
    assert table.returncode == 0
    assert "cli-get-owner" in table.stdout
    one = json.loads(manor(platform, "get", "tenants", "cli-get", "-o", "json").stdout)
    assert one["metadata"]["name"] == "cli-get"
    missing = manor(platform, "get", "tenants", "nobody")
    assert missing.returncode == 2
    assert "no tenant nobody" in missing.stderr


def test_a_member_sees_the_own_namespaces_and_is_told_of_them(
    platform: Any, tmp_path: Path
) -> None:
    extra = "  members: [{name: eddy, role: editor}]\n"
    for name, more in (("cli-mine", extra), ("cli-other", "")):
        spec = tenant(name, more)
        assert manor(platform, "apply", "-f", "-", "--no-wait", given=spec).returncode == 0
    own = tmp_path / "eddy.kubeconfig"
    said = manor(platform, "local", "kubeconfig", "--name", platform.name, "--user", "eddy")
    own.write_text(said.stdout)

    def as_eddy(*words: str) -> tuple[int, str, str]:
        done = manor(platform, "--kubeconfig", str(own), *words)
        return done.returncode, done.stdout, done.stderr

    for kind in ("job", "models", "Workspace"):
        code, out, err = as_eddy("get", kind, "-n", "cli-mine")
        assert (code, out) == (0, "")
        assert re.fullmatch(r"no (jobs|models|workspaces) in namespace cli-mine\n", err)
    code, out, err = as_eddy("get", "jobs", "-A")
    assert (code, out, err) == (0, "", "no jobs in any namespace that you may see\n")
    for words in (("get", "jobs"), ("logs", "train"), ("explain", "job/train")):
        for place in ("cli-other", "nowhere"):
            code, out, err = as_eddy("-n", place, *words)
            assert (code, out) == (2, "")
            assert err.startswith(f"error: there is no namespace {place}, or you may not look in")
            assert err.endswith("name one of yours with -n: cli-mine\n")


def test_delete_keeps_volumes_unless_told_otherwise(platform: Any) -> None:
    spec = tenant("cli-data", "  volumes: [{name: data, size: 1Gi}]\n")
    assert manor(platform, "apply", "-f", "-", "--no-wait", given=spec).returncode == 0
    asked = manor(platform, "delete", "-f", "-", given=spec)
    assert asked.returncode == 1
    assert "deleted" not in asked.stderr.splitlines()[-1]
    kept = manor(platform, "delete", "-f", "-", "--yes", given=spec)
    assert kept.returncode == 0, kept.stderr
    assert "PersistentVolumeClaim cli-data/data kept" in kept.stderr
    assert "cli-data" in manor(platform, "get", "tenants").stdout
    gone = manor(platform, "delete", "-f", "-", "--yes", "--delete-data", given=spec)
    assert gone.returncode == 0, gone.stderr
    assert "cli-data" not in manor(platform, "get", "tenants").stdout


def test_a_namespace_of_somebody_else_is_refused_until_adopted(platform: Any) -> None:
    subprocess.run(
        ["kubectl", "--kubeconfig", platform.kubeconfig, "create", "namespace", "cli-taken"],
        check=True,
        timeout=60,
    )
    refused = manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-taken"))
    assert refused.returncode == 1
    assert (
        "Namespace cli-taken refused: exists and was not made by this inventory" in refused.stderr
    )
    assert "cli-taken" not in manor(platform, "get", "tenants").stdout
    adopted = manor(platform, "apply", "-f", "-", "--no-wait", "--adopt", given=tenant("cli-taken"))
    assert adopted.returncode == 0, adopted.stderr


def test_adopting_tells_which_pods_could_not_start_again(platform: Any) -> None:
    kubectl(platform, "create", "namespace", "cli-legacy")
    kubectl(platform, "-n", "cli-legacy", "create", "serviceaccount", "old")
    pod = {
        "hostNetwork": True,
        "serviceAccountName": "old",
        "containers": [{"name": "old", "image": "old"}],
    }
    overrides = json.dumps({"apiVersion": "v1", "spec": pod})
    kubectl(platform, "-n", "cli-legacy", "run", "old", "--image=old", f"--overrides={overrides}")
    adopted = manor(
        platform, "apply", "-f", "-", "--no-wait", "--adopt", given=tenant("cli-legacy")
    )
    assert adopted.returncode == 0, adopted.stderr
    assert (
        'warning: existing pods in namespace "cli-legacy" violate the new PodSecurity enforce level'
        in adopted.stderr
    )
    assert "warning: old: host namespaces" in adopted.stderr


def test_what_is_kept_at_first_can_be_wiped_later(bare_api_node: Any, tmp_path: Path) -> None:
    """Uninstalling in two steps: first all but data, then the data and what it stands in."""

    async def prepare() -> None:
        async with Client.connect(bare_api_node.kubeconfig) as client:
            await gateway_kinds.install(client)

    asyncio.run(prepare())
    (tmp_path / "platform.yaml").write_text((ROOT / PLATFORM).read_text())
    (tmp_path / "team.yaml").write_text(tenant("cli-end", "  volumes: [{name: data, size: 1Gi}]\n"))
    every = ("-f", str(tmp_path))
    assert manor(bare_api_node, "apply", *every, "--no-wait").returncode == 0
    kept = manor(bare_api_node, "delete", *every, "--yes")
    assert kept.returncode == 0, kept.stderr
    assert "PersistentVolumeClaim cli-end/data kept" in kept.stderr
    assert "cli-end" in manor(bare_api_node, "get", "tenants").stdout
    wiped = manor(bare_api_node, "delete", *every, "--yes", "--delete-data")
    assert wiped.returncode == 0, wiped.stderr
    left = kubectl(
        bare_api_node,
        "get",
        "crds,namespaces,clusterroles,validatingadmissionpolicies",
        "-o",
        "name",
    )
    assert not [
        name
        for name in left.splitlines()
        if "manor.dev" in name or ("/manor" in name and "front" not in name)
    ]


def training(namespace: str, command: str) -> str:
    return f"""\
apiVersion: manor.dev/v1alpha1
kind: TrainingJob
metadata: {{name: train, namespace: {namespace}}}
spec:
  command: [{command}]
  env: {{CHANGED: {command}}}
"""


def test_a_training_that_cannot_change_is_not_stored_as_if_it_had(platform: Any) -> None:
    given = tenant("cli-train") + "---\n" + training("cli-train", "one")
    assert manor(platform, "apply", "-f", "-", "--no-wait", given=given).returncode == 0
    refused = manor(platform, "apply", "-f", "-", "--no-wait", given=training("cli-train", "two"))
    assert refused.returncode == 1
    assert (
        "Job cli-train/train failed: cannot be changed once it is made; `manor delete` it"
        in refused.stderr
    )
    assert (
        "TrainingJob cli-train/train not attempted: what it becomes could not be applied"
        in refused.stderr
    )
    assert manor(platform, "diff", "-f", "-", given=training("cli-train", "one")).returncode == 0


def test_an_owner_who_applies_a_tenant_is_told_who_may(platform: Any, tmp_path: Path) -> None:
    assert manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-may")).returncode == 0
    config = yaml.safe_load(Path(platform.kubeconfig).read_text())
    for user in config["users"]:
        user["user"]["as"] = "cli-may-owner"
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(config))
    changed = tenant("cli-may", "  quota: {cpu: 3}\n")
    refused = manor(
        platform, "apply", "-f", "-", "--no-wait", "--kubeconfig", str(own), given=changed
    )
    assert refused.returncode == 2
    assert "is forbidden" in refused.stderr
    assert "ClusterRole manor:applier" in refused.stderr


def test_a_ci_account_of_the_team_logs_in_and_works(platform: Any, tmp_path: Path) -> None:
    """The account that the Tenant names is there; an owner has a token of it, and nobody else has
    to do anything."""
    member = "  members: [{kind: ServiceAccount, name: ci, namespace: cli-ci}]\n"
    assert (
        manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-ci", member)).returncode
        == 0
    )
    as_owner = ("--as", "cli-ci-owner", "-n", "cli-ci")
    token = kubectl(platform, *as_owner, "create", "token", "ci", "--duration", "1h").strip()
    config = yaml.safe_load(Path(platform.kubeconfig).read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(config))
    command = [
        "kubectl",
        "--kubeconfig",
        str(own),
        "-n",
        "cli-ci",
        "create",
        "configmap",
        "made-by-ci",
    ]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    foreign = subprocess.run(
        [*command[:4], "default", *command[5:]], capture_output=True, text=True, timeout=60
    )
    assert "forbidden" in foreign.stderr


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [
        (
            "  namespaces: [{name: cli-owned}]\n",
            "namespace 'cli-owned' belongs to tenant 'cli-owned' already",
        ),
        (
            "  hosts: [cli-owned.manor.local]\n",
            "overlaps 'cli-owned.manor.local' of tenant 'cli-owned'",
        ),
        ("  quota: {cpu: lots}\n", "<stdin>:6: spec.quota.cpu: 'lots' is not a quantity"),
    ],
)
def test_bad_input_changes_nothing(platform: Any, extra: str, wanted: str) -> None:
    assert (
        manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-owned")).returncode == 0
    )
    before = written(platform)
    result = manor(platform, "apply", "-f", "-", given=tenant("cli-bad", extra))
    assert result.returncode == 2
    assert wanted in result.stderr
    assert written(platform) == before


def written(platform: Any) -> dict[str, int]:
    """The spec's generation of each tenant; its status follows the counts of quotas in its own
    time."""
    tenants = yaml.safe_load(kubectl(platform, "get", "tenants", "-o", "yaml"))["items"]
    return {tenant["metadata"]["uid"]: tenant["metadata"]["generation"] for tenant in tenants}


def test_an_unreachable_server_and_a_wrong_context_are_told_apart(
    platform: Any, tmp_path: Path
) -> None:
    wrong = manor(platform, "get", "tenants", "--context", "nowhere")
    assert wrong.returncode == 2
    assert "nowhere" in wrong.stderr
    config = Path(platform.kubeconfig).read_text()
    lines = [
        line.split("server:")[0] + "server: https://127.0.0.1:9" if "server:" in line else line
        for line in config.splitlines()
    ]
    (tmp_path / "kubeconfig").write_text("\n".join(lines))
    dead = manor(platform, "get", "tenants", "--kubeconfig", str(tmp_path / "kubeconfig"))
    assert dead.returncode == 2
    assert "https://127.0.0.1:9" in dead.stderr
    assert "Traceback" not in dead.stderr


def test_the_server_refuses_what_manor_refuses(platform: Any) -> None:
    bad = tenant("cli-crd", "  members: [{kind: ServiceAccount, name: ci}]\n")
    result = kubectl_apply(platform, bad)
    assert result.returncode != 0
    assert "a ServiceAccount needs a namespace" in result.stderr


def test_kubectl_is_told_that_a_tenant_is_stored_and_no_more(platform: Any) -> None:
    stored = kubectl_apply(platform, tenant("cli-stored"))
    assert stored.returncode == 0, stored.stderr
    assert (
        "Tenant cli-stored is stored, and nothing else is done: run `manor apply -f FILE`"
        in stored.stderr
    )
    again = kubectl_apply(platform, tenant("cli-stored"))
    assert "Warning" not in again.stderr
    listed = kubectl(platform, "get", "tenants")
    assert "APPLIED BY" in listed
    assert not re.search(r"^cli-stored .*manor/v", listed, re.MULTILINE)
    done = manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-stored"))
    assert done.returncode == 0, done.stderr
    assert "is stored" not in done.stderr
    assert re.search(r"^cli-stored .*manor/v", kubectl(platform, "get", "tenants"), re.MULTILINE)


def test_what_an_owner_makes_is_empty_until_his_tenant_is_applied(platform: Any) -> None:
    assert (
        manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-self")).returncode == 0
    )
    meta = {"name": "cli-self-1", "labels": {"manor.dev/tenant": "cli-self"}}
    space = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    command = [
        "kubectl",
        "--kubeconfig",
        str(platform.kubeconfig),
        "--as",
        "cli-self-owner",
        "create",
        "-f",
        "-",
    ]
    made = subprocess.run(command, input=space, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    assert (
        "nobody has rights in it yet: that comes when the platform applies Tenant cli-self"
        in made.stderr
    )
    done = manor(platform, "apply", "-f", "-", "--no-wait", given=tenant("cli-self"))
    assert done.returncode == 0, done.stderr
    quotas = kubectl(platform, "get", "resourcequota", "-A")
    assert "cli-self-1 " in quotas


def test_a_server_without_the_gateway_api_is_told_before_anything_is_changed(
    bare_api_node: Any,
) -> None:
    result = manor(bare_api_node, "apply", "-f", EXAMPLE)
    assert result.returncode == 2
    assert "the server has no kind Gateway in gateway.networking.k8s.io/v1" in result.stderr
    assert "manor-system" not in kubectl(bare_api_node, "get", "namespaces")


def kubectl_apply(node: Any, given: str) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", "--kubeconfig", str(node.kubeconfig), "apply", "--server-side", "-f", "-"]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)


def kubectl(node: Any, *args: str) -> str:
    command = ["kubectl", "--kubeconfig", str(node.kubeconfig), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
