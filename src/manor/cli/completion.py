"""Completion of names on the command line: what the cluster and the catalogue of checks have.

The shell waits for it: a cluster that does not answer at once completes nothing, and errors are
silent.
"""

import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import typer


def complete_tenants(incomplete: str) -> list[str]:
    """Names of the cluster's tenants."""
    from manor.api import API_VERSION, kinds

    return _listed(incomplete, lambda client: _names(client, API_VERSION, kinds.TENANT.kind))


def complete_namespaces(incomplete: str) -> list[str]:
    """Names of the tenants' namespaces."""
    from manor.api.wellknown import TENANT_LABEL

    return _listed(incomplete, lambda client: _names(client, "v1", "Namespace", label=TENANT_LABEL))


def complete_models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the Models in the namespace given, or in that of the kubeconfig's context."""
    from manor.api import kinds

    return _in_namespace(ctx, incomplete, kinds.MODEL.kind)


def complete_jobs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the TrainingJobs there."""
    from manor.api import kinds

    return _in_namespace(ctx, incomplete, kinds.TRAINING_JOB.kind)


def complete_workspaces(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the Workspaces there."""
    from manor.api import kinds

    return _in_namespace(ctx, incomplete, kinds.WORKSPACE.kind)


def complete_kinds(incomplete: str) -> list[str]:
    """The kinds that `manor explain` knows."""
    from manor.cli.explain import ASKED

    return [kind for kind in ASKED if kind.startswith(incomplete)]


def complete_of_kind(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the kind that stands before."""
    from manor.api import kinds
    from manor.nouns import singular

    meant = singular(ctx.params.get("kind") or "")
    if meant == "pod":
        return _in_namespace(ctx, incomplete, "Pod", api_version="v1")
    known = {singular(info.kind): info.kind for info in kinds.WORKLOADS}
    return _in_namespace(ctx, incomplete, *[known[meant]] * (meant in known))


def complete_targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of what runs there: TrainingJobs and Workspaces."""
    from manor.api import kinds

    return _in_namespace(ctx, incomplete, kinds.TRAINING_JOB.kind, kinds.WORKSPACE.kind)


def complete_checks(incomplete: str) -> list[str]:
    """IDs of the checks of `manor verify`."""
    from manor.verify import load

    return [check.id for check in load() if check.id.startswith(incomplete.upper())]


def complete_planes(incomplete: str) -> list[str]:
    """Planes of the checks of `manor verify`."""
    from manor.verify import load

    return sorted({check.plane for check in load() if check.plane.startswith(incomplete)})


def _in_namespace(
    ctx: typer.Context, incomplete: str, *wanted: str, api_version: str = ""
) -> list[str]:
    """Names of these kinds, Manor's unless it is said, over one connection."""
    from manor.api import API_VERSION
    from manor.errors import ManorError

    given = ctx.params.get("namespace")

    async def ask(client: Any) -> list[str]:
        found: list[str] = []
        for kind in wanted:
            with suppress(ManorError):  # one that is not to be had hides no other
                found += await _names(
                    client, api_version or API_VERSION, kind, given or client.namespace
                )
        return found

    return _listed(incomplete, ask)


async def _names(
    client: Any,
    api_version: str,
    kind: str,
    namespace: str | None = None,
    *,
    label: str | None = None,
) -> list[str]:
    found = await client.list(api_version, kind, namespace, labels={label: None} if label else None)
    return sorted({obj["metadata"]["name"] for obj in found})


def _listed(incomplete: str, ask: Callable[[Any], Coroutine[Any, Any, list[str]]]) -> list[str]:
    # Only a shell that completes needs them.
    import asyncio

    from manor.errors import ManorError
    from manor.kube import Client
    from manor.limits import limits

    async def run() -> list[str]:
        async with asyncio.timeout(limits().cli.completion):
            async with Client.connect(context=os.environ.get("MANOR_CONTEXT")) as client:
                return await ask(client)

    try:
        return [name for name in asyncio.run(run()) if name.startswith(incomplete)]
    except (ManorError, TimeoutError):
        return []
