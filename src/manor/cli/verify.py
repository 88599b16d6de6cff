"""`manor verify`: attack the cluster as its tenants, and show what held."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.markup import escape
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from manor.cli.options import Context, Kubeconfig
from manor.cli.output import echo, err, out, run_async
from manor.kube import Client, Forbidden
from manor.tools import shipped
from manor.verify import (
    Check,
    Level,
    Report,
    Result,
    Status,
    Tenancy,
    VerifyError,
    keep,
    load,
    parse_team,
    read_tenancy,
    role,
    select,
    verify,
    with_stand_ins,
)
from manor.verify.baseline import accept, read_baseline
from manor.verify.registry import get
from manor.verify.report import Acceptance
from manor.verify.reports import WRITERS
from manor.verify.rights import NAME as ROLE_NAME
from manor.verify.tools import PREFIX, tool_checks

AUTHENTICATION = "authentication.k8s.io/v1"
WHO_AM_I = f"/apis/{AUTHENTICATION}/selfsubjectreviews"
STYLES = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.ERROR: "bold yellow",
    Status.SKIPPED: "yellow",
}

Form = StrEnum("Form", ["table", *WRITERS])  # type: ignore[misc]


@run_async
async def command(
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    level: Annotated[
        Level, typer.Option(help="static reads; dry-run also asks as tenants; live runs pods too.")
    ] = Level.LIVE,
    only: Annotated[
        list[str], typer.Option("--only", metavar="ID", help="Only this check; repeatable.")
    ] = [],  # noqa: B006
    plane: Annotated[
        list[str], typer.Option(help="Only the checks of this plane; repeatable.")
    ] = [],  # noqa: B006
    tenant: Annotated[
        list[str],
        typer.Option(
            metavar="name=…,namespace=…,user=…",
            help="A tenant of a cluster without Manor; repeatable.",
        ),
    ] = [],  # noqa: B006
    probe_image: Annotated[
        str | None, typer.Option(help="Image with python3 for the probe pods.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Accepted findings.")
    ] = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="What to print.")] = Form.table,  # type: ignore[attr-defined]
    listing: Annotated[bool, typer.Option("--list", help="List the checks and stop.")] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="ID", help="Say what a check does and stop.")
    ] = None,
    stand_ins: Annotated[
        bool,
        typer.Option(
            "--stand-ins",
            help="Ask as each tenant's stand-in, which may store nothing: for runs that nobody "
            "attends. Levels static and dry-run.",
        ),
    ] = False,
    keep_report: Annotated[
        bool,
        typer.Option(
            "--keep-report", help="Also keep the report on the cluster, for the operator to tell."
        ),
    ] = False,
    print_role: Annotated[
        bool,
        typer.Option(
            "--print-role",
            help="Print the ClusterRole that this level needs on this cluster and stop.",
        ),
    ] = False,
) -> None:
    """Attack the cluster as each tenant's own users and pods; pass only what the named mechanism
    stopped.

    Exit code 0: all passed; 1: something is open; 2: something could not be determined. What it
    makes on the cluster it removes, also when interrupted.

    Examples:

    \b
        manor verify
        manor verify --level static -o json
        manor verify --only MNR-NETWORK-001 --explain MNR-NETWORK-001
        manor verify --level dry-run --print-role | kubectl apply -f -
        manor verify --tenant name=a,namespace=ns-a,user=alice --tenant
        name=b,namespace=ns-b,user=bob
    """
    if stand_ins and level is Level.LIVE:
        raise typer.BadParameter(
            "needs --level static or dry-run: probe pods are not a stand-in's to make",
            param_hint="--stand-ins",
        )
    if keep_report and (only or plane or tenant):
        raise typer.BadParameter(
            "is of all checks and all Tenants: leave --only, --plane and --tenant out",
            param_hint="--keep-report",
        )
    checks = load()
    known = [*checks, *tool_checks(shipped().values())]
    if explain:
        _explain(get(known, explain))
        return
    if listing:
        _list(select(known, only, plane))
        return
    select(
        known, [name for name in only if not name.upper().startswith(PREFIX)], plane
    )  # before anybody is asked
    accepted = read_baseline(baseline, known) if baseline else {}
    given = Tenancy(tuple(parse_team(text) for text in tenant)) if tenant else None
    async with Client.connect(kubeconfig, context) as client:
        with _told_the_role(level):
            tenancy = given or await read_tenancy(client)
        if stand_ins:
            tenancy = with_stand_ins(tenancy)
        if print_role:
            echo(yaml.safe_dump(role(tenancy, level), sort_keys=False))
            return
        catalogue = [*checks, *tool_checks(tenancy.installed)]
        chosen = select(catalogue, only, plane)
        if stand_ins:
            chosen = [check for check in chosen if not check.attended]
        report = await _run(client, chosen, level, tenancy, probe_image, accepted)
        if keep_report:
            await keep(client, report)
    if output == "table":
        _print(report)
    else:
        echo(WRITERS[output](report))
    raise typer.Exit(report.exit_code)


async def run_checks(client: Client, level: Level = Level.LIVE) -> int:
    """All checks on the cluster of `client`, shown as a table; the exit code of `manor verify`."""
    tenancy = await read_tenancy(client)
    report = await _run(client, [*load(), *tool_checks(tenancy.installed)], level, tenancy)
    _print(report)
    return report.exit_code


async def _run(
    client: Client,
    chosen: list[Check],
    level: Level,
    tenancy: Tenancy,
    probe_image: str | None = None,
    accepted: dict[str, Acceptance] | None = None,
) -> Report:
    with _told_the_role(level):
        actor = tenancy.teams[0].asker.client(client)
        await actor.request(
            "POST", WHO_AM_I, body={"apiVersion": AUTHENTICATION, "kind": "SelfSubjectReview"}
        )
    for told in tenancy.set_aside:
        err.print(f"warning: {told}", markup=False)
    with _progress(sum(level.includes(check.level) for check in chosen)) as advance:
        report = await verify(
            client, tenancy, chosen, level, probe_image=probe_image, on_result=advance.result
        )
    return accept(report, accepted or {})


@contextmanager
def _told_the_role(level: Level) -> Iterator[None]:
    """Where the account may not even begin, nearly every check would only say so: what to give it,
    as a VerifyError."""
    try:
        yield
    except Forbidden as error:
        raise VerifyError(
            f"{error.message}; for this account to run checks, have an administrator apply what "
            f"`manor verify --level {level} --print-role` prints, and bind the ClusterRole "
            f"{ROLE_NAME} to it"
        ) from error


class _Advance:
    def __init__(self, bar: Progress, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("attacking", total=total)
        self._red = 0

    def result(self, result: Result) -> None:
        """One more check has ended."""
        self._red += result.status is not Status.PASS
        words = f"attacking, {self._red} not passed" if self._red else "attacking"
        self._bar.update(self._task, advance=1, description=words)


@contextmanager
def _progress(total: int) -> Iterator[_Advance]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield _Advance(bar, total)


def _print(report: Report) -> None:
    for result in report.failures:
        out.print(
            f"[{STYLES[result.status]}]{result.status}[/] {result.check.id} "
            f"{escape(result.check.title)}"
        )
        remedy = f"\n[dim]{escape(result.check.remedy)}[/]" if result.status is Status.FAIL else ""
        out.print(Padding(escape(result.reason) + remedy, (0, 0, 1, 4), expand=False))
    table = Table(box=None, pad_edge=False)
    for column in ("CHECK", "RESULT", "ATTACK", "STOPPED BY"):
        table.add_column(column, overflow="fold")
    for result in report.results:
        word = "accepted" if result.accepted else result.status.value
        style = "cyan" if result.accepted else STYLES[result.status]
        table.add_row(
            result.check.id,
            f"[{style}]{word}[/]",
            escape(result.check.title),
            escape(_stopped(result)),
        )
    out.print(table)
    style = "green" if report.exit_code == 0 else "bold red"
    out.print(
        f"\n[{style}]{escape(report.summary)}[/]; {len(report.tenants)} tenants, level "
        f"{report.level}, "
        f"{report.seconds:.1f} s, Kubernetes {report.kubernetes}"
    )
    for left in report.left:
        out.print(
            f"[bold yellow]left[/] {escape(left)}: made by this run, and it cannot be removed; "
            f"delete it by hand"
        )


def _stopped(result: Result) -> str:
    """What stopped the attacks; what did not pass is told above the table."""
    if result.status is Status.PASS:
        return "; ".join([", ".join(result.mechanisms), *result.notes]).strip("; ")
    return f"accepted: {result.acceptance.reason}" if result.accepted and result.acceptance else ""


def _list(checks: list[Check]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("CHECK", "LEVEL", "SEVERITY", "ATTACK"):
        table.add_column(column, overflow="fold")
    for check in checks:
        table.add_row(check.id, check.level.value, check.severity.value, escape(check.title))
    out.print(table)


def _explain(check: Check) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in {
        "Check": check.id,
        "Attack": check.title,
        "Guarantee": check.guarantee,
        "Severity": check.severity.value,
        "Level": check.level.value,
        "Requires": ", ".join(f"{feature.name} ({feature.what})" for feature in check.requires)
        or "nothing",
        "Attempt": check.attempt,
        "Expected": check.expect,
        "Remedy": check.remedy,
        "Stands for": "\n".join(check.references),
    }.items():
        table.add_row(name, escape(text))
    out.print(table)
