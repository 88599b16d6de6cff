"""Released bundles from a file and over HTTP: what is right gets in whole, and of what is wrong
nothing stays."""

import hashlib
import http.server
import io
import re
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from manor.local import bundle, parts
from manor.local.binaries import ENVIRONMENT_VARIABLE, obtain
from manor.local.errors import BinariesError
from manor.local.progress import Report
from manor.local.store import Store

pytestmark = pytest.mark.unit


@pytest.fixture
def report() -> Report:
    return Report(io.StringIO())


@pytest.fixture
def complete(tmp_path: Path) -> Store:
    """A store with a stand-in for every part, big enough to be sent in several pieces."""
    store = Store(tmp_path / "complete")
    store.bin.mkdir(parents=True)
    for name in parts.load().program_names:
        content = b"".join(
            hashlib.sha256(f"{name} {block}".encode()).digest() for block in range(4_000)
        )
        (store.bin / name).write_bytes(content)
        (store.bin / name).chmod(0o755)
    for name in parts.load().folder_names:
        store.share.joinpath(name).mkdir(parents=True)
        store.share.joinpath(name, "file.yaml").write_text(name)
    return store


@pytest.fixture
def archive(complete: Store, tmp_path: Path) -> Path:
    return bundle.pack(complete, tmp_path / "dist")


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The cache that is to be filled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    return Store()


class Server(http.server.ThreadingHTTPServer):
    """Serves one file, with ranges; each answer ends after `cut` bytes, as a broken connection
    does."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.cut = len(content)
        self.ranges = True
        self.requests: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{bundle.file_name()}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        if self.path != f"/{bundle.file_name()}":
            self.send_error(404)
            return
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        rest = self.server.content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.cut])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(archive: Path) -> Iterator[Server]:
    with Server(archive.read_bytes()) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_of(store: Store) -> dict[str, bytes]:
    paths = [
        path for folder in (store.bin, store.share) for path in folder.rglob("*") if path.is_file()
    ]
    return {str(path.relative_to(store.root)): path.read_bytes() for path in paths}


def assert_nothing_stays(store: Store) -> None:
    assert [path.name for path in store.root.rglob("*")] == []


def test_from_a_file(archive: Path, complete: Store, cached: Store, report: Report) -> None:
    found = obtain(binaries=None, bundle=f"{archive}#sha256={digest_of(archive)}", report=report)
    assert found.bin == cached.bin
    assert files_of(cached) == files_of(complete)
    assert all(path.stat().st_mode & 0o111 for path in cached.bin.iterdir())


def test_beside_the_bundle_lies_its_digest(archive: Path) -> None:
    listed = archive.with_name(f"{archive.name}.sha256")
    done = subprocess.run(
        ["sha256sum", "--check", listed.name], cwd=archive.parent, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_same_parts_make_the_same_bundle(
    archive: Path, complete: Store, tmp_path: Path
) -> None:
    assert digest_of(bundle.pack(complete, tmp_path / "again")) == digest_of(archive)


def test_from_a_server(
    server: Server, archive: Path, complete: Store, cached: Store, report: Report
) -> None:
    obtain(binaries=None, bundle=f"{server.url}#sha256={digest_of(archive)}", report=report)
    assert files_of(cached) == files_of(complete)
    assert server.requests == [None]


def test_a_released_bundle_needs_no_digest(
    server: Server,
    archive: Path,
    complete: Store,
    cached: Store,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {bundle.file_name(): digest_of(archive)}
    monkeypatch.setattr(parts, "released_digest", known.get)
    obtain(binaries=None, bundle=server.url, report=report)
    assert files_of(cached) == files_of(complete)


def test_a_broken_connection_is_taken_up_where_it_broke(
    server: Server, archive: Path, complete: Store, cached: Store, report: Report
) -> None:
    server.cut = len(server.content) // 2 + 1
    obtain(binaries=None, bundle=f"{server.url}#sha256={digest_of(archive)}", report=report)
    assert files_of(cached) == files_of(complete)
    assert server.requests == [None, f"bytes={server.cut}-"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_always_breaks(
    server: Server, cached: Store, report: Report, ranges: bool
) -> None:
    server.cut, server.ranges = 1000, ranges
    with pytest.raises(
        BinariesError, match="cannot be fetched: the connection was closed too early"
    ):
        obtain(binaries=None, bundle=f"{server.url}#sha256={'0' * 64}", report=report)
    assert len(server.requests) == 3
    assert_nothing_stays(cached)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[:-100], "is not the bundle expected: its SHA-256 is"),
        (
            lambda content: content[:5000] + b"?" + content[5001:],
            "is not the bundle expected: its SHA-256 is",
        ),
    ],
    ids=["truncated", "changed"],
)
def test_another_content_than_expected(
    server: Server,
    archive: Path,
    cached: Store,
    report: Report,
    spoil: Callable[[bytes], bytes],
    reason: str,
) -> None:
    server.content = spoil(server.content)
    with pytest.raises(BinariesError, match=reason):
        obtain(binaries=None, bundle=f"{server.url}#sha256={digest_of(archive)}", report=report)
    assert_nothing_stays(cached)


def test_an_unknown_bundle_is_not_even_fetched(
    server: Server, cached: Store, report: Report
) -> None:
    with pytest.raises(BinariesError, match=r"is no release that this Manor knows.*#sha256=DIGEST"):
        obtain(binaries=None, bundle=server.url, report=report)
    assert server.requests == []
    assert_nothing_stays(cached)


def test_a_digest_must_be_one(archive: Path, report: Report) -> None:
    with pytest.raises(BinariesError, match="'abc' is not a SHA-256"):
        obtain(binaries=None, bundle=f"{archive}#sha256=abc", report=report)


def test_what_is_not_there(server: Server, cached: Store, report: Report, tmp_path: Path) -> None:
    with pytest.raises(BinariesError, match="cannot be fetched: 404"):
        obtain(binaries=None, bundle=f"{server.url}.old#sha256={'0' * 64}", report=report)
    with pytest.raises(BinariesError, match="there is no bundle"):
        obtain(binaries=None, bundle=f"{tmp_path}/none#sha256={'0' * 64}", report=report)
    server.server_close()
    with pytest.raises(BinariesError, match=r"cannot be fetched: .*refused"):
        obtain(binaries=None, bundle=f"http://127.0.0.1:1/x#sha256={'0' * 64}", report=report)
    assert_nothing_stays(cached)


def make_archive(folder: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> str:
    plain = folder / "made.tar"
    with tarfile.open(plain, "w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    subprocess.run(["zstd", "--quiet", "--force", str(plain)], check=True)
    made = plain.with_name("made.tar.zst")
    return f"{made}#sha256={digest_of(made)}"


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def test_a_bundle_of_another_version(cached: Store, report: Report, tmp_path: Path) -> None:
    made = make_archive(tmp_path, [(tarfile.TarInfo("pins"), b"0123456789abcdef\n")])
    with pytest.raises(
        BinariesError, match="belongs to another version of Manor: its pins are 0123456789abcdef"
    ):
        obtain(binaries=None, bundle=made, report=report)
    assert_nothing_stays(cached)


@pytest.mark.parametrize(
    "member",
    [
        link("bin/kube", "/etc/passwd"),
        link("share/gateway-api/x", "/etc"),
        tarfile.TarInfo("share/gateway-api/../../x"),
    ],
    ids=lambda member: member.name,
)
def test_an_archive_that_reaches_outside(
    cached: Store, report: Report, tmp_path: Path, member: tarfile.TarInfo
) -> None:
    made = make_archive(
        tmp_path, [(tarfile.TarInfo("pins"), parts.cache_key().encode()), (member, b"")]
    )
    with pytest.raises(BinariesError, match=re.escape(f"{member.name} is not a plain file")):
        obtain(binaries=None, bundle=made, report=report)
    assert_nothing_stays(cached)


@pytest.mark.parametrize("name", ["../evil", "/evil", "bin/other", "evil"])
def test_files_that_are_no_part_stay_out(
    cached: Store, report: Report, tmp_path: Path, name: str
) -> None:
    members = [
        (tarfile.TarInfo("pins"), parts.cache_key().encode()),
        (tarfile.TarInfo("bin/kube"), b"kube"),
    ]
    made = make_archive(
        tmp_path,
        [*members, (tarfile.TarInfo("bin/etcd"), b"etcd"), (tarfile.TarInfo(name), b"evil")],
    )
    obtain(binaries=None, bundle=made, report=report, api_only=True)
    assert files_of(cached) == {"bin/kube": b"kube", "bin/etcd": b"etcd"}
    assert not list(tmp_path.rglob("evil"))


def test_what_is_no_archive(cached: Store, report: Report, tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.zst"
    file.write_bytes(b"no archive" * 100)
    with pytest.raises(BinariesError, match="is no bundle of Manor's"):
        obtain(binaries=None, bundle=f"{file}#sha256={digest_of(file)}", report=report)
    assert_nothing_stays(cached)
