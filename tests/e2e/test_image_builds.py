"""An image built by a job inside a team, on a cluster with a registry (docs/images.md): the page's
own script, CNCF Distribution's registry, and crane."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from manor.local import images
from manor.local.binaries import Bundle
from manor.local.components import CONTAINERD_SOCKET
from manor.local.node import load_node
from manor.local.pip_settings import location
from manor.local.processes import enter
from manor.local.progress import Report
from manor.local.store import cache_root
from nodes import load_workload_images, run_manor
from team_commands import Team
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent.parent
HOST = "10.96.0.77:5000"
"""A private address: of those crane asks by HTTP."""
BASE, MADE = f"{HOST}/platform/base:1", f"{HOST}/forge/trainer:1"
USER, PASSWORD = "forge", "right"
CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.22.1"
SMALL = ["--cpu", "50m", "--memory", "256Mi"]
TENANT: dict[str, Any] = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Tenant",
    "metadata": {"name": "forge"},
    "spec": {
        "owners": [{"name": "dora"}],
        "members": [{"name": "eddy", "role": "editor"}],
        "quota": {"cpu": 2, "memory": "4Gi", "storage": "2Gi"},
        "volumes": [{"name": "data", "size": "1Gi"}],
        "registries": ["manor.local", f"{HOST}/forge"],
    },
}
BUILDER = """
FROM manor.local/base:0.1.0
COPY pip /opt/packages/pip
COPY crane /usr/local/bin/crane
ENV PYTHONPATH=/opt/packages
"""
REGISTRY = """
FROM manor.local/base:0.1.0
COPY docker-registry /usr/local/bin/docker-registry
COPY config.yml start.py /etc/
"""
START = f"""
import crypt, os
hashed = crypt.crypt("{PASSWORD}", crypt.mksalt(crypt.METHOD_BLOWFISH))
with open("/tmp/users", "w") as users:
    print("{USER}:" + hashed, file=users)
os.execvp("docker-registry", ["docker-registry", "serve", "/etc/config.yml"])
"""
CONFIG = {
    "version": 0.1,
    "log": {"level": "warn"},
    "storage": {"filesystem": {"rootdirectory": "/tmp/registry"}},
    "http": {"addr": ":5000"},
    "auth": {"htpasswd": {"realm": "registry", "path": "/tmp/users"}},
}
META = {"name": "registry", "namespace": "registry", "labels": {"app": "registry"}}
SERVED: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "registry"}},
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": META,
        "spec": {
            "containers": [
                {
                    "name": "registry",
                    "image": "manor.local/registry:1",
                    "command": ["python3", "/etc/start.py"],
                    "readinessProbe": {"tcpSocket": {"port": 5000}, "periodSeconds": 1},
                }
            ],
            "terminationGracePeriodSeconds": 0,
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": META,
        "spec": {
            "clusterIP": HOST.partition(":")[0],
            "selector": META["labels"],
            "ports": [{"port": 5000}],
        },
    },
]
# What any build of a RUN needs one of.
ATTEMPTS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
open("/tmp/own", "w").close()
for call, *words in (
    ("getuid",),
    ("unshare", 0x10000000),
    ("unshare", 0x00020000),
    ("chroot", b"/tmp"),
    ("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    ("setuid", 0),
    ("chown", b"/tmp/own", 0, 0),
):
    done = getattr(libc, call)(*words)
    print(call, *words[:1], os.strerror(ctypes.get_errno()) if done < 0 else "done")
"""
# Root, as builders of Containerfiles want to be.
AS_ROOT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "builder"},
    "spec": {
        "containers": [{"name": "c", "image": "manor.local/builder:1"}],
        "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "Unconfined"}},
    },
}


def documented_script() -> str:
    (found,) = re.findall(r"```python\n( *# append\.py.*?)```", read("docs/images.md"), re.DOTALL)
    lines = found.splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)


def read(path: str) -> str:
    return (ROOT / path).read_text()


def crane() -> Path:
    """The program itself, built from its pin."""
    place = cache_root() / "crane" / CRANE.rpartition("@")[2]
    if not (place / "crane").is_file():
        go = shutil.which("go") or pytest.skip("there is no Go to build crane with")
        environment = {**os.environ, "GOBIN": str(place), "CGO_ENABLED": "0"}
        subprocess.run([go, "install", "-trimpath", CRANE], check=True, env=environment)
    return place / "crane"


@pytest.fixture(scope="module")
def team(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team that may push to a registry of the platform's, in which there is a base."""
    program = crane()
    folder = tmp_path_factory.mktemp("images")
    example = tool_example(ROOT / "examples" / "01-two-teams")
    load_workload_images(example.node.name, "training")  # by which code goes onto a volume
    platform = yaml.safe_load(read("examples/01-two-teams/platform.yaml"))
    platform["spec"]["registries"].append(HOST)
    peer = {"name": "registry", "namespace": "registry", "ports": [5000], "direction": "egress"}
    platform["spec"]["network"]["peers"] = [peer]
    specs = yaml.safe_dump_all([platform, TENANT])
    build(example.node.name, folder / "registry", registry_files(folder))
    shutil.copytree(location(), folder / "builder" / "pip")
    build(example.node.name, folder / "builder", {"Containerfile": BUILDER, "crane": program})
    example.manor("apply", "-f", "-", given=specs)
    try:
        serve(example)
        push_base(example.node.name, program, folder)
        yield Team(example, tmp_path_factory.mktemp("people"), "forge", "eddy")
    finally:
        example.kubectl(None, "delete", "namespace", "registry", "--wait=false")
        gone = ["-f", "-", "--yes", "--delete-data", "--delete-namespace", "forge"]
        example.manor("delete", *gone, given=specs)


def serve(example: Any) -> None:
    """The registry, as a part of the platform."""
    served = example.kubectl(None, "apply", "-f", "-", given=yaml.safe_dump_all(SERVED))
    assert served.returncode == 0, served.stderr
    ready = ("wait", "-n", "registry", "--for=condition=Ready", "pod/registry", "--timeout=60s")
    assert example.kubectl(None, *ready).returncode == 0


def registry_files(folder: Path) -> dict[str, str | Path]:
    """Debian's package of the registry."""
    subprocess.run(["apt-get", "update", "-qq"], check=True, capture_output=True)
    download = ["apt-get", "download", "docker-registry"]
    subprocess.run(download, check=True, cwd=folder, capture_output=True)
    (package,) = folder.glob("docker-registry_*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, folder / "debian"], check=True)
    program = folder / "debian" / "usr" / "bin" / "docker-registry"
    texts = {"Containerfile": REGISTRY, "start.py": START, "config.yml": yaml.safe_dump(CONFIG)}
    return {**texts, "docker-registry": program}


def build(node: str, folder: Path, files: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if isinstance(content, Path):
            shutil.copy(content, folder / name)
        else:
            (folder / name).write_text(content)
    run_manor("image", "build", str(folder), "--tag", f"{folder.name}:1", "--name", node)


def push_base(name: str, program: Path, folder: Path) -> None:
    """As the platform's engineer does, from the node's own network."""
    node = load_node(name)
    bundle = Bundle(Path(node.bin), Path(node.share))
    base = images.ensure(["base"], bundle=bundle, report=Report())["base"].archive
    own = {"DOCKER_CONFIG": str(folder)}
    login = ("auth", "login", HOST, "--username", USER, "--password", PASSWORD)
    assert on_node(name, str(program), *login, **own) == ""

    def pushed() -> bool:
        said = on_node(name, str(program), "push", str(base), BASE, **own)
        print(said)
        return not said

    # The Service's address leads to it a moment after it is ready.
    until_now("the base is there", pushed)


def on_node(name: str, *command: str, **variables: str) -> str:
    """Why what speaks with the registry fails in the node's network, past this machine's proxies;
    nothing where it does not."""
    own = {"PATH": os.environ["PATH"], **variables}
    words = enter(load_node(name), *command)
    done = subprocess.run(words, capture_output=True, text=True, env=own)
    return done.stderr if done.returncode else ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a data scientist has: the page's script, and a requirement whose wheel lies beside."""
    (tmp_path / "append.py").write_text(documented_script())
    (tmp_path / "requirements.txt").write_text("--no-index\n--find-links .\nhumanize\n")
    fetch = ["download", "--no-deps", "--only-binary", ":all:", "--dest", str(tmp_path)]
    run_pip = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pip", "--quiet"]
    subprocess.run([*run_pip, *fetch, "humanize"], check=True)
    return tmp_path


def test_a_job_of_the_team_builds_an_image_that_another_runs(team: Team, folder: Path) -> None:
    builds = ["run", str(folder / "append.py"), *SMALL, "--image", "manor.local/builder:1"]
    words = ["--", BASE, MADE]
    without = team.manor(*builds, *words)
    assert without.returncode != 0
    assert ".dockerconfigjson" in without.stderr
    secret = ("create", "secret", "docker-registry", "registry", f"--docker-server={HOST}")
    for password in ("wrong", PASSWORD):
        who = (f"--docker-username={USER}", f"--docker-password={password}")
        team.kubectl(*secret, *who, user="eddy")
        done = team.manor(*builds, "--env-from", "registry", *words)
        team.kubectl("delete", "secret", "registry", user="eddy")
        if password == "wrong":
            assert done.returncode != 0
            assert "UNAUTHORIZED" in done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"{MADE.rpartition(':')[0]}(:1)?@sha256:[0-9a-f]{{64}}", done.stdout)
    node = load_node(team.example.node.name)
    ctr = (f"{node.bin}/ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io")
    pull = ("images", "pull", "--plain-http", "--user", f"{USER}:{PASSWORD}", MADE)
    assert on_node(node.name, *ctr, *pull) == ""
    look = ["python3", "-c", "import humanize, os; print(humanize.intcomma(1234567))"]
    ran = team.manor("run", *SMALL, "--image", MADE, "--", *look)
    assert (ran.returncode, ran.stdout) == (0, "1,234,567\n"), ran.stderr


def test_a_build_is_refused_what_others_are(team: Team) -> None:
    other = team.manor("run", *SMALL, "--image", BASE, "--", "true")
    assert other.returncode == 2
    assert "registr" in other.stderr
    pod = yaml.safe_dump(AS_ROOT)
    words = ("-n", "forge", "apply", "-f", "-")
    root = team.example.kubectl("eddy", *words, given=pod)
    assert root.returncode != 0
    assert "manor-pod-fields" in root.stderr or "violates PodSecurity" in root.stderr, root.stderr
    tried = ["--image", "manor.local/builder:1", "--", "python3", "-c", ATTEMPTS]
    done = team.manor("run", *SMALL, *tried)
    first, *refused = done.stdout.splitlines()
    assert first == "getuid done", done.stderr
    assert [line.rsplit(" ", 3)[1:] for line in refused] == [
        ["Operation", "not", "permitted"]
    ] * 6, done.stdout
