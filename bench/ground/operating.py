"""The operator as a command of its own, with credentials of its own."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket
from typing import Any

import aiohttp
import yaml

from ground.api_server import MANOR
from ground.process import Process, running
from manor.api.wellknown import OPERATOR, RBAC_API, SYSTEM_NAMESPACE
from manor.kube import Client
from manor.render.operator import render_operator

CREDENTIALS = "operator.kubeconfig"
_QUIET = 1.0
"""Seconds without a request and with an empty queue, after which nothing more is to come."""
_POLL = 0.2
_WAITING = re.compile(r"^manor_queue_length (\S+)", re.MULTILINE)


async def credentials(client: Client, admin: Path, folder: Path) -> Path:
    """A kubeconfig of the operator's own account, with the rights that `manor install` gives it."""
    for obj in render_operator("manor.local/operator:bench"):
        if obj["kind"] == "ServiceAccount" or obj["apiVersion"] == RBAC_API:
            await client.apply(obj, field_manager="bench")
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/{OPERATOR}/token"
    asked: dict[str, Any] = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 86400},
    }
    answer = await client.request("POST", path, body=asked)
    config = yaml.safe_load(admin.read_text())
    for user in config["users"]:
        user["user"] = {"token": answer["status"]["token"]}
    made = folder / CREDENTIALS
    made.write_text(yaml.safe_dump(config))
    return made


class Operator:
    """A running operator."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self._url = url

    async def steady(self, seconds: float = 900.0) -> float:
        """The moment at which it knew everything, had nothing left to do and did nothing more."""
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
            since, before = time.monotonic(), self.process.cpu()
            while time.monotonic() - since < _QUIET:
                await asyncio.sleep(_POLL)
                spent = self.process.cpu() - before
                if spent > _POLL / 2 or not await self._has_done(session):
                    since = time.monotonic()
                before += spent
            return since

    async def _has_done(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self._url}/readyz") as answer:
                if answer.status != 200:
                    return False
            async with session.get(f"{self._url}/metrics") as answer:
                [length] = _WAITING.findall(await answer.text())
        except aiohttp.ClientError:
            return False
        return float(length) == 0


@asynccontextmanager
async def operating(kubeconfig: Path, log: Path) -> AsyncIterator[Operator]:
    """An operator that runs until the end of the block."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [MANOR, "operator", "--no-elect", "--port", str(port)]
    with running([*command, "--kubeconfig", str(kubeconfig)], log) as process:
        yield Operator(process, f"http://127.0.0.1:{port}")
