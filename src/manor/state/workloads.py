"""Reads the workloads of a namespace; where there is no such one, or none of that name, the error
says so and names what there is."""

import asyncio
from contextlib import suppress

from manor.api import Workload, kinds
from manor.api.wellknown import API_VERSION
from manor.errors import ManorError
from manor.kube import Client, Forbidden, NotFound, Object, UnknownKind
from manor.nouns import singular
from manor.state.reading import State, age, read_platform, read_state


class NoSuchWorkload(ManorError):
    """There is none of that name in its namespace; the message says where to look."""


class NoSuchNamespace(ManorError):
    """There is no such namespace, or the user may not look into it; the message names others."""


async def read_workload(client: Client, kind: str, name: str, namespace: str) -> State:
    """One workload, and the Platform as far as the user may see it. Raises NoSuchWorkload;
    NoSuchNamespace; ManorError where the object cannot be read."""
    state = State()
    await add_workload(client, state, kind, name, namespace)
    with suppress(NotFound):
        state.read(await client.get(API_VERSION, kinds.PLATFORM.kind, "manor"))
    return state


async def add_workload(
    client: Client, state: State, kind: str, name: str, namespace: str
) -> Workload:
    """Reads one into what is known already; raises as `read_workload`."""
    try:
        state.read(await client.get(API_VERSION, kind, name, namespace))
    except NotFound:
        await check_namespace(client, namespace)
        listing = f"manor get {singular(kind)}s -n {namespace}"
        raise NoSuchWorkload(
            f"there is no {kind} {name} in namespace {namespace}; `{listing}` lists them"
        ) from None
    except Forbidden as error:
        raise await _not_seen(client, namespace, error) from None
    for one in state.workloads:
        meta = one.metadata
        if (one.kind, meta.name, meta.namespace) == (kind, name, namespace):
            return one
    raise ManorError(str(state.broken[-1]))


async def read_workloads(client: Client, kind: str, namespace: str | None) -> State:
    """The workloads of one kind in a namespace, or in all that the user may see; and the Platform.
    NoSuchNamespace."""
    state = State()
    with suppress(UnknownKind):  # nothing of Manor's is there yet
        platform, found = await asyncio.gather(
            read_platform(client), list_in(client, API_VERSION, kind, namespace)
        )
        for obj in [*platform, *sorted(found, key=age)]:
            state.read(obj)
    return state


async def list_in(
    client: Client, api_version: str, kind: str, namespace: str | None
) -> list[Object]:
    """The objects of a namespace that exists, or of all that the user may see. NoSuchNamespace."""
    try:
        found = await client.list(api_version, kind, namespace)
    except Forbidden as error:
        if namespace is not None:
            raise await _not_seen(client, namespace, error) from None
        own = await own_namespaces(client)
        lists = await asyncio.gather(*(client.list(api_version, kind, place) for place in own))
        return [obj for each in lists for obj in each]
    if not found and namespace is not None:
        await check_namespace(client, namespace)
    return found


async def check_namespace(client: Client, namespace: str) -> None:
    """NoSuchNamespace where there is none of that name."""
    try:
        await client.get("v1", "Namespace", namespace)
    except NotFound:
        message = f"there is no namespace {namespace}; `manor get namespaces` lists the teams'"
        raise NoSuchNamespace(message) from None
    except Forbidden:  # who sees what is in it need not see it
        return


async def own_namespaces(client: Client) -> list[str]:
    """Those of the tenants that the user is told of."""
    known = await read_state(client, workloads=False)
    return [space.name for tenant in known.tenants.values() for space in tenant.namespaces]


async def _not_seen(client: Client, namespace: str, error: Forbidden) -> ManorError:
    """Why a namespace cannot be looked into, for someone who may have meant another."""
    own = await own_namespaces(client)
    if namespace in own:
        return error
    if not own:
        return NoSuchNamespace(f"{error}; you are in no tenant")
    return NoSuchNamespace(
        f"there is no namespace {namespace}, or you may not look into it; name one of yours with "
        f"-n: {', '.join(own)}"
    )
