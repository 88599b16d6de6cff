"""Manor itself as a wheel, of the package that runs: from a clone and from an installation alike,
without a build system."""

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_BESIDE = ("images", "examples")
"""What an installation has in its package for this machine alone."""
_WHEEL = "Wheel-Version: 1.0\nGenerator: manor\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def members() -> Iterator[tuple[str, bytes]]:
    """The names and the contents of the wheel's files but its record."""
    for path in sorted(_PACKAGE.rglob("*")):
        inner = path.relative_to(_PACKAGE)
        if path.is_file() and inner.parts[0] not in _BESIDE and "__pycache__" not in inner.parts:
            yield f"manor/{inner.as_posix()}", path.read_bytes()
    installed = distribution("manor")
    described = {name: installed.read_text(name) or "" for name in ("METADATA", "entry_points.txt")}
    for name, text in (*described.items(), ("WHEEL", _WHEEL)):
        yield f"manor-{installed.version}.dist-info/{name}", text.encode()


def write_wheel(folder: Path) -> Path:
    """Write the wheel into the folder. The same package makes the same file."""
    version = distribution("manor").version
    target, record = folder / f"manor-{version}-py3-none-any.whl", []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            record.append(f"{name},sha256={digest.decode()},{len(content)}\n")
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        name = f"manor-{version}.dist-info/RECORD"
        archive.writestr(zipfile.ZipInfo(name), "".join([*record, f"{name},,\n"]))
    return target
