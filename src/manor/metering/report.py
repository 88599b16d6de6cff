"""Accounts as people ask for them: by tenant, person or day, with what it costs."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from manor.api.platform import Prices
from manor.metering.accounts import Account, Amounts, Holder

_HOUR = 3600
_GIB = 2**20
"""In KiB."""
_MONTH = 730
"""Hours of a month, as clouds' price lists have it."""


@dataclass(frozen=True)
class Line:
    """What was used by one of those that lines are told apart by."""

    of: tuple[str, ...]
    """Values of the fields that are told apart, in their order."""
    amounts: Amounts

    def hours(self) -> dict[str, float]:
        """Core hours, GiB hours of memory, GPU hours, GiB hours of storage."""
        cpu, memory, gpu, storage = self.amounts.parts
        return {
            "cpuHours": cpu / 1000 / _HOUR,
            "memoryGiBHours": memory / _GIB / _HOUR,
            "gpuHours": gpu / 1_000_000 / _HOUR,
            "storageGiBHours": storage / _GIB / _HOUR,
        }

    def cost(self, prices: Prices) -> float:
        """In the currency of the prices."""
        hours = self.hours()
        return (
            hours["cpuHours"] * prices.cpu_hour
            + hours["memoryGiBHours"] * prices.memory_gib_hour
            + hours["gpuHours"] * prices.gpu_hour
            + hours["storageGiBHours"] / _MONTH * prices.storage_gib_month
        )


def lines_of(accounts: Mapping[str, Iterable[Account]], first: str, last: str) -> list[Line]:
    """Every row of the tenants' accounts, from one day to another, both included: tenant, day,
    person, person as told, and workload."""
    return [
        Line((tenant, day, *_persons(holder), holder.workload), amounts)
        for tenant, months in accounts.items()
        for account in months
        for day, rows in account.days.items()
        if first <= day <= last
        for holder, amounts in rows.items()
    ]


def _persons(holder: Holder) -> tuple[str, str]:
    """Whom the API server knows, and whom the team names: one of the two."""
    return (holder.person, "") if holder.vouched else ("", holder.person)


def fields(by: Collection[str]) -> tuple[str, ...]:
    """What lines of a report are told apart by: the tenant always; by person, where nobody is
    named, the workload in his place. A person as told is whom the team names."""
    day = ("day",) if "day" in by else ()
    person = ("person", "personAsTold", "workload") if "person" in by else ()
    return ("tenant", *day, *person)


def report(lines: Iterable[Line], by: Collection[str]) -> list[Line]:
    """The lines summed up by these `fields`."""
    sums: dict[tuple[str, ...], Amounts] = {}
    for line in lines:
        tenant, day, *persons, workload = line.of
        key = (tenant, *((day,) if "day" in by else ()))
        if "person" in by:
            key += (*persons, "" if any(persons) else workload)
        sums[key] = sums.get(key, Amounts()) + line.amounts
    return [Line(key, amounts) for key, amounts in sorted(sums.items())]


def total(lines: Iterable[Line]) -> Line:
    """All of them together."""
    return Line((), sum((line.amounts for line in lines), Amounts()))
