"""`up` and `down`: the order in which a node comes to be, and how every trace of it goes."""

import asyncio
import json
import operator
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from manor import kube
from manor.limits import limits
from manor.local import (
    addons,
    binaries,
    cgroups,
    configuration,
    containers,
    images,
    kubeconfig,
    network,
    preflight,
    processes,
)
from manor.local.components import list_components
from manor.local.errors import NodeKindChanged, NoSuchNode, StartFailed
from manor.local.locks import locked
from manor.local.node import Files, Node, Ports, check_name, list_nodes, load_node, state_home
from manor.local.progress import Report
from manor.local.settings import raise_settings, restore_settings
from manor.polling import poll_until


def up(
    name: str,
    *,
    api_only: bool = False,
    ephemeral: bool = False,
    binaries_folder: Path | None = None,
    bundle: str | None = None,
    report: Report,
) -> tuple[Node, bool]:
    """Make a node, or start again one that is there; False beside it when it was up already and is
    left alone.

    Interrupted, or unable to go on, it takes back what it made: a new node wholly, an old one's
    processes alone.

    Raises:
        LocalError: with what is wrong and what to do.
    """
    check_name(name)
    if not api_only:
        preflight.require(to_compile=binaries.to_compile(binaries_folder, bundle))
    programs = binaries.obtain(
        binaries=binaries_folder, bundle=bundle, report=report, api_only=api_only
    )
    with locked(state_home() / name):
        old = _find(name, api_only, ephemeral)
        try:
            node = _allocate(name, api_only, ephemeral, programs, old)
            started = _start(node, programs, report)
        except BaseException:
            with _uninterrupted():
                _take_back(name, is_new=old is None)
            raise
    return node, started


def down(name: str) -> None:
    """End a node and remove everything of it, its data included."""
    check_name(name)
    # First the lock: an `up` of this name that is under way comes to its end, and what it made is
    # found.
    with locked(state_home() / name), _uninterrupted():
        try:
            node = load_node(name)
        except NoSuchNode:
            _forget(state_home() / name)
            raise
        _remove(node)


def _find(name: str, api_only: bool, ephemeral: bool) -> Node | None:
    """The recorded node of that name, provided that it is of the kind now asked for."""
    try:
        node = load_node(name)
    except NoSuchNode:
        return None
    if (node.api_only, node.ephemeral) != (api_only, ephemeral):
        raise NodeKindChanged(
            f"node {name!r} was made with {_options(node.api_only, node.ephemeral)}, and that "
            f"cannot be changed; "
            f"take another --name, or remove it first: `manor local down --name {name}`"
        )
    return node


def _allocate(
    name: str, api_only: bool, ephemeral: bool, programs: binaries.Bundle, old: Node | None
) -> Node:
    """Record a new node, or take up the recorded one with the programs of now."""
    programs_bin, share = str(programs.bin), str(programs.share)
    if old and processes.is_running(old):
        return old
    if old:
        node = replace(old, bin=programs_bin, share=share)
    elif api_only:
        node = Node(name, api_only, ephemeral, _free_ports(), programs_bin, share)
    else:
        with locked(state_home()):
            taken = {other.index for other in list_nodes() if other.index is not None}
            node = Node(
                name, api_only, ephemeral, Ports(), programs_bin, share, network.choose_index(taken)
            )
            node.save()
    node.save()
    return node


def _start(node: Node, programs: binaries.Bundle, report: Report) -> bool:
    """Start what does not run and make what is missing; False where there was nothing to do."""
    if processes.is_running(node):
        if node.files.complete.exists() and not configuration.issue_certificates(node):
            return False
        processes.stop(node, kill=False)
    loadable = {} if node.api_only else images.ensure(addons.IMAGES, bundle=programs, report=report)
    configuration.write_configuration(
        node, {name: image.reference for name, image in loadable.items()}
    )
    if not node.api_only:
        cgroups.remove(node.cgroup)
        network.create(node)
        raise_settings()
    since = datetime.now(UTC).replace(microsecond=0)
    processes.start(node)
    with report.task("API server"):
        asyncio.run(wait_for(node, "kube-apiserver", "kube-controller-manager"))
    if not node.api_only:
        asyncio.run(_complete(node, loadable, since, report))
    node.files.complete.touch()
    return True


async def _complete(
    node: Node, loadable: dict[str, images.Image], since: datetime, report: Report
) -> None:
    """From an API server to a node with its add-ons."""
    async with kube.Client.connect(node.files.kubeconfig) as client:
        with report.task("node Ready"):
            await addons.apply_rights(client, node)
            await wait_for(node, *(component.name for component in list_components(node)))
            await _wait_for_node(client, node, since)
        with report.task("images loaded"):
            await asyncio.to_thread(containers.load_images, node, loadable.values())
        with report.task("add-ons Ready"):
            await addons.wait_for_addons(
                client, node, await addons.apply_addons(client, node, loadable)
            )


async def _wait_for_node(client: kube.Client, node: Node, since: datetime) -> None:
    """Until the kubelet says that the node is Ready; what it said before `since` was about an
    earlier start."""
    look, bounds = partial(_is_node_ready, client, node, since), limits().local
    if not await poll_until(bool, look, timeout=bounds.start, interval=bounds.start_poll):
        end = read_log_end(node, "kubelet")
        raise StartFailed(
            f"the node is not Ready after {bounds.start:.0f} s; the end of kubelet's log:\n{end}"
        )


async def _is_node_ready(client: kube.Client, node: Node, since: datetime) -> bool:
    try:
        found = await client.get("v1", "Node", node.name)
    except kube.NotFound:
        return False
    return any(
        each["type"] == "Ready"
        and each["status"] == "True"
        and datetime.fromisoformat(each["lastHeartbeatTime"]) >= since
        for each in found["status"].get("conditions", [])
    )


def _take_back(name: str, *, is_new: bool) -> None:
    try:
        node = load_node(name)
    except NoSuchNode:
        _forget(state_home() / name)
        return
    if is_new:
        _remove(node)
    else:
        _stop(node, kill=False)


def _stop(node: Node, *, kill: bool) -> None:
    processes.stop(node, kill=kill)
    if not node.api_only:
        network.remove(node)
        cgroups.remove(node.cgroup)
        restore_settings()


def _remove(node: Node) -> None:
    _stop(node, kill=True)
    kubeconfig.unmerge(node)
    _forget(node.home)


def _forget(home: Path) -> None:
    # The record goes last: what is left where this is killed is still a node to be removed.
    record = Files(home).record
    for entry in [*home.iterdir()]:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != record:
            entry.unlink()
    shutil.rmtree(home)
    with suppress(OSError):
        state_home().rmdir()


async def wait_for(node: Node, *components: str) -> None:
    """Wait until the supervisor has seen these components ready.

    Raises:
        StartFailed: when one keeps ending, or they are not ready in time; with the end of its log.
    """
    bounds = limits().local

    async def look() -> dict[str, dict[str, Any]]:
        statuses = read_statuses(node)
        unready = {name: statuses.get(name, {}) for name in components}
        unready = {
            name: status for name, status in unready.items() if status.get("state") != "ready"
        }
        if unready and not processes.is_running(node):
            raise StartFailed(f"the node's supervisor ended:\n{read_log_end(node, 'supervisor')}")
        for name, status in unready.items():
            if status.get("restarts", 0) >= bounds.restarts:
                raise StartFailed(
                    f"{name} keeps ending; the end of its log:\n{read_log_end(node, name)}"
                )
        return unready

    if unready := await poll_until(
        operator.not_, look, timeout=bounds.start, interval=bounds.start_poll
    ):
        first = next(
            (name for name, status in unready.items() if status.get("state") != "waiting"),
            next(iter(unready)),
        )
        raise StartFailed(
            f"not ready after {bounds.start:.0f} s: {', '.join(unready)}; "
            f"the end of {first}'s log:\n{read_log_end(node, first)}"
        )


def read_statuses(node: Node) -> dict[str, dict[str, Any]]:
    """What the supervisor last recorded of each component."""
    try:
        recorded: dict[str, dict[str, dict[str, Any]]] = json.loads(node.files.status.read_text())
    except FileNotFoundError:
        return {}
    return recorded["components"]


def read_log_end(node: Node, component: str, lines: int = 12) -> str:
    """The last lines of a component's log."""
    log = node.files.logs / f"{component}.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _options(api_only: bool, ephemeral: bool) -> str:
    chosen = [
        option for option, given in (("--api-only", api_only), ("--ephemeral", ephemeral)) if given
    ]
    return " ".join(chosen) or "neither --api-only nor --ephemeral"


def _free_ports() -> Ports:
    """Ports that nobody has now, for a control plane that shares the host's network."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    apiserver, etcd, etcd_peer, controller_manager = (each.getsockname()[1] for each in sockets)
    for each in sockets:
        each.close()
    return Ports(apiserver, etcd, etcd_peer, controller_manager)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let no second Ctrl-C leave half of a removal undone."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
