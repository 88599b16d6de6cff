"""Answers that go on: watches, commands run in a container, and ports of a pod.

Source: Kubernetes' documentation of `pods/exec` and `pods/portforward`; the subprotocols of
k8s.io/apimachinery/pkg/util/remotecommand and of the kubelet's port forwarding.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from manor.kube.errors import TooLong, Unreachable, api_error
from manor.kube.transport import Identity, Params, Transport
from manor.limits import limits

PROTOCOL = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
FORWARD_PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
_PORT = 2
"""Bytes with which each channel of a port begins: the port's number."""


@dataclass(frozen=True)
class Event:
    """A watch event: `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: dict[str, Any]


@dataclass(frozen=True)
class ExecResult:
    """What a command wrote, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int


async def watch(
    transport: Transport, identity: Identity, path: str, params: Params, timeout: float
) -> AsyncIterator[Event]:
    """Events until the server ends the watch, after `timeout` seconds at most.

    Raises Gone when the resource version is too old.
    """
    params = {
        **params,
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": max(1, int(timeout)),
    }
    async for line in transport.lines(identity, path, params, timeout + limits().kube.watch_grace):
        if not line.strip():
            continue
        event = json.loads(line)
        if event["type"] == "ERROR":
            status = event["object"]
            raise api_error(int(status.get("code") or 500), json.dumps(status))
        yield Event(event["type"], event["object"])


async def execute(
    transport: Transport,
    identity: Identity,
    path: str,
    params: list[tuple[str, str]],
    timeout: float,
) -> ExecResult:
    """Runs a command, over a websocket, until it ends.

    Raises ApiError where the server or the container runtime refuses, Unreachable after `timeout`
    seconds, TooLong where it writes more than is read.
    """
    most = limits().kube.command_output
    output: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray()}
    try:
        async with (
            asyncio.timeout(timeout),
            start(transport, identity, path, params) as process,
        ):
            async for channel, data in process:
                output[channel] += data
                if sum(map(len, output.values())) > most:
                    raise TooLong(
                        f"the command wrote more than {most >> 20} MiB; the rest is not read"
                    )
    except TimeoutError as error:
        raise Unreachable(f"the command did not end within {timeout:g} s") from error
    return ExecResult(
        stdout=output[STDOUT].decode(errors="replace"),
        stderr=output[STDERR].decode(errors="replace"),
        exit_code=process.exit_code,
    )


class Process:
    """A command that runs in a container. What it writes is read by iterating: pairs of STDOUT or
    STDERR and bytes, until it ends.

    Raises ApiError where the server or the container runtime refuses, Unreachable where the
    connection ends before the command.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._status = b""

    async def write(self, data: bytes) -> None:
        """Give it input."""
        await self._socket.send_bytes(bytes([STDIN]) + data)

    async def end_input(self) -> None:
        """Say that no more input comes."""
        await self._socket.send_bytes(bytes([CLOSE, STDIN]))

    async def resize(self, width: int, height: int) -> None:
        """Say how large its terminal is, in characters."""
        size = json.dumps({"Width": width, "Height": height}).encode()
        await self._socket.send_bytes(bytes([RESIZE]) + size)

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel == STATUS:
                self._status += data
            elif channel in (STDOUT, STDERR) and data:
                yield channel, data
        if not self._status:
            raise Unreachable("the connection to the container ended before the command did")

    @property
    def exit_code(self) -> int:
        """How it ended, once all is read."""
        return _exit_code(self._status.decode())


@asynccontextmanager
async def start(
    transport: Transport, identity: Identity, path: str, params: list[tuple[str, str]]
) -> AsyncIterator[Process]:
    """Starts a command, over a websocket; it is not waited for at the end of the block."""
    async with transport.websocket(identity, path, params, (PROTOCOL,)) as socket:
        yield Process(socket)


class Tunnel:
    """One connection to a port of a pod. Iterating gives what comes out of it, until it is closed.

    Raises Unreachable where the pod refuses it.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def write(self, data: bytes) -> None:
        """Send something to it."""
        await self._socket.send_bytes(bytes([DATA]) + data)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        begun: set[int] = set()
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in begun:
                begun.add(channel)
                data = data[_PORT:]
            if channel == ERROR and data:
                raise Unreachable(data.decode(errors="replace").strip())
            if data:
                yield data


@asynccontextmanager
async def forward(
    transport: Transport, identity: Identity, path: str, port: int
) -> AsyncIterator[Tunnel]:
    """Opens a connection to a port of a pod, over a websocket."""
    params = [("ports", str(port))]
    async with transport.websocket(identity, path, params, (FORWARD_PROTOCOL,)) as socket:
        yield Tunnel(socket)


def _exit_code(status: str) -> int:
    answer = json.loads(status)
    if answer.get("status") == "Success":
        return 0
    for cause in (answer.get("details") or {}).get("causes", []):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise api_error(int(answer.get("code") or 500), status)
