"""The one door to the API server: connection and identity, plain objects of any kind, streams,
errors."""

from manor.kube.cache import Cache
from manor.kube.client import Client, Labels, Object
from manor.kube.discovery import Resource
from manor.kube.errors import (
    ApiError,
    BadName,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KubeconfigError,
    KubeError,
    NoApiServer,
    NotFound,
    TooLong,
    Unauthorized,
    UnknownKind,
    Unreachable,
)
from manor.kube.reader import DirectReader, Reader, SharedReader
from manor.kube.streams import STDOUT, Event, ExecResult, Process, Tunnel

__all__ = [
    "STDOUT",
    "ApiError",
    "BadName",
    "Cache",
    "Client",
    "Conflict",
    "DirectReader",
    "Event",
    "ExecResult",
    "Forbidden",
    "Gone",
    "Invalid",
    "KubeError",
    "KubeconfigError",
    "Labels",
    "NoApiServer",
    "NotFound",
    "Object",
    "Process",
    "Reader",
    "Resource",
    "SharedReader",
    "TooLong",
    "Tunnel",
    "Unauthorized",
    "UnknownKind",
    "Unreachable",
]
