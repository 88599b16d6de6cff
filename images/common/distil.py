"""Leave in a Debian root file system only what its programs need to run. Runs inside the image
that is being built.

Usage: distil.py {shell,python,libraries}

    shell       keeps the shell and the small tools too
    python      keeps Python, and no other program: there is no shell
    libraries   keeps no program; shared libraries, certificates and the C.UTF-8 locale stay

Packages' records stay in /var/lib/dpkg/status, because vulnerability scanners read them. Nothing is
left set-user-ID.
"""

import os
import shutil
import stat
import sys
from pathlib import Path

PROGRAMS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
# Folders that no program reads while it runs: package management, documents, other languages,
# Python's own tests.
UNUSED = {
    "/usr/share": (
        *(
            "doc",
            "man",
            "info",
            "locale",
            "perl5",
            "lintian",
            "bug",
            "bash-completion",
            "debconf",
            "dpkg",
            "doc-base",
        ),
        *("menu", "pixmaps", "debianutils", "keyrings"),
    ),
    "/usr/lib": (
        "apt",
        "dpkg",
        "init",
        "systemd",
        "udev",
        "*/perl-base",
        "python3*/test",
        "python3*/idlelib",
    ),
    "/usr/local/lib": (
        "python3*/test",
        "python3*/idlelib",
        "python3*/ensurepip",
        "python3*/site-packages/*",
    ),
    "/var": (
        "cache/*",
        "log/*",
        "lib/apt",
        "lib/dpkg/info",
        "lib/dpkg/triggers",
        "lib/dpkg/status-old",
        "lib/pam",
    ),
    "/etc": ("apt", "dpkg", "cron.daily", "init.d", "rc?.d", "systemd", "pam.d", "security"),
}
PACKAGE_TOOLS = (
    "apt",
    "dpkg",
    "deb",
    "perl",
    "update-alternatives",
    "su",
    "pip",
    "idle",
    "pydoc",
    "2to3",
)


def main() -> None:
    """Remove what the wanted kind of image does not need."""
    kind = sys.argv[1]
    for folder, patterns in UNUSED.items():
        for path in [path for pattern in patterns for path in Path(folder).glob(pattern)]:
            remove(path)
    add_user()
    add_python_link()
    for folder in PROGRAMS:
        for program in Path(folder).iterdir():
            if not wanted(program.name, kind):
                remove(program)
    if kind == "libraries":
        for path in (*Path("/usr/lib").glob("python3*"), *Path("/usr/local").glob("*/*python*")):
            remove(path)
    drop_privileged_modes()


def wanted(program: str, kind: str) -> bool:
    """Whether a program belongs in the image."""
    if kind == "shell":
        return not program.startswith(PACKAGE_TOOLS)
    return kind == "python" and program.startswith("python")


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def add_user() -> None:
    """Give user 65532, as whom everything runs, a name: some libraries ask for it."""
    passwd, group = Path("/etc/passwd"), Path("/etc/group")
    if ":65532:" not in passwd.read_text():
        passwd.write_text(passwd.read_text() + "manor:x:65532:65532::/tmp:/nonexistent\n")
        group.write_text(group.read_text() + "manor:x:65532:\n")


def add_python_link() -> None:
    """Let `python` be Python 3, as it is in public Python images."""
    if not shutil.which("python"):
        Path("/usr/local/bin").mkdir(exist_ok=True)
        Path("/usr/local/bin/python").symlink_to(sys.executable)


def drop_privileged_modes() -> None:
    """No program may change its user."""
    for folder, _, files in os.walk("/usr"):
        for path in (Path(folder, name) for name in files):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                path.chmod(stat.S_IMODE(mode) & 0o777)


main()
