"""What an API server can take: prepared requests, many in flight, and no thought."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from manor.api import Platform, Tenant
from manor.engines import compile_specs
from manor.kube import Client, Object
from manor.kube.connection import open_connection
from manor.render import spec_object
from manor.tools import NO_TOOLS, Toolset

CONCURRENCY = 64
ATTEMPTS = 40


def objects_of(
    platform: Mapping[str, Any], tenants: Sequence[Mapping[str, Any]], tools: Toolset = NO_TOOLS
) -> list[list[Object]]:
    """The objects of each tenant, the Tenant itself first."""
    made = [Tenant.model_validate(tenant) for tenant in tenants]
    compiled = compile_specs(
        Platform.model_validate(platform), {tenant.name: tenant for tenant in made}, made, tools
    )
    return [[spec_object(one.spec), *one.objects] for one in compiled]


async def write_all(
    kubeconfig: Path, sets: Sequence[Sequence[Object]], concurrency: int = CONCURRENCY
) -> float:
    """Seconds to write them all: first what the server demands to be first, then
    everything else."""
    async with Client.connect(kubeconfig) as client:
        prepared = [await _prepare(client, obj) for objects in sets for obj in objects]
    began = time.perf_counter()
    connection = await open_connection(kubeconfig, None)
    headers = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
    headers["Authorization"] = await connection.authorization() or ""
    options = {"headers": headers, **connection.options}
    params = {"fieldManager": "manor", "force": "false", "fieldValidation": "Strict"}
    slots = asyncio.Semaphore(concurrency)

    async def send(session: aiohttp.ClientSession, path: str, body: bytes) -> None:
        for attempt in range(ATTEMPTS):
            async with slots:
                url = connection.server + path
                async with session.patch(url, params=params, data=body, **options) as answer:
                    text = await answer.read()
            if answer.status < 300:
                return
            assert attempt < ATTEMPTS - 1, text
            await asyncio.sleep(
                0.25
            )  # a policy has not seen its parameters, or a quota has not counted

    async with connection.session as session:
        for wave in range(3):
            await asyncio.gather(
                *(send(session, path, body) for path, body, its in prepared if its == wave)
            )
    return time.perf_counter() - began


async def _prepare(client: Client, obj: Object) -> tuple[str, bytes, int]:
    """Path, body and wave: namespaces, the parameters of policies, all else."""
    resource = await client.resource(obj["apiVersion"], obj["kind"])
    meta = obj["metadata"]
    wave = {"Namespace": 0, "ConfigMap": 1}.get(obj["kind"], 2)
    return resource.path(meta.get("namespace"), meta["name"]), json.dumps(obj).encode(), wave
