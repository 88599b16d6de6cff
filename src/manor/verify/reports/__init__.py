"""A report in the forms that people and programs read. Each writer is a pure function from Report
to text."""

from collections.abc import Callable

from manor.verify.report import Report
from manor.verify.reports.html import to_html
from manor.verify.reports.json import to_json
from manor.verify.reports.junit import to_junit
from manor.verify.reports.sarif import to_sarif

WRITERS: dict[str, Callable[[Report], str]] = {
    "json": to_json,
    "junit": to_junit,
    "sarif": to_sarif,
    "html": to_html,
}

__all__ = ["WRITERS", "to_html", "to_json", "to_junit", "to_sarif"]
