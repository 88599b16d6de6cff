"""The report as JUnit XML: a test suite a plane, a test case a check."""

from itertools import groupby
from xml.etree import ElementTree as Xml

from manor.verify.attempt import Status
from manor.verify.report import Report, Result
from manor.visible import visible


def to_junit(report: Report) -> str:
    """The report, in each suite first what did not pass; an accepted finding is a skipped case."""
    root = Xml.Element("testsuites", name="manor verify", time=f"{report.seconds:.3f}")
    for plane, group in groupby(report.results, key=lambda result: result.check.plane):
        results = list(group)
        suite = Xml.SubElement(
            root,
            "testsuite",
            name=plane,
            tests=str(len(results)),
            failures=str(_count(results, Status.FAIL)),
            errors=str(_count(results, Status.ERROR)),
            skipped=str(
                _count(results, Status.SKIPPED) + sum(result.accepted for result in results)
            ),
            timestamp=report.started.isoformat(timespec="seconds"),
        )
        for result in sorted(results, key=lambda result: result.status is Status.PASS):
            suite.append(_case(result))
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _count(results: list[Result], status: Status) -> int:
    return sum(result.status is status and not result.accepted for result in results)


def _case(result: Result) -> Xml.Element:
    check = result.check
    name = f"{check.id} {check.title}"
    case = Xml.Element(
        "testcase", classname=f"verify.{check.plane}", name=name, time=f"{result.seconds:.3f}"
    )
    tags = {Status.FAIL: "failure", Status.ERROR: "error", Status.SKIPPED: "skipped"}
    if result.accepted and result.acceptance is not None:
        Xml.SubElement(
            case,
            "skipped",
            message=f"accepted until {result.acceptance.expires}: {result.acceptance.reason}",
        )
    elif result.status is not Status.PASS:
        Xml.SubElement(
            case, tags[result.status], message=visible(result.reason)
        ).text = check.remedy
    if result.status is Status.PASS:
        lines = [f"{len(result.attempts)} attempts; {result.reason}"]
    else:
        lines = [f"[{t.verdict}] {t.context}: {t.what} -> {t.got}" for t in result.attempts]
    Xml.SubElement(case, "system-out").text = visible("\n".join(lines))
    return case
