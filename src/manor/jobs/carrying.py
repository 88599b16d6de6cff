"""Files onto a volume of a team and off it, by a short-lived pod of the caller's own.

Each file is checked by its digest, has its name only once it is whole, and goes on where an earlier
try ended.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from glob import escape
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, NonNegativeInt, ValidationError

from manor.api import Platform, Tenant
from manor.errors import ManorError
from manor.jobs.errands import ErrandFailed, errand
from manor.kube import STDOUT, Client, NotFound, Object, Process, Unreachable
from manor.limits import limits

Moved = Callable[[str, int, int], None]
"""Told how far a file is: its name, the bytes that are there, and all of them."""


class CarryFailed(ManorError):
    """A file could not be carried; the message says why."""


@dataclass(frozen=True)
class Parcel:
    """A file to be sent: an open one, of so many bytes."""

    path: str
    """Where it goes, on the volume."""
    file: IO[bytes]
    size: int
    digest: str
    """SHA-256, in hex."""
    mode: int = 0o644


def _below(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(f"{path!r} leads out of the folder")
    return path


class Found(BaseModel):
    """What is at a path of a volume. It comes from a pod, whose team says where files of this
    machine go no more than it says which are read."""

    kind: Literal["none", "file", "folder"]
    files: list[Annotated[str, AfterValidator(_below)]] = []
    """Those of a folder, by their paths below it."""


class _Header(BaseModel):
    """What announces the bytes of a file."""

    size: NonNegativeInt
    offset: NonNegativeInt
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    mode: int


_Answer = TypeVar("_Answer", bound=BaseModel)


def _read(form: type[_Answer], answer: Object) -> _Answer:
    try:
        return form.model_validate(answer)
    except ValidationError as error:
        raise _no_answer(error.errors()[0]["msg"]) from None


def _no_answer(why: str) -> CarryFailed:
    message = f"the pod that carries answers what it must not ({why}); nothing of it was written"
    return CarryFailed(f"{message}: see who in the team enters pods, and what image it has")


def unmoved(_name: str, _there: int, _of: int) -> None:
    """Tells nobody."""


class Courier:
    """Speaks with the program in the pod (`manor.jobs.courier`)."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._output = aiter(process)
        self._read = bytearray()
        self._said = bytearray()

    async def ask(self, **question: Any) -> Object:
        """Its answer. CarryFailed with its own words where it cannot."""
        await self._process.write(json.dumps(question).encode() + b"\n")
        return await self._answer()

    async def send(self, parcel: Parcel, moved: Moved = unmoved) -> None:
        """Put a file onto the volume, unless it is there already."""
        answer = await self.ask(
            ask="take", path=parcel.path, size=parcel.size, sha256=parcel.digest, mode=parcel.mode
        )
        offset = answer["offset"]
        moved(parcel.path, offset, parcel.size)
        if answer["there"]:
            return
        parcel.file.seek(offset)
        block = limits().jobs.block
        try:
            while data := parcel.file.read(min(block, parcel.size - offset)):
                await self._process.write(data)
                offset += len(data)
                moved(parcel.path, offset, parcel.size)
        except ConnectionError:
            await self._answer()  # it had a reason to go
            raise
        if offset < parcel.size:
            raise CarryFailed(f"{parcel.path} became shorter while it was sent; send it again")
        await self._answer()

    async def look(self, path: str) -> Found:
        """What is there."""
        return _read(Found, await self.ask(ask="look", path=path))

    async def fetch(self, path: str, target: Path, moved: Moved = unmoved) -> None:
        """Write a file of the volume to `target`."""
        parts = sorted(target.parent.glob(f".{escape(target.name)}.*.part"))
        part = parts[-1] if parts else None
        begun = part.stat().st_size if part else 0
        known = part.name.split(".")[-2] if part else ""
        asked = await self.ask(ask="give", path=path, offset=begun, sha256=known)
        header = _read(_Header, asked)
        if part and header.offset != begun:
            part.unlink()
        part = target.with_name(f".{target.name}.{header.sha256}.part")
        there, size = header.offset, header.size
        with part.open("ab") as file:
            while there < size:
                data = await self._bytes(size - there)
                file.write(data)
                there += len(data)
                moved(path, there, size)
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != header.sha256:
            part.unlink()
            raise CarryFailed(f"{path} came with other bytes than were sent; fetch it again")
        part.chmod(0o755 if header.mode & 0o100 else 0o644)
        part.replace(target)

    async def _answer(self) -> Object:
        while b"\n" not in self._read:
            await self._more()
        line, _, rest = bytes(self._read).partition(b"\n")
        self._read = bytearray(rest)
        try:
            answer: Object = dict(json.loads(line))
        except (ValueError, TypeError, RecursionError):
            raise _no_answer("no JSON") from None
        if message := answer.get("error"):
            raise CarryFailed(message)
        return answer

    async def _bytes(self, most: int) -> bytes:
        if not self._read:
            await self._more()
        data = bytes(self._read[:most])
        del self._read[:most]
        return data

    async def _more(self) -> None:
        async for channel, data in self._output:
            if channel == STDOUT:
                self._read += data
                return
            self._said += data
        said = self._said.decode(errors="replace").strip().splitlines()
        raise CarryFailed(f"the pod that carries ended: {said[-1] if said else 'no reason given'}")


@dataclass(frozen=True)
class Van:
    """A pod that mounts one volume."""

    client: Client
    namespace: str
    pod: str

    @asynccontextmanager
    async def courier(self) -> AsyncIterator[Courier]:
        """The program that carries, started in it."""
        program = resources.files("manor.jobs").joinpath("courier.py").read_text(encoding="utf-8")
        command = ["python3", "-c", program]
        async with self.client.start(self.namespace, self.pod, command) as process:
            yield Courier(process)

    async def each(self, work: Sequence[Any], carry: Callable[[Courier, Any], Any]) -> None:
        """Carry one after another; where the connection breaks, go on with the one that it broke
        at. Raises Unreachable where it breaks again and again."""
        done, broken = 0, 0
        while done < len(work):
            try:
                async with self.courier() as courier:
                    while done < len(work):
                        await carry(courier, work[done])
                        done, broken = done + 1, 0
            except Unreachable:
                broken += 1
                if broken > limits().jobs.reconnects:
                    raise
                await asyncio.sleep(limits().jobs.poll)


@asynccontextmanager
async def van(
    client: Client, platform: Platform, tenant: Tenant, namespace: str, claim: str
) -> AsyncIterator[Van]:
    """A pod that mounts a claim of the namespace, gone at the end of the block. CarryFailed says
    why there is none."""
    try:
        await client.get("v1", "PersistentVolumeClaim", claim, namespace)
    except NotFound:
        raise CarryFailed(f"there is no volume {claim} in namespace {namespace}") from None
    image = platform.spec.images.training
    try:
        async with errand(client, platform, tenant, namespace, image, claim) as pod:
            yield Van(client, namespace, pod)
    except ErrandFailed as error:
        raise CarryFailed(f"the pod that is to carry {error}") from None
