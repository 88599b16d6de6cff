"""The report as one HTML file for an auditor: what was proven, when, on which cluster, with the
evidence."""

from collections.abc import Iterable
from html import escape as html_escape
from itertools import groupby

from manor.verify.attempt import Attempt, Status, Verdict
from manor.verify.report import Report, Result
from manor.visible import visible

TRIALS_SHOWN = 40
"""Trials of one check that are shown; of one that passed, a quarter. The JSON report has them
all."""
RANK = (Verdict.BROKEN, Verdict.ERROR, Verdict.SKIPPED, Verdict.ASKED, Verdict.HELD)
"""Verdicts, the gravest first."""

STYLE = """
:root { color-scheme: light dark;
  --line: #8884; --pass: #1a7f37; --fail: #cf222e; --other: #9a6700; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem } a { color: inherit }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem;
  text-align: left; vertical-align: top }
code, .got { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
details { border-bottom: 1px solid var(--line); padding: .4rem 0 } summary { cursor: pointer }
.badge { display: inline-block; min-width: 5em; text-align: center; border-radius: 3px;
  color: #fff; font-weight: 600 }
.pass, .held { background: var(--pass) } .fail, .broken { background: var(--fail) }
.error, .skipped, .accepted, .asked { background: var(--other) }
h1.verified { color: var(--pass) } h1.red { color: var(--fail) }
.reason { color: var(--fail) } dt { font-weight: 600 } dd { margin: 0 0 .4rem 0 }
.matrix { overflow-x: auto }
@media print { .tools { display: none } details { break-inside: avoid }
  details::details-content { content-visibility: visible; block-size: auto } }
"""

SCRIPT = """
const all = () => [...document.querySelectorAll("details")];
const filter = () => {
  const text = document.getElementById("find").value.toLowerCase();
  const status = document.getElementById("status").value;
  for (const one of all()) {
    const wanted = !status || one.dataset.status === status;
    const fits = wanted && one.textContent.toLowerCase().includes(text);
    one.hidden = !fits;
  }
};
document.getElementById("find").addEventListener("input", filter);
document.getElementById("status").addEventListener("change", filter);
document.getElementById("open").addEventListener("click", () => {
  const shut = all().some(one => !one.open);
  all().forEach(one => one.open = shut);
});
addEventListener("beforeprint", () => all().forEach(one => one.open = true));
const go = () => {
  const one = document.getElementById(location.hash.slice(1));
  if (one) one.open = true;
};
addEventListener("hashchange", go); go();
"""

TOOLS = (
    '<p class="tools"><input id="find" placeholder="filter" aria-label="filter"> <select '
    'id="status" '
    'aria-label="status"><option value="">all</option>'
    + "".join(f"<option>{status}</option>" for status in (*Status, "accepted"))
    + '</select> <button id="open">open or close all</button></p>'
)


def escape(text: str) -> str:
    """Text from the cluster, as text."""
    return html_escape(visible(text))


def to_html(report: Report) -> str:
    """One page that needs no network."""
    planes = groupby(report.results, key=lambda result: result.check.plane)
    body = "".join(
        f"<h2>{_title(plane)}</h2>{''.join(map(_check, results))}" for plane, results in planes
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Isolation report: "
        f"{escape(report.verdict)}</title><style>{STYLE}</style></head><body>"
        f'<h1 class="{"verified" if report.exit_code == 0 else "red"}">Isolation report: '
        f"{escape(report.verdict)}</h1>"
        "<p>Each check attacks the cluster as a tenant's own user or pod. It passes only when "
        "the named mechanism "
        "stopped every attempt and the positive control, the same action where it is allowed, "
        "went through.</p>"
        f"{_failures(report)}{_facts(report)}{_matrix(report)}{TOOLS}{body}<script>{SCRIPT}</script></body></html>\n"
    )


def _title(plane: str) -> str:
    return plane.upper() if plane == "rbac" else plane.capitalize()


def _facts(report: Report) -> str:
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
    if report.left:
        facts["Left behind"] = ", ".join(report.left)
    rows = (f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _failures(report: Report) -> str:
    rows = "".join(
        f'<tr><td><span class="badge {r.status}">{r.status}</span></td>'
        f'<td><a href="#{r.check.id}"><code>{r.check.id}</code></a> {escape(r.check.title)}'
        f'<div class="reason">{escape(r.reason)}</div></td></tr>'
        for r in report.failures
    )
    return f"<h2>What did not pass</h2><table>{rows}</table>" if rows else ""


def _matrix(report: Report) -> str:
    """Who attacked whom, and the gravest verdict of it."""
    worst: dict[str, tuple[Verdict, int]] = {}
    for result in report.results:
        for attempt in result.attempts:
            if not result.accepted and not attempt.control:
                verdict, count = worst.get(attempt.context, (Verdict.HELD, 0))
                worst[attempt.context] = (min(verdict, attempt.verdict, key=RANK.index), count + 1)
    victims = sorted({context.partition(" → ")[2] for context in worst})
    rows = []
    for attacker in sorted({context.partition(" → ")[0] for context in worst}):
        cells = "".join(_cell(worst.get(f"{attacker} → {victim}")) for victim in victims)
        rows.append(f"<tr><th>{escape(attacker)}</th>{cells}</tr>")
    head = "".join(f"<th>{escape(victim)}</th>" for victim in victims)
    table = f"<table><tr><th>attacker \\ victim</th>{head}</tr>{''.join(rows)}</table>"
    return f'<h2>Who attacked whom</h2><div class="matrix">{table}</div>' if rows else ""


def _cell(found: tuple[Verdict, int] | None) -> str:
    if found is None:
        return "<td></td>"
    verdict, count = found
    return f'<td><span class="badge {verdict}">{verdict}</span> {count}</td>'


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
    if result.notes:
        facts["Asked for"] = "; ".join(result.notes)
    if result.acceptance is not None:
        facts["Accepted"] = f"{result.acceptance.reason} (until {result.acceptance.expires})"
    if result.status is not Status.PASS:
        facts["Remedy"] = check.remedy
    listed = "".join(
        f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items()
    )
    why = (
        "" if result.status is Status.PASS else f'<div class="reason">{escape(result.reason)}</div>'
    )
    opened = " open" if result.status is not Status.PASS else ""
    shown = TRIALS_SHOWN // 4 if result.status is Status.PASS else TRIALS_SHOWN
    return (
        f'<details id="{check.id}" data-status="{status}"{opened}>'
        f'<summary><span class="badge {status}">{status}</span> '
        f"<code>{check.id}</code> {escape(check.title)}{why}</summary><dl>{listed}</dl>"
        f"{_evidence(result.attempts, shown)}</details>"
    )


def _evidence(attempts: Iterable[Attempt], most: int) -> str:
    ordered = sorted(attempts, key=lambda attempt: RANK.index(attempt.verdict))
    rows = "".join(
        f'<tr><td><span class="badge '
        f'{attempt.verdict}">{attempt.verdict}</span></td><td>{escape(attempt.context)}</td>'
        f"<td><code>{escape(attempt.what)}</code></td><td "
        f'class="got">{escape(attempt.got)}</td></tr>'
        for attempt in ordered[:most]
    )
    more = len(ordered) - most
    rest = (
        f"<p>{more} more attempts of the same kind are in the JSON report.</p>" if more > 0 else ""
    )
    head = "<tr><th>Verdict</th><th>Who</th><th>What</th><th>Answer</th></tr>"
    return f"<table>{head}{rows}</table>{rest}"
