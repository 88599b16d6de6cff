"""A data scientist's run, from a script here to its exit code, as the team's own user."""

import hashlib
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from manor.client import Asked, Manor, RunFailed
from manor.jobs import NoSuchTarget, RunError
from nodes import MANOR, load_workload_images
from team_commands import Team
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "01-two-teams"
ELASTIC = EXAMPLE / "elastic"
PLATFORM = ["-f", str(EXAMPLE / "platform.yaml")]
TENANT = """
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {name: lab}
spec:
  owners: [{name: dora}]
  members: [{name: eddy, role: editor}, {name: vera, role: viewer}]
  quota: {cpu: 2, memory: 4Gi, storage: 2Gi}
  volumes: [{name: data, size: 1Gi}]
  network: {internal: closed}
"""
"""Closed inside: its workers meet all the same."""
OF_JOB = "batch.kubernetes.io/job-name"
SMALL = ["--cpu", "50m", "--memory", "128Mi"]
TRAIN = """
import os, socket, sys, time
from pkg.words import GREETING

# As init_process_group("env://") does: the first worker listens, the others find it.
rank, where = int(os.environ["RANK"]), (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
assert int(os.environ["WORLD_SIZE"]) == 2, os.environ
if rank == 0:
    with socket.create_server(("", where[1])) as server:
        peer, _ = server.accept()
        print(GREETING, peer.recv(100).decode(), os.environ["TOKEN"], *sys.argv[1:])
else:
    for _ in range(600):
        try:
            with socket.create_connection(where) as peer:
                peer.sendall(b"rank 1")
            break
        except OSError:
            time.sleep(0.1)
    else:
        sys.exit("nobody there")
"""
TUNE = """
import os

rate = float(os.environ["LR"])
print("fits", rate)
with open("/dev/termination-log", "w") as result:
    print(f"loss={rate * 2}", file=result)
"""
SERVE = """
import http.server, os
print("serving", flush=True)
os.chdir("/data")
http.server.HTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture(scope="module")
def team(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    example = tool_example(EXAMPLE)
    load_workload_images(example.node.name, "base", "training")
    example.manor("apply", *PLATFORM, "-f", "-", given=TENANT)
    made = Team(example, tmp_path_factory.mktemp("people"), "lab", "eddy")
    # It runs while the tests do: the last one looks at it.
    code = "import os; print('the run is', os.environ['MANOR_RUN'])"
    words = ["--name", "tick", "--schedule", "* * * * *", "--", "python3", "-c", code]
    begun = made.manor("run", *SMALL, *words)
    assert begun.returncode == 0, begun.stderr
    yield made
    spaces = ["--delete-namespace", "lab"]
    given = ["delete", *PLATFORM, "-f", "-", "--yes", "--delete-data", *spaces]
    example.manor(*given, given=TENANT)


@pytest.fixture(scope="module", autouse=True)
def torch_image(team: Team) -> Iterator[Callable[[], str]]:
    """Tells the name of an image with PyTorch, which is built while other tests run."""
    words = ["image", "build", str(ELASTIC), "--tag", "torch:1", "--name", team.example.node.name]
    with subprocess.Popen([MANOR, *words], stdout=subprocess.PIPE, text=True) as building:
        yield lambda: building.communicate()[0].strip()
        building.wait()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a script that needs a package, and with what is left out."""
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    (folder / "train.py").write_text(TRAIN)
    (folder / "pkg" / "words.py").write_text('GREETING = "met"\n')
    (folder / ".manorignore").write_text("secret.txt\n")
    (folder / "secret.txt").write_text("not to be sent")
    return folder


def test_two_workers_meet_and_the_first_ones_log_is_followed(team: Team, project: Path) -> None:
    team.kubectl("create", "secret", "generic", "wandb", "--from-literal=TOKEN=t0p", user="eddy")
    size = [*SMALL, "--workers", "2", "--env-from", "wandb", "--name", "meet-1"]
    done = team.manor("run", str(project / "train.py"), *size, "--", "--epochs", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "met rank 1 t0p --epochs 3"
    held = team.kubectl("get", "trainingjob", "meet-1", "-o", "yaml")
    assert "not to be sent" not in held
    assert "t0p" not in held
    again = team.manor("rerun", "meet-1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "lab/meet-2" in again.stderr
    assert "met rank 1" in again.stdout


def test_the_exit_code_is_the_scripts_own(team: Team, tmp_path: Path) -> None:
    (tmp_path / "fail.py").write_text('print("no rows"); exit(3)')
    done = team.manor("run", str(tmp_path / "fail.py"), *SMALL)
    assert (done.returncode, done.stdout) == (3, "no rows\n"), done.stderr
    assert "ended with exit code 3: no rows" in done.stderr


def test_large_code_lies_on_the_volume_and_is_sent_once(team: Team, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "weights.bin").write_bytes(data)
    script = "import hashlib; print(hashlib.sha256(open('weights.bin', 'rb').read()).hexdigest())"
    (tmp_path / "train.py").write_text(script)
    for _ in range(2):
        done = team.manor("run", str(tmp_path / "train.py"), *SMALL)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.split() == [hashlib.sha256(data).hexdigest()]
    look = "import os; print(len(os.listdir('/data/.manor/code')))"
    mount = ["--volume", "data:/data:ro"]
    seen = team.manor("run", *SMALL, *mount, "--", "python3", "-c", look)
    assert seen.stdout.split() == ["1"], seen.stderr


def test_files_go_onto_a_volume_and_come_back(team: Team, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "deep").mkdir(parents=True)
    (raw / "a b.csv").write_bytes(os.urandom(5_000_000))
    (raw / "deep" / "empty").write_bytes(b"")
    for _ in range(2):
        put = team.manor("cp", str(raw), "data:/raw")
        assert put.returncode == 0, put.stderr
        assert "2 files, 5000000 bytes" in put.stderr
    got = team.manor("cp", "data:/raw", str(tmp_path / "back"))
    assert got.returncode == 0, got.stderr
    for name in ("a b.csv", "deep/empty"):
        assert (tmp_path / "back" / name).read_bytes() == (raw / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "back").rglob("*")) == [
        "a b.csv",
        "deep",
        "empty",
    ]
    lost = team.manor("cp", "data:/nowhere", str(tmp_path / "x"))
    assert (lost.returncode, "no such file" in lost.stderr) == (2, True)
    assert (
        "No resources" in team.example.kubectl(None, "-n", "lab", "get", "jobs", "-l", "x").stderr
    )
    until_now("nothing carries any more", lambda: "manor-errand" not in team.kubectl("get", "pods"))


def test_a_run_is_left_reached_entered_and_cancelled(team: Team, tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(SERVE)
    (tmp_path / "hello.txt").write_text("hello")
    assert team.manor("cp", str(tmp_path / "hello.txt"), "data:/").returncode == 0
    words = ["run", str(tmp_path / "serve.py"), *SMALL, "--name", "serve", "--volume", "data:/data"]
    with team.started(*words) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "serving\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "manor logs -f serve -n lab" in said
    assert team.manor("logs", "serve").stdout == "serving\n"
    entered = team.manor("exec", "serve", "--", "python3", "-c", "import os; exit(os.getuid() > 0)")
    assert entered.returncode == 1, entered.stderr
    with team.opened("serve", "8000") as url:
        assert urllib.request.urlopen(f"{url}/hello.txt", timeout=30).read() == b"hello"
    assert team.manor("cancel", "serve").returncode == 0
    assert "serve" not in team.kubectl("get", "trainingjobs,jobs,configmaps")
    gone = team.manor("logs", "-f", "serve")
    assert (gone.returncode, "there is no job serve" in gone.stderr) == (2, True)


def test_a_sweep_tells_what_each_trial_came_to(team: Team, tmp_path: Path) -> None:
    (tmp_path / "tune.py").write_text(TUNE)
    words = ["--sweep", "LR=0.5,none,0.1", "--at-once", "2", "--name", "tune"]
    done = team.manor("run", str(tmp_path / "tune.py"), *SMALL, *words)
    assert done.returncode == 1, done.stdout + done.stderr
    rows = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    assert rows == [
        ["TRIAL", "LR", "STATUS", "RESULT"],
        ["0", "0.5", "Succeeded", "loss=1.0"],
        ["1", "none", "Failed", rows[2][3]],
        ["2", "0.1", "Succeeded", "loss=0.2"],
    ]
    assert "could not convert string to float: 'none'" in rows[2][3]
    assert team.manor("logs", "tune", "--worker", "2").stdout == "fits 0.1\n"
    assert team.manor("get", "trials", "tune", user="vera").stdout == done.stdout


def test_the_restarts_of_a_worker_are_bounded_and_the_others_end_with_it(team: Team) -> None:
    code = "import os, sys, time; sys.exit(7) if os.environ['RANK'] == '1' else time.sleep(600)"
    words = ["--workers", "2", "--retries", "1", "--name", "bounded", "--", "python3", "-c", code]
    done = team.manor("run", *SMALL, *words)
    assert done.returncode == 7, done.stderr
    assert "restart 1 of 1, after worker 1: container worker ended with exit code 7" in done.stderr
    pods = ("get", "pods", "-l", f"{OF_JOB}=bounded")
    until_now("none runs", lambda: "Running" not in team.kubectl(*pods))


def test_what_cannot_run_leaves_nothing(team: Team, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print(1)")
    script = str(tmp_path / "train.py")
    large = team.manor("run", script, "--cpu", "64", "--name", "large")
    assert large.returncode == 2
    assert "spec.resources.cpu" in large.stderr
    for user in ("vera", "nobody"):
        barred = team.manor("run", script, *SMALL, "--name", "barred", user=user)
        assert barred.returncode == 2, barred.stdout + barred.stderr
    held = team.kubectl("get", "trainingjobs,jobs,configmaps")
    assert "large" not in held
    assert "barred" not in held


async def test_a_function_runs_from_python_beside_a_loop_that_runs_already(
    team: Team,
) -> None:
    def train(rows: int, *, by: int) -> None:
        import os

        print("rows", rows * by, os.environ["LEVEL"])
        if by == 3:
            raise SystemExit(7)

    _, environment = team.command("eddy")
    config = environment["MANOR_KUBECONFIG"]
    with Manor("lab", kubeconfig=config) as manor:
        size = Asked(cpu="50m", memory="128Mi", env={"LEVEL": "1"})
        job = manor.run(train, 4, kwargs={"by": 2}, **size)
        assert list(job.logs()) == ["rows 8 1"]
        assert job.wait().exit_code == 0
        assert job.status().phase.value == "Succeeded"
        with pytest.raises(RunError, match="has ended"):
            job.cancel()
        failing = manor.run(train, 4, kwargs={"by": 3}, **size)
        with pytest.raises(RunFailed, match="exit code 7"):
            failing.wait()
        sleeping = manor.run(["python3", "-c", "import time; time.sleep(600)"], **size)
        sleeping.cancel()
        with pytest.raises(NoSuchTarget, match="there is no job"):
            sleeping.status()


def test_workers_that_are_lost_start_again_from_the_last_checkpoint(
    team: Team, torch_image: Callable[[], str]
) -> None:
    """Each loss brings both workers of a real PyTorch run down: four failed pods, two restarts."""
    words = ["--workers", "2", "--retries", "2", "--image", torch_image(), "--volume", "data:/data"]
    words += ["--cpu", "100m", "--memory", "512Mi", "--env", "RUN=line", "--env", "PAUSE=0.2"]
    script = [str(ELASTIC / "train.py"), "--name", "line", *words, "--", "100"]
    with team.started("run", *script) as running:
        assert running.stdout is not None
        said = _up_to("step", running.stdout)
        kill = "import os, signal; os.kill(-1, signal.SIGKILL)"
        team.manor("exec", "line", "--worker", "1", "--", "python3", "-c", kill)
        said += _up_to("worker 0 begins", running.stdout) + _up_to("step", running.stdout)
        why = team.manor("get", "jobs", "line").stdout
        lost = "restart 1 of 2, after worker 1: container worker ended with exit code 137"
        assert lost in why
        first = f"{OF_JOB}=line,batch.kubernetes.io/job-completion-index=0"
        running_now = ("--field-selector", "status.phase=Running")
        team.kubectl("delete", "pods", "-l", first, *running_now, "--wait=false", user="eddy")
        said += running.stdout.read()
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, said + errors
    begun = [int(line.rsplit(" ", 1)[1]) for line in said.splitlines() if "begins" in line]
    assert begun[0] == 0
    assert 0 < begun[1] < begun[2] < 100, said
    assert float(said.rsplit(" ", 1)[1]) < 0.01


def _up_to(words: str, lines: Iterable[str]) -> str:
    """The lines of a log up to one that begins with these words."""
    said = ""
    for line in lines:
        said += line
        if line.startswith(words):
            return said
    pytest.fail(f"it has ended:\n{said}")


def test_a_schedule_has_run_meanwhile(team: Team) -> None:
    def has_run() -> bool:
        return " succeeded" in team.manor("get", "jobs", "tick").stdout

    until_now("a run has succeeded", has_run, 75)
    said = team.manor("logs", "tick")
    assert said.stdout.startswith("the run is tick-"), said.stderr
    again = team.manor("rerun", "tick", "--name", "tock", "--detach")
    assert (again.returncode, again.stdout) == (0, "tock\n"), again.stderr
    assert team.manor("delete", "trainingjob", "tick", "--yes").returncode == 0
    until_now("its runs are gone", lambda: "tick" not in team.kubectl("get", "cronjobs,jobs,pods"))
