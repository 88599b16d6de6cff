"""The node's programs and data: given, cached, from a released bundle, or built from their pinned
sources."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from manor.local import build, parts
from manor.local.bundle import install
from manor.local.errors import BinariesError
from manor.local.progress import Report
from manor.local.store import Store, cache_root, filling

ENVIRONMENT_VARIABLE = "MANOR_NODE_BINARIES"


@dataclass(frozen=True)
class Bundle:
    """The node's files: compiled programs and the data they need.

    `bin` holds the programs that `pins/parts.toml` names. `share` holds `cilium/bpf`,
    `cilium/crds`, `envoy-gateway/chart` and `gateway-api`; it may be absent for a node without a
    kubelet.
    """

    bin: Path
    share: Path


def obtain(
    *, binaries: Path | None, bundle: str | None, report: Report, api_only: bool = False
) -> Bundle:
    """Get the node's programs and data by the quickest way there is.

    Programs in the folder `binaries`, or else in the one that MANOR_NODE_BINARIES names, are used
    as they are. What is not there comes from the cache, then from the released bundle (a file or
    URL), then from the pinned sources. With `api_only`, etcd and Kubernetes alone.

    Raises:
        BinariesError: the folder holds no program of the node, the bundle is not the one expected,
            or the build fails.
    """
    wanted = parts.API_ONLY if api_only else parts.load().program_names
    folders = () if api_only else parts.load().folder_names
    given = _find_given(binaries, wanted)
    store = Store()
    _complete(store, [name for name in wanted if name not in given], folders, bundle, report)
    if not given:
        return Bundle(store.bin, store.share)
    return Bundle(_link(given, store, wanted), store.share)


def to_compile(binaries: Path | None, bundle: str | None) -> tuple[str, ...]:
    """The programs of a whole node that neither a folder nor the cache gives, where no bundle is to
    bring them."""
    known = parts.load()
    given = _find_given(binaries, known.program_names)
    lacking, _ = Store().lacking(
        [program.name for program in known.program if program.name not in given], ()
    )
    return () if bundle else tuple(lacking)


def obtain_folder(name: str, report: Report) -> Path:
    """Get one folder of data (`gateway-api`, say), and compile nothing for it.

    Raises:
        BinariesError: the module that carries it cannot be had.
    """
    store = Store()
    _complete(store, [], (name,), None, report)
    return store.share / name


def complete(report: Report) -> Store:
    """The cache with every part in it, none of them given from elsewhere: what a release is packed
    from.

    Raises:
        BinariesError: a part cannot be built.
    """
    store = Store()
    _complete(store, list(parts.load().program_names), parts.load().folder_names, None, report)
    return store


def _find_given(binaries: Path | None, wanted: tuple[str, ...]) -> Mapping[str, Path]:
    folder = binaries or (
        Path(os.environ[ENVIRONMENT_VARIABLE]) if os.environ.get(ENVIRONMENT_VARIABLE) else None
    )
    if folder is None:
        return {}
    folder = folder.expanduser().resolve()
    given = {name: folder / name for name in wanted if os.access(folder / name, os.X_OK)}
    if not given:
        source = "--binaries" if binaries else ENVIRONMENT_VARIABLE
        raise BinariesError(
            f"{source} names {folder}, which holds none of the node's programs "
            f"({', '.join(wanted)})"
        )
    return given


def _complete(
    store: Store, programs: list[str], folders: tuple[str, ...], source: str | None, report: Report
) -> None:
    if not any(store.lacking(programs, folders)):
        return
    with filling(store.root, report):
        if source and any(store.lacking(programs, folders)):
            with report.task("node bundle") as task:
                install(source, store, task)
        lacking_programs, lacking_folders = store.lacking(programs, folders)
        if lacking_programs or lacking_folders:
            with report.task("node binaries") as task:
                build.build(lacking_programs, lacking_folders, store, task)


def _link(given: Mapping[str, Path], store: Store, wanted: tuple[str, ...]) -> Path:
    """A folder of links: to the given programs, and to the store's for the rest."""
    folder = next(iter(given.values())).parent
    key = hashlib.sha256(f"{parts.cache_key()} {folder}".encode()).hexdigest()[:16]
    linked = cache_root() / "node" / f"linked-{key}"
    linked.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        target = given.get(name, store.bin / name)
        link = linked / name
        if not link.is_symlink() or link.readlink() != target:
            # Made beside and renamed: a node that is running may be using the folder.
            new = linked / f".{name}.{os.getpid()}"
            new.symlink_to(target)
            new.replace(link)
    return linked
