"""The report as SARIF 2.1.0: a rule a check, a result for each one that did not pass."""

from typing import Any
from urllib.parse import quote

from manor.verify.attempt import Status
from manor.verify.check import Check, Severity
from manor.verify.report import Report, Result
from manor.visible import visible_json

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
"""GitHub's `security-severity`: above 9 critical, above 7 high, above 4 medium."""


def to_sarif(report: Report) -> str:
    """The report. No file is at fault: a finding's place is the cluster, as a path that code
    scanning can show."""
    checks = [result.check for result in report.results]
    results = [
        _result(result, index, report)
        for index, result in enumerate(report.results)
        if result.status is not Status.PASS
    ]
    driver = {
        "name": "manor verify",
        "version": report.manor,
        "rules": [_rule(check) for check in checks],
    }
    run = {
        "tool": {"driver": driver},
        "results": results,
        "invocations": [
            {
                "executionSuccessful": report.exit_code != 2,
                "exitCode": report.exit_code,
                "startTimeUtc": report.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ],
        "properties": {
            "level": report.level.value,
            "kubernetes": report.kubernetes,
            "tenants": list(report.tenants),
        },
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return visible_json({"$schema": schema, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "name": "".join(
            word.capitalize() for word in check.title.replace("-", " ").split() if word.isalnum()
        ),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.guarantee},
        "help": {
            "text": f"Tried: {check.attempt}\nExpected: {check.expect}\nRemedy: {check.remedy}"
        },
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "properties": {
            "security-severity": SCORES[check.severity],
            "tags": ["security", check.plane, *check.references],
        },
    }


def _result(result: Result, index: int, report: Report) -> dict[str, Any]:
    undetermined = result.status is not Status.FAIL
    found: dict[str, Any] = {
        "ruleId": result.check.id,
        "ruleIndex": index,
        "kind": "open" if undetermined else "fail",
        "level": "none" if undetermined else LEVELS[result.check.severity],
        "message": {"text": f"{result.status}: {result.reason}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": f"clusters/{quote(report.context, safe='')}"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": report.server, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"check/v1": result.check.id},
    }
    if result.accepted and result.acceptance is not None:
        found["suppressions"] = [{"kind": "external", "justification": result.acceptance.reason}]
    return found
