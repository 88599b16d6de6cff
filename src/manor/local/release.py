"""Writes the bundle of a release: `python -m manor.local.release FOLDER`."""

import sys
from pathlib import Path

from manor.local.binaries import complete
from manor.local.bundle import pack
from manor.local.errors import LocalError
from manor.local.progress import Report


def main() -> None:
    """Take what the cache holds, build the rest from the pins, and pack it."""
    report = Report()
    try:
        store = complete(report)
        with report.task("node bundle"):
            target = pack(store, Path(sys.argv[1]))
    except LocalError as error:
        sys.exit(f"error: {error}")
    print(target)


if __name__ == "__main__":
    main()
