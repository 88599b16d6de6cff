"""Accepted findings: a YAML file that says which checks may stay red, why, and until when."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import yaml

from manor.verify.check import Check
from manor.verify.errors import BaselineError
from manor.verify.report import Acceptance, Report

FIELDS = {"id", "reason", "expires"}


def read_baseline(path: Path, catalogue: Sequence[Check]) -> dict[str, Acceptance]:
    """The accepted findings by check id. Raises BaselineError, which names the entry."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: cannot be read: {error}") from error
    entries = content.get("accepted") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        raise BaselineError(
            f"{path}: needs a list `accepted:` of entries with id, reason and expires"
        )
    known = {check.id for check in catalogue}
    found: dict[str, Acceptance] = {}
    for number, entry in enumerate(entries, start=1):
        acceptance = _entry(entry, f"{path}: entry {number}")
        if acceptance.id not in known:
            raise BaselineError(f"{path}: entry {number}: no check has the id {acceptance.id}")
        found[acceptance.id] = acceptance
    return found


def _entry(entry: object, where: str) -> Acceptance:
    if not isinstance(entry, Mapping) or set(entry) != FIELDS:
        raise BaselineError(f"{where}: has exactly the fields {', '.join(sorted(FIELDS))}")
    name, reason, expires = entry["id"], entry["reason"], entry["expires"]
    if not isinstance(reason, str) or not reason.strip():
        raise BaselineError(f"{where}: the reason is empty")
    if type(expires) is not date:
        raise BaselineError(f"{where}: expires is a day, such as 2027-01-31")
    return Acceptance(str(name), reason, expires)


def accept(report: Report, baseline: Mapping[str, Acceptance]) -> Report:
    """The report with its accepted findings marked."""
    return replace(
        report, results=[replace(r, acceptance=baseline.get(r.check.id)) for r in report.results]
    )
