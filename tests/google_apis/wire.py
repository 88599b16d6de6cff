"""What goes over the wire: requests, answers, errors in Google's form, and operations."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

USUAL = {
    400: ("FAILED_PRECONDITION", "failedPrecondition"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    409: ("ALREADY_EXISTS", "alreadyExists"),
    412: ("FAILED_PRECONDITION", "conditionNotMet"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    501: ("UNIMPLEMENTED", "notImplemented"),
}
"""Status and reason of each code, unless an error has its own."""


@dataclass(frozen=True)
class Request:
    """What was sent; `path` begins with the name of the API."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Json

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Refused(Exception):
    """An error as Google's APIs tell it."""

    def __init__(self, code: int, message: str, status: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        usual = USUAL[code]
        why = {"message": message, "domain": "global", "reason": reason or usual[1]}
        told = {"code": code, "message": message, "status": status or usual[0], "errors": [why]}
        self.body: Json = {"error": told}


def not_found(name: str) -> Refused:
    return Refused(404, f"Not found: {name}.")


def taken(name: str) -> Refused:
    return Refused(409, f"Already exists: {name}.")


def merged(old: Any, new: Any) -> Any:
    """`old` with the fields of `new`; lists and values are replaced, and null removes."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    both = {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    return {key: value for key, value in both.items() if value is not None}


@dataclass
class Operation:
    """Work that is not done yet. `finish` does it; `error` says why it cannot be done."""

    name: str
    polls: int
    finish: Callable[[], None]
    error: str = ""
    done: bool = False


@dataclass
class Operations:
    """Every operation so far. Each is asked for some times before it is done."""

    polls: int = 1
    _all: dict[str, Operation] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def start(self, finish: Callable[[], None], error: str = "") -> Operation:
        """Begin; the work is done once the operation was asked for often enough."""
        name = f"operation-{next(self._numbers)}"
        self._all[name] = Operation(name, self.polls, finish, error)
        return self._all[name]

    def polled(self, name: str) -> Operation:
        """The operation, one look later."""
        if name not in self._all:
            raise not_found(name)
        operation = self._all[name]
        operation.polls -= 1
        if operation.polls <= 0 and not operation.done:
            operation.finish()
            operation.done = True
        return operation
