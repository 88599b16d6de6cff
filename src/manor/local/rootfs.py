"""What images with Python build on: a public image, or Debian's packages where no registry is
reached."""

import os
import shutil
import subprocess
from pathlib import Path

from manor.limits import limits
from manor.local.buildah import Buildah, run_privately
from manor.local.errors import ImageError
from manor.local.progress import Task

PUBLIC_IMAGE = "docker.io/library/python:3.11-slim-bookworm"
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3")


def make_base(image: str, context: Path, archive: Path, buildah: Buildah, task: Task) -> None:
    """Write a Debian image with Python 3.11 into `archive`, under the name `image`.

    Raises:
        ImageError: neither a registry nor Debian's packages can be reached, or debootstrap is not
            there.
    """
    task.update("asking for the public Python image")
    try:
        buildah.pull(PUBLIC_IMAGE, archive, limits().local.pull)
    except ImageError:
        task.update("no registry is reached: making the base of Debian packages (about a minute)")
        _debootstrap(context / "rootfs.tar", context.with_suffix(".rootfs"))
        buildah.build(context, image, archive, {})


def _debootstrap(tarball: Path, root: Path) -> None:
    if shutil.which("debootstrap") is None:
        raise ImageError("debootstrap is not installed: apt-get install debootstrap")
    options = ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
    run_privately(["debootstrap", *options, SUITE, str(root), *_configured_mirror()])
    # Device files cannot be made in every sandbox; the container runtime brings its own.
    unwanted = ("./dev/*", "./var/cache/apt/*", "./var/lib/apt/lists/*")
    excluded = [f"--exclude={pattern}" for pattern in unwanted]
    run_privately(
        [
            "tar",
            "--create",
            "--numeric-owner",
            *excluded,
            "--file",
            str(tarball),
            "--directory",
            str(root),
            ".",
        ]
    )
    shutil.rmtree(root)


def _configured_mirror() -> list[str]:
    """The mirror that this machine's apt uses for the suite; none, for debootstrap's default, where
    it uses none."""
    command = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        f"Codename: {SUITE}",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"}
        )
    except FileNotFoundError:
        return []
    return done.stdout.split()[:1]
