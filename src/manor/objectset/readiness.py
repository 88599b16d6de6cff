"""Whether an object is ready, told from its status alone.

The built-in kinds and Manor's own follow kstatus (sigs.k8s.io/cli-utils, pkg/kstatus), the Gateway
API's kinds the conditions of its specification, those that engines make their systems'
documentation. A kind that
is not here has no notion of readiness that we know, whatever it is called.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from manor.objectset.kinds import (
    BACKEND_TRAFFIC_POLICY,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    ENVOY_EXTENSION_POLICY,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    JOB,
    MODEL,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    RAY_JOB,
    RUNS,
    SECURITY_POLICY,
    SELDON_DEPLOYMENT,
    TENANT,
    TRAIN_JOB,
    TRAINING_JOB,
    WORKSPACE,
    GroupKind,
    Object,
    kind_of,
)


class Readiness(NamedTuple):
    """`reason` says what is missing; `final` that waiting is of no use."""

    ready: bool
    reason: str = ""
    final: bool = False


READY = Readiness(True)


def readiness(obj: Object, *, jobs: bool = False) -> Readiness:
    """The readiness of `obj`; kinds without a notion of it are ready at once, Jobs and the like
    unless `jobs` asks for their end."""
    kind, status = kind_of(obj), obj.get("status") or {}
    observed = status.get("observedGeneration")
    if observed is not None and observed < obj["metadata"].get("generation", 0):
        return Readiness(False, "its controller has not seen the change yet")
    if kind not in _RULES or (kind in RUNS and not jobs):
        return READY
    return _RULES[kind](obj, status)


def has_readiness(kind: GroupKind) -> bool:
    """Whether objects of the kind become ready some time after they are written, so that one may
    wait for it."""
    return kind in _RULES


def _deployment(obj: Object, status: dict[str, Any]) -> Readiness:
    wanted = obj["spec"].get("replicas", 1)
    if "observedGeneration" not in status:
        return Readiness(False, "its controller has not seen it yet")
    progressing = _find(status, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(False, progressing.get("message", ""), final=True)
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return Readiness(False, "old pods are still there")
    ready = min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    return _count(
        ready, wanted, "pods are available", _find(status, "ReplicaFailure").get("message", "")
    )


def _stateful_set(obj: Object, status: dict[str, Any]) -> Readiness:
    updated = status.get("currentRevision") == status.get("updateRevision")
    ready = (
        status.get("readyReplicas", 0)
        if updated
        else min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0))
    )
    return _count(ready, obj["spec"].get("replicas", 1), "pods are ready")


def _daemon_set(_obj: Object, status: dict[str, Any]) -> Readiness:
    return _count(
        status.get("numberReady", 0), status.get("desiredNumberScheduled"), "pods are ready"
    )


def _job(_obj: Object, status: dict[str, Any]) -> Readiness:
    return _ended(status) or Readiness(False, f"is not complete ({_counts(status)})")


def _train_job(_obj: Object, status: dict[str, Any]) -> Readiness:
    jobs = status.get("jobsStatus") or [{}]
    return _ended(status) or Readiness(False, f"is not complete ({_counts(jobs[0])})")


def _seldon_deployment(_obj: Object, status: dict[str, Any]) -> Readiness:
    state, why = status.get("state") or "new", status.get("description") or ""
    detail = f": {why}" if why else ""
    # A failed one becomes available when what stood in its way is mended.
    return Readiness(state == "Available", f"is {state}{detail}")


def _kept(obj: Object, status: dict[str, Any]) -> Readiness:
    """Of Manor's own kinds, that an operator says how they stand."""
    ready = _find(status, "Ready")
    if not ready:
        return Readiness(False, "its operator has not seen it yet")
    why = ready.get("message") or f"is {ready.get('reason')}"
    return Readiness(ready["status"] == "True", why, condition_is(obj, "Stalled"))


def _ended(status: dict[str, Any]) -> Readiness | None:
    if _find(status, "Complete").get("status") == "True":
        return READY
    failed = _find(status, "Failed")
    if failed.get("status") == "True":
        said = failed.get("message") or failed.get("reason")
        return Readiness(False, f"failed: {said}", final=True)
    return None


def _counts(status: dict[str, Any]) -> str:
    counted = ("active", "ready", "succeeded", "failed")
    numbers = [f"{status[key]} {key}" for key in counted if status.get(key)]
    return ", ".join(numbers) or "no pods yet"


def _ray_job(_obj: Object, status: dict[str, Any]) -> Readiness:
    stage, why = status.get("jobDeploymentStatus") or "new", status.get("message") or ""
    if stage in ("Failed", "ValidationFailed"):
        return Readiness(False, f"failed: {why or status.get('reason')}", final=True)
    detail = f": {why}" if why else ""
    return Readiness(stage == "Complete", f"is not complete ({stage}{detail})")


def _route(obj: Object, status: dict[str, Any]) -> Readiness:
    parents = status.get("parents") or []
    return _accepted(obj, parents, len(obj["spec"].get("parentRefs") or ()))


def _route_policy(obj: Object, status: dict[str, Any]) -> Readiness:
    return _accepted(obj, status.get("ancestors") or [], 1)


def _accepted(obj: Object, told: list[dict[str, Any]], least: int) -> Readiness:
    """Accepted, as it is now, by every proxy that it is about, at least by so many."""
    now = obj["metadata"].get("generation", 0)
    if len(told) < least or any(
        _find(one, "Accepted").get("observedGeneration", now) < now for one in told
    ):
        return Readiness(False, "no gateway has taken it up yet")
    return next((state for one in told if not (state := _condition(one, "Accepted")).ready), READY)


def _gateway(_obj: Object, status: dict[str, Any]) -> Readiness:
    """Programmed as a whole, with every listener: where another Gateway's has its port and host
    name, nothing of it is served."""
    for listener in status.get("listeners") or ():
        if _find(listener, "Programmed").get("status") == "False":
            conflict = _find(listener, "Conflicted")
            told = conflict if conflict.get("status") == "True" else _find(listener, "Programmed")
            return Readiness(False, f"listener {listener['name']} is not Programmed: {_why(told)}")
    return _condition(status, "Programmed")


def _phase(status: dict[str, Any], wanted: str) -> Readiness:
    phase = status.get("phase") or "new"
    return Readiness(
        phase == wanted, f"is {phase}, not yet {wanted}", final=phase in ("Lost", "Terminating")
    )


def _count(ready: int, wanted: int | None, what: str, why: str = "") -> Readiness:
    if wanted is None:
        return Readiness(False, "its controller has not seen it yet")
    return Readiness(ready >= wanted, f"{ready} of {wanted} {what}" + (f": {why}" if why else ""))


def _condition(status: dict[str, Any], kind: str) -> Readiness:
    found = _find(status, kind)
    if found.get("status") == "True":
        return READY
    why = _why(found)
    return Readiness(False, f"is not {kind}" + (f": {why}" if why else ""))


def _why(condition: dict[str, Any]) -> str:
    """What a condition says of itself."""
    return ": ".join(text for text in (condition.get("reason"), condition.get("message")) if text)


def condition_is(obj: Object, kind: str) -> bool:
    """Whether the object's status has the condition, and it holds."""
    return bool(condition_of(obj, kind).get("status") == "True")


def condition_of(obj: Object, kind: str) -> dict[str, Any]:
    """The condition of this type in the object's status; empty where it has none."""
    return _find(obj.get("status") or {}, kind)


def _find(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((c for c in status.get("conditions") or () if c.get("type") == kind), {})


_GATEWAY_API = "gateway.networking.k8s.io"
_RULES: dict[GroupKind, Callable[[Object, dict[str, Any]], Readiness]] = {
    NAMESPACE: lambda _, status: _phase(status, "Active"),
    PERSISTENT_VOLUME_CLAIM: lambda _, status: _phase(status, "Bound"),
    CUSTOM_RESOURCE_DEFINITION: lambda _, status: _condition(status, "Established"),
    ("apps", "DaemonSet"): _daemon_set,
    DEPLOYMENT: _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    INFERENCE_SERVICE: lambda _, status: _condition(status, "Ready"),
    JOB: _job,
    RAY_JOB: _ray_job,
    **dict.fromkeys(
        (BACKEND_TRAFFIC_POLICY, ENVOY_EXTENSION_POLICY, SECURITY_POLICY), _route_policy
    ),
    SELDON_DEPLOYMENT: _seldon_deployment,
    TRAIN_JOB: _train_job,
    **dict.fromkeys((MODEL, TENANT, TRAINING_JOB, WORKSPACE), _kept),
    (_GATEWAY_API, "Gateway"): _gateway,
    (_GATEWAY_API, "GRPCRoute"): _route,
    HTTP_ROUTE: _route,
    (_GATEWAY_API, "TLSRoute"): _route,
}
