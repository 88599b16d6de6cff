"""The operator tells an OpenTelemetry collector what it did, where it is asked to."""

from pathlib import Path

import pytest

from manor.kube import Client
from operator_process import operating, ready, tenant
from traces_collector import about, collecting
from waiting import until

pytestmark = pytest.mark.integration


async def test_the_work_on_a_spec_is_a_trace_of_its_requests(
    own: Path, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        with operating(own, tmp_path / "log"):
            await client.create(tenant("lynx"))
            await ready(client, "lynx")

            async def told() -> bool:
                return any(about(span).get("manor.name") == "lynx" for span in collector.spans)

            await until("the work on lynx is told", told)
    assert collector.services == {"manor-operator"}
    works = [span for span in collector.spans if about(span).get("manor.name") == "lynx"]
    assert {span.name for span in works} == {"reconcile Tenant"}
    assert {about(span)["manor.tenant"] for span in works} == {"lynx"}
    made = {span.span_id for span in works}
    requests = [span for span in collector.spans if span.parent_span_id in made]
    quota = [span for span in requests if "/resourcequotas/" in about(span)["url.path"]]
    paths = sorted({about(span)["url.path"] for span in requests})
    assert [about(span)["http.request.method"] for span in quota] == ["PATCH"], paths
    # The lease and the watches are no part of the work on a spec.
    roots = {span.name for span in collector.spans if not span.parent_span_id}
    assert all(name.startswith("reconcile ") for name in roots), roots
    # No token, and nothing of what was written.
    assert not any(b"Bearer" in body or b"lynx-owner" in body for body in collector.bodies)


async def test_a_collector_that_is_away_stops_nothing(
    own: Path, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with operating(own, tmp_path / "log"):
        await client.create(tenant("mink"))
        await ready(client, "mink")
