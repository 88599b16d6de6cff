"""KServe's objects as attacks send them."""

from collections.abc import Mapping
from typing import Any

from manor.verify.objects import Object, container, make

GROUP = "serving.kserve.io"
ALPHA, BETA = f"{GROUP}/v1alpha1", f"{GROUP}/v1beta1"
MODEL: Object = {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/iris"}


def inference_service(
    meta: Mapping[str, Any] | None = None,
    *,
    transformer: Mapping[str, Any] | None = None,
    **predictor: Any,
) -> Object:
    """An InferenceService; `predictor` holds further fields of its predictor."""
    spec: Object = {"predictor": {"model": MODEL, **predictor}}
    if transformer is not None:
        spec["transformer"] = {"containers": [container()], **transformer}
    return make(BETA, "InferenceService", meta=dict(meta or {}), spec=spec)


def annotated(key: str, value: str) -> Object:
    """An InferenceService with an annotation of KServe's."""
    return inference_service({"annotations": {f"{GROUP}/{key}": value}})


def serving_runtime(**spec: Any) -> Object:
    """A ServingRuntime; `spec` holds further fields."""
    return make(
        ALPHA,
        "ServingRuntime",
        spec={"containers": [{**container(), "name": "kserve-container"}], **spec},
    )


def inference_graph(url: str) -> Object:
    """An InferenceGraph with one step."""
    nodes = {"root": {"routerType": "Sequence", "steps": [{"serviceUrl": url}]}}
    return make(ALPHA, "InferenceGraph", spec={"nodes": nodes})
