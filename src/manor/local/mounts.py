"""What the node sees of the file system: done once, by the first process of its mount namespace.

Nothing here reaches the host, and all of it is gone with the namespace.
"""

import os
import subprocess
from pathlib import Path

from manor.local.node import Node

# The kubelet and Cilium set these for the whole machine. Over each lies a file that already holds
# what they would write, so that they are content and the host keeps its own: a laptop must not
# reboot on a kernel oops.
_MACHINE_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/unprivileged_bpf_disabled": "1",
    "kernel/timer_migration": "0",
    "net/core/bpf_jit_enable": "1",
}


def prepare(node: Node) -> None:
    """Give the mount namespace its own /proc, /run, BPF file system and resolv.conf."""
    _mount("--make-rprivate", "/")
    _mount("-t", "proc", "proc", "/proc")
    resolver = Path(os.path.realpath("/etc/resolv.conf"))
    # Sockets, network namespaces of pods, locks: of this node alone, and none of them survives it.
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    _mount_whole_proc()
    _shield_host(node)
    _mount_bpf()
    _cover_settings()
    _cover(resolver, node.files.config / "resolv.conf")
    _overlay(Path(node.share) / "cilium" / "bpf", Path("/run/cilium/lib/bpf"))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _shield_host(node: Node) -> None:
    """Keep from the host what is written to places that cannot be configured.

    They are /var/lib/kubelet/device-plugins, /var/lib/cni and /var/log/containers.
    """
    state = Path("/run/manor/state")
    state.mkdir(parents=True)
    _mount("--bind", node.home, state)
    _overlay(Path("/var/lib"), Path("/var/lib"))
    _mount("--bind", state, node.home)
    # What a team leaves on a volume is no program with another user's rights and no device for
    # anybody on the node.
    _mount("--bind", node.files.volumes, node.files.volumes)
    _mount("-o", "remount,bind,nosuid,nodev", node.files.volumes)
    _mount("--bind", node.files.data / "log", "/var/log")


def _mount_whole_proc() -> None:
    """A /proc with nothing over it: without one the kernel lets no pod in a user namespace mount
    its own."""
    whole = Path("/run/manor/proc")
    whole.mkdir(parents=True)
    _mount("-t", "proc", "proc", whole)


def _mount_bpf() -> None:
    # Exactly one: with two, Cilium stops with "multiple mount points detected".
    while (
        subprocess.run(["umount", "-l", "/sys/fs/bpf"], capture_output=True, check=False).returncode
        == 0
    ):
        pass
    _mount("-t", "bpf", "bpf", "/sys/fs/bpf")


def _cover_settings() -> None:
    for name, value in _MACHINE_SETTINGS.items():
        setting = Path("/proc/sys") / name
        if setting.exists():
            file = Path("/run/manor/sys") / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
            _mount("--bind", file, setting)


def _cover(path: Path, by: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    _mount("--bind", by, path)


def _overlay(lower: Path, place: Path) -> None:
    """Show `lower` at `place`; what is written there goes to memory, and ends with the node."""
    scratch = Path("/run/manor/overlay") / place.relative_to("/")
    for folder in (scratch / "upper", scratch / "work", place):
        folder.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={lower},upperdir={scratch / 'upper'},workdir={scratch / 'work'}"
    _mount("-t", "overlay", "-o", options, "overlay", place)
