"""A request to a server behind the cluster's gateway: by its name, at the address where the gateway
is known to answer.

Name, certificate and Host header are those of the URL; the address replaces the look-up of the name
alone.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

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
