"""Outputs: where the pods of a job store what they wrote, and how its command and what stores it
hear of each other."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api_stand_in import ApiStandIn
from engine_specs import job, platform, tenant
from manor.api.platform import Engines
from manor.engines import Phase, checked, render_workload
from manor.engines.buckets import STORES
from manor.engines.outputs import start, upload
from manor.engines.registry import ENGINES
from manor.kube import Object
from manor.rollout import standing

pytestmark = pytest.mark.unit

FETCHING = {"training": "r/training:1", "fetching": "r/fetching:1"}
TO = {"uri": "s3://bucket/runs/$(X)/", "secret": "keys"}
TRAINS = ["python3", "train.py"]


def pod(**spec: Any) -> Any:
    (made,) = (
        obj
        for obj in render_workload(platform(images=FETCHING), tenant(), job(**spec))
        if obj["kind"] in ("Job", "CronJob")
    )
    run = made["spec"].get("jobTemplate", made)["spec"]
    return run["template"]["spec"]


def test_each_output_has_a_container_of_its_own_and_the_worker_no_key() -> None:
    more = {"uri": "gs://other", "path": "/logs"}
    worker, first, second = pod(outputs=[TO, more])["containers"]
    assert "envFrom" not in worker
    assert worker["command"][3:] == ["output-1,output-2", *TRAINS]
    assert {mount["mountPath"] for mount in worker["volumeMounts"]} >= {"/out", "/logs"}
    assert first["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert first["command"][3:] == ["output-1", "/out", "s3://bucket/runs/$$(X)"]
    assert first["volumeMounts"][1] == {
        "name": "output-1-keys",
        "mountPath": "/var/secrets",
        "readOnly": True,
    }
    assert not [mount for mount in worker["volumeMounts"] if "keys" in mount["name"]]
    assert first["volumeMounts"][0] == {
        "name": "output-1",
        "mountPath": "/out",
        "readOnly": True,
    }
    assert second["command"][3:] == ["output-2", "/logs", "gs://other"]
    assert "envFrom" not in second
    assert first["image"] == second["image"] == "r/fetching:1"


def test_of_several_containers_no_pod_shares_processes() -> None:
    assert "shareProcessNamespace" not in pod(outputs=[TO])
    assert pod()["shareProcessNamespace"] is True


@pytest.mark.parametrize(
    ("spec", "below"),
    [
        ({}, ""),
        ({"workers": 2}, "/$(JOB_COMPLETION_INDEX)"),
        ({"sweep": {"parameters": [{"LR": "1"}]}}, "/$(JOB_COMPLETION_INDEX)"),
        ({"schedule": "@daily"}, "/$(MANOR_RUN)"),
        ({"schedule": "@daily", "workers": 2}, "/$(MANOR_RUN)/$(JOB_COMPLETION_INDEX)"),
    ],
)
def test_no_two_pods_store_at_one_place(spec: dict[str, Any], below: str) -> None:
    stores = pod(outputs=[{"uri": "s3://bucket/x/"}], **spec)["containers"][1]
    assert stores["command"][-1] == f"s3://bucket/x{below}"
    told = [one["name"] for one in stores["env"]]
    assert told == ([*(["MANOR_RUN"] if "schedule" in spec else []), "HOME"])


def test_a_trial_is_told_its_set_by_what_is_awaited() -> None:
    worker = pod(outputs=[TO], sweep={"parameters": [{"LR": "1"}]})["containers"][0]
    assert worker["command"][3:6] == ["output-1", "python3", "-c"]
    assert worker["command"][-2:] == TRAINS


def test_what_stores_counts_in_the_budget() -> None:
    asked = job(outputs=[TO], resources={"cpu": "2"})
    for cpu, fits in (("2.1", True), ("2", False)):
        team = tenant(quota={"cpu": cpu, "memory": "32Gi"})
        _, objections = checked(platform(images=FETCHING), {"vision": team}, [asked])
        assert bool(objections) is not fits


def test_ray_says_that_it_stores_nothing() -> None:
    asked = job(outputs=[TO], resources={"memory": "2Gi"})
    assert [one.path for one in ENGINES["ray"].unsupported(asked)] == [("spec", "outputs")]
    assert not list(ENGINES["kubeflow"].unsupported(asked))


class Storing(threading.Thread):
    """The other end of the line: what stores the output of a name."""

    def __init__(self, name: str, says: bytes = b"1") -> None:
        super().__init__()
        self.heard = b"nothing"
        self._says = says
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(f"\0manor.dev/{name}")
        self._server.listen(1)
        self.start()

    def run(self) -> None:
        with self._server, self._server.accept()[0] as line:
            if self._says:
                line.sendall(self._says)
                self.heard = line.recv(1)


NAME = f"test-{os.getpid()}"
PROGRAM = Path(str(start.__file__)).read_text(encoding="utf-8")


def started(*command: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROGRAM, NAME, *command]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(*command: str) -> tuple[int, str]:
    with started(*command) as process:
        said = "".join(process.communicate(timeout=30))
        return process.returncode, said.strip()


@pytest.mark.parametrize(
    ("script", "code", "heard"),
    [("echo ok", 0, b"1"), ("exit 7", 7, b""), ("kill -9 $$", 137, b"")],
)
def test_only_a_good_end_is_told(script: str, code: int, heard: bytes) -> None:
    stores = Storing(NAME)
    assert ended("sh", "-c", script)[0] == code
    stores.join(10)
    assert stores.heard == heard


def test_a_command_that_is_killed_with_what_started_it_has_not_ended_well() -> None:
    stores = Storing(NAME)
    with started("sh", "-c", "kill -9 $PPID; sleep 1") as process:
        assert process.wait(30) == -signal.SIGKILL
    stores.join(10)
    assert stores.heard == b""


def test_the_command_is_told_to_end() -> None:
    stores = Storing(NAME)
    script = "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done"
    with started("sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 5
    stores.join(10)
    assert stores.heard == b""


@pytest.mark.parametrize(
    ("says", "told"),
    [(b"no room", "no room"), (b"", f"container {NAME} has ended")],
    ids=["refused", "gone"],
)
def test_nothing_is_run_whose_output_could_not_be_stored(says: bytes, told: str) -> None:
    stores = Storing(NAME, says)
    assert ended("sh", "-c", "echo ran") == (1, f"the command is not run: {told}")
    stores.join(10)


def test_a_command_that_is_not_there_is_named() -> None:
    Storing(NAME)
    assert ended("no-such-command") == (
        1,
        "no-such-command cannot be run: No such file or directory",
    )


class Folder:
    """A store that is a folder of this machine, below the one called `bucket`."""

    def __init__(self, bucket: str) -> None:
        self._bucket = Path(bucket)

    def attempt(self, key: str) -> None:
        (self._bucket / key).parent.mkdir(parents=True, exist_ok=True)

    def put(self, objects: Mapping[str, Path]) -> None:
        for key, path in objects.items():
            to = self._bucket / key
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The bucket `bucket` of a store, and beside it what a command writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(STORES, "s3", Folder)
    (tmp_path / "bucket").mkdir()
    (tmp_path / "out" / "deep").mkdir(parents=True)
    return tmp_path / "bucket"


def stored(uri: str, *command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """How a command ended whose output this process stores."""
    monkeypatch.setattr("sys.argv", ["-c", NAME, "out", uri])
    with started(*command) as process:
        upload.main()
        said = "".join(process.communicate(timeout=30))
        return process.returncode, said


WRITE = ("sh", "-c", "echo 1 > out/a; echo 2 > out/deep/b; ln -s /etc/passwd out/c")


@pytest.mark.parametrize(("uri", "prefix"), [("s3://bucket", "."), ("s3://bucket/x/y", "x/y")])
def test_all_files_are_stored_and_no_link(
    store: Path, uri: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stored(uri, *WRITE, monkeypatch=monkeypatch)[0] == 0
    files = [path for path in store.rglob("*") if path.is_file()]
    found = {path.relative_to(store / prefix).as_posix(): path.read_text() for path in files}
    assert found == {"a": "1\n", "deep/b": "2\n"}


def test_of_a_command_that_fails_nothing_is_stored(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = (*WRITE[:2], f"{WRITE[2]}; exit 1")
    assert stored("s3://bucket", *failing, monkeypatch=monkeypatch)[0] == 1
    assert list(store.iterdir()) == []
    assert "nothing is stored" in capsys.readouterr().out


def test_a_store_that_refuses_is_told_before_the_command_runs(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store / "x").touch()
    with pytest.raises(SystemExit, match=r"s3://bucket/x cannot be stored: .*File exists"):
        stored("s3://bucket/x", "sh", "-c", "echo > ran", monkeypatch=monkeypatch)
    assert not Path("ran").exists()


async def test_a_job_whose_outputs_are_being_stored_runs() -> None:
    server = ApiStandIn(namespace="vision")
    made: Object = {"apiVersion": "batch/v1", "kind": "Job"}
    made |= {"metadata": {"name": "train", "namespace": "vision", "uid": "u"}}
    made |= {"spec": {"parallelism": 1}, "status": {"active": 1, "ready": 0}}
    labels = {"batch.kubernetes.io/job-name": "train"}
    states = {
        "output-1": {"running": {}},
        "worker": {"terminated": {"exitCode": 0}},
    }
    live: Object = {"apiVersion": "v1", "kind": "Pod"}
    live |= {"metadata": {"name": "train-0", "namespace": "vision", "uid": "p", "labels": labels}}
    live |= {"spec": {"containers": [{"name": "worker"}, {"name": "output-1"}]}}
    statuses = [{"name": name, "ready": False, "state": state} for name, state in states.items()]
    live["status"] = {"phase": "Running", "containerStatuses": statuses}
    server.hold(made, live)
    said = "storing /out at s3://b/x: 3 files"
    server.logs["/api/v1/namespaces/vision/pods/train-0/log"] = f"{said}\n"
    stands = await standing(server.client(), job(), Engines())
    assert stands.phase is Phase.RUNNING
    assert stands.reason.endswith(f"output-1: {said}")
