"""Lists of what is on the cluster: as a table, whole, and as they change."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from manor.cli.output import (
    ListFormat,
    echo,
    err,
    line_of,
    print_object,
    print_objects,
    print_table,
    widths_of,
)
from manor.kube import Client, Gone, KubeError, Object
from manor.limits import limits


@dataclass(frozen=True)
class Row:
    """One thing that is listed: its cells, those of the wide table behind them, and what makes the
    object that is printed where no table is."""

    cells: tuple[str, ...]
    wide: tuple[str, ...]
    object: Callable[[], Object]


@dataclass(frozen=True)
class Listing:
    """What is listed, under its headings."""

    header: tuple[str, ...]
    wide: tuple[str, ...]
    rows: list[Row]

    def lines(self, output: ListFormat) -> list[tuple[str, ...]]:
        """The table, its headings first."""
        if output is ListFormat.wide:
            return [self.header + self.wide, *(row.cells + row.wide for row in self.rows)]
        return [self.header, *(row.cells for row in self.rows)]


def with_namespaces(listing: Listing, namespaces: Iterable[str]) -> Listing:
    """The same, each row with where it is."""
    rows = [
        replace(row, cells=(place, *row.cells))
        for place, row in zip(namespaces, listing.rows, strict=True)
    ]
    return replace(listing, header=("NAMESPACE", *listing.header), rows=rows)


@dataclass(frozen=True)
class Source:
    """A kind whose changes change a list."""

    api_version: str
    kind: str
    namespace: str | None = None


Look = Callable[[], Awaitable[Listing]]


async def show(
    client: Client,
    look: Look,
    output: ListFormat,
    nothing: str,
    sources: Sequence[Source] | None = None,
    *,
    alone: bool = False,
) -> None:
    """Print what is there, or that there is `nothing`; with `sources` also what changes, until
    somebody stops it. `alone`: one thing was asked for by its name, and is no list."""
    listing = await look()
    if output in (ListFormat.table, ListFormat.wide):
        header, *rows = listing.lines(output)
        if rows or sources is not None:
            print_table(header, rows)
        else:
            err.print(nothing, markup=False)
    elif alone and sources is None and len(listing.rows) == 1:  # by -A there may be more
        print_object(listing.rows[0].object(), output)
    else:
        print_objects([row.object() for row in listing.rows], output)
    if sources is not None:
        await _follow(client, look, output, sources, listing)


async def _follow(
    client: Client, look: Look, output: ListFormat, sources: Sequence[Source], before: Listing
) -> None:
    """Print each row that is new or another than before; whatever changes, once a pause at most."""
    news, widths = asyncio.Event(), widths_of(before.lines(output))
    told = set(before.lines(output))
    tasks = [asyncio.create_task(_listen(client, source, news)) for source in sources]
    try:
        while True:
            await news.wait()
            await asyncio.sleep(limits().cli.watch_pause)
            news.clear()
            listing = await look()
            lines = listing.lines(output)
            for line, row in zip(lines[1:], listing.rows, strict=True):
                if line in told:
                    continue
                if output in (ListFormat.table, ListFormat.wide):
                    echo(line_of(line, widths))
                else:
                    print_object(row.object(), output)
            told = set(lines)
    finally:
        for task in tasks:
            task.cancel()


async def _listen(client: Client, source: Source, news: asyncio.Event) -> None:
    """Tell that something of a kind changed, or may have where the server does not say."""
    while True:
        try:
            with suppress(Gone):
                watched = client.watch(source.api_version, source.kind, source.namespace)
                async for _ in watched:
                    news.set()
        except KubeError:
            await asyncio.sleep(limits().cli.watch_poll)
            news.set()


def age(obj: Object) -> str:
    """How old an object is, in its largest unit; `-` where it does not say."""
    created = obj["metadata"].get("creationTimestamp")
    if not created:
        return "-"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
