"""Kubeconfig files: the components', the administrator's, and entries in the user's own when asked
for."""

import base64
import os
from pathlib import Path
from typing import Any

import yaml

from manor.local.errors import LocalError
from manor.local.node import Node, write_file


def render_kubeconfig(node: Node, certificate: str, user: str) -> str:
    """A kubeconfig that holds everything it needs, for the client certificate `<certificate>.crt`
    of the node."""
    pki, context = node.files.certificates, context_of(node)
    cluster = {"server": node.server, "certificate-authority-data": _encode(pki / "ca.crt")}
    credentials = {
        "client-certificate-data": _encode(pki / f"{certificate}.crt"),
        "client-key-data": _encode(pki / f"{certificate}.key"),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
        "current-context": context,
    }
    return yaml.safe_dump(config, sort_keys=False)


def context_of(node: Node) -> str:
    """The name of the node's cluster, user and context in a kubeconfig."""
    return f"manor-{node.name}"


def user_file() -> Path:
    """The kubeconfig that kubectl would write to."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first) if first else Path.home() / ".kube/config"


def merge(node: Node, into: Path, *, use: bool = False) -> None:
    """Put the administrator's entry into a kubeconfig, replacing our older one and touching nothing
    else.

    `use` makes it the current context. The file is recorded, so that `down` takes the entry out
    again.
    """
    config = _load(into)
    ours = yaml.safe_load(node.files.kubeconfig.read_text())
    for section in ("clusters", "users", "contexts"):
        kept = [
            entry for entry in config.get(section) or [] if entry.get("name") != context_of(node)
        ]
        config[section] = [*kept, *ours[section]]
    config.setdefault("apiVersion", "v1")
    config.setdefault("kind", "Config")
    if use:
        config["current-context"] = context_of(node)
    _save(into, config)
    write_file(
        node.files.merged,
        "".join(f"{path}\n" for path in sorted({*merged_files(node), into.resolve()})),
    )


def merged_files(node: Node) -> list[Path]:
    """The kubeconfig files that hold an entry of this node."""
    if not node.files.merged.exists():
        return []
    return [Path(line) for line in node.files.merged.read_text().splitlines()]


def unmerge(node: Node) -> None:
    """Take the node's entry out of every kubeconfig it was merged into."""
    for path in merged_files(node):
        if not path.exists():
            continue
        config = _load(path)
        for section in ("clusters", "users", "contexts"):
            config[section] = [
                entry
                for entry in config.get(section) or []
                if entry.get("name") != context_of(node)
            ]
        if config.get("current-context") == context_of(node):
            config["current-context"] = ""
        _save(path, config)


def _load(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        config = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise LocalError(f"{path} is not YAML, so nothing was merged into it: {error}") from error
    if not isinstance(config or {}, dict):
        raise LocalError(f"{path} is not a kubeconfig, so nothing was merged into it")
    return config or {}


def _save(path: Path, config: dict[str, Any]) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    # Through a link, as people keep theirs in a repository of dotfiles.
    write_file(path.resolve(), yaml.safe_dump(config, sort_keys=False), mode)


def _encode(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
