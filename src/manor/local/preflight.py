"""What the machine must have for a node, and the command that mends each thing it lacks: all of it
at once."""

import os
import platform
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from manor.local import parts
from manor.local.errors import PreflightError
from manor.local.progress import Report

# Program -> Debian's package. What each is for:
_PROGRAMS = {
    "ip": "iproute2",  # the node's network namespace and its link
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
}
_NODE_PROGRAMS = {
    "iptables": "iptables",  # Cilium masquerades with it
    "ipset": "ipset",
    "nft": "nftables",  # kube-proxy's rules
    "buildah": "buildah",  # builds the images
    "debootstrap": "debootstrap",  # makes their base where no registry is reached
    "tar": "tar",
}
# runc is partly C, and filters system calls by libseccomp. Needed where it is compiled, not where
# it is given.
_C_PROGRAMS = {"gcc": "gcc", "pkg-config": "pkg-config"}
_C_FILES = {
    "libc6-dev": Path("/usr/include/stdlib.h"),
    "libseccomp-dev": Path("/usr/include/seccomp.h"),
}
# The Cilium agent compiles its eBPF programs as it starts. Any of these will do; the last is the
# one to install.
_CLANGS = ("clang", "clang-20", "clang-18", "clang-19")
_ARCHITECTURES = ("x86_64", "aarch64")
_CAPABILITIES = {
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27,
}
_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
_DEBIAN_ARCHIVE_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Problem:
    """Something the machine lacks: what, the command or change that mends it, and the Debian
    packages that do."""

    what: str
    remedy: str
    packages: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}\n    {self.remedy}"


def check(api_only: bool = False, to_compile: Collection[str] = ()) -> list[Problem]:
    """Everything that keeps a node from running on this machine; with `api_only`, one without a
    kubelet.

    `to_compile` names the node's programs that have to be compiled first.
    """
    if platform.system() != "Linux":
        return [
            Problem(
                f"this is {platform.system()}, and a node needs Linux",
                "use a Linux machine, real or virtual",
            )
        ]
    return list(_find_problems(api_only, to_compile))


def require(api_only: bool = False, to_compile: Collection[str] = ()) -> None:
    """Go on only where nothing is missing.

    Raises:
        PreflightError: with everything that is missing, and what mends it.
    """
    problems = check(api_only, to_compile)
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        packages = _packages_of(problems)
        together = f"\nall packages at once: {_command(packages)}" if len(packages) > 1 else ""
        raise PreflightError(f"this machine lacks what a node needs:\n{lines}{together}")


def install_packages(problems: Sequence[Problem], report: Report) -> list[Problem]:
    """Install the Debian packages that mend problems, where this is root on Debian or Ubuntu; what
    is left is returned.

    Raises:
        PreflightError: apt-get fails.
    """
    packages = _packages_of(problems)
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return list(problems)
    with report.task("Debian packages") as task:
        task.update("apt-get update")
        _apt_get("update")
        task.update(f"apt-get install {' '.join(packages)}")
        _apt_get("install", "--yes", "--no-install-recommends", *packages)
    return [problem for problem in problems if not problem.packages]


def _find_problems(api_only: bool, to_compile: Collection[str]) -> Iterator[Problem]:
    if os.geteuid() != 0:
        yield Problem(
            "you are not root, and a node makes namespaces, mounts and network links",
            "run it as root",
        )
    else:
        yield from _missing_capabilities()
    if platform.machine() not in _ARCHITECTURES:
        yield Problem(
            f"the architecture is {platform.machine()}", f"use one of {', '.join(_ARCHITECTURES)}"
        )
    yield from _missing_programs(_PROGRAMS if api_only else _PROGRAMS | _NODE_PROGRAMS)
    yield from _missing_namespaces()
    if api_only:
        return
    if not any(shutil.which(name) for name in _CLANGS):
        yield _missing_package("clang", _CLANGS[-1])
    if not _DEBIAN_ARCHIVE_KEYS.exists():
        yield _missing_package("Debian's archive key", "debian-archive-keyring")
    if any(program.cgo for program in parts.load().program if program.name in to_compile):
        yield from _missing_programs(_C_PROGRAMS)
        yield from (
            _missing_package(str(file), package)
            for package, file in _C_FILES.items()
            if not file.exists()
        )
    yield from _missing_kernel_features()
    yield from _missing_controllers()


def _missing_capabilities() -> Iterator[Problem]:
    status = Path("/proc/self/status").read_text()
    (effective,) = (
        int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:")
    )
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    if missing:
        remedy = (
            "give this container more rights (docker run --privileged), or use a virtual machine"
        )
        yield Problem(f"root lacks {', '.join(missing)}", remedy)


def _missing_programs(programs: dict[str, str]) -> Iterator[Problem]:
    for program, package in programs.items():
        if shutil.which(program) is None:
            yield _missing_package(program, package)


def _missing_package(what: str, package: str) -> Problem:
    return Problem(f"{what} is not installed", _command([package]), (package,))


def _missing_namespaces() -> Iterator[Problem]:
    for name, file in {"network": "net", "mount": "mnt", "process": "pid"}.items():
        if not Path(f"/proc/self/ns/{file}").exists():
            yield Problem(
                f"the kernel has no {name} namespaces", "use a kernel built with CONFIG_NAMESPACES"
            )
    # Tried for real, and in a namespace that is gone at once: the machine's own network is not
    # touched.
    if os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare"):
        link = ["ip", "link", "add", "name", "veth-a", "type", "veth", "peer", "name", "veth-b"]
        if not _works(["unshare", "--net", *link]):
            yield Problem("virtual network links (veth) cannot be made", "modprobe veth")


def _missing_kernel_features() -> Iterator[Problem]:
    for filesystem, module in {"overlay": "overlay", "bpf": ""}.items():
        if filesystem in Path("/proc/filesystems").read_text().split():
            continue
        if module and _works(["modprobe", module]):
            continue
        remedy = (
            f"modprobe {module}"
            if module
            else "use a kernel built with CONFIG_BPF_SYSCALL and CONFIG_BPF_JIT"
        )
        yield Problem(f"the kernel has no {filesystem} file system", remedy)
    can_try = os.geteuid() == 0 and shutil.which("nft") and shutil.which("unshare")
    if can_try and not _works(["unshare", "--net", "nft", "add", "table", "ip", "manor"]):
        yield Problem("the kernel takes no nftables rules", "modprobe nf_tables")


def _missing_controllers() -> Iterator[Problem]:
    unified = Path("/sys/fs/cgroup/cgroup.controllers")
    if unified.is_file():
        present = set(unified.read_text().split())
    else:
        present = {
            path.name
            for path in Path("/sys/fs/cgroup").glob("*")
            if path.joinpath("tasks").exists()
        }
    missing = [name for name in _CONTROLLERS if name not in present]
    if missing:
        arguments = " ".join(f"cgroup_enable={name}" for name in missing)
        yield Problem(
            f"no cgroup controller for {', '.join(missing)}",
            f"boot with {arguments}, or mount /sys/fs/cgroup",
        )


def _works(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _packages_of(problems: Sequence[Problem]) -> list[str]:
    return sorted({package for problem in problems for package in problem.packages})


def _command(packages: Sequence[str]) -> str:
    return f"apt-get install --no-install-recommends {' '.join(packages)}"


def _apt_get(*arguments: str) -> None:
    # Another apt may be at work, as on a machine that has just booted.
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "--quiet", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        last_lines = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise PreflightError(f"apt-get {arguments[0]} failed:\n{last_lines}")
