"""A data scientist's runs: made of a script and its folder, followed, stopped, and their files
carried; with the caller's own rights, for the command line and for Python alike."""

from manor.jobs.carrying import CarryFailed, Moved
from manor.jobs.connecting import NotConnected, connect
from manor.jobs.copying import Copied, copy
from manor.jobs.folder import CodeError
from manor.jobs.following import Ending, follow, log_of, untold, wait
from manor.jobs.forwarding import PortTaken, forwarded
from manor.jobs.request import BadRequest, Request, grid, variables
from manor.jobs.submission import RunError, Source, cancel, rerun, submit
from manor.jobs.targets import (
    NoSuchTarget,
    Run,
    container_of,
    find,
    has_started,
    running_pod,
)
from manor.jobs.workspaces import start, stop, token_of, until_stopped, workspace

__all__ = [
    "BadRequest",
    "CarryFailed",
    "CodeError",
    "Copied",
    "Ending",
    "Moved",
    "NoSuchTarget",
    "NotConnected",
    "PortTaken",
    "Request",
    "Run",
    "RunError",
    "Source",
    "cancel",
    "connect",
    "container_of",
    "copy",
    "find",
    "follow",
    "forwarded",
    "grid",
    "has_started",
    "log_of",
    "rerun",
    "running_pod",
    "start",
    "stop",
    "submit",
    "token_of",
    "until_stopped",
    "untold",
    "variables",
    "wait",
    "workspace",
]
