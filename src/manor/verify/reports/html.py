"""The report as one HTML file for an auditor: what was proven, when, on which cluster, with the evidence."""

from collections.abc import Iterable
from html import escape
from itertools import groupby

from manor.verify.report import Report, Result
from manor.verify.trial import Status, Trial, Verdict

TRIALS_SHOWN = 60
"""Trials of one check that are shown; the JSON report has them all."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --pass: #1a7f37; --fail: #cf222e; --other: #9a6700; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem; text-transform: capitalize }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top }
code, .got { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
details { border-bottom: 1px solid var(--line); padding: .4rem 0 } summary { cursor: pointer }
.badge { display: inline-block; min-width: 5em; text-align: center; border-radius: 3px; color: #fff; font-weight: 600 }
.pass, .held { background: var(--pass) } .fail, .broken { background: var(--fail) }
.error, .skipped, .accepted { background: var(--other) }
.reason { color: var(--fail) } dt { font-weight: 600 } dd { margin: 0 0 .4rem 0 }
@media print { details { break-inside: avoid } }
"""


def to_html(report: Report) -> str:
    """One page that needs no network."""
    counted = report.count()
    accepted = sum(result.accepted for result in report.results)
    facts = {
        "Verdict": report.verdict,
        "Results": ", ".join([*(f"{counted[s]} {s}" for s in Status), f"{accepted} accepted"]),
        "When": f"{report.started:%Y-%m-%d %H:%M:%S} UTC, {report.seconds:.1f} s",
        "Cluster": f"{report.server} (context {report.context})",
        "Kubernetes": report.kubernetes,
        "Manor": report.manor,
        "Level": report.level.value,
        "Tenants": ", ".join(report.tenants),
        "Sampling": report.sampling,
    }
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts.items())
    planes = groupby(report.results, key=lambda result: result.check.plane)
    body = "".join(f"<h2>{escape(plane)}</h2>{''.join(map(_check, results))}" for plane, results in planes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Isolation report: {escape(report.verdict)}</title><style>{STYLE}</style></head><body>"
        f"<h1>Isolation report: {escape(report.verdict)}</h1>"
        "<p>Each check attacks the cluster as a tenant's own user or pod. It passes only when the named mechanism "
        "stopped every attempt and the positive control, the same action where it is allowed, went through.</p>"
        f"<table>{rows}</table>{body}</body></html>\n"
    )


def _check(result: Result) -> str:
    check = result.check
    status = "accepted" if result.accepted else result.status.value
    facts = {
        "Guarantee": check.guarantee,
        "Attempt": check.attempt,
        "Expected": check.expect,
        "Stands for": "; ".join(check.references),
        "Severity, level": f"{check.severity}, {check.level}",
        "Stopped by": ", ".join(result.mechanisms) or "nothing",
    }
    if result.acceptance is not None:
        facts["Accepted"] = f"{result.acceptance.reason} (until {result.acceptance.expires})"
    if result.status is not Status.PASS:
        facts["Remedy"] = check.remedy
    listed = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items())
    why = "" if result.status is Status.PASS else f'<div class="reason">{escape(result.reason)}</div>'
    opened = " open" if result.status is not Status.PASS else ""
    return (
        f'<details{opened}><summary><span class="badge {status}">{status}</span> <code>{check.id}</code> '
        f"{escape(check.title)}{why}</summary><dl>{listed}</dl>{_evidence(result.trials)}</details>"
    )


def _evidence(trials: Iterable[Trial]) -> str:
    ordered = sorted(trials, key=lambda trial: trial.verdict is Verdict.HELD)
    rows = "".join(
        f'<tr><td><span class="badge {trial.verdict}">{trial.verdict}</span></td><td>{escape(trial.ground)}</td>'
        f'<td><code>{escape(trial.what)}</code></td><td class="got">{escape(trial.got)}</td></tr>'
        for trial in ordered[:TRIALS_SHOWN]
    )
    more = len(ordered) - TRIALS_SHOWN
    rest = f"<p>{more} more trials of the same kind are in the JSON report.</p>" if more > 0 else ""
    return f"<table><tr><th>Verdict</th><th>Who</th><th>What</th><th>Answer</th></tr>{rows}</table>{rest}"
