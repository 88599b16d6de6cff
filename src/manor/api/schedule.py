"""When something runs again and again: a CronJob's words, read as the controller of CronJobs reads
them (github.com/robfig/cron, v3)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from manor.api.meta import cel

_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
_DAYS = "SUN MON TUE WED THU FRI SAT"
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_YEARS = 5
"""How far the controller looks for a day that fits."""


def _field(number: str, names: str = "") -> str:
    """The pattern of one of the five: a list of values, ranges and steps."""
    value = f"({number})(-({number}))?"
    if names:
        name = "|".join(names.split())
        value += f"|(?i:({name})(-({name}))?)"
    item = f"([*]|{value})(/[1-9][0-9]?)?"
    return f"{item}(,{item})*"


_FIELDS = " ".join(
    (
        _field("[1-5]?[0-9]|0[0-9]"),
        _field("1?[0-9]|0[0-9]|2[0-3]"),
        _field("[1-9]|0[1-9]|[12][0-9]|3[01]"),
        _field("[1-9]|0[1-9]|1[0-2]", _MONTHS),
        _field("0?[0-6]", _DAYS),
    )
)


def _below(number: int) -> str:
    """The pattern of the numbers before one, at least 1."""
    tens, ones = divmod(number, 10)
    if not tens:
        return f"0?[0-{ones - 1}]"
    less = [f"[1-{tens - 1}][0-9]"] if tens > 1 else []
    return "|".join(["0?[0-9]", *less, *([f"{tens}[0-{ones - 1}]"] if ones else [])])


def _backwards() -> str:
    """The pattern of a range that ends before it begins. To take a schedule apart is more than a
    rule of a CRD may cost; to match it is not."""
    spans = [f"0?{number}-({_below(number)})" for number in range(1, 10)]
    spans += [f"{number}-({_below(number)})" for number in range(10, 60)]
    for names in (_DAYS.split(), _MONTHS.split()):
        spans += [f"{name}-({'|'.join(names[:i])})" for i, name in enumerate(names) if i]
    return f"(?i)(^|[ ,])({'|'.join(spans)})($|[ ,/])"


_FORM = (
    f"({'|'.join(_WORDS)}|{_FIELDS})",
    "write minute, hour, day of the month, month and day of the week (0 to 6), such as 0 3 * * *",
)
_BACKWARDS = (_backwards(), "one of its ranges ends before it begins")
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _never() -> str:
    """The pattern of days that none of the months named has: what of it one match can tell; ranges
    and steps of months it leaves."""

    def some(one: str) -> str:
        return f"({one})(,({one}))*"

    def months(days: int) -> str:
        short = [number for number, length in enumerate(_LENGTHS, 1) if length < days]
        return some("|".join(f"0?{number}|{_MONTHS.split()[number - 1]}" for number in short))

    days = {30: "3[01](-3[01])?", 31: "31(-31)?"}
    found = (f"{some(f'({days[day]})(/[1-9][0-9]?)?')} {months(day)}" for day in days)
    return f"(?i)^[^ ]+ [^ ]+ ({'|'.join(found)}) [*](/1)?$"


_NEVER = (_never(), "none of its months has such a day, so that it never comes")


def _checked(schedule: str) -> str:
    if not re.fullmatch(_FORM[0], schedule):
        raise ValueError(_FORM[1])
    if re.search(_BACKWARDS[0], schedule):
        raise ValueError(_BACKWARDS[1])
    _, _, days, months, weekdays = _fields(_WORDS.get(schedule, schedule))
    if weekdays.any and min(days.values) > max(_LENGTHS[month - 1] for month in months.values):
        raise ValueError(_NEVER[1])
    return schedule


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"there is no time zone {zone}; write one as Europe/Berlin") from None
    return zone


CronSchedule = Annotated[
    str,
    Field(
        max_length=100,
        json_schema_extra=cel(
            (f"self.matches('^{_FORM[0]}$')", _FORM[1]),
            (f"!self.matches('{_BACKWARDS[0]}')", _BACKWARDS[1]),
            (f"!self.matches('{_NEVER[0]}')", _NEVER[1]),
        ),
    ),
    AfterValidator(_checked),
]
TimeZone = Annotated[
    str,
    Field(
        pattern=r"^[A-Z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+)*$",
        max_length=64,
        json_schema_extra=cel(
            (
                "self != 'Local' && timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0",
                "there is no such time zone; write one as Europe/Berlin",
            )
        ),
    ),
    AfterValidator(_known),
]
UTC_ZONE = "Etc/UTC"
"""The time zone of a schedule that names none: the controller's own is nobody's choice."""


class _Values(NamedTuple):
    """What one of the five fields names."""

    values: frozenset[int]
    any: bool
    """Whether it is a star: every value, and no choice."""


def next_time(schedule: str, zone: str, after: datetime) -> datetime | None:
    """The first moment after `after` that a schedule names by the clocks of a zone; None where none
    of the next years has one. An hour that the clocks leave out has no moments, one that they go
    through twice has them twice."""
    minutes, hours, days, months, weekdays = _fields(_WORDS.get(schedule, schedule))
    place = ZoneInfo(zone)
    day = after.astimezone(place).date()
    for _ in range(_YEARS * 366):
        fits = day.day in days.values, day.isoweekday() % 7 in weekdays.values
        # As the controller has it: where both are chosen, one of the two is enough.
        enough = all(fits) if days.any or weekdays.any else any(fits)
        if enough and day.month in months.values:
            walls = (
                datetime(day.year, day.month, day.day, hour, minute)
                for hour in hours.values
                for minute in minutes.values
            )
            moments = (moment for wall in walls for moment in _moments(wall, place))
            if found := min((moment for moment in moments if moment > after), default=None):
                return found
        day += timedelta(days=1)
    return None


def _moments(wall: datetime, place: ZoneInfo) -> Iterator[datetime]:
    """When the clocks of a place show this."""
    for fold in (0, 1):
        moment = wall.replace(tzinfo=place, fold=fold).astimezone(UTC)
        if moment.astimezone(place).replace(tzinfo=None) == wall:
            yield moment


def _fields(schedule: str) -> list[_Values]:
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    parts = zip(schedule.split(" "), bounds, strict=True)
    return [_values(part, *bound) for part, bound in parts]


def _values(part: str, least: int, most: int) -> _Values:
    found: set[int] = set()
    star = False
    for item in part.split(","):
        span, _, step = item.partition("/")
        low, _, high = span.partition("-")
        if low == "*":
            first, last = least, most
            star = star or step in ("", "1")
        else:
            first = _number(low)
            last = _number(high) if high else most if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return _Values(frozenset(found), star)


def _number(word: str) -> int:
    if word.isdecimal():
        return int(word)
    names = _DAYS if word.upper() in _DAYS else _MONTHS
    return names.split().index(word.upper()) + (names is _MONTHS)
