"""Keys to stores, tried by the stores' own clients at servers that answer as those do."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import store_servers
from manor.engines.pods import KEYS_PATH
from manor.jobs import stores
from manor.jobs.connecting import NotConnected, _asked
from manor.kube import STDOUT
from manor.local.certificates import Authority, Wanted

pytestmark = pytest.mark.unit

STDERR = STDOUT + 1
CLOSED = "http://127.0.0.1:9"
"""Where nobody answers."""


def tried(keys: stores.Keys) -> dict[str, Any]:
    """What the program answers that `manor connect` runs in a pod."""
    program = resources.files("manor.jobs").joinpath("trial.py").read_text()
    question = {
        "scheme": keys.scheme,
        "entries": dict(keys.entries),
        "place": keys.place,
        "folder": KEYS_PATH,
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(question) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    """The URL of a hub."""
    server = store_servers.serve(store_servers.Hub, 0, host="127.0.0.1")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_token_opens_its_repository_at_a_hub(hub: str) -> None:
    right = store_servers.TOKEN
    assert tried(stores.hf(right, hub)) == {"opened": []}
    assert tried(stores.hf(right, hub, "org/faces")) == {"opened": ["org/faces"]}


@pytest.mark.parametrize(
    ("token", "repository", "why"),
    [
        ("hf_wrong", "", "Invalid user token"),
        ("hf_wrong", "org/faces", "Repository Not Found"),
        (store_servers.TOKEN, "org/none", "Repository Not Found"),
    ],
)
def test_what_a_hub_refuses_is_told(hub: str, token: str, repository: str, why: str) -> None:
    answer = tried(stores.hf(token, hub, repository))
    assert why in answer["refused"]
    assert token not in answer["refused"]


class Files:
    """A web server with a certificate of its own authority."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, "ca")
        self.authority.issue(Wanted("server", "server", hosts=("127.0.0.1",)))
        pair = str(folder / "server.crt"), str(folder / "server.key")
        self.server = store_servers.serve(store_servers.Files, 0, pair, "127.0.0.1")
        self.url = f"https://127.0.0.1:{self.server.server_port}{store_servers.FILE}"

    def tried(self, secret: str, *, url: str = "", **words: str) -> dict[str, Any]:
        keys = stores.https(url or self.url, secret, **words)
        return tried(keys.trusting(self.authority.certificate_file.read_text()))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """A web server."""
    made = Files(tmp_path_factory.mktemp("authority"))
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.parametrize("words", [{}, {"user": "ida"}, {"header": "X-Key"}])
def test_a_secret_opens_a_file_of_a_web_server(files: Files, words: dict[str, str]) -> None:
    assert files.tried(store_servers.SECRET, **words) == {"opened": [files.url]}
    refused = files.tried("wrong-secret", **words)["refused"]
    assert refused.startswith("401 Client Error")
    assert "wrong-secret" not in refused


def test_what_a_web_server_lacks_and_whom_nobody_vouches_for_is_told(files: Files) -> None:
    lost = files.tried(store_servers.SECRET, url=files.url.replace("faces", "none"))
    assert lost["refused"].startswith("404 Client Error")
    strange = tried(stores.https(files.url, store_servers.SECRET))
    assert "certificate verify failed" in strange["unreached"]


def test_a_redirect_takes_no_header_to_another_host(files: Files) -> None:
    here = files.url.removesuffix(store_servers.FILE)
    secret, moved = store_servers.SECRET, f"{here}/moved"
    for to in ("http://127.0.0.1:9/x", "https://elsewhere.invalid/x", "//elsewhere.invalid/x"):
        answer = files.tried(secret, url=f"{moved}?{to}", header="X-Key")
        assert "which would get the header too" in answer["refused"]
    for to in (store_servers.FILE, files.url):
        url = f"{moved}?{to}"
        assert files.tried(secret, url=url, header="X-Key") == {"opened": [url]}
    assert "unreached" in files.tried(secret, url=f"{moved}?https://elsewhere.invalid/x")


class Google:
    """Cloud Storage with one bucket, and a service account."""

    def __init__(self) -> None:
        private, public = store_servers.new_key()
        self.storage = store_servers.storage(0, "127.0.0.1")
        self.endpoint = f"http://127.0.0.1:{self.storage._api._httpd.server_port}"
        self.tokens = store_servers.serve(store_servers.tokens_for(public), 0, host="127.0.0.1")
        url = f"http://127.0.0.1:{self.tokens.server_port}/token"
        self.key = store_servers.account(private, url)
        self.other = store_servers.account(store_servers.new_key()[0], url)


@pytest.fixture(scope="module")
def google() -> Iterator[Google]:
    """Google's servers."""
    made = Google()
    yield made
    made.storage.stop()
    made.tokens.shutdown()
    made.tokens.server_close()


def test_a_service_accounts_key_opens_its_buckets(google: Google) -> None:
    assert tried(stores.gs(google.key, google.endpoint)) == {"opened": ["faces"]}
    assert tried(stores.gs(google.key, google.endpoint, "faces")) == {"opened": ["faces"]}
    assert "404" in tried(stores.gs(google.key, google.endpoint, "none"))["refused"]
    wrong = tried(stores.gs(google.other, google.endpoint, "faces"))
    assert "Invalid JWT Signature" in wrong["refused"]


STORED = """
import json, sys
from pathlib import Path
from manor.engines import buckets
from manor.jobs import trial
trial.equip(json.loads(sys.argv[1]), sys.argv[2])
store = buckets.GCS("faces")
store.attempt("runs/1/.manor")
store.put({"runs/1/a.csv": Path(sys.argv[3])})
from google.cloud import storage
print({blob.name: blob.download_as_bytes() for blob in storage.Client().list_blobs("faces")})
"""


def test_outputs_are_stored_by_a_service_accounts_key(google: Google, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("saved")
    entries = json.dumps(dict(stores.gs(google.key, google.endpoint).entries))
    # In a process of its own: Pulumi's types and Google's are of one name.
    command = [sys.executable, "-c", STORED, entries, KEYS_PATH, str(tmp_path / "a.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "{'runs/1/a.csv': b'saved'}\n", done.stderr


@pytest.mark.parametrize(
    "keys",
    [
        stores.hf("hf_x", CLOSED),
        stores.https("https://127.0.0.1:9/a", "x"),
    ],
    ids=lambda keys: keys.scheme,
)
def test_a_server_that_is_not_reached_is_told_from_one_that_refuses(keys: stores.Keys) -> None:
    assert list(tried(keys)) == ["unreached"]


def test_neither_google_nor_its_tokens_need_be_reached(google: Google) -> None:
    lost = json.loads(google.key) | {"token_uri": f"{CLOSED}/token"}
    assert list(tried(stores.gs(google.key, CLOSED, "faces"))) == ["unreached"]
    assert list(tried(stores.gs(json.dumps(lost), google.endpoint, "faces"))) == ["unreached"]


def test_keys_that_are_none_are_refused_without_a_word_of_them() -> None:
    for key in ("{", "[]", '{"type": "authorized_user"}', "hush"):
        with pytest.raises(stores.BadKeys, match="no key of a Google service account") as told:
            stores.gs(key)
        assert "hush" not in str(told.value)
    for url in ("http://host/a", "host/a", "https://", "https://ida:hush@host/a"):
        with pytest.raises(stores.BadKeys, match="no URL of a web server") as told:
            stores.https(url, "x")
        assert "hush" not in str(told.value)
    for secret in ("hush\nX-Other: 1", "hüsh"):
        with pytest.raises(stores.BadKeys, match="characters that no header takes") as told:
            stores.https("https://host/a", secret)
        assert "hush" not in str(told.value)
        with pytest.raises(stores.BadKeys):
            stores.hf(secret)
    for url in ("https://[::1/x", "https://[::1]/x", "https://h%00/x", "https://hö.example/x"):
        with pytest.raises(stores.BadKeys, match="no URL of a web server"):
            stores.https(url, "s3cret")
    for header in ("X-Key: s3cret", "X-Key\r\nHost", "Clé"):
        with pytest.raises(stores.BadKeys, match="no header's name") as told:
            stores.https("https://host/x", "s3cret", header=header)
        assert "s3cret" not in str(told.value)
    with pytest.raises(stores.BadKeys, match="no colon"):
        stores.https("https://host/x", "s3cret", user="ada:b")
    with pytest.raises(stores.BadKeys, match="characters that no header takes"):
        stores.s3("AKIA", "s3cret\n")
    with pytest.raises(stores.BadKeys, match="leave one out"):
        stores.https("https://host/a", "x", user="ida", header="X-Key")


class Pod:
    """What runs there prints this."""

    def __init__(self, said: bytes) -> None:
        self.said = said

    @asynccontextmanager
    async def start(self, *_words: Any) -> AsyncIterator["Pod"]:
        yield self

    async def write(self, _data: bytes) -> None:
        pass

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        yield STDERR, b"Welcome!\n"
        yield STDOUT, self.said


@pytest.mark.parametrize("said", [b"", b"Welcome!", b"[]", b"{}", b"3", b"\xff", b"[" * 100_000])
async def test_a_pod_that_answers_otherwise_is_told(said: bytes) -> None:
    with pytest.raises(NotConnected, match="it could not be tried: Welcome!"):
        await _asked(Pod(said), "vision", "errand", {})  # type: ignore[arg-type]
