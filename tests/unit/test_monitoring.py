"""What is shipped to watch the operator names metrics that there are, and Prometheus takes it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from manor.api.status import Condition, QuotaStatus, TenantStatus
from manor.operator.metrics import Metrics
from promtool import promtool

pytestmark = pytest.mark.unit

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus/manor.rules.yaml"
RULES_TEST = DEPLOY / "prometheus/manor.rules.test.yaml"
DASHBOARD = DEPLOY / "grafana/manor.json"
PAGE = DEPLOY.parent / "docs/operator.md"


def told(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def names() -> set[str]:
    """Every name of a series that the operator can tell."""
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
    types = re.findall(r"^# TYPE (\S+) (\S+)$", told(Metrics()), re.MULTILINE)
    return {
        name.removesuffix("_total") + suffix
        for name, kind in types
        if not name.endswith("_created")
        for suffix in suffixes[kind]
    }


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def named(text: str) -> set[str]:
    return set(re.findall(r"\bmanor_\w+", text))


def test_every_metric_that_is_named_is_told() -> None:
    for rule in rules():
        assert named(rule["expr"]), rule["alert"]
        assert named(rule["expr"]) <= names(), rule["alert"]
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            assert named(target["expr"]), panel["title"]
            assert named(target["expr"]) <= names(), panel["title"]


def test_every_metric_is_documented() -> None:
    page = named(PAGE.read_text())
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in names()} <= page
    assert {rule["alert"] for rule in rules()} <= set(re.findall(r"\bManor\w+", PAGE.read_text()))


def test_every_alert_is_tried() -> None:
    cases = [
        case
        for test in yaml.safe_load(RULES_TEST.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    firing = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert firing == silent == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize("command", [["check", "rules", RULES], ["test", "rules", RULES_TEST]])
def test_prometheus_takes_the_alerts(command: list[str]) -> None:
    tool = promtool()
    if tool is None:
        pytest.skip("promtool is missing, and Debian's package prometheus cannot be fetched")
    done = subprocess.run([tool, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_tenants_are_counted_by_condition_and_told_by_what_they_use() -> None:
    metrics = Metrics()
    ready = Condition(type="Ready", status="True", reason="Applied")
    quota = QuotaStatus(used={"requests.cpu": "500m"}, hard={"requests.cpu": "4"})
    metrics.tenants.tell("a", TenantStatus(conditions=[ready], quota=quota))
    metrics.tenants.tell("b", TenantStatus())
    metrics.tenants.tell("c", TenantStatus())
    metrics.tenants.forget("c")
    said = told(metrics)
    assert 'manor_tenants{condition="Ready",status="True"} 1.0' in said
    assert 'manor_tenants{condition="Ready",status="Unknown"} 1.0' in said
    assert 'manor_tenants{condition="Stalled",status="True"} 0.0' in said
    assert 'manor_tenant_quota_used{resource="requests.cpu",tenant="a"} 0.5' in said
    assert 'manor_tenant_quota_hard{resource="requests.cpu",tenant="a"} 4.0' in said
