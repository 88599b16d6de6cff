"""Whether something serves: asked of components by the supervisor, which stays small, so without an
HTTP client."""

import asyncio
import ssl
from urllib.parse import urlsplit

from manor.limits import limits


async def is_ready(url: str, status: bytes = b"200") -> bool:
    """Whether a URL of scheme http or https answers with `status`, or one of tcp or unix accepts a
    connection."""
    try:
        async with asyncio.timeout(limits().local.probe):
            return await _probe(url, status)
    except (OSError, TimeoutError):
        return False


async def _probe(url: str, status: bytes) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        _, writer = await asyncio.open_unix_connection(parts.path)
        writer.close()
        return True
    context = None
    if parts.scheme == "https":
        # The probe asks whether the process serves, over loopback, and sends nothing secret.
        context = ssl._create_unverified_context()  # noqa: S323
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
    try:
        if parts.scheme == "tcp":
            return True
        writer.write(
            (
                f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.hostname}\r\nConnection: "
                f"close\r\n\r\n"
            ).encode()
        )
        return b" " + status + b" " in await reader.readline()
    finally:
        writer.close()
