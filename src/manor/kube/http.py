"""A request to a server behind the cluster's gateway, by its name, at the address where the gateway
is known to answer; and one to a pod, through the API server.

Name, certificate and Host header are those of the URL; the address replaces the look-up of the name
alone.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from pathlib import Path
from typing import Any, Self, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from manor.kube.client import Client
from manor.kube.errors import Unreachable
from manor.kube.transport import encode
from manor.limits import limits


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    reason: str
    text: str


class _At(AbstractResolver):
    """Every name is at one address."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(self._address, port, family)
        return [{**result, "hostname": host} for result in found]

    async def close(self) -> None:
        await self._inner.close()


async def post(
    url: str,
    address: str,
    body: Any,
    *,
    timeout: float,
    headers: Mapping[str, str],
    authority: Path | None = None,
) -> Answer:
    """Posts `body` as JSON to `url` at `address`, with these headers besides; `authority` is a file
    of certificates to trust beside the system's.

    Raises Unreachable where there is no whole answer within `timeout` seconds.
    """
    try:
        context = ssl.create_default_context()
        if authority:
            context.load_verify_locations(authority)
        connector = aiohttp.TCPConnector(resolver=_At(address), ssl=context)
        headers = {"Content-Type": "application/json", **headers}
        most = limits().kube.answer
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=timeout)
            ) as session,
            session.post(
                url, data=encode(body), headers=headers, allow_redirects=False
            ) as response,
        ):
            text = bytearray()
            async for chunk in response.content.iter_any():
                text += chunk
                if len(text) > most:
                    raise Unreachable(
                        f"{url} (at {address}): the answer is longer than {most >> 20} MiB"
                    )
            return Answer(response.status, response.reason or "", text.decode(errors="replace"))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        cause = f"no answer in {timeout:g} s" if isinstance(error, TimeoutError) else str(error)
        raise Unreachable(f"{url} (at {address}): {cause}") from error


class Pages:
    """What the platform's own servers say over plain HTTP, asked again and again."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Self]:
        """Connections that last as long as the block."""
        timeout = aiohttp.ClientTimeout(total=limits().kube.page_answer)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            yield cls(session)

    async def from_each(self, host: str, port: int, path: str) -> dict[str, str]:
        """What each address of a name holds at `path`. Raises Unreachable where one does not
        answer, or there is none."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = sorted({str(at[0]) for *_, at in found})
            texts = await asyncio.gather(*(self._get(at, port, path) for at in addresses))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{host}:{port}: {error or type(error).__name__}") from error
        return dict(zip(addresses, texts, strict=True))

    async def _get(self, address: str, port: int, path: str) -> str:
        literal = f"[{address}]" if ":" in address else address
        async with self._session.get(f"http://{literal}:{port}{path}") as response:
            response.raise_for_status()
            data = await response.content.read(limits().kube.answer)
            return data.decode(errors="replace")


class _Received:
    """What came of a connection that is over, for who reads a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._data)


async def get_from_pod(client: Client, namespace: str, pod: str, port: int, path: str) -> Answer:
    """What a pod's port holds at `path`, with the right to open ports of pods.

    Raises ApiError where that is refused, Unreachable where there is no whole answer.
    """
    data, most, timeout = bytearray(), limits().kube.answer, limits().kube.port
    where = f"port {port} of pod {namespace}/{pod}"
    try:
        async with asyncio.timeout(timeout), client.forward(namespace, pod, port) as tunnel:
            # It closes the connection after its answer.
            await tunnel.write(f"GET {path} HTTP/1.0\r\nHost: {pod}\r\n\r\n".encode())
            async for part in tunnel:
                data += part
                if len(data) > most:
                    raise Unreachable(f"{where}: the answer is longer than {most >> 20} MiB")
        response = HTTPResponse(cast("socket.socket", _Received(bytes(data))))
        response.begin()
        text = response.read().decode(errors="replace")
    except TimeoutError:
        raise Unreachable(f"{where}: no answer in {timeout:g} s") from None
    except HTTPException as error:
        raise Unreachable(f"{where}: no whole answer ({type(error).__name__})") from error
    return Answer(response.status, response.reason, text)
