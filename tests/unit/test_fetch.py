"""A registered model is copied out of MLflow; the answers are those of MLflow 3.17.2."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from manor.engines import fetch

pytestmark = pytest.mark.unit

PLACE = "0/models/m-a2/artifacts"
FILES = {"MLmodel": b"flavors: {}\n", "data/model.pkl": b"\x80\x05"}
LISTED = {
    PLACE: [{"path": "MLmodel", "is_dir": False}, {"path": "data", "is_dir": True}],
    f"{PLACE}/data": [{"path": "model.pkl", "is_dir": False, "file_size": 2}],
}
URIS = {"1": f"mlflow-artifacts:/{PLACE}", "2": "s3://bucket/model"}


class MLflow(BaseHTTPRequestHandler):
    """A registry with the model `iris`, whose alias `best` is its version 1."""

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {key: value for key, (value,) in parse_qs(asked.query).items()}
        answer = self._answer(asked.path.removeprefix("/api/2.0/"), query)
        self.send_response(404 if answer is None else 200)
        self.end_headers()
        self.wfile.write(answer or b"{}")

    def _answer(self, path: str, query: dict[str, str]) -> bytes | None:
        if path == "mlflow/registered-models/alias" and query == {"name": "iris", "alias": "best"}:
            return json.dumps({"model_version": {"version": "1"}}).encode()
        if path == "mlflow/model-versions/get-download-uri" and query["name"] == "iris":
            uri = URIS.get(query["version"])
            return json.dumps({"artifact_uri": uri}).encode() if uri else None
        if path == "mlflow-artifacts/artifacts":
            return json.dumps({"files": LISTED[query["path"]]}).encode()
        return FILES.get(path.removeprefix(f"mlflow-artifacts/artifacts/{PLACE}/"))


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), MLflow) as server:
        Thread(target=server.serve_forever).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}/")
        yield
        server.shutdown()


def fetched(uri: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setattr("sys.argv", ["-c", uri, str(folder)])
    fetch.main()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("uri", ["models:/iris/1", "models:/iris@best"])
def test_all_files_of_the_version_are_copied(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetched(uri, tmp_path / "to", monkeypatch) == FILES


def test_what_is_not_registered_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: URIS.update({"3": URIS["1"]}))
    assert fetched("models:/iris/3", tmp_path / "to", monkeypatch) == FILES
    assert capsys.readouterr().out == "waiting for models:/iris/3: HTTP Error 404: Not Found\n"


def test_files_elsewhere_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="models:/iris/2 is at s3://bucket/model"):
        fetched("models:/iris/2", tmp_path / "to", monkeypatch)
