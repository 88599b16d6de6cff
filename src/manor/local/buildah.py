"""Building container images with Debian's buildah, which leaves nothing behind but the archive
asked for."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from manor.local.errors import ImageError


class Buildah:
    """buildah with a storage of its own in `folder`, which is the caller's to remove.

    Every command runs in its own mount namespace: the storage's mounts end with it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        policy = folder / "policy.json"
        policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
        self._driver = "overlay" if self._can_overlay() else "vfs"

    def build(self, context: Path, image: str, archive: Path, arguments: Mapping[str, str]) -> None:
        """Build the Containerfile in `context`, and write the image, named `image`, into a
        docker-archive.

        The build has no network: what it needs lies in its context.
        """
        build_arguments = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        # chroot is the isolation that needs neither a container runtime nor capabilities that a
        # container may lack.
        options = [
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--format",
            "oci",
            "--pull-never",
            *build_arguments,
        ]
        self._run("build", *self._policy(), *options, "--tag", image, str(context))
        self.save(image, archive)

    def pull(self, reference: str, archive: Path, timeout: float) -> None:
        """Get a public image into a docker-archive; `timeout` in seconds."""
        self._run("pull", *self._policy(), "--quiet", "--retry", "0", reference, timeout=timeout)
        self.save(reference, archive)

    def save(self, image: str, archive: Path) -> None:
        """Write an image of the storage into a docker-archive, which keeps its name."""
        self._run("push", *self._policy(), "--quiet", image, f"docker-archive:{archive}:{image}")

    def _policy(self) -> list[str]:
        return ["--signature-policy", str(self._folder / "policy.json")]

    def _can_overlay(self) -> bool:
        self._driver = "overlay"
        try:
            self._run("info")
        except ImageError:
            return False
        return True

    def _run(self, command: str, *arguments: str, timeout: float | None = None) -> None:
        storage = ["--root", f"{self._folder}/storage", "--runroot", f"{self._folder}/run"]
        run_privately(
            ["buildah", *storage, "--storage-driver", self._driver, command, *arguments], timeout
        )


def run_privately(command: Sequence[str], timeout: float | None = None) -> None:
    """Run a program in its own mount namespace.

    Raises:
        ImageError: it is not there, fails, or takes more than `timeout` seconds.
    """
    whole = ["unshare", "--mount", "--propagation", "private", "--", *command]
    try:
        done = subprocess.run(
            whole,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
    except FileNotFoundError as error:
        raise ImageError("unshare is not installed: apt-get install util-linux") from error
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"{command[0]} took more than {timeout:g} s") from error
    if done.returncode:
        last_lines = "\n".join(done.stdout.strip().splitlines()[-25:])
        raise ImageError(
            f"{' '.join(command[:1])} failed with exit code {done.returncode}:\n{last_lines}"
        )
