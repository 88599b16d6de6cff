"""Install the wheels in /wheels into /opt/packages, offline and checked against their lock; compile
what can be."""

import compileall
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

WHEELS = Path("/wheels")
TARGET = Path("/opt/packages")
# Their tests are a fifth of their size. NumPy's stay: its own testing module imports them.
TESTED = ("scipy", "sklearn", "pandas", "joblib")


def main() -> None:
    """Install with the pip that lies among the wheels: the image has none of its own."""
    options = [
        "--no-index",
        "--find-links",
        str(WHEELS),
        "--require-hashes",
        "--no-deps",
        "--no-compile",
        "--no-cache-dir",
    ]
    install(
        ["install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", *options]
    )
    for remains in (*TARGET.glob("pip*"), *TARGET.glob("bin/pip*")):
        shutil.rmtree(remains) if remains.is_dir() else remains.unlink()
    for package in TESTED:
        for tests in [*TARGET.joinpath(package).rglob("tests")]:
            shutil.rmtree(tests, ignore_errors=True)
    # The root file system is read-only: what is not compiled now would be compiled at every start.
    # The mode says not to compare times, which building an image may change.
    compileall.compile_dir(
        TARGET, quiet=2, workers=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )


def install(arguments: list[str]) -> None:
    """Run pip out of its wheel."""
    (pip,) = WHEELS.glob("pip-*.whl")
    lock = WHEELS / "requirements.lock"
    subprocess.run(
        [
            sys.executable,
            f"{pip}/pip",
            *arguments,
            "--target",
            str(TARGET),
            "--requirement",
            str(lock),
        ],
        check=True,
    )


main()
