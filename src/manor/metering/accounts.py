"""From what is held, and from when to when, to sums by day and holder.

An account knows up to which moment it has counted, and counts only what is held after it. So
nothing is counted twice, whoever counts and however often; and what stood while nobody counted is
counted later, by what the objects themselves say of their begin.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Self

_DAY = 86400
_ROWS = 64
"""Holders of a day that are told apart. With the bounds of their names an account stays below the
1 MiB that an object may have."""
_GAPS = 50


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is held at a moment, in whole units, so that sums are exact; in an account the same
    times seconds."""

    cpu: int = 0
    """Thousandths of a core."""
    memory: int = 0
    """KiB."""
    gpu: int = 0
    """Millionths of a GPU."""
    storage: int = 0
    """KiB."""

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def times(self, seconds: int) -> "Amounts":
        """Held for so long."""
        return Amounts(*(part * seconds for part in self.parts))

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """In the order of the fields."""
        return self.cpu, self.memory, self.gpu, self.storage


class Holder(NamedTuple):
    """For whom something is held."""

    person: str
    """Who asked for it; empty where nobody says."""
    workload: str
    """What holds it: `Kind namespace/name`."""
    vouched: bool = False
    """Whether the API server knows the person; otherwise the team says who it is."""


OTHERS = Holder("", "others")
"""Those of a day that there is no room for by name."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Something that is held. Moments are seconds since 1970."""

    holder: Holder
    amounts: Amounts
    start: int
    end: int | None = None
    """None while it is held."""


class Month(NamedTuple):
    """A month, by UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: int) -> Self:
        """The one that a moment is in."""
        found = datetime.fromtimestamp(moment, UTC)
        return cls(found.year, found.month)

    @property
    def next(self) -> "Month":
        """The one after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def begin(self) -> int:
        """Its first moment."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp())

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


def months(first: int, last: int) -> Iterator[Month]:
    """Every month between two moments, at most the last twelve: there is room for no more."""
    last_month = Month.of(last)
    month = max(Month.of(first), Month(last_month.year - 1, last_month.number).next)
    while month <= last_month:
        yield month
        month = month.next


@dataclass
class Account:
    """What a tenant held in a month."""

    month: Month
    until: int = 0
    """Up to which moment it is counted."""
    days: dict[str, dict[Holder, Amounts]] = field(default_factory=dict)
    """Of each day, as `2026-11-27`, what was held times seconds."""
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """When nobody looked: what began and went in it is not counted."""

    def __post_init__(self) -> None:
        self.until = max(self.until, self.month.begin)

    def count(self, holdings: Iterable[Holding], until: int) -> bool:
        """Count what was held up to another moment. Whether anything was."""
        until, counted = min(until, self.month.next.begin), False
        for holding in holdings:
            end = until if holding.end is None else min(holding.end, until)
            for day, seconds in _days(max(holding.start, self.until), end):
                self._add(day, holding.holder, holding.amounts.times(seconds))
                counted = True
        self.until = max(self.until, until)
        return counted

    def _add(self, day: str, holder: Holder, amounts: Amounts) -> None:
        rows = self.days.setdefault(day, {})
        if holder not in rows and len(rows) >= _ROWS:
            holder = OTHERS
        rows[holder] = rows.get(holder, Amounts()) + amounts

    def note_gap(self, start: int, end: int) -> None:
        """Nobody looked between two moments."""
        start, end = max(start, self.month.begin), min(end, self.month.next.begin)
        if start >= end:
            return
        if self.gaps and (start <= self.gaps[-1][1] or len(self.gaps) >= _GAPS):
            first, last = self.gaps.pop()
            start, end = min(first, start), max(last, end)
        self.gaps.append((start, end))

    def written(self) -> dict[str, str]:
        """As the data of a ConfigMap."""
        days: dict[str, list[list[Any]]] = {
            day: [
                [*holder[: 2 + holder.vouched], *amounts.parts]
                for holder, amounts in sorted(rows.items())
            ]
            for day, rows in sorted(self.days.items())
        }
        return {
            "month": str(self.month),
            "until": _text(self.until),
            "gaps": json.dumps([[_text(moment) for moment in gap] for gap in self.gaps]),
            "days": json.dumps(days, separators=(",", ":"), ensure_ascii=False),
        }

    @classmethod
    def read(cls, month: Month, data: dict[str, str]) -> Self:
        """What was written of a month; an empty account where it was of another. ValueError where
        it cannot be read."""
        if data.get("month") != str(month):
            return cls(month)
        try:
            days = {
                day: {Holder(*row[:-4]): Amounts(*map(int, row[-4:])) for row in rows}
                for day, rows in json.loads(data["days"]).items()
            }
            gaps = [(moment_of(a), moment_of(b)) for a, b in json.loads(data["gaps"])]
            return cls(month, moment_of(data["until"]), days, gaps)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{error!r}") from None


def _days(start: int, end: int) -> Iterator[tuple[str, int]]:
    """Each day between two moments, with its seconds among them."""
    while start < end:
        midnight = (start // _DAY + 1) * _DAY
        yield day_of(start), min(midnight, end) - start
        start = midnight


def day_of(moment: int) -> str:
    """The day of a moment, by UTC."""
    return date.fromordinal(moment // _DAY + _EPOCH).isoformat()


_EPOCH = date(1970, 1, 1).toordinal()


def moment_of(text: str) -> int:
    """A moment as Kubernetes writes it."""
    return int(datetime.fromisoformat(text).timestamp())


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
