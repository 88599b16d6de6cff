"""How an ML kind becomes Kubernetes objects: engines behind one protocol, chosen by the
Platform."""

from manor.engines.compilation import checked, compile_specs, homes, render_workload, tenant_of
from manor.engines.protocol import Engine, Phase, Unsupported
from manor.engines.registry import (
    Requirement,
    controlling,
    engine_for,
    made_kinds,
    requirements,
)
from manor.engines.review import Compiled, Objection
from manor.engines.route import model_url, without_share
from manor.engines.server import metrics_port, served_labels, served_version, versions

__all__ = [
    "Compiled",
    "Engine",
    "Objection",
    "Phase",
    "Requirement",
    "Unsupported",
    "checked",
    "compile_specs",
    "controlling",
    "engine_for",
    "homes",
    "made_kinds",
    "metrics_port",
    "model_url",
    "render_workload",
    "requirements",
    "served_labels",
    "served_version",
    "tenant_of",
    "versions",
    "without_share",
]
