"""Data and models of a team by their URIs: an S3 server, two teams, and a bucket for each
(docs/data.md)."""

import http.client
import io
import itertools
import json
import threading
import time
import zipfile
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gcp_storage_emulator
import pytest
import yaml

import store_servers
from manor.local.certificates import Authority, Wanted
from nodes import load_workload_images
from team_commands import Team
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "05-kserve"
SPECS = ["-f", "-", "-f", str(FOLDER / "teams")]
SERVER = "http://s3.object-store:8333"
FETCHING = "manor.local/storage-initializer:0.1.0"
PORTS = {
    "hub": store_servers.HUB_PORT,
    "storage": store_servers.STORAGE_PORT,
    "tokens": store_servers.TOKENS_PORT,
    "files": store_servers.FILES_PORT,
}
SMALL = ["--cpu", "50m", "--memory", "256Mi"]
FILL = """
import boto3
s3 = boto3.client("s3")
s3.create_bucket(Bucket="{bucket}")
for name in ("a.csv", "deep/b.csv"):
    s3.put_object(Bucket="{bucket}", Key=f"flowers/{{name}}", Body=b"{bucket}")
"""
READ = """
import pathlib
for file in sorted(pathlib.Path("/data").rglob("*.csv")):
    print(file.relative_to("/data"), file.read_text())
"""
WRITE = """
import os, pathlib, sys
print("it ran")
out = pathlib.Path("/out/deep")
out.mkdir()
(out / "a.csv").write_text(os.environ.get("LR", "whole"))
sys.exit(int(sys.argv[1]))
"""
REMOVE = """
import boto3
bucket = boto3.resource("s3").Bucket("serve-red")
bucket.objects.all().delete()
bucket.delete()
open("/out/a.csv", "w").write("late")
"""
ECHO = """
import http.server, pathlib
files = sorted(pathlib.Path("/mnt/models").rglob("*.csv"))
body = b" ".join(file.name.encode() + b"=" + file.read_bytes() for file in files)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("", 8080), Answer).serve_forever()
"""

BACK = """
import http.server, signal, threading
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST
server = http.server.ThreadingHTTPServer(("", 8080), Answer)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
KEPT = """
import gzip, pathlib, sys
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.jsonl.gz")):
    print(gzip.open(file, "rt").read(), end="")
"""


def platform() -> str:
    """The example's without KServe, whose installation brings its image by another name."""
    spec = yaml.safe_load((FOLDER / "platform.yaml").read_text())
    del spec["spec"]["tools"]
    spec["spec"]["images"] |= {"fetching": FETCHING, "proxy": "manor.local/envoy:0.1.0"}
    ports = list(PORTS.values())
    peer = {"name": "stores", "namespace": "stores", "direction": "egress", "ports": ports}
    spec["spec"]["network"]["peers"].append(peer)
    return yaml.safe_dump(spec)


@pytest.fixture(scope="module")
def teams(tool_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Team]]:
    """Two teams, and the platform's object store with a key for each."""
    example = tool_example(FOLDER)
    load_workload_images(example.node.name, "training", "storage-initializer", "seaweedfs")
    example.manor("apply", *SPECS, given=platform())
    made = example.kubectl(None, "apply", "-f", str(FOLDER / "s3" / "store.yaml"))
    assert made.returncode == 0, made.stderr
    status = ("-n", "object-store", "rollout", "status", "deployment/s3", "--timeout=120s")
    ready = example.kubectl(None, *status)
    assert ready.returncode == 0, ready.stdout + ready.stderr
    folder = tmp_path_factory.mktemp("people")
    yield {
        name: Team(example, folder, f"serve-{name}", f"{name}-owner") for name in ("red", "blue")
    }
    example.kubectl(None, "delete", "namespace", "object-store", "--wait=false")
    spaces = [word for name in ("red", "blue") for word in ("--delete-namespace", f"serve-{name}")]
    example.manor("delete", *SPECS, "--yes", "--delete-data", *spaces, given=platform())


@pytest.fixture(scope="module")
def stores(teams: dict[str, Team], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The servers of `store_servers.py` in a namespace of the platform's; a folder with what opens
    them: the authority's certificate, and a service account's key."""
    folder = tmp_path_factory.mktemp("stores")
    made = Authority(folder, "ca")
    made.issue(Wanted("server", "server", hosts=("files.stores",)))
    private, public = store_servers.new_key()
    (folder / "public.pem").write_bytes(public)
    tokens = f"http://files.stores:{store_servers.TOKENS_PORT}/token"
    (folder / "key.json").write_text(store_servers.account(private, tokens))
    other = store_servers.account(store_servers.new_key()[0], tokens)
    (folder / "other.json").write_text(other)
    example = teams["red"].example
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stores"}}
    meta = {"name": "files", "namespace": "stores"}
    for obj in (space, *({**obj, "metadata": meta} for obj in servers(folder))):
        done = example.kubectl(None, "apply", "-f", "-", given=json.dumps(obj))
        assert done.returncode == 0, done.stderr
    status = ("-n", "stores", "rollout", "status", "deployment/files", "--timeout=60s")
    ready = example.kubectl(None, *status)
    assert ready.returncode == 0, ready.stdout + ready.stderr
    yield folder
    example.kubectl(None, "delete", "namespace", "stores", "--wait=false")


def servers(folder: Path) -> list[dict[str, Any]]:
    """The program with the files of a folder, its pod, and its Service."""
    names = ("server.crt", "server.key", "public.pem")
    given = {name: (folder / name).read_text() for name in names}
    program = Path(store_servers.__file__).read_text()
    container = {
        "name": "files",
        "image": FETCHING,
        "command": ["python3", "servers.py", *given],
        "env": [{"name": "PYTHONPATH", "value": "/opt/packages:/files/emulator.zip"}],
        "workingDir": "/files",
        "readinessProbe": {"tcpSocket": {"port": store_servers.FILES_PORT}},
        "volumeMounts": [{"name": "files", "mountPath": "/files"}],
    }
    volume = {"name": "files", "configMap": {"name": "files"}}
    labels = {"app": "files"}
    pod = {"containers": [container], "volumes": [volume]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    ports = [{"name": name, "port": port} for name, port in PORTS.items()]
    deployment = {"selector": {"matchLabels": labels}, "template": template}
    config = {"data": {"servers.py": program, **given}, "binaryData": {"emulator.zip": emulator()}}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", **config},
        {"apiVersion": "apps/v1", "kind": "Deployment", "spec": deployment},
        {"apiVersion": "v1", "kind": "Service", "spec": {"selector": labels, "ports": ports}},
    ]


def emulator() -> str:
    """The package of Google's storage, which no image has, as a zip file that Python imports."""
    package, packed = Path(gcp_storage_emulator.__file__).parent, io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in package.rglob("*.py"):
            archive.write(file, file.relative_to(package.parent))
    return b64encode(packed.getvalue()).decode()


def connect(team: Team, secret: str, *words: str) -> Any:
    """What `manor connect s3 bucket` says to a key."""
    key = {"AWS_ACCESS_KEY_ID": team.user.partition("-")[0], "AWS_SECRET_ACCESS_KEY": secret}
    return team.manor("connect", "s3", "bucket", "--endpoint", SERVER, *words, **key)


def test_keys_are_tried_before_they_are_kept(teams: dict[str, Team]) -> None:
    red = teams["red"]
    refused = connect(red, "wrong")
    assert refused.returncode == 2
    assert "the server refused it" in refused.stderr
    assert "SignatureDoesNotMatch" in refused.stderr
    assert "bucket" not in red.kubectl("get", "secrets")
    for name, team in teams.items():
        done = connect(team, f"{name}-secret")
        assert done.returncode == 0, done.stderr
        assert f"{name}-secret" not in done.stdout + done.stderr
        assert team.kubectl("get", "secret", "bucket", "-o", "jsonpath={.type}") == "manor.dev/s3"
    until_now("nothing tries any more", lambda: "manor-errand" not in red.kubectl("get", "pods"))


def test_a_job_finds_its_teams_data_and_no_one_elses(
    teams: dict[str, Team], tmp_path: Path
) -> None:
    (tmp_path / "read.py").write_text(READ)
    for name, team in teams.items():
        (tmp_path / "fill.py").write_text(FILL.format(bucket=f"serve-{name}"))
        words = ["--image", FETCHING, "--env-from", "bucket", *SMALL]
        done = team.manor("run", str(tmp_path / "fill.py"), *words)
        assert done.returncode == 0, done.stdout + done.stderr
    known = connect(teams["red"], "red-secret", "--bucket", "serve-red")
    assert "it opens serve-red" in known.stderr
    other = connect(teams["red"], "red-secret", "--bucket", "serve-blue")
    assert other.returncode == 2
    assert "AccessDenied" in other.stderr

    for name, team in teams.items():
        words = ["--data", f"s3://serve-{name}/flowers", "--connection", "bucket", *SMALL]
        done = team.manor("run", str(tmp_path / "read.py"), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        wanted = [f"a.csv serve-{name}", f"deep/b.csv serve-{name}"]
        assert done.stdout.splitlines()[-2:] == wanted

    words = ["--data", "s3://serve-red/flowers:/red", "--connection", "bucket", "--name", "stolen"]
    done = teams["blue"].manor("run", str(tmp_path / "read.py"), *words, *SMALL)
    assert done.returncode != 0
    assert "s3://serve-red/flowers cannot be fetched" in done.stdout + done.stderr
    assert "403" in done.stdout + done.stderr


ASK = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080').read().decode())"
SAID = ("exec", "deployment/echo", "--", "python3", "-c", ASK)
"""What the server of `echo` answers."""


def echo(uri: str, secret: str) -> dict[str, Any]:
    """A Model of red's that tells what was fetched."""
    spec: dict[str, Any] = {
        "format": "custom",
        "image": "manor.local/training:0.1.0",
        "storageUri": uri,
        "storageSecret": secret,
        "server": {"command": ["python3", "-c", ECHO]},
        "resources": {"cpu": "50m", "memory": "256Mi"},
    }
    return {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "Model",
        "metadata": {"name": "echo", "namespace": "serve-red"},
        "spec": spec,
    }


def test_a_model_is_fetched_when_a_replica_starts(teams: dict[str, Team]) -> None:
    """By the engine that needs nothing else installed; the server is one of the team's own."""
    model = echo("s3://serve-red/flowers", "bucket")
    spec, red = model["spec"], teams["red"]
    red.example.manor("apply", "-f", "-", given=yaml.safe_dump(model))
    assert "a.csv=serve-red" in red.kubectl(*SAID)

    # Another version, and the first again.
    spec["storageUri"] = "s3://serve-red/flowers/deep"
    red.example.manor("apply", "-f", "-", given=yaml.safe_dump(model))
    listed = red.manor("models", "history", "echo").stdout.splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [
        ["2", "s3://serve-red/flowers/deep"],
        ["1", "s3://serve-red/flowers"],
    ]
    back = red.manor("models", "rollback", "echo")
    assert back.returncode == 0, back.stderr
    assert "serves s3://serve-red/flowers again" in back.stderr
    uri = red.kubectl("get", "model", "echo", "-o", "jsonpath={.spec.storageUri}")
    assert uri == "s3://serve-red/flowers"
    until_now("the first is served again", lambda: "a.csv" in red.kubectl(*SAID))
    red.example.manor("delete", "-f", "-", "--yes", given=json.dumps(model))


def read(team: Team, folder: Path, uri: str, connection: str = "bucket") -> list[str]:
    """What is there, as another job of the team finds it."""
    (folder / "read.py").write_text(READ)
    words = ["--data", uri, "--connection", connection, *SMALL]
    done = team.manor("run", str(folder / "read.py"), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ".csv " in line]


def save(
    team: Team, script: Path, uri: str, *words: str, code: str = "0", connection: str = "bucket"
) -> Any:
    """What a job says that stores what it writes, by the team's own connection."""
    options = ["--save", uri, "--connection", connection, *SMALL, *words]
    return team.manor("run", str(script), *options, "--", code)


def test_what_a_job_writes_is_stored_and_in_no_other_teams_bucket(
    teams: dict[str, Team], tmp_path: Path
) -> None:
    script = tmp_path / "write.py"
    script.write_text(WRITE)
    red, blue = teams["red"], teams["blue"]
    done = save(red, script, "s3://serve-red/runs/1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert read(red, tmp_path, "s3://serve-red/runs/1") == ["deep/a.csv whole"]
    assert "red-secret" not in red.kubectl("get", "pods,jobs,trainingjobs", "-o", "yaml")

    trials = save(red, script, "s3://serve-red/runs/2", "--sweep", "LR=1,2", "--at-once", "2")
    assert trials.returncode == 0, trials.stdout + trials.stderr
    found = read(red, tmp_path, "s3://serve-red/runs/2")
    assert found == ["0/deep/a.csv 1", "1/deep/a.csv 2"]

    failed = save(red, script, "s3://serve-red/runs/3", code="3")
    assert (failed.returncode, "it ran" in failed.stdout) == (3, True)
    astray = save(blue, script, "s3://serve-red/runs/4", "--name", "astray")
    assert astray.returncode == 1
    assert "s3://serve-red/runs/4 cannot be stored" in astray.stderr
    assert "AccessDenied" in astray.stderr
    assert "it ran" not in astray.stdout
    told = blue.manor("explain", "job", "astray")
    assert "s3://serve-red/runs/4 cannot be stored" in told.stdout + told.stderr
    found = read(red, tmp_path, "s3://serve-red/runs")
    assert found == ["1/deep/a.csv whole", "2/0/deep/a.csv 1", "2/1/deep/a.csv 2"]


class Asking(threading.Thread):
    """Asks a Model of red's over and over, while something happens to it."""

    def __init__(self, node: Any, key: str) -> None:
        super().__init__()
        self._ip, _, port = node.ingress.removeprefix("http://").partition(":")
        self._port, self._key = int(port), key
        self.answers: list[int] = []
        self._end = threading.Event()

    def ask(self, number: str) -> int:
        """The status of one request."""
        connection = http.client.HTTPConnection(self._ip, self._port, timeout=30)
        headers = {"Host": "serve-red.manor.local", "Authorization": f"Bearer {self._key}"}
        try:
            connection.request("POST", "/models/asked/say?token=hush", number, headers)
            answer = connection.getresponse()
            assert answer.status != 200 or answer.read().decode() == number
            return answer.status
        except OSError:
            return 0
        finally:
            connection.close()

    def run(self) -> None:
        while not self._end.wait(0.02):
            self.answers.append(self.ask("any"))

    def __enter__(self) -> "Asking":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()


def test_what_a_model_is_asked_is_kept_and_no_request_is_lost_for_it(
    teams: dict[str, Team], tmp_path: Path
) -> None:
    red, blue = teams["red"], teams["blue"]
    model = echo("s3://serve-red/flowers", "bucket")
    model["metadata"]["name"] = "asked"
    spec = model["spec"]
    del spec["storageUri"], spec["storageSecret"]
    spec["server"]["command"][-1] = BACK
    node = red.example.node

    def apply(log: dict[str, Any] | None) -> None:
        """With another request each 20 ms."""
        spec["requestLog"] = log
        with Asking(node, key) as asking:
            red.example.manor("apply", "-f", "-", given=yaml.safe_dump(model))
            time.sleep(8)  # until the pod of before has ended
        assert len(asking.answers) > 100
        assert set(asking.answers) == {200}, asking.answers

    def ask(word: str) -> None:
        asking = Asking(node, key)
        assert {asking.ask(f"{word}-{number}") for number in range(30)} == {200}

    def log() -> str:
        return red.kubectl("logs", "deployment/asked", "-c", "request-log")

    red.example.manor("apply", "-f", "-", given=yaml.safe_dump(model))
    key = red.manor("keys", "create", "asked", "--name", "web").stdout.split()[-1]
    until_now("it is asked", lambda: Asking(node, key).ask("first") == 200)
    apply({"uri": "s3://serve-red/asked", "secret": "bucket"})
    ask("near")

    store = ("-n", "object-store", "scale", "deployment/s3")
    red.example.kubectl(None, *store, "--replicas=0")
    ask("away")
    until_now("that is told", lambda: "cannot be stored, and requests wait" in log(), 240)
    red.example.kubectl(None, *store, "--replicas=1")
    until_now("it is stored", lambda: "requests are stored again" in log(), 120)

    # What was not packed yet is stored before the pod has ended.
    ask("last")
    apply({"uri": "pvc://models/asked"})
    (tmp_path / "kept.py").write_text(KEPT)
    words = ["--data", "s3://serve-red/asked", "--connection", "bucket", *SMALL]

    def kept() -> str:
        done = red.manor("run", str(tmp_path / "kept.py"), *words, "--", "/data")
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    said = kept()
    records = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    for word in ("near", "away", "last"):
        found = [one for one in records if one["request"]["body"].startswith(word)]
        assert sorted(one["response"]["body"] for one in found) == sorted(
            f"{word}-{number}" for number in range(30)
        )
        assert {(one["status"], one["key"], one["version"], one["path"]) for one in found} == {
            (200, "web", "asked", "/say")
        }
    for secret in (key, "Bearer", "hush", "red-secret"):
        assert secret not in said
    stolen = blue.manor("run", str(tmp_path / "kept.py"), *words, "--", "/data")
    assert stolen.returncode != 0
    assert "403" in stolen.stdout + stolen.stderr

    ask("there")
    red.kubectl("rollout", "restart", "deployment/asked")
    red.kubectl("rollout", "status", "deployment/asked", "--timeout=120s")
    words = ["--volume", "models:/models", *SMALL]

    def on_the_volume() -> int:
        done = red.manor("run", str(tmp_path / "kept.py"), *words, "--", "/models/asked")
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout).count('"body": "there-') // 2

    until_now("all is on the volume", lambda: on_the_volume() == 30)
    red.example.manor("delete", "-f", "-", "--yes", given=json.dumps(model))


VERSIONS = """
import http.server, os, signal, time
version = os.environ["MODEL_PATH"].rpartition("/")[2].encode()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(version)))
        self.end_headers()
        self.wfile.write(version)
    do_POST = do_GET
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""


def test_what_is_kept_tells_which_version_answered(teams: dict[str, Team], tmp_path: Path) -> None:
    """Each request once, by the version that its client heard, while canaries come and go; what a
    shadow was sent is there as well."""
    red, said = teams["red"], dict[str, str]()
    model = echo("pvc://models/one", "bucket")
    model["metadata"]["name"] = "versions"
    spec = model["spec"]
    del spec["storageSecret"]
    spec["server"]["command"][-1] = VERSIONS
    spec |= {"requestLog": {"uri": "pvc://models/versions"}, "access": {"mode": "public"}}
    ip, _, port = red.example.node.ingress.removeprefix("http://").partition(":")
    over = threading.Event()

    def ask(number: str) -> str:
        connection = http.client.HTTPConnection(ip, int(port), timeout=30)
        try:
            headers = {"Host": "serve-red.manor.local"}
            connection.request("POST", "/models/versions/say", number, headers)
            answer = connection.getresponse()
            return answer.read().decode() if answer.status == 200 else str(answer.status)
        except OSError as error:
            return repr(error)
        finally:
            connection.close()

    def keep_asking() -> None:
        for number in itertools.count():
            if over.wait(0.02):
                return
            said[f"ask-{number}"] = ask(f"ask-{number}")

    def heard(*versions: str) -> bool:
        return {ask("any") for _ in range(20)} == {*versions}

    def change(**fields: Any) -> None:
        spec.update(fields)
        red.example.manor("apply", "-f", "-", given=yaml.safe_dump(model))

    change()
    until_now("it answers", lambda: heard("one"), 120)
    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        change(canary={"storageUri": "pvc://models/two", "weight": 50})
        until_now("both answer", lambda: heard("one", "two"), 120)
        change(canary={"storageUri": "pvc://models/three", "weight": 100, "shadow": True})
        until_now("one answers", lambda: heard("one"), 120)
        time.sleep(3)
        change(canary={"storageUri": "pvc://models/two", "weight": 50})
        done = red.manor("models", "promote", "versions")
        assert done.returncode == 0, done.stderr
        until_now("the other is the model", lambda: heard("two"), 120)
    finally:
        over.set()
        asking.join()
    # What was not packed yet is stored before the pods have ended.
    red.example.manor("delete", "-f", "-", "--yes", given=json.dumps(model))
    labels = ("get", "pods", "-l", "app.kubernetes.io/name=versions", "-o", "name")
    until_now("its pods are gone", lambda: not red.kubectl(*labels))

    (tmp_path / "kept.py").write_text(KEPT)
    words = ["--volume", "models:/models", *SMALL, "--", "/models/versions"]
    kept = red.manor("run", str(tmp_path / "kept.py"), *words)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    records = [json.loads(line) for line in kept.stdout.splitlines() if line.startswith("{")]
    found = [one for one in records if one["request"]["body"] in said]
    for one in found:
        assert one["storageUri"] == f"pvc://models/{one['response']['body']}"
    assert {*said.values()} == {"one", "two"}
    kept_of = Counter((one["request"]["body"], one["response"]["body"]) for one in found)
    assert {told for told in said.items() if not kept_of[told]} == set()
    # What was answered besides are copies, which the canary gets while it is a shadow.
    copies = kept_of - Counter(said.items())
    assert {version for _, version in copies} == {"two", "three"}
    assert {kept_of[told] for told in said.items() if said[told[0]] == "one"} == {1}
    assert {(one["version"], one["response"]["body"]) for one in found} == {
        ("versions", "one"),
        ("versions-canary", "two"),
        ("versions-canary", "three"),
        ("versions", "two"),
    }


def test_a_job_whose_outputs_cannot_be_stored_has_failed(
    teams: dict[str, Team], tmp_path: Path
) -> None:
    """Its bucket goes while it runs."""
    script = tmp_path / "remove.py"
    script.write_text(REMOVE)
    words = ["--image", FETCHING, "--env-from", "bucket"]
    done = save(teams["red"], script, "s3://serve-red/late", *words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "s3://serve-red/late cannot be stored" in done.stderr
    assert "PutObject" in done.stderr


HUB = f"http://files.stores:{store_servers.HUB_PORT}"
STORAGE = f"http://files.stores:{store_servers.STORAGE_PORT}"
URL = f"https://files.stores:{store_servers.FILES_PORT}{store_servers.FILE}"


def test_other_stores_are_connected_as_an_s3_server_is(
    teams: dict[str, Team], stores: Path, tmp_path: Path
) -> None:
    red = teams["red"]

    def hub(*words: str, at: str = HUB) -> Any:
        token = store_servers.TOKEN
        return red.manor("connect", "hf", "hub", *words, HF_TOKEN=token, HF_ENDPOINT=at)

    def web(secret: str = store_servers.SECRET) -> Any:
        words = ["--url", URL, "--ca-file", str(stores / "ca.crt")]
        return red.manor("connect", "https", "files", *words, HTTPS_SECRET=secret)

    def google(key: str = "key.json") -> Any:
        words = ["--key-file", str(stores / key), "--endpoint", STORAGE]
        words += ["--bucket", store_servers.BUCKET]
        return red.manor("connect", "gs", "google", *words)

    closed = HUB.replace(str(store_servers.HUB_PORT), "8081")
    for done, why in (
        (hub(at=closed), "the server is not reached from namespace serve-red"),
        (web("wrong-secret"), "the server refused it: 401 Client Error"),
        (google("other.json"), "Invalid JWT Signature"),
    ):
        assert done.returncode == 2
        assert why in done.stderr
        for secret in ("hf_", "wrong-secret", "PRIVATE KEY"):
            assert secret not in done.stdout + done.stderr
    held = red.kubectl("get", "secrets", "-o", "name").split()
    assert not {f"secret/{name}" for name in ("hub", "files", "google")} & {*held}

    for done, name, kind in (
        (hub("--repository", "org/faces"), "hub", "hf"),
        (web(), "files", "https"),
        (google(), "google", "gs"),
    ):
        assert done.returncode == 0, done.stderr
        stored = red.kubectl("get", "secret", name, "-o", "jsonpath={.type}")
        assert stored == f"manor.dev/{kind}"

    (tmp_path / "write.py").write_text(WRITE)
    done = save(red, tmp_path / "write.py", "gs://faces/runs/1", connection="google")
    assert done.returncode == 0, done.stdout + done.stderr
    for uri, name, wanted in (
        (URL, "files", ["a.csv files"]),
        ("gs://faces/runs/1", "google", ["deep/a.csv whole"]),
    ):
        assert read(red, tmp_path, uri, connection=name) == wanted

    model = json.dumps(echo("hf://org/faces", "hub"))
    red.example.manor("apply", "-f", "-", given=model)
    assert red.kubectl(*SAID).split() == ["a.csv=hub", "b.csv=hub"]
    red.example.manor("delete", "-f", "-", "--yes", given=model)

    wrong = red.manor("run", str(tmp_path / "read.py"), "--data", URL, "--connection", "hub")
    assert wrong.returncode == 2
    assert f"spec.data[0].secret: connection 'hub' opens hf://, and not {URL}" in wrong.stderr
