"""The kinds of group manor.dev: what people write. Models only; what they become is render's and
the engines' part.

A module of models is imported when one of them is asked for: making them takes longer than most
commands do, and a list or a completion needs few.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from manor.api.wellknown import API_VERSION, GROUP, VERSION

if TYPE_CHECKING:
    from manor.api.catalogue import KINDS, AnyKind, Workload
    from manor.api.platform import Platform
    from manor.api.subjects import Member, Subject
    from manor.api.tenant import NamespaceShare, Tenant
    from manor.api.tool import Tool
    from manor.api.workload import Model, TrainingJob
    from manor.api.workspace import Workspace

_MODULES = {
    "KINDS": "catalogue",
    "AnyKind": "catalogue",
    "Platform": "platform",
    "Member": "subjects",
    "Subject": "subjects",
    "NamespaceShare": "tenant",
    "Tenant": "tenant",
    "Tool": "tool",
    "Model": "workload",
    "TrainingJob": "workload",
    "Workload": "catalogue",
    "Workspace": "workspace",
}
"""Where each name is defined."""

__all__ = [
    "API_VERSION",
    "GROUP",
    "KINDS",
    "VERSION",
    "AnyKind",
    "Member",
    "Model",
    "NamespaceShare",
    "Platform",
    "Subject",
    "Tenant",
    "Tool",
    "TrainingJob",
    "Workload",
    "Workspace",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
