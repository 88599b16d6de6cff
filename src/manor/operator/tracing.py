"""Traces of the operator's work: a span for each spec that it works on, with one for each request
that it makes for it.

They are on where OTEL_EXPORTER_OTLP_ENDPOINT names a collector; that variable and the others that
tune them are OpenTelemetry's own (its specification, "OpenTelemetry Protocol Exporter" and
"Environment Variable Specification").
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace

from manor import __version__
from manor.errors import ManorError
from manor.objectset.references import Ref
from manor.render.operator import TRACES_ENDPOINT

_tracer = trace.get_tracer("manor.operator", __version__)


@contextmanager
def reconciling(key: Ref, tenant: str) -> Iterator[trace.Span]:
    """A span of the work on one spec; it costs nothing where traces are off."""
    about = {"manor.kind": key.kind, "manor.name": key.name, "manor.tenant": tenant}
    if key.namespace:
        about["k8s.namespace.name"] = key.namespace
    with _tracer.start_as_current_span(
        f"reconcile {key.kind}", attributes=about, record_exception=False
    ) as span:
        yield span


@contextmanager
def tracing() -> Iterator[None]:
    """Send what is done in the block to the collector, where one is named.

    Raises:
        ManorError: one is named, and the packages of the extra `traces` are not there.
    """
    if not os.environ.get(TRACES_ENDPOINT):
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ManorError(
            f"{TRACES_ENDPOINT} asks for traces: install manor[traces] ({error})"
        ) from error
    about = Resource.create({"service.name": "manor-operator", "service.version": __version__})
    provider = TracerProvider(resource=about)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
