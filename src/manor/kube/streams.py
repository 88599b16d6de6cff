"""Answers that go on: watches, and commands run in a container."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from manor.kube.errors import TooLong, Unreachable, api_error
from manor.kube.transport import Identity, Params, Transport
from manor.limits import limits

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDOUT, STDERR, STATUS = 1, 2, 3


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
    output: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray(), STATUS: bytearray()}
    try:
        async with (
            asyncio.timeout(timeout),
            transport.websocket(identity, path, params, PROTOCOLS) as socket,
        ):
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY and message.data:
                    output.setdefault(message.data[0], bytearray()).extend(message.data[1:])
                if sum(map(len, output.values())) > most:
                    raise TooLong(
                        f"the command wrote more than {most >> 20} MiB; the rest is not read"
                    )
    except TimeoutError as error:
        raise Unreachable(f"the command did not end within {timeout:g} s") from error
    if not output[STATUS]:
        raise Unreachable("the connection to the container ended before the command did")
    return ExecResult(
        stdout=output[STDOUT].decode(errors="replace"),
        stderr=output[STDERR].decode(errors="replace"),
        exit_code=_exit_code(output[STATUS].decode()),
    )


def _exit_code(status: str) -> int:
    answer = json.loads(status)
    if answer.get("status") == "Success":
        return 0
    for cause in (answer.get("details") or {}).get("causes", []):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise api_error(int(answer.get("code") or 500), status)
