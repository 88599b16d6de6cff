"""What `manor -v` prints: the events of `manor.log`, a line each, on stderr.

Imported only when it is asked for: structlog takes 0.2 s.
"""

import logging

from structlog.processors import JSONRenderer, LogfmtRenderer, TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level

from manor.cli.options import LogFormat
from manor.cli.output import err
from manor.log import LOGGER


class _ToStderr(logging.Handler):
    """Prints beside a live line, and with control characters escaped, as all else is printed."""

    def emit(self, record: logging.LogRecord) -> None:
        err.out(self.format(record), highlight=False)


def log_to_stderr(verbosity: int, form: LogFormat) -> None:
    """Print the events: those of level info, or, from a `verbosity` of 2 on, all."""
    as_text = LogfmtRenderer(key_order=["timestamp", "level", "event"])
    renderer = JSONRenderer() if form is LogFormat.json else as_text
    handler = _ToStderr()
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[TimeStamper(fmt="iso"), add_log_level, ExtraAdder()],
        )
    )
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.DEBUG if verbosity > 1 else logging.INFO)
