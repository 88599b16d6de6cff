"""Where the `manor` command begins: it imports nothing by itself, so that Ctrl-C ends it in silence
from the first moment."""

import sys

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended, as shells have it."""


def main() -> None:
    """Entry point of the `manor` command."""
    try:
        from manor.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
