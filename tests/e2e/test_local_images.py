"""The images as a runtime runs them: read-only, as user 65532, with nothing but /tmp to
write to."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from manor.local import images
from manor.local.binaries import obtain
from manor.local.build import build
from manor.local.progress import Report
from manor.local.store import Store, filling
from waiting import until_now

pytestmark = pytest.mark.e2e

TRAIN = """
import json, joblib, sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
model = LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
joblib.dump(model, "/tmp/model/model.joblib")
settings = {
    "name": "iris",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": "./model.joblib"},
}
json.dump(settings, open("/tmp/model/model-settings.json", "w"))
"""


BUILD_PAUSE = """
from manor.local import build, progress, store
target, report = store.Store(), progress.Report()
with store.filling(target.root, report), report.task("first") as task:
    build.build(["pause"], [], target, task)
"""


@dataclass(frozen=True)
class Unpacked:
    """An image's root file system, and how it is configured to run."""

    root: Path
    config: dict[str, Any]

    def command(
        self, *command: str, folder: Path | None = None, settings: dict[str, str] | None = None
    ) -> list[str]:
        """How to run a command in it; `folder` is mounted at /tmp/model."""
        root = shlex.quote(str(self.root))
        steps = [
            f"mount --rbind {root} {root}",
            f"mount -o remount,bind,ro {root}",
            f"mount -t proc proc {root}/proc",
        ]
        steps += [f"mount --rbind /dev {root}/dev"]
        steps += [f"mount -t tmpfs -o mode=1777 tmpfs {root}/tmp"]
        if folder:
            steps += [
                f"mkdir {root}/tmp/model",
                f"mount --bind {shlex.quote(str(folder))} {root}/tmp/model",
            ]
        variables = [
            *self.config["Env"],
            *(f"{key}={value}" for key, value in (settings or {}).items()),
        ]
        # chroot itself is found outside; what it runs is looked up in the image's PATH.
        chroot = f"{shutil.which('chroot')} --userspec={self.config['User']} {root}"
        steps.append(f"exec env -i {shlex.join(variables)} {chroot} {shlex.join(command)}")
        return [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-ec",
            "\n".join(steps),
        ]

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*command, folder=folder),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        print(done.stdout, done.stderr)
        return done


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Unpacked]:
    report = Report(sys.stderr)
    made = images.ensure(
        images.NAMES, bundle=obtain(binaries=None, bundle=None, report=report), report=report
    )
    folder = tmp_path_factory.mktemp("images")
    return {name: unpack(image, folder / name) for name, image in made.items()}


def unpack(image: images.Image, root: Path) -> Unpacked:
    with tarfile.open(image.archive) as archive:

        def read(name: str) -> bytes:
            member = archive.extractfile(name)
            assert member is not None, name
            return member.read()

        (manifest,) = json.loads(read("manifest.json"))
        assert manifest["RepoTags"] == [image.reference]
        config = json.loads(read(manifest["Config"]))["config"]
        for layer in manifest["Layers"]:
            root.mkdir(exist_ok=True)
            subprocess.run(["tar", "-x", "-C", str(root)], input=read(layer), check=True)
    for mount_point in ("dev", "proc", "tmp"):
        (root / mount_point).mkdir(exist_ok=True)
    return Unpacked(root, config)


def test_every_image_runs_as_a_numbered_user(built: dict[str, Unpacked]) -> None:
    assert {image.config["User"] for image in built.values()} == {"65532:65532"}


@pytest.mark.parametrize(
    ("name", "command", "said"),
    [
        ("base", ["sh", "-c", "id -u; mkdir /tmp/x; test ! -w /"], "65532"),
        (
            "base",
            [
                "python",
                "-c",
                "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 50)",
            ],
            "True",
        ),
        (
            "training",
            [
                "python",
                "-c",
                "import getpass, sklearn; print(getpass.getuser(), sklearn.__version__)",
            ],
            "manor 1.",
        ),
        ("serving", ["mlserver", "--version"], "version 1.7.1"),
        ("training", ["python", "-c", "import mlflow; print(mlflow.__version__)"], "3.17.2"),
        ("mlflow", ["mlflow", "--version"], "version 3.17.2"),
        ("jax", ["python", "-c", "import jax; print(jax.numpy.ones(3).sum())"], "3.0"),
        ("ray", ["bash", "-c", "ray --version"], "version 2.60.0"),
        (
            "storage-initializer",
            ["python", "-c", "import boto3, kserve_storage as k; print(k.Storage.download_files)"],
            "<function Storage.download_files",
        ),
        ("seaweedfs", ["weed", "version"], "version 8000GB 4.48"),
        ("envoy", ["envoy", "--version"], "/1.40.0/"),
        ("envoy-gateway", ["envoy-gateway", "version"], "GATEWAYAPI_VERSION: v1."),
        ("coredns", ["coredns", "-version"], "CoreDNS-1.15.0"),
    ],
)
def test_its_program_runs(
    built: dict[str, Unpacked], name: str, command: list[str], said: str
) -> None:
    done = built[name].run(*command)
    assert done.returncode == 0
    assert said in done.stdout


@pytest.mark.parametrize("name", sorted({*images.NAMES} - {*images.WITH_SHELL}))
def test_there_is_no_shell(built: dict[str, Unpacked], name: str) -> None:
    assert not [
        path
        for shell in ("sh", "bash", "dash")
        for path in built[name].root.glob(f"**/bin/{shell}")
    ]


@pytest.mark.parametrize("name", images.NAMES)
def test_nothing_of_its_making_is_left(built: dict[str, Unpacked], name: str) -> None:
    root = built[name].root
    for remains in (
        "wheels",
        "install.py",
        "distil.py",
        "etc/pip.conf",
        "root/.cache",
        "var/lib/apt",
        "usr/bin/dpkg",
    ):
        assert not root.joinpath(remains).exists(), remains
    special = [
        path
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o6000
    ]
    assert special == []
    assert not {"PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE"} & {
        line.split("=")[0] for line in built[name].config["Env"]
    }


def test_a_model_trained_in_one_image_is_served_by_the_other(
    built: dict[str, Unpacked], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    os.chown(folder, 65532, 65532)
    assert built["training"].run("python", "-c", TRAIN, folder=folder).returncode == 0
    flowers = {
        "name": "x",
        "shape": [2, 4],
        "datatype": "FP64",
        "data": [5.1, 3.5, 1.4, 0.2, 6.7, 3.0, 5.2, 2.3],
    }
    with serve(built["serving"], folder) as url:
        answer = post(f"{url}/v2/models/iris/infer", {"inputs": [flowers]})
    assert answer["outputs"][0]["data"] == [0, 2]


@contextlib.contextmanager
def serve(image: Unpacked, folder: Path) -> Iterator[str]:
    ports = dict(zip(("HTTP", "GRPC", "METRICS"), free_ports(3), strict=True))
    settings = {"MLSERVER_HOST": "127.0.0.1"} | {
        f"MLSERVER_{name}_PORT": str(port) for name, port in ports.items()
    }
    command = image.command(
        *image.config["Entrypoint"], "start", "/tmp/model", folder=folder, settings=settings
    )
    url = f"http://127.0.0.1:{ports['HTTP']}"
    with subprocess.Popen(command) as process:
        try:
            wait_until_ready(f"{url}/v2/health/ready", process)
            yield url
        finally:
            # The kernel forgets --kill-child when chroot changes the user.
            for child in (
                Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            ):
                os.kill(int(child), signal.SIGKILL)
            process.kill()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [bound.getsockname()[1] for bound in sockets]


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url):
            return
        time.sleep(0.2)
    pytest.fail("MLServer did not become ready")


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_pause_reaps_what_is_left_to_it_and_stops_when_told(built: dict[str, Unpacked]) -> None:
    pause = built["pause"].root / "usr/local/bin/pause"
    # Becomes the first process of a PID namespace with a child of its own, whose child is orphaned
    # and ends.
    orphan = f"(sleep 0.2 & exec sleep 0.1) & exec {pause}"
    with subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", orphan]
    ) as process:

        def alone() -> bool:
            return [(name_of(first), children_of(first)) for first in children_of(process.pid)] == [
                ("pause", [])
            ]

        until_now("pause has reaped what was left to it", alone, seconds=10)
        (first,) = children_of(process.pid)
        os.kill(first, signal.SIGTERM)
        assert process.wait(5) == 0


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_interrupted_build_leaves_no_partial_file_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Nothing compiled before: the library alone takes seconds.
    monkeypatch.setenv("GOCACHE", str(tmp_path / "go"))
    store = Store()
    with subprocess.Popen([sys.executable, "-c", BUILD_PAUSE], start_new_session=True) as process:
        end = time.monotonic() + 300
        while not list(tmp_path.glob("go/??/*")) and time.monotonic() < end:
            time.sleep(0.1)
        # As Ctrl-C does: to the whole group.
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
    assert not list(store.root.glob("bin/*"))
    assert not list(store.root.glob(".new-*"))
    report = Report(sys.stderr)
    with filling(store.root, report), report.task("again") as task:
        build(["pause"], [], store, task)
    assert os.access(store.bin / "pause", os.X_OK)
