"""A model's requests, kept in the team's own bucket or on its volume: what stands before the
server, and what packs and stores."""

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine_specs import model, platform, tenant
from manor.api import Model
from manor.engines import buckets, checked, render_workload
from manor.engines.programs import program
from manor.engines.registry import ENGINES
from manor.engines.requestlog import PORT, keep
from manor.engines.server import served_version
from waiting import until_now

pytestmark = pytest.mark.unit

IMAGES = {
    "serving": {"sklearn": "r/serving:1"},
    "fetching": "r/fetching:1",
    "proxy": "r/envoy:1",
}
BUCKET = {"uri": "s3://bucket/asked", "secret": "keys"}
SERVER = {"format": "custom", "storageUri": None, "image": "r/chat:1"}
TOLD = {"model": "digits", "version": "digits-canary", "storageUri": "pvc://models/2"}


def rendered(workload: Model, **engines: str) -> dict[str, Any]:
    on = platform(images=IMAGES, engines=engines)
    return {obj["kind"]: obj for obj in render_workload(on, tenant(), workload)}


def pod(**spec: Any) -> Any:
    made = rendered(model(requestLog=BUCKET, **spec))
    return made["Deployment"]["spec"]["template"]["spec"]


def sidecars(spec: Any) -> dict[str, Any]:
    always = (one for one in spec["initContainers"] if one.get("restartPolicy") == "Always")
    return {one["name"]: one for one in always}


def envoy(spec: Any) -> Any:
    resources = json.loads(sidecars(spec)["request-proxy"]["args"][-1].replace("$$", "$"))
    (listener,), (cluster,) = resources["static_resources"].values()
    (end,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    ports = [
        each["socket_address"]["port_value"]
        for each in (listener["address"], end["endpoint"]["address"])
    ]
    return ports, manager


def test_what_is_asked_at_the_services_port_goes_to_the_server_by_envoy() -> None:
    """A port of a name, so that pods of before and after are asked alike while one takes the
    other's place."""
    made = rendered(model(requestLog=BUCKET))
    spec = made["Deployment"]["spec"]["template"]["spec"]
    (server,) = spec["containers"]
    assert made["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    assert [(port["name"], port["containerPort"]) for port in server["ports"]] == [
        ("http", 8080),
        ("server", PORT),
        ("metrics", 8082),
    ]
    assert {"name": "MLSERVER_HTTP_PORT", "value": str(PORT)} in server["env"]
    assert envoy(spec)[0] == [8080, PORT]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"]["port"] == "server"
    # Envoy ends first, and only once the server has ended.
    assert list(sidecars(spec)) == ["request-log", "request-proxy"]
    assert sidecars(spec)["request-proxy"]["readinessProbe"]["tcpSocket"] == {"port": 8080}


def test_a_server_of_ones_own_keeps_its_port() -> None:
    spec = pod(**SERVER, server={"port": 8000})
    ports = [(port["name"], port["containerPort"]) for port in spec["containers"][0]["ports"]]
    assert ports == [("http", PORT), ("server", 8000)]
    assert envoy(spec)[0] == [PORT, 8000]
    assert spec["containers"][0]["livenessProbe"]["tcpSocket"] == {"port": "server"}


def test_without_a_log_nothing_stands_before_the_server() -> None:
    spec = rendered(model())["Deployment"]["spec"]["template"]["spec"]
    assert not sidecars(spec)
    assert [port["name"] for port in spec["containers"][0]["ports"]] == ["http", "metrics"]


def test_kserve_finds_the_port_on_its_container() -> None:
    predictor = rendered(model(requestLog=BUCKET), model="kserve")["InferenceService"]["spec"][
        "predictor"
    ]
    assert predictor["containers"][0]["ports"][0]["containerPort"] == 8080
    assert list(sidecars(predictor)) == ["request-log", "request-proxy"]


def test_the_keys_are_where_requests_are_stored_alone() -> None:
    spec = pod()
    holders = [
        one["name"]
        for one in (*spec["containers"], *spec["initContainers"])
        if "envFrom" in one
        or any(mount["name"] == "request-log-keys" for mount in one["volumeMounts"])
    ]
    assert holders == ["request-log"]


def test_what_envoy_writes_is_in_memory_and_bounded() -> None:
    held = {volume["name"]: volume.get("emptyDir") for volume in pod()["volumes"]}
    assert held["requests"] == {"medium": "Memory", "sizeLimit": "64Mi"}
    assert held["packed"] == {"sizeLimit": "256Mi"}
    assert keep.MOST + (64 << 20) < 256 << 20  # all of the memory packed, and hardly smaller
    (first, second) = envoy(pod())[1]["route_config"]["virtual_hosts"][0]["routes"]
    assert first["match"]["runtime_fraction"]["default_value"] == {"numerator": 100}
    assert second["typed_per_filter_config"]["tap"]["disabled"] is True


def test_a_volume_is_mounted() -> None:
    log = {"uri": "pvc://models/asked/digits", "samplePercent": 5}
    spec = rendered(model(requestLog=log))["Deployment"]["spec"]["template"]["spec"]
    claims = [
        each["persistentVolumeClaim"] for each in spec["volumes"] if "persistentVolumeClaim" in each
    ]
    assert claims == [{"claimName": "models", "readOnly": True}, {"claimName": "models"}]
    said = {one["name"]: one["value"] for one in sidecars(spec)["request-log"]["env"]}
    assert json.loads(said["REQUEST_LOG"])["mounted"] == "/mnt/log/asked/digits"
    match = envoy(spec)[1]["route_config"]["virtual_hosts"][0]["routes"][0]["match"]
    assert match["runtime_fraction"]["default_value"] == {"numerator": 5}


def test_its_volume_and_its_connection_are_looked_at_beside_the_cluster() -> None:
    field = ("requestLog", "uri")
    assert (field, "kept") in model(requestLog={"uri": "pvc://kept/asked"}).mounted
    keyed = model(requestLog=BUCKET).keyed
    assert keyed == [(("requestLog", "secret"), "keys", "s3://bucket/asked")]


def test_the_place_of_the_log_is_no_version() -> None:
    assert served_version(pod(**SERVER)) == ""
    assert served_version(pod(storageUri="s3://bucket/iris")) == "s3://bucket/iris"


def test_what_keeps_requests_counts_in_the_budget() -> None:
    asked = model(requestLog=BUCKET, resources={"cpu": "1", "memory": "1Gi"})
    for cpu, fits in (("1100m", True), ("1", False)):
        team = tenant(
            quota={"cpu": cpu, "memory": "32Gi"}, volumes=[{"name": "models", "size": "1Gi"}]
        )
        _, objections = checked(platform(images=IMAGES), {"vision": team}, [asked])
        assert bool(objections) is not fits


@pytest.mark.parametrize(
    ("engine", "spec", "path"),
    [
        ("seldon", {"requestLog": BUCKET}, ("spec", "requestLog")),
        ("native", {"requestLog": {"uri": "pvc://models/../x"}}, ("spec", "requestLog", "uri")),
        (
            "native",
            {**SERVER, "requestLog": BUCKET, "server": {"port": PORT}},
            ("spec", "server", "port"),
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    engine: str, spec: dict[str, Any], path: tuple[str, ...]
) -> None:
    assert [one.path for one in ENGINES[engine].unsupported(model(**spec))] == [path]


# What Envoy 1.40 writes.
def tapped(
    body: bytes = b'{"inputs": [1]}', *, cut: bool = False, answer: Mapping[str, str] | None = None
) -> str:
    def heads(said: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"key": key, "value": value, "raw_value": ""} for key, value in said.items()]

    asked = {
        ":authority": "digits",
        ":path": "/v2/models/digits/infer?token=hush",
        ":method": "POST",
        "content-type": "application/json",
        "authorization": "Bearer hush",
        "cookie": "hush",
        "x-manor-key": "web",
    }
    sent = {"as_bytes": base64.b64encode(body).decode(), "truncated": cut}
    request = {
        "headers": heads(asked),
        "body": {"as_bytes": "eyJpbnB1dHMiOiBbMV19", "truncated": False},
        "trailers": [],
        "headers_received_time": "2026-11-27T18:15:37.239257Z",
    }
    response = {
        "headers": heads({":status": "200", "set-cookie": "hush", **(answer or {})}),
        "body": sent,
        "trailers": [],
        "headers_received_time": "2026-11-27T18:15:37.241394Z",
    }
    return json.dumps({"http_buffered_trace": {"request": request, "response": response}})


def test_a_record_says_who_asked_what_and_holds_no_secret() -> None:
    kept = keep.record(tapped(b"[1]").encode(), TOLD)
    assert kept == {
        "time": "2026-11-27T18:15:37.239257Z",
        **TOLD,
        "key": "web",
        "method": "POST",
        "path": "/v2/models/digits/infer",
        "status": 200,
        "milliseconds": 2.137,
        "request": {"type": "application/json", "truncated": False, "body": '{"inputs": [1]}'},
        "response": {"type": "", "truncated": False, "body": "[1]"},
    }
    assert "hush" not in json.dumps(kept)


def test_a_request_that_had_no_answer_is_kept() -> None:
    trace = json.loads(tapped())
    trace["http_buffered_trace"]["response"] = None
    kept = keep.record(json.dumps(trace).encode(), TOLD)
    assert (kept["status"], kept["milliseconds"], kept["response"]["body"]) == (0, None, "")


LONG = b"x" * (1 << 20)


@pytest.mark.parametrize(
    ("sent", "cut", "coded", "said"),
    [
        ("naïve".encode(), False, "", {"body": "naïve", "truncated": False}),
        ("naï".encode()[:-1], True, "", {"body": "na", "truncated": True}),
        (b"\x89PNG", False, "", {"base64": "iVBORw==", "truncated": False}),
        (gzip.compress(b"[1]", mtime=0), False, "gzip", {"body": "[1]", "truncated": False}),
        (zlib.compress(b"[1]"), False, "deflate", {"body": "[1]", "truncated": False}),
        (
            gzip.compress(LONG, mtime=0),
            False,
            "gzip",
            {"body": "x" * (64 << 10), "truncated": True},
        ),
        (gzip.compress(b"[1]", mtime=0)[:-4], True, "gzip", {"body": "[1]", "truncated": True}),
        (b"no gzip", False, "gzip", {"body": "no gzip", "truncated": False}),
    ],
)
def test_a_body_is_text_where_it_is_text(
    sent: bytes, cut: bool, coded: str, said: dict[str, Any]
) -> None:
    answer = {"content-encoding": coded} if coded else {}
    kept = keep.record(tapped(sent, cut=cut, answer=answer).encode(), TOLD)
    assert kept["response"] == {"type": "", **said}


class Folder:
    """A store that is a folder of this machine, and away while that is not there."""

    def __init__(self, bucket: str) -> None:
        self._bucket = Path(bucket)

    def attempt(self, key: str) -> None:
        raise NotImplementedError

    def put(self, objects: Mapping[str, Path]) -> None:
        for key, path in objects.items():
            if not self._bucket.exists():
                raise OSError("the store is away")
            (self._bucket / key).parent.mkdir(parents=True, exist_ok=True)
            (self._bucket / key).write_bytes(path.read_bytes())


def lines(folder: Path) -> list[dict[str, Any]]:
    found = sorted(folder.rglob("*.jsonl.gz"))
    return [
        json.loads(line)
        for path in found
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keep.Spool:
    for name in ("requests", "packed"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(keep, "PAUSE", 0.01)
    monkeypatch.setitem(buckets.STORES, "s3", Folder)
    monkeypatch.chdir(tmp_path)
    return keep.Spool(tmp_path / "requests", tmp_path / "packed", TOLD)


def written(count: int, *, ago: float = 0.0) -> None:
    for number in range(count):
        path = Path(f"requests/r_{time.monotonic_ns()}_{number}.json")
        path.write_text(tapped())
        os.utime(path, times=(time.time() - ago,) * 2)


def test_requests_are_packed_once_they_are_many_or_old(
    spool: keep.Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    written(3)
    assert spool.whole(now - 1) == ([], False)  # one may be half written
    paths, due = spool.whole(now + 1)
    assert (len(paths), due) == (3, False)
    assert spool.whole(now + keep.EVERY + 1)[1]
    monkeypatch.setattr(keep, "BATCH", 1000)
    assert spool.whole(now + 1)[1]
    spool.pack(paths)
    assert spool.whole(now + 1) == ([], False)
    assert len(lines(Path("packed"))) == 3


def test_what_envoy_had_no_room_for_is_told(
    spool: keep.Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    written(2)
    Path("requests/r_1.json").touch()  # so it is where the memory is full
    Path("requests/r_2.json").write_text(tapped()[:100])
    Path("requests/r_3.json").write_text('{"http_buffered_trace": {"request": null}}')
    spool.pack(spool.whole(float("inf"))[0])
    assert len(lines(Path("packed"))) == 2
    assert not list(Path("requests").iterdir())
    assert capsys.readouterr().out == "3 requests are lost: there was no room for them\n"


def test_no_text_that_a_client_sends_ends_it(spool: keep.Spool) -> None:
    Path("requests/r_1.json").write_text(tapped().replace("/digits/", "/\\ud800/"))
    spool.pack(spool.whole(float("inf"))[0])
    assert [one["path"] for one in lines(Path("packed"))] == ["/v2/models/?/infer"]


def test_what_was_being_packed_is_packed_again(spool: keep.Spool) -> None:
    Path("packed/.half").touch()
    written(1)
    spool.pack(spool.whole(float("inf"))[0])
    assert [path.name.startswith(".") for path in Path("packed").iterdir()] == [False]


def test_the_oldest_goes_where_too_much_waits(
    spool: keep.Spool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        written(1)
        spool.pack(spool.whole(float("inf"))[0])
    first, second, third = spool.waiting()
    monkeypatch.setattr(keep, "MOST", second.stat().st_size + third.stat().st_size)
    spool.bound()
    assert spool.waiting() == [second, third]
    assert f"{first.name} is lost" in capsys.readouterr().out


def test_while_the_store_is_away_requests_wait(
    spool: keep.Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper = keep.Keeper(spool, "s3://bucket/asked", "")
    keeper.start()
    said = ""

    def told(what: str) -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return what in said

    for number in (1, 2):
        written(number)
        spool.pack(spool.whole(float("inf"))[0])
    until_now(
        "it is told",
        lambda: told("s3://bucket/asked cannot be stored, and requests wait: the store is away"),
    )
    assert len(spool.waiting()) == 2
    Path("bucket").mkdir()
    until_now("all is stored", lambda: not spool.waiting())
    until_now("that is told too", lambda: told("requests are stored again"))
    assert len(lines(Path("bucket/asked"))) == 3
    assert said.count("the store is away") == 1
    keeper.ending.set()
    keeper.join(10)
    assert not keeper.is_alive()


def test_at_the_end_of_its_pod_all_is_stored_on_a_volume(spool: keep.Spool, tmp_path: Path) -> None:
    """The program as a pod runs it: nothing of Manor is there."""
    log = {"uri": "pvc://kept", "mounted": str(tmp_path / "kept"), "told": TOLD}
    source = program("buckets.py", "requestlog/keep.py").replace("$$", "$")
    written(4)
    running = subprocess.Popen(
        [sys.executable, "-I", "-c", source, "requests", "packed"],
        env={"REQUEST_LOG": json.dumps(log)},
    )
    until_now("it has begun", lambda: b"SigCgt" in _status(running.pid))
    written(1)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 0
    assert len(lines(tmp_path / "kept")) == 5
    days = [path.name for path in (tmp_path / "kept").iterdir()]
    assert days == [f"{time.strftime('%Y-%m-%d', time.gmtime())}"]


def _status(pid: int) -> bytes:
    """What Linux says of a process that listens to SIGTERM."""
    text = Path(f"/proc/{pid}/status").read_bytes()
    caught = int(text.partition(b"SigCgt:")[2].split()[0], 16)
    return text if caught & 1 << (signal.SIGTERM - 1) else b""
