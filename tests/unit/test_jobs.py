"""Runs: what a request becomes, which files go along, and what carries them."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manor.jobs import BadRequest, CarryFailed, CodeError, Request, courier, variables
from manor.jobs.carrying import Courier, Parcel
from manor.jobs.copying import Place, _sent
from manor.jobs.folder import NotInline, as_texts, files_of, packed
from manor.jobs.following import log_of
from manor.jobs.function import script_of
from manor.jobs.request import new_name, next_name, training_job
from manor.kube import STDOUT, Unreachable
from manor.limits import Jobs, override
from manor.load import Document, validated

pytestmark = pytest.mark.unit


def test_a_script_is_run_by_python_and_a_default_is_not_written() -> None:
    obj = training_job(Request(["a/train.py", "--epochs", "3"]), "vision", {"files": {"a": "1"}})
    assert obj["spec"] == {
        "command": ["python3", "a/train.py", "--epochs", "3"],
        "files": {"a": "1"},
        "retries": 0,
    }
    assert obj["metadata"]["name"].startswith("train-")


def test_all_that_is_asked_for_is_in_the_spec() -> None:
    request = Request(
        ["torchrun", "x"],
        name="fit",
        image="r/i:1",
        cpu="4",
        memory="8Gi",
        gpu=2,
        gpu_flavor="a100",
        workers=2,
        processes=2,
        queue="urgent",
        env={"A": "1"},
        env_from=["wandb"],
        volumes=["data:/data", "models:/m:ro"],
        retries=1,
        timeout=60,
    )
    obj = training_job(request, "vision", {})
    validated(Document(obj, "", {(): 0}))
    assert obj["spec"] == {
        "image": "r/i:1",
        "command": ["torchrun", "x"],
        "env": {"A": "1"},
        "secrets": [{"name": "wandb"}],
        "workers": 2,
        "processes": 2,
        "resources": {"cpu": "4", "memory": "8Gi", "gpu": 2, "gpuFlavor": "a100"},
        "queue": "urgent",
        "volumes": [
            {"name": "data", "path": "/data"},
            {"name": "models", "path": "/m", "readOnly": True},
        ],
        "timeoutSeconds": 60,
        "retries": 1,
    }


@given(st.text(max_size=80))
def test_a_name_made_of_any_word_is_valid(word: str) -> None:
    obj = training_job(Request(["x"], name=new_name(word)), "vision", {})
    validated(Document(obj, "", {(): 0}))


@pytest.mark.parametrize("text", ["data", "data:", "data:x", ":/x", "data:/x:rw"])
def test_a_volume_is_written_with_its_path(text: str) -> None:
    with pytest.raises(BadRequest, match="NAME:/PATH"):
        training_job(Request(["x"], volumes=[text]), "vision", {})


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("s3://faces", {"uri": "s3://faces"}),
        ("s3://faces/2026:/data/x", {"uri": "s3://faces/2026", "path": "/data/x"}),
        ("hf://org/words:v2:/w", {"uri": "hf://org/words:v2", "path": "/w"}),
        ("https://h:8443/a.zip", {"uri": "https://h:8443/a.zip"}),
    ],
)
def test_data_is_a_uri_and_where_it_is_found(text: str, source: dict[str, str]) -> None:
    asked = Request(["x"], data=[text], connection="keys")
    obj = training_job(asked, "vision", {})
    validated(Document(obj, "", {(): 0}))
    assert obj["spec"]["data"] == [{**source, "secret": "keys"}]


def test_an_output_is_a_uri_and_where_it_is_written() -> None:
    asked = Request(["x"], outputs=["s3://faces/1", "gs://b:/logs"], connection="keys")
    obj = training_job(asked, "vision", {})
    validated(Document(obj, "", {(): 0}))
    assert obj["spec"]["outputs"] == [
        {"uri": "s3://faces/1", "secret": "keys"},
        {"uri": "gs://b", "path": "/logs", "secret": "keys"},
    ]
    with pytest.raises(BadRequest, match=r"is no output; write URI, or URI:/PATH: .*:/out"):
        training_job(Request(["x"], outputs=["/out"]), "vision", {})


@pytest.mark.parametrize("text", ["faces", "/data", "s3:/faces", "s3://faces:/"])
def test_what_is_no_uri_is_no_data(text: str) -> None:
    with pytest.raises(BadRequest, match="URI:/PATH"):
        training_job(Request(["x"], data=[text]), "vision", {})


def test_nothing_to_run_and_no_variable_are_refused() -> None:
    with pytest.raises(BadRequest, match="nothing to run"):
        training_job(Request([]), "vision", {})
    with pytest.raises(BadRequest, match="NAME=VALUE"):
        variables(["A=1", "B"])
    with pytest.raises(BadRequest, match="A is given twice"):
        variables(["A=1", "A=2"])
    assert variables(["A=1=2", "B="]) == {"A": "1=2", "B": ""}


def test_the_next_name_is_the_next_number_that_is_free() -> None:
    assert next_name("fit-1", {"fit-1", "fit-2"}) == "fit-3"
    assert next_name("fit-x7", {"fit-x7"}) == "fit-x7-2"
    assert len(next_name("a" * 50, set())) == 50


def test_what_is_named_stays_and_what_is_taken_back_goes(tmp_path: Path) -> None:
    for name in ("train.py", "data/big.csv", "data/small.csv", ".git/config", ".env", "x/.env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [file.path for file in files_of(tmp_path)] == [
        "data/big.csv",
        "data/small.csv",
        "train.py",
    ]
    (tmp_path / ".gitignore").write_text("data/\n")
    assert [file.path for file in files_of(tmp_path)] == ["train.py"]
    (tmp_path / ".manorignore").write_text("/data/*\n!/data/small.csv\n!/.env\n")
    assert [file.path for file in files_of(tmp_path)] == [".env", "data/small.csv", "train.py"]


def test_a_link_to_a_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").symlink_to("there")
    with pytest.raises(CodeError, match="here is a link to a folder"):
        files_of(tmp_path)
    (tmp_path / ".manorignore").write_text("here/\n")
    assert files_of(tmp_path) == []


def test_a_link_out_of_the_folder_is_not_sent(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "key").write_text("secret")
    (folder / "a.py").write_text("1")
    (folder / "b.py").symlink_to("a.py")
    assert [file.path for file in files_of(folder)] == ["a.py", "b.py"]
    assert [to for _, to in _sent(folder, "/x")] == ["/x/a.py", "/x/b.py"]
    (folder / "c.py").symlink_to(tmp_path / "key")
    with pytest.raises(CodeError, match=r"c.py is a link that leads out of the folder"):
        files_of(folder)
    with pytest.raises(CarryFailed, match=r"c.py is a link to no file of this folder"):
        list(_sent(folder, "/x"))
    (folder / "c.py").unlink()
    (folder / "d").symlink_to(tmp_path)
    with pytest.raises(CarryFailed, match=r"d is a link to no file of this folder"):
        list(_sent(folder, "/x"))


def test_a_file_that_shrinks_while_it_is_packed_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1" * 1000)
    files = files_of(tmp_path)
    (tmp_path / "a.py").write_text("1")
    with pytest.raises(CodeError, match=r"a.py cannot be sent: "), packed(files):
        pass


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a b.py", b"1", "'a b.py' has a name that no ConfigMap takes"),
        ("a\nb.py", b"1", r"'a\nb.py' has a name that no ConfigMap takes"),
        ("a.bin", b"\xff", "'a.bin' is no text"),
        ("big.py", b"#" * 1_000_001, "1000003 bytes are more than the 1000000 of a ConfigMap"),
    ],
)
def test_what_is_no_small_text_does_not_go_into_etcd(
    tmp_path: Path, name: str, data: bytes, why: str
) -> None:
    (tmp_path / "train.py").write_text("ü")
    assert as_texts(files_of(tmp_path)) == {"train.py": "ü"}
    (tmp_path / name).write_bytes(data)
    with pytest.raises(NotInline) as told:
        as_texts(files_of(tmp_path))
    assert str(told.value).startswith(why)


def test_the_same_files_are_one_archive_wherever_and_whenever(tmp_path: Path) -> None:
    digests = set()
    for place, moment in (("a", 1), ("b", 2)):
        (tmp_path / place).mkdir()
        (tmp_path / place / "train.py").write_text("1")
        os.utime(tmp_path / place / "train.py", (moment, moment))
        with packed(files_of(tmp_path / place)) as archive:
            digests.add(archive.digest)
            assert hashlib.sha256(archive.file.read()).hexdigest() == archive.digest
    assert len(digests) == 1
    (tmp_path / "a" / "train.py").chmod(0o755)
    with packed(files_of(tmp_path / "a")) as archive:
        assert archive.digest not in digests


class Here:
    """The program that carries, as a process of this machine."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        assert self.process.stdout is not None
        while data := await self.process.stdout.read(1000):
            yield STDOUT, data


@asynccontextmanager
async def carrying(volume: Path) -> AsyncIterator[Courier]:
    program = Path(courier.__file__).read_text()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"MANOR_VOLUME": str(volume)},
    )
    try:
        yield Courier(Here(process))  # type: ignore[arg-type]
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def parcel(file: Path, path: str) -> Parcel:
    data = file.read_bytes()
    return Parcel(path, file.open("rb"), len(data), hashlib.sha256(data).hexdigest())


async def test_a_file_that_broke_off_goes_on_where_it_ended(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    source, volume = tmp_path / "source", tmp_path / "volume"
    source.write_bytes(data)
    volume.mkdir()
    sent = parcel(source, "/deep/x.bin")
    part = volume / "deep" / f".x.bin.{sent.digest[:16]}.part"
    async with carrying(volume) as there:
        asked = {"path": sent.path, "size": sent.size, "sha256": sent.digest, "mode": 0o644}
        assert (await there.ask(ask="take", **asked))["offset"] == 0
        await there._process.write(data[:100_000])
    assert part.stat().st_size == 100_000
    assert not (volume / "deep" / "x.bin").exists()
    seen: list[int] = []
    async with carrying(volume) as there:
        await there.send(sent, lambda _name, begun, _of: seen.append(begun))
        await there.send(sent, lambda _name, begun, _of: seen.append(-begun))
        await there.fetch("deep/x.bin", tmp_path / "back")
    assert (seen[0], seen[-1]) == (100_000, -300_000)
    assert (volume / "deep" / "x.bin").read_bytes() == data
    assert (tmp_path / "back").read_bytes() == data
    assert not part.exists()


@pytest.mark.parametrize("changed", [False, True])
async def test_a_fetch_that_broke_off_goes_on_unless_the_file_changed(
    tmp_path: Path, changed: bool
) -> None:
    data = os.urandom(200_000)
    known = "0" * 64 if changed else hashlib.sha256(data).hexdigest()
    (tmp_path / "x").write_bytes(data)
    (tmp_path / f".y.{known}.part").write_bytes(data[:199_000])
    told: list[int] = []
    async with carrying(tmp_path) as there:
        await there.fetch("x", tmp_path / "y", lambda _name, now, _of: told.append(now))
    assert (tmp_path / "y").read_bytes() == data
    assert not list(tmp_path.glob(".y.*"))
    assert (told[0] < 199_000) is changed


async def test_other_bytes_than_were_announced_are_no_file(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * 10)
    sent = parcel(tmp_path / "source", "y")
    wrong = Parcel("y", sent.file, sent.size, "0" * 64)
    async with carrying(tmp_path) as there:
        with pytest.raises(CarryFailed, match="other bytes"):
            await there.send(wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


async def test_a_file_that_shrinks_while_it_is_sent_is_told(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * 10)
    sent = parcel(tmp_path / "source", "y")
    (tmp_path / "source").write_bytes(b"x")
    async with carrying(tmp_path) as there, asyncio.timeout(10):
        with pytest.raises(CarryFailed, match="y became shorter while it was sent"):
            await there.send(sent)
    assert not (tmp_path / "y").exists()


class Hostile:
    """A pod that answers what its team wants."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    async def write(self, _data: bytes) -> None:
        pass

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        for line in self.lines:
            yield STDOUT, f"{line}\n".encode()


@pytest.mark.parametrize("name", ["../../out", "/out", "a/../../../out", ".."])
async def test_a_pod_does_not_say_where_files_of_this_machine_go(tmp_path: Path, name: str) -> None:
    there = Courier(Hostile(json.dumps({"kind": "folder", "files": ["a", name]})))  # type: ignore[arg-type]
    with pytest.raises(CarryFailed, match="leads out of the folder"):
        await there.look("/x")


@pytest.mark.parametrize(
    "answer",
    [
        *("Welcome!", "[1]", "{}", "3", "null"),
        json.dumps({"size": 1, "offset": 0, "sha256": "../" * 9, "mode": 0o644}),
        json.dumps({"size": -1, "offset": 0, "sha256": "0" * 64, "mode": 0o644}),
    ],
)
async def test_what_is_no_answer_is_told_and_nothing_is_written(
    tmp_path: Path, answer: str
) -> None:
    there = Courier(Hostile(answer))  # type: ignore[arg-type]
    with pytest.raises(CarryFailed, match="answers what it must not"):
        await there.fetch("/x", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_comes_has_no_mode_of_another_kind(tmp_path: Path) -> None:
    header = {"size": 0, "offset": 0, "sha256": hashlib.sha256().hexdigest(), "mode": 0o6777}
    await Courier(Hostile(json.dumps(header))).fetch("/x", tmp_path / "x")  # type: ignore[arg-type]
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o755


async def test_two_who_send_the_same_code_at_once_do_not_disturb_each_other(
    tmp_path: Path,
) -> None:
    folder, volume = tmp_path / "folder", tmp_path / "volume"
    folder.mkdir()
    volume.mkdir()
    (folder / "data.bin").write_bytes(os.urandom(500_000))

    async def send() -> None:
        with packed(files_of(folder)) as archive:
            sent = Parcel("code/1.tar.gz", archive.file, archive.size, archive.digest)
            async with carrying(volume) as there:
                await there.send(sent)
                await there.ask(ask="unpack", path=sent.path, folder="code/1")

    await asyncio.gather(*(send() for _ in range(4)))
    assert [path.name for path in (volume / "code").iterdir()] == ["1"]
    data = (folder / "data.bin").read_bytes()
    assert (volume / "code" / "1" / "data.bin").read_bytes() == data


async def test_no_path_leads_off_the_volume_and_errors_name_it(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (tmp_path / "outside").write_text("no")
    async with carrying(volume) as there:
        assert (await there.ask(ask="look", path="../outside"))["kind"] == "none"
        with pytest.raises(CarryFailed, match="nowhere: No such file"):
            await there.ask(ask="give", path="nowhere", offset=0, sha256="")
        assert (await there.ask(ask="look", path="/"))["kind"] == "folder"


async def test_an_archive_becomes_a_folder_at_once(tmp_path: Path) -> None:
    folder, volume = tmp_path / "folder", tmp_path / "volume"
    (folder / "pkg").mkdir(parents=True)
    volume.mkdir()
    (folder / "pkg" / "a.py").write_text("1")
    (folder / "run.sh").write_text("2")
    (folder / "run.sh").chmod(0o755)
    with packed(files_of(folder)) as archive:
        sent = Parcel("code.tar.gz", archive.file, archive.size, archive.digest)
        async with carrying(volume) as there:
            for _ in range(2):
                await there.send(sent)
                await there.ask(ask="unpack", path=sent.path, folder=".manor/code/1")
            assert (await there.ask(ask="look", path=".manor/code/1"))["files"] == [
                "pkg/a.py",
                "run.sh",
            ]
    assert os.access(volume / ".manor/code/1/run.sh", os.X_OK)
    assert sorted(path.name for path in (volume / ".manor" / "code").iterdir()) == ["1"]


@pytest.mark.parametrize("text", ["x", "./a:/b", "/a:/b", "C:\\x", ":/x", "data:x"])
def test_a_path_of_this_machine_is_no_place_on_a_volume(text: str) -> None:
    assert Place.read(text) is None


def test_a_place_on_a_volume() -> None:
    assert Place.read("data:/a:b") == Place("data", "/a:b")


FACTOR = 2


def alone(x: int, *, by: int = 1) -> None:
    import math

    print(math.floor(x) * by, len("ab"))


def leans(x: int) -> None:
    print(x * FACTOR)


async def waits() -> None:
    pass


def test_a_function_is_a_script_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(script_of(alone, [3], {"by": 2}))
    done = subprocess.run([sys.executable, tmp_path / "f.py"], capture_output=True, text=True)
    assert done.stdout == "6 2\n", done.stderr


@pytest.mark.parametrize(
    ("function", "args", "words"),
    [
        (leans, [1], "leans uses FACTOR from outside; import it inside leans"),
        (waits, [], "asynchronous"),
        (lambda: 1, [], "no function with a name"),
        (alone, [{1}], "must be JSON"),
        (print, [], "no function"),
    ],
)
def test_a_function_that_needs_more_than_itself_is_refused(
    function: Any, args: list[Any], words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        script_of(function, args)


class Breaking:
    """A log of which the connection breaks after each two lines; two lines have one time."""

    lines = [("1", "a"), ("2", "b"), ("2", "c"), ("2", "d"), ("3", "e")]

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def follow_log(
        self, _namespace: str, _pod: str, *, container: str, since: str
    ) -> AsyncGenerator[tuple[str, str], None]:
        assert container == "worker"
        told = sum(moment < since for moment, _ in self.lines)
        self.asked.append(since)
        for line in self.lines[told : told + 2 + len(self.asked)]:
            yield line
        if len(self.asked) < 4:
            raise Unreachable("broken")


async def test_each_line_of_a_log_comes_once_however_often_the_connection_breaks() -> None:
    pod = {
        "metadata": {"namespace": "vision", "name": "x"},
        "spec": {"containers": [{"name": "worker"}]},
    }
    client = Breaking()
    with override(jobs=Jobs(poll=0)):
        lines = [line async for line in log_of(client, pod)]  # type: ignore[arg-type]
    assert "".join(lines) == "abcde"
    assert client.asked == ["", "2", "3", "3"]
