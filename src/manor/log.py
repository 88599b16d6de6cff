"""What Manor does, as events with fields: `tenant`, `object` and `cause` wherever they are known.

They are records of the standard library, so that a program around Manor takes them as it takes any;
nobody sees them unless somebody asks, as `manor -v` does. What may be secret is no field: no body
and no header of a request or an answer, and nothing that the API server says of a Secret.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

LOGGER = logging.getLogger("manor")
LOGGER.addHandler(logging.NullHandler())

_bound: ContextVar[Mapping[str, object]] = ContextVar("fields", default={})  # noqa: B039 - never written


def error(event: str, **fields: object) -> None:
    """Something that is a fault of the program."""
    _log(logging.ERROR, event, fields)


def info(event: str, **fields: object) -> None:
    """Something that changes, or is waited for."""
    _log(logging.INFO, event, fields)


def debug(event: str, **fields: object) -> None:
    """A step on the way."""
    _log(logging.DEBUG, event, fields)


def _log(level: int, event: str, fields: Mapping[str, object]) -> None:
    if LOGGER.isEnabledFor(level):
        known = {
            key: value
            for key, value in {**_bound.get(), **fields}.items()
            if value not in (None, "")
        }
        plain = {
            key: value if isinstance(value, int) else str(value) for key, value in known.items()
        }
        LOGGER.log(level, event, extra=plain)


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """These fields are in every event of the block, and of each task that is started there."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)
