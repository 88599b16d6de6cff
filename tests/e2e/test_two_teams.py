"""From nothing to two teams, each with a model trained and served, on a real node; and what its
operator does."""

import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

import load
from manor.local.components import CONTAINERD_SOCKET
from manor.local.node import load_node
from manor.local.processes import enter
from manor.signing import make_key
from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

EXAMPLE = str(Path(__file__).parent.parent.parent / "examples" / "01-two-teams")
CLASSES = {"iris": [0, 1, 2], "wine": [0, 1, 2]}


def test_up_trains_serves_and_proves_isolation(two_teams: Any) -> None:
    assert two_teams.up.returncode == 0, two_teams.up.stdout[-6000:] + two_teams.up.stderr[-2000:]
    for model, classes in CLASSES.items():
        (line,) = (line for line in two_teams.up.stdout.splitlines() if f" {model} " in line)
        assert line.rstrip().endswith(str(classes))


@pytest.mark.parametrize(("model", "namespace"), [("iris", "tenant-a"), ("wine", "tenant-b")])
def test_predict_gets_the_right_classes_by_the_tenants_host_name(
    two_teams: Any, model: str, namespace: str
) -> None:
    sample = f"@{EXAMPLE}/requests/{model}.json"
    answer = two_teams.manor("predict", model, sample, "-n", namespace)
    assert answer.returncode == 0, answer.stderr
    (output,) = json.loads(answer.stdout)["outputs"]
    assert output["data"] == CLASSES[model]


def test_the_printed_curl_line_works(two_teams: Any) -> None:
    (line,) = (
        line
        for line in two_teams.up.stdout.splitlines()
        if line.startswith("curl") and "iris" in line
    )
    answer = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60)
    assert json.loads(answer.stdout)["outputs"][0]["data"] == [0]


SAMPLE = '{"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [[5, 3, 1, 0]]}]}'


def _asked(two_teams: Any, key: str = "", *headers: str, host: str = "tenant-a.manor.local") -> str:
    """The status with which the gateway answers a request for the model iris."""
    port = two_teams.node.ingress.rpartition(":")[2]
    given = [f"Host: {host}:{port}", "Content-Type: application/json", *headers]
    given += [f"Authorization: Bearer {key}"] if key else []
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", SAMPLE]
    for header in given:
        command += ["-H", header]
    url = f"{two_teams.node.ingress}/v2/models/iris/infer"
    return subprocess.run([*command, url], capture_output=True, text=True, timeout=60).stdout


def _key(two_teams: Any, model: str, namespace: str, name: str, *words: str) -> str:
    made = two_teams.manor("keys", "create", model, "-n", namespace, "--name", name, *words)
    assert made.returncode == 0, made.stderr
    return str(made.stdout.strip())


def test_the_others_host_name_does_not_lead_to_the_model(two_teams: Any) -> None:
    key = _key(two_teams, "iris", "tenant-a", "hosts")
    until_now("it answers", lambda: _asked(two_teams, key) == "200")
    assert _asked(two_teams, key, host="tenant-b.manor.local") == "404"
    assert _asked(two_teams, key, host="x.example.com") == "404"


def test_a_model_is_asked_with_a_key_of_its_own_alone(two_teams: Any) -> None:
    """Nobody's, another team's, another model's, forged, expired and revoked ones are refused; what
    was made by hand is kept by who applies the file."""
    good = _key(two_teams, "iris", "tenant-a", "good")
    until_now("it opens", lambda: _asked(two_teams, good) == "200")
    ended = make_key("tenant-a", "iris", "ended", datetime.now(UTC) - timedelta(hours=1))
    value = ended.public.model_dump(by_alias=True)
    added = [{"op": "add", "path": "/spec/access/keys/-", "value": value}]
    two_teams.kubectl(
        *("-n", "tenant-a", "patch", "model", "iris", "--type=json", "-p", json.dumps(added))
    )
    others = {
        "nobody's": "",
        "another team's": _key(two_teams, "wine", "tenant-b", "good"),
        "no key that was given out": make_key("tenant-a", "iris", "good", None).token,
        "of another model": make_key("tenant-a", "wine", "good", None).token,
        "no token": "good",
        "expired": ended.token,
    }
    found = {what: _asked(two_teams, key) for what, key in others.items()}
    assert set(found.values()) <= {"401", "403"}, found
    for forged in ("X-Manor-Key: good", "X-Forwarded-User: tenant-a-user", "x_manor_key: good"):
        assert _asked(two_teams, "", forged) in ("400", "401"), forged
    applied = two_teams.manor("apply", "-f", EXAMPLE)
    assert applied.returncode == 0, applied.stderr
    assert _asked(two_teams, good) == "200"
    gone = two_teams.manor("keys", "revoke", "iris", "good", "ended", "hosts", "-n", "tenant-a")
    assert gone.returncode == 0, gone.stderr
    until_now("it opens no more", lambda: _asked(two_teams, good) == "401")
    listed = two_teams.manor("keys", "list", "iris", "-n", "tenant-a")
    assert "good" not in listed.stdout


def test_a_key_asks_no_more_often_than_it_may(two_teams: Any) -> None:
    """Nor in the name of another, which is not hindered; the model's own limit is for the keys that
    say none."""

    def answered(key: str, *headers: str) -> int:
        """How many of eight requests at once are answered, where the others are too many."""
        statuses = [_asked(two_teams, key, *headers) for _ in range(8)]
        assert {*statuses} <= {"200", "429"}
        return statuses.count("200")

    free = _key(two_teams, "iris", "tenant-a", "free")
    bound = _key(two_teams, "iris", "tenant-a", "bound", "--limit", "2")
    started = time.monotonic()
    until_now("they open", lambda: _asked(two_teams, free) == "200")
    first = answered(bound)
    forged = answered(bound, "X-Manor-Key: free")
    # What is spent comes back over the minute.
    back = int((time.monotonic() - started) / 30) + 1
    assert 0 < first + forged <= 2 + back
    assert answered(free) == 8
    limit = json.dumps({"spec": {"access": {"requestsPerMinute": 1}}})
    patch = ("-n", "tenant-a", "patch", "model", "iris", "--type=merge", "-p", limit)
    two_teams.kubectl(*patch)
    until_now("the model's own limit", lambda: answered(free) <= 1)
    listed = two_teams.manor("keys", "list", "iris", "-n", "tenant-a").stdout.splitlines()
    told = {line.split()[1]: line.split()[-2] for line in listed}
    assert (told["free"], told["bound"]) == ("1", "2")
    two_teams.kubectl(*patch[:-1], json.dumps({"spec": {"access": {"requestsPerMinute": None}}}))
    assert two_teams.manor("keys", "revoke", "iris", "bound", "-n", "tenant-a").returncode == 0
    gone = ("-n", "tenant-a", "get", "backendtrafficpolicies", "iris", "--ignore-not-found")
    until_now("nothing counts", lambda: not two_teams.kubectl(*gone))
    until_now("nothing is too much", lambda: answered(free) == 8)
    assert two_teams.manor("keys", "revoke", "iris", "free", "-n", "tenant-a").returncode == 0


def test_a_second_apply_writes_nothing_and_diff_is_empty(two_teams: Any) -> None:
    again = two_teams.manor("apply", "-f", EXAMPLE)
    assert again.returncode == 0, again.stderr
    assert not {"created", "updated", "deleted"} & set(again.stderr.split())
    diff = two_teams.manor("diff", "-f", EXAMPLE)
    assert (diff.returncode, diff.stdout) == (0, "")


def test_a_data_scientist_serves_a_model_with_a_team_members_rights(
    two_teams: Any, tmp_path: Path
) -> None:
    """tenant-a-user owns the tenant, is no administrator, and applies a Model of its own."""
    kubeconfig = _kubeconfig(two_teams, "tenant-a-user", tmp_path)
    spec = (
        (Path(EXAMPLE) / "iris.yaml")
        .read_text()
        .split("---")[1]
        .replace("name: iris", "name: iris-two")
    )
    applied = two_teams.manor("apply", "--kubeconfig", kubeconfig, "-f", "-", given=spec)
    assert applied.returncode == 0, applied.stderr
    asked = two_teams.manor("predict", "iris-two", "[[5.1, 3.5, 1.4, 0.2]]", "-n", "tenant-a")
    assert json.loads(asked.stdout)["outputs"][0]["data"] == [0]
    other = spec.replace("namespace: tenant-a", "namespace: tenant-b")
    refused = two_teams.manor("apply", "--kubeconfig", kubeconfig, "-f", "-", given=other)
    assert refused.returncode == 2
    assert "belongs to no tenant; one of: tenant-a" in refused.stderr
    gone = two_teams.manor("delete", "--kubeconfig", kubeconfig, "--yes", "-f", "-", given=spec)
    assert gone.returncode == 0, gone.stderr


FOLDER = """
import json, joblib, os
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
for name, load in (("flowers", load_iris), ("bottles", load_wine)):
    folder = f"/models/several.new/{name}"
    os.makedirs(folder)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    joblib.dump(model.fit(*load(return_X_y=True)), f"{folder}/model.joblib")
    settings = json.loads(os.environ["SETTINGS"]) | {"name": name}
    with open(f"{folder}/model-settings.json", "w") as file:
        json.dump(settings, file)
os.replace("/models/several.new", "/models/several-1")
"""


def test_several_small_models_share_a_server_as_the_page_says(two_teams: Any) -> None:
    """Each answers by its own name, and no other does."""
    page = (Path(EXAMPLE).parents[1] / "docs" / "models.md").read_text()
    part = page.partition("### Several small models on one server")[2]
    model, settings = (part.split(f"```{kind}\n")[1].split("```")[0] for kind in ("yaml", "json"))
    model = model.replace("vision", "tenant-a")
    words = ("--cpu", "250m", "--volume", "models:/models", "--env", f"SETTINGS={settings}")
    made = two_teams.manor("run", "-n", "tenant-a", *words, "--", "python3", "-c", FOLDER)
    assert made.returncode == 0, made.stderr
    applied = two_teams.manor("apply", "-f", "-", given=model)
    assert applied.returncode == 0, applied.stderr

    def asked(name: str, sample: str) -> subprocess.CompletedProcess[str]:
        features = json.loads((Path(EXAMPLE) / "requests" / f"{sample}.json").read_text())
        shape = [len(features), len(features[0])]
        values = {"name": "x", "shape": shape, "datatype": "FP64", "data": features}
        words = ("several", json.dumps({"inputs": [values]}), "-n", "tenant-a")
        done: subprocess.CompletedProcess[str] = two_teams.manor(
            "predict", *words, "--path", f"v2/models/{name}/infer"
        )
        return done

    for name, sample in (("flowers", "iris"), ("bottles", "wine")):
        done = asked(name, sample)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert (answer["model_name"], answer["outputs"][0]["data"]) == (name, CLASSES[sample])
    assert "404" in asked("several", "iris").stderr
    gone = two_teams.manor("delete", "-f", "-", "--yes", given=model)
    assert gone.returncode == 0, gone.stderr


OPERATED = ("--as", "tenant-c-user", "-n", "tenant-c")


def test_kubectl_apply_is_enough(two_teams: Any) -> None:
    """The administrator stores a Tenant, its owner a TrainingJob and a Model: nothing else is done
    by anybody."""
    specs = {
        name: (Path(EXAMPLE) / f"{name}.yaml").read_text().replace("tenant-a", "tenant-c")
        for name in ("tenant-a", "iris")
    }
    two_teams.kubectl("apply", "-f", "-", given=specs["tenant-a"])
    two_teams.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "tenant/tenant-c")
    two_teams.kubectl(*OPERATED, "apply", "-f", "-", given=specs["iris"])
    for condition, name in (("Succeeded", "trainingjob/train-iris"), ("Ready", "model/iris")):
        two_teams.kubectl(*OPERATED, "wait", f"--for=condition={condition}", "--timeout=300s", name)
    asked = two_teams.manor("predict", "iris", "[[5.1, 3.5, 1.4, 0.2]]", "-n", "tenant-c")
    assert json.loads(asked.stdout)["outputs"][0]["data"] == [0]


def test_kubectl_get_manor_tells_how_all_stands(two_teams: Any) -> None:
    told = two_teams.kubectl("get", "manor", "-A")
    print(told)
    lines = [line.split() for line in told.splitlines()]
    stands = {tuple(line[: 1 + line[0].startswith("tenant-")]): line for line in lines if line}
    ready = ["platform.manor.dev/manor", *(f"tenant.manor.dev/tenant-{team}" for team in "abc")]
    assert [stands[(name,)][1] for name in ready] == ["True"] * 4
    assert "Succeeded" in stands["tenant-a", "trainingjob.manor.dev/train-iris"]
    _, _, serves, url, *_ = stands["tenant-c", "model.manor.dev/iris"]
    assert (serves, "//tenant-c.manor.local" in url) == ("True", True)


HOST = "tenant-c.manor.local"


@contextmanager
def _asking(two_teams: Any, key: str) -> Iterator[list[str]]:
    """Requests for team c's model, one after the other until the block ends: their statuses, 000 of
    one that was lost."""
    statuses, over = list[str](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            statuses.append(_asked(two_teams, key, host=HOST))
            over.wait(0.1)  # the servers that start meanwhile need the cores

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join()


def _kubeconfig(two_teams: Any, user: str, folder: Path) -> str:
    made = two_teams.manor("local", "kubeconfig", "--name", two_teams.node.name, "--user", user)
    assert made.returncode == 0, made.stderr
    (folder / user).write_text(made.stdout)
    return str(folder / user)


def test_a_shadow_gets_copies_and_every_version_counts(two_teams: Any, tmp_path: Path) -> None:
    """The model answers everybody, its shadow nobody until it is none, and no request is lost from
    its coming until it is the model; the team's owner reads what each was asked with his own
    rights."""
    owner, stranger = (_kubeconfig(two_teams, f"tenant-{team}-user", tmp_path) for team in "ca")
    key = _key(two_teams, "iris", "tenant-c", "load")
    until_now("it opens", lambda: _asked(two_teams, key, host=HOST) == "200")
    describe = ("describe", "model", "iris", "-n", "tenant-c", "-o", "json", "--kubeconfig")

    def versions() -> list[dict[str, Any]]:
        told = two_teams.manor(*describe, owner)
        assert told.returncode == 0, told.stderr
        return list(json.loads(told.stdout)["versions"])

    def split() -> list[int]:
        """How many of twenty requests have come to each version."""
        before = [version.get("requests", 0) for version in versions()]
        assert [_asked(two_teams, key, host=HOST) for _ in range(20)] == ["200"] * 20
        return [version["requests"] - n for version, n in zip(versions(), before, strict=True)]

    def change(**canary: Any) -> None:
        spec = json.dumps({"spec": {"canary": canary}})
        two_teams.kubectl(*OPERATED, "patch", "model", "iris", "--type=merge", "-p", spec)

    with _asking(two_teams, key) as statuses:
        change(storageUri="pvc://models/iris", weight=100, shadow=True)
        is_made = ("get", "deployment/iris-canary", "--ignore-not-found")
        until_now("it is made", lambda: bool(two_teams.kubectl(*OPERATED, *is_made)))
        _rolled_out(two_teams, "iris-canary")
    until_now("both are asked", lambda: split() == [20, 20])
    stable = versions()[0]
    assert stable["statuses"].keys() == {"200"}
    assert 0 < stable["seconds"]["p50"] <= stable["seconds"]["p99"] < 5
    assert two_teams.manor(*describe, stranger).returncode == 2
    change(shadow=False)
    until_now("it answers", lambda: split() == [0, 20])
    with _asking(two_teams, key) as more:
        promote = ("models", "promote", "iris", "-n", "tenant-c", "--kubeconfig", owner)
        promoted = two_teams.manor(*promote)
        assert promoted.returncode == 0, promoted.stderr
        _rolled_out(two_teams, "iris")
    until_now("the canary is gone", lambda: len(versions()) == 1)
    (served,) = versions()
    assert (served["storageUri"], served["ready"]) == ("pvc://models/iris", 1)
    assert {*statuses, *more} == {"200"}


def _rolled_out(two_teams: Any, deployment: str) -> None:
    two_teams.kubectl(*OPERATED, "rollout", "status", f"deployment/{deployment}", "--timeout=120s")


SERVER = """
import http.server, os, signal, threading, time
name = os.environ.get("MODEL_PATH", "one").rpartition("/")[2]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(200)
    def do_POST(self):
        if self.rfile.read(int(self.headers["Content-Length"])) == b"slow":
            time.sleep(16)
        self.answer(500 if name == "bad" else 200)
    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", str(len(name)))
        self.end_headers()
        self.wfile.write(name.encode())
# What has come by then is answered.
signal.signal(signal.SIGTERM, lambda *_: threading.Timer(3, os._exit, [0]).start())
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


def _served(two_teams: Any, name: str, **spec: Any) -> str:
    """A server of team c's own, stored by its owner; a key to it, once it opens."""
    whole = {
        "format": "custom",
        "image": "manor.local/training:0.1.0",
        "server": {"command": ["python3", "-c", SERVER]},
        "resources": {"cpu": "50m", "memory": "64Mi"},
        **spec,
    }
    meta = {"name": name, "namespace": "tenant-c"}
    model = {"apiVersion": "manor.dev/v1alpha1", "kind": "Model", "metadata": meta, "spec": whole}
    two_teams.kubectl(*OPERATED, "apply", "-f", "-", given=yaml.safe_dump(model))
    two_teams.kubectl(*OPERATED, "wait", "--for=condition=Ready", "--timeout=120s", f"model/{name}")
    key = _key(two_teams, name, "tenant-c", "load")
    until_now("it opens", lambda: _post(two_teams, name, key) == "200")
    return key


def _sent(
    two_teams: Any, name: str, key: str, body: bytes = b"x", seconds: int = 60
) -> http.client.HTTPConnection:
    """A request for a server of team c's own, on its way."""
    address = two_teams.node.ingress.removeprefix("http://")
    headers = {"Host": f"{HOST}:{address.rpartition(':')[2]}", "Authorization": f"Bearer {key}"}
    connection = http.client.HTTPConnection(address, timeout=seconds)
    connection.request("POST", f"/models/{name}/", body, headers)
    return connection


def _post(two_teams: Any, name: str, key: str, body: bytes = b"x") -> str:
    """The status with which the gateway answers it."""
    try:
        with closing(_sent(two_teams, name, key, body)) as connection:
            return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return repr(error)


def _curl(two_teams: Any, name: str, key: str, body: Path) -> str:
    """The same by a client that reads while it sends."""
    port = two_teams.node.ingress.rpartition(":")[2]
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", f"@{body}"]
    for header in (f"Host: {HOST}:{port}", f"Authorization: Bearer {key}"):
        command += ["-H", header]
    url = f"{two_teams.node.ingress}/models/{name}/"
    return subprocess.run([*command, url], capture_output=True, text=True, timeout=60).stdout


def _told(two_teams: Any, what: str, path: str) -> str:
    return str(two_teams.kubectl(*OPERATED, "get", what, "-o", f"jsonpath={path}"))


def test_a_model_that_nobody_asks_has_no_replica_and_no_request_is_lost(
    two_teams: Any, tmp_path: Path
) -> None:
    """From one to none and back: what comes meanwhile waits, large ones too; who has no key wakes
    nobody; those at once are divided."""
    scaling = {"maxReplicas": 2, "concurrency": 2, "idleAfter": "8s"}
    key = _served(two_teams, "rests", autoscaling=scaling)

    def replicas() -> str:
        return _told(two_teams, "deployment/rests", "{.spec.replicas}")

    until_now("nobody asks", lambda: replicas() == "0")
    until_now("its pods are gone", lambda: not _told(two_teams, "pods", "{..name}").count("rests-"))
    until_now(
        "it is told", lambda: "nobody asks" in _told(two_teams, "model/rests", "{.status.message}")
    )
    assert {_post(two_teams, "rests", other) for other in ("", "x", "y.z")} <= {"401", "403"}
    (tmp_path / "large").write_bytes(bytes(17 * 2**20))
    assert _curl(two_teams, "rests", key, tmp_path / "large") == "413"
    time.sleep(2)  # four looks of the operator's
    assert replicas() == "0"
    began = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(_post, two_teams, "rests", key, bytes(2**20)) for _ in range(20)]
        found = [one.result() for one in waiting]
    print(f"20 requests without a replica: {time.monotonic() - began:.1f} s")
    assert found == ["200"] * 20
    statuses = []
    for pause in (7.6, 8.2, 8.7, 9.3, 21.0):  # around each moment of its going
        time.sleep(pause)
        statuses.append(_post(two_teams, "rests", key))
    assert statuses == ["200"] * 5
    until_now("nobody asks", lambda: replicas() == "0")
    events = _told(two_teams, "events", "{.items[?(@.reason=='Scaled')].message}")
    assert events.count("from 1 to 0 replicas") == 1  # the same is not told twice an hour
    two_teams.kubectl(*OPERATED, "delete", "model", "rests")


LANGUAGE = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer("application/json", [b"{}"])
    def do_POST(self):
        given = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(given) if given.startswith(b"{") else {}
        usage = {"usage": {"prompt_tokens": 1, "total_tokens": asked.get("use", 1)}}
        said = json.dumps({"choices": [], **usage}).encode()
        if asked.get("stream"):
            events = [b'data: {"choices":[],"usage":null}', b"data: " + said, b"data: [DONE]"]
            self.answer("text/event-stream", [each + bytes([10, 10]) for each in events])
        else:
            self.answer("application/json", [said])
    def answer(self, kind, parts):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(sum(map(len, parts))))
        self.end_headers()
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


def test_a_key_uses_no_more_tokens_than_it_may(two_teams: Any) -> None:
    """Whole answers and streams count; other keys do not."""
    server = {"command": ["python3", "-c", LANGUAGE]}
    free = _served(two_teams, "chat", server=server, access={"tokensPerMinute": 10_000_000})

    def asked(key: str, **asked: Any) -> str:
        return _post(two_teams, "chat", key, json.dumps(asked).encode())

    bound, streams = (
        _key(two_teams, "chat", "tenant-c", name, "--token-limit", "1000")
        for name in ("bound", "streams")
    )
    until_now("they open", lambda: {asked(bound), asked(streams)} == {"200"})
    # Connections of before the last key go on with a count of their own.
    until_now("it has used its tokens", lambda: asked(bound, use=900) == "429", 20)
    until_now("so has a stream", lambda: asked(streams, use=900, stream=True) == "429", 20)
    assert asked(free, use=900_000) == "200"
    third = _key(two_teams, "chat", "tenant-c", "third")
    until_now("it opens", lambda: asked(third) == "200")
    until_now("the first has none left", lambda: asked(bound, use=900) == "429", 20)
    listed = two_teams.manor("keys", "list", "chat", "-n", "tenant-c").stdout.splitlines()
    told = {line.split()[1]: line.split()[-1] for line in listed}
    assert (told["bound"], told["third"]) == ("1000", "10000000")
    two_teams.kubectl(*OPERATED, "delete", "model", "chat")
    gone = ("get", "envoyextensionpolicies", "chat", "--ignore-not-found")
    until_now("nothing counts", lambda: not two_teams.kubectl(*OPERATED, *gone).strip())


def test_a_canary_is_judged_and_goes_its_way_by_itself(two_teams: Any) -> None:
    """A sound one becomes the model, and no request is lost; one that errs is taken away."""
    key = _served(two_teams, "judged", storageUri="pvc://models/one")

    def change(uri: str) -> None:
        analysis = {"steps": [30, 60], "interval": "4s", "minRequests": 20}
        canary = {"storageUri": uri, "analysis": analysis}
        spec = json.dumps({"spec": {"canary": canary}})
        two_teams.kubectl(*OPERATED, "patch", "model", "judged", "--type=merge", "-p", spec)

    def stands(status: str) -> bool:
        found = "{.status.conditions[?(@.type=='CanaryPassed')].status}"
        return _told(two_teams, "model/judged", found) == status

    def sound() -> set[str]:
        return {_post(two_teams, "judged", key) for _ in range(20)}

    statuses, over = list[str](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            statuses.append(_post(two_teams, "judged", key))
            over.wait(0.02)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask)
        try:
            change("pvc://models/two")
            until_now("it is the model", lambda: stands("True"), 120)
            _rolled_out(two_teams, "judged")
            assert _told(two_teams, "model/judged", "{.spec['storageUri','canary']}") == (
                "pvc://models/two"
            )
            before = len(statuses)
            change("pvc://models/bad")
            until_now("it is found bad", lambda: stands("False"), 120)
        finally:
            over.set()
    assert _told(two_teams, "model/judged", "{.spec['storageUri','canary']}") == "pvc://models/two"
    assert {*statuses[:before]} == {"200"}
    assert {*statuses[before:]} <= {"200", "500", "503"}
    until_now("nobody is sent to it", lambda: sound() == {"200"})
    assert _post(two_teams, "judged", key, b"slow") == "200"
    reasons = _told(two_teams, "events", "{.items[*].reason}")
    assert {"CanaryRaised", "CanaryPromoted", "CanaryFailed"} <= {*reasons.split()}
    two_teams.kubectl(*OPERATED, "delete", "model", "judged")


def test_no_version_that_comes_or_goes_loses_a_request(two_teams: Any) -> None:
    server = {"command": ["python3", "-c", load.SERVER]}
    key = _served(two_teams, "turned", storageUri="pvc://models/one", server=server)

    def change(**fields: Any) -> None:
        spec = json.dumps({"spec": fields})
        two_teams.kubectl(*OPERATED, "patch", "model", "turned", "--type=merge", "-p", spec)

    def turn(how: str) -> None:
        done = two_teams.manor("models", how, "turned", "-n", "tenant-c")
        assert done.returncode == 0, done.stderr

    def pods() -> int:
        labels = ("-l", "app.kubernetes.io/name=turned", "-o", "name")
        return len(two_teams.kubectl(*OPERATED, "get", "pods", *labels).split())

    with load.asking(two_teams.node.ingress, HOST, "/models/turned/", key) as asked:
        load.life_of_canaries(asked, change, turn, pods)
    assert asked.lost == {}
    two_teams.kubectl(*OPERATED, "delete", "model", "turned")


def test_what_waits_outlives_the_operator_up_to_its_bound(two_teams: Any) -> None:
    """Every operator is killed, then 512 requests come for a model without a replica. What comes
    beside them is refused, and they are answered once there is an operator again."""
    scaling = {"maxReplicas": 1, "idleAfter": "5s"}
    key = _served(two_teams, "waited", autoscaling=scaling)
    replicas = ("deployment/waited", "{.spec.replicas}")
    until_now("nobody asks", lambda: _told(two_teams, *replicas) == "0")
    until_now("its pods are gone", lambda: "waited-" not in _told(two_teams, "pods", "{..name}"))
    _kill_operators(two_teams)
    scale = ("-n", "manor-system", "scale", "deployment/manor-operator")
    two_teams.kubectl(*scale, "--replicas=0")  # the kubelet would start them again
    try:
        waiting = [_sent(two_teams, "waited", key, seconds=120) for _ in range(512)]
        time.sleep(2)  # the proxy has looked for a replica for each
        assert [_post(two_teams, "waited", key) for _ in range(8)] == ["503"] * 8
        assert _told(two_teams, *replicas) == "0"
    finally:
        two_teams.kubectl(*scale, "--replicas=2")
    began = time.monotonic()
    found = Counter(connection.getresponse().status for connection in waiting)
    print(f"512 requests, from an operator's coming: {time.monotonic() - began:.1f} s")
    assert found == {200: 512}
    two_teams.kubectl(*OPERATED, "delete", "model", "waited")


def _kill_operators(two_teams: Any) -> None:
    """With SIGKILL: none gives up its lease."""
    where = ("-n", "manor-system", "get", "pods", "-l", "app.kubernetes.io/name=manor-operator")
    told = two_teams.kubectl(*where, "-o", "jsonpath={..containerID}")
    node = load_node(two_teams.node.name)
    ctr = (f"{node.bin}/ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io")
    for container in told.split():
        kill = ("tasks", "kill", "--signal", "SIGKILL", container.removeprefix("containerd://"))
        subprocess.run(enter(node, *ctr, *kill), check=True)


ASKING = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(f"http://{sys.argv[1]}", timeout=2).status)
except Exception as error:
    print(error)
"""


def test_only_the_operator_hears_what_a_team_is_asked(two_teams: Any) -> None:
    """Neither another team nor the team itself reaches the proxy's statistics, nor the proxy past
    the front, until somebody opens it."""
    proxies = ("-n", "envoy-gateway-system")
    mine = ("get", "pods", "-l", "manor.dev/tenant=tenant-c", "-o")
    address = two_teams.kubectl(*proxies, *mine, "jsonpath={.items[0].status.podIP}")

    def asks(namespace: str, deployment: str, where: str) -> str:
        words = (f"deployment/{deployment}", "--", "python3", "-c", ASKING, where)
        return str(two_teams.kubectl("-n", namespace, "exec", *words)).strip()

    statistics, model = f"{address}:19001/stats/prometheus", f"{address}:8080/v2/models/iris"
    for place in (("tenant-a", "iris"), ("tenant-c", "iris")):
        for where in (statistics, model):
            assert "timed out" in asks(*place, where), (place, where)
    opened = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "sabotage", "namespace": "envoy-gateway-system"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
    }
    out = {
        **opened,
        "metadata": {"name": "sabotage", "namespace": "tenant-a"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
    }
    two_teams.kubectl("apply", "-f", "-", given=yaml.safe_dump_all([opened, out]))
    until_now("it is open", lambda: asks("tenant-a", "iris", statistics) == "200")
    for namespace in ("envoy-gateway-system", "tenant-a"):
        two_teams.kubectl("-n", namespace, "delete", "networkpolicy", "sabotage")
    until_now("it is closed", lambda: "timed out" in asks("tenant-a", "iris", statistics))


READING = """
import sys, urllib.request
print(urllib.request.urlopen(f"http://{sys.argv[1]}/metrics", timeout=2).read().decode())
"""


def test_prometheus_reads_what_models_are_asked_and_nobody_else_does(two_teams: Any) -> None:
    """The Platform's peer alone, at the port of metrics alone, and while the Platform says so."""
    watching = yaml.safe_dump_all(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}},
            *(_sleeper(name) for name in ("prometheus", "other")),
        ]
    )
    two_teams.kubectl("apply", "-f", "-", given=watching)
    two_teams.kubectl("-n", "monitoring", "wait", "--for=condition=Ready", "pod", "--all")
    model = ("-n", "tenant-a", "get", "pod", "-l", "app.kubernetes.io/name=iris")
    address = two_teams.kubectl(*model, "-o", "jsonpath={.items[0].status.podIP}")

    def reads(namespace: str, pod: str, port: int = 8082) -> bool:
        words = ["kubectl", "--kubeconfig", str(two_teams.kubeconfig), "-n", namespace, "exec"]
        words += [pod, "--", "python3", "-c", READING, f"{address}:{port}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or "urlopen error" in done.stderr, done.stderr
        return "rest_server_requests_total" in done.stdout

    def let_in(peers: Any) -> None:
        change = json.dumps({"spec": {"network": {"peers": peers}}})
        two_teams.kubectl("patch", "platform", "manor", "--type=merge", "-p", change)

    labels = {"app": "prometheus"}
    peer = {"name": "prometheus", "namespace": "monitoring", "labels": labels, "ports": [8082]}
    let_in([peer])
    until_now("it reads", lambda: reads("monitoring", "prometheus"))
    assert not reads("monitoring", "prometheus", 8080)
    assert not reads("monitoring", "other")
    assert not reads("tenant-b", "deployment/wine")
    until_now("its own team reads", lambda: reads("tenant-a", "deployment/iris"))
    let_in(None)
    until_now("it reads no more", lambda: not reads("monitoring", "prometheus"))
    two_teams.kubectl("delete", "namespace", "monitoring", "--wait=false")


def _sleeper(name: str) -> dict[str, Any]:
    """A pod of the platform in which a test runs something."""
    container = {
        "name": "python",
        "image": "manor.local/base:0.1.0",
        "command": ["python3", "-c", "import time; time.sleep(600)"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "monitoring", "labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


def test_drift_is_put_right_and_told_and_a_killed_operator_is_replaced(two_teams: Any) -> None:
    _delete_binding(two_teams)
    said = two_teams.kubectl("describe", "tenant", "tenant-c")
    assert "RoleBinding tenant-c/manor-owners, deleted by somebody, is as this says again" in said
    before, leader = _versions(two_teams), _leader(two_teams)
    two_teams.kubectl("-n", "manor-system", "delete", "pod", leader, "--force", "--grace-period=0")
    until_now("another leads", lambda: _leader(two_teams) not in ("", leader))
    time.sleep(10)  # whatever it writes as it starts, it has written
    assert _versions(two_teams) == before
    _delete_binding(two_teams)


def _leader(two_teams: Any) -> str:
    where = ("-n", "manor-system", "get", "lease", "manor-operator")
    return str(two_teams.kubectl(*where, "-o", "jsonpath={.spec.holderIdentity}"))


def _delete_binding(two_teams: Any) -> None:
    """The owner's rights are deleted, and come back."""
    binding = ("-n", "tenant-c", "rolebinding", "manor-owners")
    two_teams.kubectl("delete", *binding)
    until_now(
        "they are back",
        lambda: bool(two_teams.kubectl("get", *binding, "--ignore-not-found")),
    )


def _versions(two_teams: Any) -> dict[str, str]:
    """Of what the operator makes and tells, but what others count in it."""
    kinds = "rolebindings,networkpolicies,limitranges,configmaps,serviceaccounts,clusterroles"
    made = ("-A", "-l", "app.kubernetes.io/managed-by=manor", kinds)
    told = ("-A", "trainingjobs,models")
    return {
        f"{obj['kind']} {obj['metadata'].get('namespace')}/{obj['metadata']['name']}": obj[
            "metadata"
        ]["resourceVersion"]
        for what in (made, told)
        for obj in json.loads(two_teams.kubectl("get", "-o", "json", *what))["items"]
    }


def test_a_scheduled_run_verifies_from_its_own_pod(two_teams: Any) -> None:
    done = two_teams.manor("install", "--verify-schedule", "0 3 * * *")
    assert done.returncode == 0, done.stderr
    where = ("-n", "manor-system")
    two_teams.kubectl(*where, "create", "job", "now", "--from=cronjob/manor-verifier")
    # It fails where anything is open, or cannot be told.
    two_teams.kubectl(*where, "wait", "--for=condition=Complete", "--timeout=300s", "job/now")
    runs = two_teams.kubectl(*where, "get", "configmap", "manor-verify-runs", "-o", "json")
    kept = json.loads(json.loads(runs)["data"]["dry-run.json"])
    assert kept["verdict"].startswith("verified")


MADE_BY_INSTALL = ("manor:operator", "manor-operator", "manor:verif", "manor-verif")


def test_without_the_operator_teams_stand(two_teams: Any) -> None:
    before = _versions(two_teams)
    gone = two_teams.manor("uninstall", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "tenant-c" in two_teams.kubectl("get", "tenants")
    asked = two_teams.manor("predict", "iris", "[[5.1, 3.5, 1.4, 0.2]]", "-n", "tenant-c")
    assert json.loads(asked.stdout)["outputs"][0]["data"] == [0]
    now = _versions(two_teams)
    changed = {key for key in before if now.get(key) != before[key]}
    others = {key for key in changed if not any(name in key for name in MADE_BY_INSTALL)}
    assert not others
    again = two_teams.manor("apply", "-f", EXAMPLE)
    assert again.returncode == 0, again.stderr
    assert not {"created", "updated", "deleted"} & set(again.stderr.split())
    words = ("tenant", "tenant-c", "--yes", "--delete-data", "--delete-namespace", "tenant-c")
    gone = two_teams.manor("delete", *words)
    assert gone.returncode == 0, gone.stderr
