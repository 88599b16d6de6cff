"""Building container images with Debian's buildah, which leaves nothing behind but the archive
asked for."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from manor.local.errors import ImageError

# chroot is the isolation that needs neither a container runtime nor capabilities that a container
# may lack.
_BUILD = ("--isolation", "chroot", "--network", "host", "--format", "oci")


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
        options = [*_BUILD, "--pull-never", *build_arguments]
        self._run("build", *self._policy(), *options, "--tag", image, str(context))
        self.save(image, archive)

    def build_of(self, context: Path, file: Path, mounts: Sequence[tuple[Path, str]]) -> str:
        """Build somebody's own Containerfile, and return the image's ID. What the storage lacks is
        pulled, and commands have this machine's network.

        `mounts` are files and folders of this machine that they see, and where. What the build says
        goes to stderr.
        """
        identity = self._folder / "identity"
        volumes = [f"--volume={source}:{target}:ro" for source, target in mounts]
        options = [*_BUILD, "--pull=missing", *volumes]
        files = [f"--file={file}", f"--iidfile={identity}"]
        self._run("build", *self._policy(), *options, *files, str(context), shown=True)
        return identity.read_text().strip().removeprefix("sha256:")

    def add(self, archive: Path, image: str) -> None:
        """Put the image of a docker-archive into the storage, under a name."""
        identity = self._run("pull", *self._policy(), "--quiet", f"docker-archive:{archive}")
        self._run("tag", identity.strip().splitlines()[-1], image)

    def pull(self, reference: str, archive: Path, timeout: float) -> None:
        """Get a public image into a docker-archive; `timeout` in seconds."""
        self._run("pull", *self._policy(), "--quiet", "--retry", "0", reference, timeout=timeout)
        self.save(reference, archive)

    def save(self, image: str, archive: Path, name: str | None = None) -> None:
        """Write an image of the storage into a docker-archive, under a name: its own by default."""
        target = f"docker-archive:{archive}:{name or image}"
        self._run("push", *self._policy(), "--quiet", image, target)

    def _policy(self) -> list[str]:
        return ["--signature-policy", str(self._folder / "policy.json")]

    def _can_overlay(self) -> bool:
        self._driver = "overlay"
        try:
            self._run("info")
        except ImageError:
            return False
        return True

    def _run(
        self, command: str, *arguments: str, timeout: float | None = None, shown: bool = False
    ) -> str:
        storage = ["--root", f"{self._folder}/storage", "--runroot", f"{self._folder}/run"]
        whole = ["buildah", *storage, "--storage-driver", self._driver, command, *arguments]
        return run_privately(whole, timeout, shown=shown)


def run_privately(
    command: Sequence[str], timeout: float | None = None, *, shown: bool = False
) -> str:
    """Run a program in its own mount namespace, and return what it says; with `shown`, that goes to
    stderr as it comes.

    Raises:
        ImageError: it is not there, fails, or takes more than `timeout` seconds.
    """
    whole = ["unshare", "--mount", "--propagation", "private", "--", *command]
    try:
        done = subprocess.run(
            whole,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if shown else subprocess.PIPE,
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
    said = done.stdout or ""
    if done.returncode:
        last_lines = "\n".join(said.strip().splitlines()[-25:])
        why = "; it said above why" if shown else f":\n{last_lines}"
        raise ImageError(f"{command[0]} failed with exit code {done.returncode}{why}")
    return said
