"""Go modules, from the module proxy that `GOPROXY` names, each checked against its hash. Go itself
is not needed.

Sources: https://go.dev/ref/mod, "GOPROXY protocol" and "go.sum files".
"""

import base64
import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath

from manor.api.tool import GoModule
from manor.install.errors import InstallError
from manor.limits import limits
from manor.local.store import cache_root, scratch

PROXY = "https://proxy.golang.org"
"""Go's own default."""


def module_folder(module: GoModule) -> Path:
    """The module's files, from the cache or fetched into it. InstallError where they cannot be had,
    or are others."""
    name = hashlib.sha256(f"{module.path}@{module.version} {module.sum}".encode()).hexdigest()[:16]
    root = cache_root() / "modules"
    folder = root / name
    if folder.is_dir():
        return folder
    with scratch(root) as workplace:
        archive = workplace / "module.zip"
        _fetch(module, archive)
        if (found := hash_of(archive)) != module.sum:
            raise InstallError(
                f"{module.path} {module.version} is not what it was: its hash is {found}"
            )
        unpacked = workplace / "files"
        _unpack(archive, f"{module.path}@{module.version}/", unpacked)
        if not folder.is_dir():
            unpacked.rename(folder)
    return folder


def hash_of(archive: Path) -> str:
    """The hash of a module's zip, as go.sum has it (`h1:`): of the list of its files with their
    hashes."""
    lines = hashlib.sha256()
    with zipfile.ZipFile(archive) as files:
        for name in sorted(files.namelist()):
            lines.update(f"{hashlib.sha256(files.read(name)).hexdigest()}  {name}\n".encode())
    return "h1:" + base64.b64encode(lines.digest()).decode()


def _fetch(module: GoModule, target: Path) -> None:
    # In the proxy's paths an upper-case letter is its lower-case one after an exclamation mark.
    path = re.sub(
        r"[A-Z]", lambda letter: "!" + letter[0].lower(), f"{module.path}/@v/{module.version}.zip"
    )
    problem = ""
    for proxy in _proxies():
        try:
            address, timeout = f"{proxy}/{path}", limits().install.download
            with (
                urllib.request.urlopen(address, timeout=timeout) as answer,  # noqa: S310
                target.open("wb") as file,
            ):
                shutil.copyfileobj(answer, file)
            return
        except (OSError, http.client.HTTPException) as error:
            problem = f"{proxy}: {error}"
    raise InstallError(
        f"{module.path} {module.version} cannot be fetched from "
        f"{problem or 'GOPROXY, which names none'}"
    )


def _proxies() -> list[str]:
    listed = re.split(r"[,|]", os.environ.get("GOPROXY") or PROXY)
    return [
        proxy.rstrip("/")
        for proxy in listed
        if proxy.startswith(("https://", "http://", "file://"))
    ]


def _unpack(archive: Path, prefix: str, target: Path) -> None:
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            inner = PurePosixPath(name.removeprefix(prefix))
            if not name.startswith(prefix) or ".." in inner.parts or name.endswith("/"):
                raise InstallError(f"{archive.name} holds {name!r}, which belongs to no module")
            path = target / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files.read(name))
