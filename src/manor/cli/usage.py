"""`manor usage`: what teams used, as the operator kept account of it."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from manor.api import API_VERSION, Platform, kinds
from manor.api.platform import Prices
from manor.api.wellknown import SYSTEM_NAMESPACE, USAGE_LABEL, usage_account
from manor.cli.cluster import told_state
from manor.cli.completion import complete_tenants
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import echo, print_object, print_table, run_async
from manor.errors import ManorError
from manor.kube import Client, Forbidden, NotFound, Object
from manor.load import Document, validated
from manor.metering import Account, Line, Month, fields, lines_of, months, report, total

Accounts = Mapping[str, Sequence[Account]]


class UsageFormat(StrEnum):
    """How what was used is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    yaml = "yaml"


class By(StrEnum):
    """What lines are told apart by."""

    tenant = "tenant"
    person = "person"
    day = "day"


@run_async
async def usage(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TENANT]...",
            help="Names of tenants; all that you may see when absent.",
            autocompletion=complete_tenants,
        ),
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="First day, by UTC; that of this month when absent.",
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="Last day, itself included; today when absent.",
        ),
    ] = None,
    by: Annotated[
        list[By] | None,
        typer.Option(help="What lines are told apart by; may be given more than once."),
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[
        UsageFormat, typer.Option("--output", "-o", help="How it is printed.")
    ] = UsageFormat.table,
) -> None:
    """Tell what teams used: hours of cores, memory, GPUs and storage, and what they cost by the
    Platform's prices.

    Examples:

    \b
        manor usage
        manor usage vision --by person --by day
        manor usage --from 2026-10-01 --to 2026-10-31 -o csv > october.csv
    """
    now = datetime.now(UTC)
    begin = (first or now.replace(day=1)).strftime("%Y-%m-%d")
    end = (last or now).strftime("%Y-%m-%d")
    span = _months(begin, end, now)
    async with Client.connect(kubeconfig, context) as client:
        accounts = await _accounts(client, name or [], span)
        prices = await _prices(client)
    told = [one.value for one in by or ()]
    lines = report(lines_of(accounts, begin, end), told)
    if output is UsageFormat.table:
        _print_table(lines, fields(told), prices, accounts)
    elif output is UsageFormat.csv:
        echo(_csv([_written(line, fields(told), prices) for line in lines], fields(told), prices))
    else:
        print_object(_whole(lines, fields(told), prices, accounts, begin, end), output)


def _months(begin: str, end: str, now: datetime) -> list[Month]:
    """The months from one day to another, as far as they are kept."""
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (begin, end))
    if first > last:
        raise typer.BadParameter(f"--from {begin} is after --to {end}")
    kept = next(months(0, int(now.timestamp())))
    if Month(first.year, first.month) < kept:
        raise typer.BadParameter(f"--from {begin}: what was used is kept from {kept}-01 on")
    return list(months(int(first.timestamp()), int(last.timestamp())))


async def _prices(client: Client) -> Prices | None:
    try:
        found = await client.get(API_VERSION, kinds.PLATFORM.kind, "manor")
    except NotFound:
        return None
    platform = validated(Document(found, "Platform manor", {(): 0}))
    assert isinstance(platform, Platform)  # noqa: S101 - by its kind
    return platform.spec.prices


async def _accounts(client: Client, names: Sequence[str], span: Sequence[Month]) -> Accounts:
    """The accounts of each tenant: by one list, or one by one for who may see the own alone."""
    try:
        found = await client.list("v1", "ConfigMap", SYSTEM_NAMESPACE, labels={USAGE_LABEL: None})
        for name in set(names) - {one["metadata"]["labels"][USAGE_LABEL] for one in found}:
            await _look_for(client, name)
    except Forbidden:
        found = await _own(client, names, span)
    by_month = {str(month): month for month in span}
    accounts = defaultdict[str, list[Account]](list)
    for one in found:
        data, tenant = one.get("data") or {}, one["metadata"]["labels"][USAGE_LABEL]
        month = by_month.get(data.get("month", ""))
        if month and (not names or tenant in names):
            try:
                accounts[tenant].append(Account.read(month, data))
            except ValueError as error:
                raise ManorError(f"ConfigMap {one['metadata']['name']}: {error}") from None
    return {name: sorted(kept, key=lambda one: one.month) for name, kept in accounts.items()}


async def _look_for(client: Client, name: str) -> None:
    try:
        await client.get(API_VERSION, kinds.TENANT.kind, name)
    except NotFound:
        raise typer.BadParameter(f"no tenant {name}, and nothing that one used") from None


async def _own(client: Client, names: Sequence[str], span: Iterable[Month]) -> list[Object]:
    wanted = list(names) or list((await told_state(client, workloads=False)).tenants)
    if not wanted:
        raise ManorError("you are in no tenant, and may not see what others use")
    found = []
    for name in wanted:
        for month in span:
            try:
                account = usage_account(name, month.number)
                found.append(await client.get("v1", "ConfigMap", account, SYSTEM_NAMESPACE))
            except NotFound:
                continue
    return found


def _written(line: Line, columns: Sequence[str], prices: Prices | None) -> dict[str, Any]:
    """A line as an object."""
    said: dict[str, Any] = dict(zip(columns, line.of, strict=True))
    said |= {name: round(hours, 4) for name, hours in line.hours().items()}
    return {**said, **({"cost": round(line.cost(prices), 4)} if prices else {})}


def _whole(
    lines: Sequence[Line],
    columns: Sequence[str],
    prices: Prices | None,
    accounts: Accounts,
    begin: str,
    end: str,
) -> Object:
    return {
        "from": begin,
        "to": end,
        **({"currency": prices.currency} if prices else {}),
        "items": [_written(line, columns, prices) for line in lines],
        "countedUntil": {name: _text(kept[-1].until) for name, kept in sorted(accounts.items())},
        "notWatched": [
            {"tenant": name, "from": _text(start), "to": _text(stop)}
            for name, start, stop in _gaps(accounts)
        ],
    }


def _csv(rows: Sequence[Object], columns: Sequence[str], prices: Prices | None) -> str:
    """Comma-separated. A cell that a spreadsheet would take for a formula gets an apostrophe."""
    text = io.StringIO()
    header = [*columns, *Line((), total(()).amounts).hours(), *(["cost"] if prices else [])]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        cells = [row[column] for column in header]
        writer.writerow(
            [f"'{one}" if str(one)[:1] in ("=", "+", "-", "@") else one for one in cells]
        )
    return text.getvalue()


_HEADINGS = {
    "tenant": "TENANT",
    "day": "DAY",
    "person": "PERSON",
    "workload": "WORKLOAD",
}
"""A person as told stands in the column of persons."""


def _print_table(
    lines: Sequence[Line], columns: Sequence[str], prices: Prices | None, accounts: Accounts
) -> None:
    header = [_HEADINGS[column] for column in columns if column in _HEADINGS]
    header += ["CPU (CORE H)", "MEMORY (GIB H)", "GPU (H)", "STORAGE (GIB H)"]
    header += [f"COST ({prices.currency})"] if prices else []
    rows = [_cells(line, columns, prices) for line in lines]
    if len(rows) > 1:
        whole = total(lines)
        blank = ("total", *[""] * (len(columns) - 1))
        rows.append(_cells(Line(blank, whole.amounts), columns, prices))
    print_table(header, rows)
    for name, start, stop in _gaps(accounts):
        echo(
            f"not watched: {name}, {_text(start)} to {_text(stop)}; what began and went in it is "
            "not counted"
        )


def _cells(line: Line, columns: Sequence[str], prices: Prices | None) -> list[str]:
    said = dict(zip(columns, line.of, strict=True))
    if told := said.pop("personAsTold", ""):
        said["person"] = f"{told} (as told)"
    elif said.get("workload"):
        said["person"] = "unknown"
    numbers = [*line.hours().values(), *([line.cost(prices)] if prices else [])]
    return [*(text or "-" for text in said.values()), *(f"{one:.2f}" for one in numbers)]


def _gaps(accounts: Accounts) -> list[tuple[str, int, int]]:
    return [
        (name, start, stop)
        for name, kept in sorted(accounts.items())
        for account in kept
        for start, stop in account.gaps
    ]


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
