"""The report as JSON. Its fields are documented in docs/verify.md; `schemaVersion` changes when one
goes or changes."""

from typing import Any

from manor.verify.attempt import Attempt, Status
from manor.verify.report import SCHEMA_VERSION, Report, Result
from manor.visible import visible_json


def to_json(report: Report) -> str:
    """The whole report."""
    return visible_json(document(report), indent=1) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    counted = report.count()
    return {
        "schemaVersion": SCHEMA_VERSION,
        "verdict": report.verdict,
        "exitCode": report.exit_code,
        "failures": [
            {"id": r.check.id, "title": r.check.title, "status": r.status.value, "reason": r.reason}
            for r in report.failures
        ],
        "started": report.started.isoformat(timespec="seconds"),
        "seconds": round(report.seconds, 3),
        "level": report.level.value,
        "cluster": {
            "server": report.server,
            "context": report.context,
            "kubernetes": report.kubernetes,
        },
        "manor": report.manor,
        "tenants": list(report.tenants),
        "pairs": list(report.pairs),
        "sampling": report.sampling,
        "summary": {
            **{status.value: counted[status] for status in Status},
            "accepted": sum(result.accepted for result in report.results),
        },
        "left": list(report.left),
        "results": [_result(result) for result in report.results],
    }


def _result(result: Result) -> dict[str, Any]:
    check, acceptance = result.check, result.acceptance
    return {
        "id": check.id,
        "plane": check.plane,
        "title": check.title,
        "guarantee": check.guarantee,
        "severity": check.severity.value,
        "level": check.level.value,
        "requires": [feature.name for feature in check.requires],
        "references": list(check.references),
        "attempt": check.attempt,
        "expect": check.expect,
        "remedy": check.remedy,
        "status": result.status.value,
        "accepted": result.accepted,
        "acceptance": acceptance
        and {
            "reason": acceptance.reason,
            "expires": acceptance.expires.isoformat(),
            "expired": acceptance.expired,
        },
        "reason": result.reason,
        "mechanisms": result.mechanisms,
        "seconds": round(result.seconds, 3),
        "trials": [_trial(attempt) for attempt in result.attempts],
    }


def _trial(attempt: Attempt) -> dict[str, Any]:
    return {
        "ground": attempt.context,
        "control": attempt.control,
        "what": attempt.what,
        "verdict": attempt.verdict.value,
        "got": attempt.got,
        "mechanism": attempt.mechanism,
    }
