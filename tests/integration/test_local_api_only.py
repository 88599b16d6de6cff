"""`manor local … --api-only`: what a user does with it, and what is left afterwards."""

import asyncio
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from manor.kube import Client, Forbidden
from manor.local.certificates import Authority, Wanted
from nodes import MANOR, RunningNode, node_for_tests, run_manor
from waiting import until_now

pytestmark = pytest.mark.integration


def pid_of(name: str, component: str) -> int:
    described = json.loads(
        run_manor("local", "status", "--name", name, "-o", "json", check=False).stdout
    )
    return next(int(each["pid"]) for each in described["components"] if each["name"] == component)


def processes_of(home: Path) -> list[str]:
    """Command lines that mention a node's state directory, the supervisor's by its name."""
    found = subprocess.run(
        ["ps", "-eo", "args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [
        line for line in found if str(home) in line or f"manor.local.supervisor {home.name}" in line
    ]


async def test_controllers_run(api_node: RunningNode) -> None:
    async with Client.connect(api_node.kubeconfig) as client:
        await client.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "controllers-run"}}
        )
        async with asyncio.timeout(20):
            while not await client.list("v1", "ServiceAccount", namespace="controllers-run"):
                await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("path", "status"), [("/readyz", 200), ("/livez", 200), ("/api", 401), ("/version", 401)]
)
def test_strangers_see_health_alone(api_node: RunningNode, path: str, status: int) -> None:
    context = ssl._create_unverified_context()
    try:
        found = urllib.request.urlopen(api_node.server + path, context=context).status
    except urllib.error.HTTPError as error:
        found = error.code
    assert found == status


def test_etcd_refuses_strangers(api_node: RunningNode) -> None:
    port = json.loads((api_node.kubeconfig.parent / "node.json").read_text())["ports"]["etcd"]
    context = ssl._create_unverified_context()
    with pytest.raises((ssl.SSLError, ConnectionResetError, urllib.error.URLError)):
        urllib.request.urlopen(f"https://127.0.0.1:{port}/version", context=context)


def test_kubeconfig_is_private(api_node: RunningNode) -> None:
    assert stat.S_IMODE(api_node.kubeconfig.stat().st_mode) == 0o600
    keys = list((api_node.kubeconfig.parent / "certificates").glob("*.key"))
    assert keys
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_up_again_changes_nothing(api_node: RunningNode) -> None:
    before = pid_of(api_node.name, "kube-apiserver")
    done = run_manor("local", "up", "--name", api_node.name, "--api-only", "--ephemeral")
    assert "is up already" in done.stderr
    assert pid_of(api_node.name, "kube-apiserver") == before


def test_up_with_other_options_is_refused(api_node: RunningNode) -> None:
    done = run_manor("local", "up", "--name", api_node.name, "--api-only", check=False)
    assert done.returncode == 2
    assert "was made with --api-only --ephemeral" in done.stderr


def test_down_without_a_question_wants_consent(api_node: RunningNode) -> None:
    command = [MANOR, "local", "down", "--name", api_node.name]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert (
        f"removes node '{api_node.name}': its cluster with all that it holds, and the data of 0 "
        f"volumes"
    ) in said
    assert "nothing was removed" in said
    assert "--yes" in said
    assert (api_node.kubeconfig).exists()


async def test_user_kubeconfig(api_node: RunningNode, tmp_path: Path) -> None:
    options = ("--name", api_node.name, "--user", "alice", "--group", "team-a", "--path")
    path = Path(run_manor("local", "kubeconfig", *options).stdout.strip())
    async with Client.connect(path) as client:
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "SelfSubjectReview",
            "metadata": {},
        }
        found = await client.create(review)
        assert found["status"]["userInfo"]["username"] == "alice"
        assert "team-a" in found["status"]["userInfo"]["groups"]
        with pytest.raises(Forbidden):
            await client.list("v1", "Secret", namespace="default")


def test_killed_component_comes_back(api_node: RunningNode) -> None:
    before = pid_of(api_node.name, "kube-controller-manager")
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        done = run_manor("local", "status", "--name", api_node.name, "-o", "json", check=False)
        described = {each["name"]: each for each in json.loads(done.stdout)["components"]}
        controllers = described["kube-controller-manager"]
        return (controllers["state"], controllers["restarts"]) == ("ready", 1) and controllers[
            "pid"
        ] != before

    until_now("the component is back", is_back)


def test_merge_keeps_the_users_entries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "work", "cluster": {"server": "https://work.example"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
        "current-context": "work",
        "preferences": {"colors": True},
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(theirs))
    monkeypatch.setenv("KUBECONFIG", str(path))
    with node_for_tests("merge", "--api-only") as running:
        run_manor("local", "kubeconfig", "--name", running.name, "--merge")
        merged = yaml.safe_load(path.read_text())
        assert [each["name"] for each in merged["contexts"]] == ["work", f"manor-{running.name}"]
        assert merged["current-context"] == "work"
        run_manor("local", "kubeconfig", "--name", running.name, "--merge", "--use")
        assert yaml.safe_load(path.read_text())["current-context"] == f"manor-{running.name}"
    after = yaml.safe_load(path.read_text())
    assert after == {**theirs, "current-context": ""}


async def test_data_survives_the_death_of_everything() -> None:
    with node_for_tests("resume", "--api-only") as running:
        home = running.kubeconfig.parent
        configmap = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kept", "namespace": "default"},
        }
        async with Client.connect(running.kubeconfig) as client:
            await client.create(configmap)
        supervisor = json.loads((home / "process.json").read_text())["pid"]
        os.kill(supervisor, signal.SIGKILL)
        until_now("no process is left", lambda: not processes_of(home), seconds=5)
        run_manor("local", "up", "--name", running.name, "--api-only", "--ephemeral")
        async with Client.connect(running.kubeconfig) as client:
            assert await client.get("v1", "ConfigMap", "kept", namespace="default")
    assert not home.exists()
    assert not processes_of(home)


def test_up_renews_what_nears_its_end() -> None:
    with node_for_tests("renew", "--api-only") as running:
        folder = running.kubeconfig.parent / "certificates"
        old = {path.name: path.read_bytes() for path in folder.glob("*.crt")}
        scheduler = folder / "scheduler.crt"
        scheduler.unlink()
        last_year = datetime.now(UTC) - timedelta(days=340)
        assert Authority(folder, "ca", last_year).issue(
            Wanted("scheduler", "system:kube-scheduler")
        )
        before = pid_of(running.name, "kube-apiserver")

        run_manor("local", "up", "--name", running.name, "--api-only", "--ephemeral")
        left = x509.load_pem_x509_certificate(
            scheduler.read_bytes()
        ).not_valid_after_utc - datetime.now(UTC)
        assert left > timedelta(days=360)
        assert pid_of(running.name, "kube-apiserver") != before
        kept = {path.name: path.read_bytes() for path in folder.glob("*.crt") if path != scheduler}
        assert kept == {name: content for name, content in old.items() if name != scheduler.name}


def test_interrupted_up_leaves_nothing() -> None:
    name = f"test-interrupt-{os.getpid()}"
    process = subprocess.Popen([MANOR, "local", "up", "--name", name, "--api-only", "--ephemeral"])
    home = (
        Path("/var/lib/manor") / name
        if os.geteuid() == 0
        else Path.home() / ".local/state/manor" / name
    )
    until_now("the node has a process", (home / "process.json").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    assert not home.exists()
    assert not processes_of(home)


def test_a_removal_that_was_killed_is_gone_on_with() -> None:
    with node_for_tests("killed", "--api-only") as running:
        home = running.kubeconfig.parent
        killed = (
            "import os, shutil; shutil.rmtree = lambda *_: os._exit(9); "
            f"from manor.local.lifecycle import down; down({running.name!r})"
        )
        assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == 9
        assert home.exists()
        assert not processes_of(home)
        run_manor("local", "down", "--name", running.name, "--yes")
        assert not home.exists()


@pytest.mark.parametrize("name", ["", "Upper", "under_score", "-dash", "../up", "x" * 33])
def test_bad_names(name: str) -> None:
    done = run_manor("local", "up", "--api-only", f"--name={name}", check=False)
    assert done.returncode == 2
    assert "cannot name a node" in done.stderr


def test_unknown_node_says_how_to_make_it() -> None:
    done = run_manor("local", "status", "--name", "nowhere", check=False)
    assert done.returncode == 2
    assert "manor local up --name nowhere" in done.stderr
