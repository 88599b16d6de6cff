"""What the last run of each level found open, kept on the cluster: the operator tells it."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from manor.api.wellknown import SYSTEM_NAMESPACE, VERIFY_RUNS
from manor.kube import Client, NotFound
from manor.limits import limits
from manor.verify.attempt import Attempt, Status, Verdict, combine
from manor.verify.check import Level
from manor.verify.errors import ReportError
from manor.verify.report import Report

REASON_LIMIT = 200
"""Characters of a finding that are kept."""
_OPEN = {Verdict.BROKEN: Status.FAIL, Verdict.ERROR: Status.ERROR}
"""The attempts that leave something open, and what they make of their check."""


@dataclass(frozen=True)
class Finding:
    """A check that did not find what it must."""

    check: str
    """Its id."""
    status: Status
    """FAIL, or ERROR where it could not tell."""
    reason: str

    def __str__(self) -> str:
        return f"{self.check}: {self.reason}"


@dataclass(frozen=True)
class Run:
    """What is kept of a run."""

    level: Level
    started: datetime
    checks: frozenset[str]
    """The ids of the checks that were run."""
    open: Mapping[str, tuple[Finding, ...]]
    """By tenant, and under an empty name what concerns all."""


async def keep(client: Client, report: Report) -> None:
    """Put the report in the place of the last one of its level. Raises ReportError, KubeError."""
    body = {"data": {f"{report.level}.json": written(report)}}
    try:
        await client.patch("v1", "ConfigMap", VERIFY_RUNS, body, namespace=SYSTEM_NAMESPACE)
    except NotFound as error:
        raise ReportError(
            f"the report cannot be kept: there is no ConfigMap {SYSTEM_NAMESPACE}/{VERIFY_RUNS}, "
            f"which `manor install` makes"
        ) from error


def read_runs(data: Mapping[str, str]) -> list[Run]:
    """The runs that a ConfigMap's data tells of. Raises ReportError."""
    return [_read(level, data[name]) for level in Level if (name := f"{level}.json") in data]


def written(report: Report) -> str:
    """What is kept of a report: what is open, of each check for so many tenants."""
    told: Counter[str] = Counter()
    open_ = []
    for tenant, finding in _findings(report):
        told[finding.check] += 1
        if told[finding.check] <= limits().operator.verify_told:
            said = {"status": finding.status.value, "reason": finding.reason[:REASON_LIMIT]}
            open_.append({"check": finding.check, "tenant": tenant, **said})
    left = {
        check: count - limits().operator.verify_told
        for check, count in told.items()
        if count > limits().operator.verify_told
    }
    document = {
        "started": report.started.isoformat(timespec="seconds"),
        "manor": report.manor,
        "verdict": report.summary,
        "checks": [result.check.id for result in report.results],
        "open": open_,
        **({"more": left} if left else {}),
    }
    return json.dumps(document, indent=1)


def _findings(report: Report) -> Iterator[tuple[str, Finding]]:
    """What is open, with the tenant that it is open for: the attacker."""
    for result in report.results:
        if result.accepted or result.status not in _OPEN.values():
            continue
        by_tenant: defaultdict[str, list[Attempt]] = defaultdict(list)
        for attempt in result.attempts:
            if attempt.verdict in _OPEN:
                attacker = attempt.context.partition(" → ")[0]
                by_tenant["" if result.check.scope == "cluster" else attacker].append(attempt)
        for tenant, attempts in (by_tenant or {"": []}).items():
            part = replace(result, attempts=attempts, status=combine(attempts))
            yield tenant, Finding(result.check.id, part.status, part.reason)


def _read(level: Level, text: str) -> Run:
    try:
        raw = json.loads(text)
        open_: defaultdict[str, list[Finding]] = defaultdict(list)
        for each in raw["open"]:
            finding = Finding(each["check"], Status(each["status"]), each["reason"])
            open_[each["tenant"]].append(finding)
        started, checks = datetime.fromisoformat(raw["started"]), frozenset(raw["checks"])
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(f"{VERIFY_RUNS}: {level}.json is no report: {error!r}") from error
    return Run(level, started, checks, {name: tuple(found) for name, found in open_.items()})
