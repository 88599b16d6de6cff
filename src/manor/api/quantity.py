"""Kubernetes quantities ("500m", "64Gi"): read, added up, split, and written as the API server
writes them.

The canonical form is that of `k8s.io/apimachinery/pkg/api/resource`: no fraction, the largest
suffix that divides the value, binary suffixes kept binary. Writing it ourselves makes a second
apply see no difference.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
_PATTERN = re.compile(
    r"\+?(?P<number>\d+\.?\d*|\.\d+)(?:(?P<suffix>Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE](?P<exponent>[+-]?\d{1,2}))?",
    re.ASCII,
)


@lru_cache(maxsize=1 << 12)
def parse(text: str) -> Decimal:
    """The quantity's value in its base unit (cores, bytes, pieces). ValueError if `text` is no
    quantity."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a quantity; write a number with a suffix, "
            "such as 500m, 4, 64Gi or 100G"
        )
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    if match["exponent"]:
        return number.scaleb(int(match["exponent"]))
    return number * (_BINARY[suffix] if suffix in _BINARY else _DECIMAL[suffix])


def is_binary(text: str) -> bool:
    """Whether the quantity is written with a binary suffix (Ki, Mi, …)."""
    return text.endswith("i")


def canonical(value: Decimal, *, binary: bool = False) -> str:
    """`value` as the API server writes it; a part below a thousandth is dropped (never more than
    was given)."""
    thousandths = int(value * 1000)
    if thousandths % 1000:
        return f"{thousandths}m"
    whole = thousandths // 1000
    base, suffixes = (1024, list(_BINARY)) if binary else (1000, list(_DECIMAL)[4:])
    suffix = ""
    for larger in suffixes:
        if whole == 0 or whole % base:
            break
        whole, suffix = whole // base, larger
    return f"{whole}{suffix}"


@lru_cache(maxsize=1 << 12)
def split(text: str, shares: tuple[int, ...], *, unit: str = "1") -> tuple[str, ...]:
    """The quantity divided in proportion to `shares`, in whole multiples of `unit`; the parts never
    add up to more.

    What proportional parts leave over goes, one unit each, to the largest remainders (Hamilton's
    method; ties to the first), so that the parts add up to the whole when the whole is a multiple
    of the unit.
    """
    binary = is_binary(text)
    step = parse(unit)
    units = int(parse(text) // step)
    total = sum(shares)
    floors = [units * share // total for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (-(units * shares[i] % total), i))
    for i in by_remainder[: units - sum(floors)]:
        floors[i] += 1
    return tuple(canonical(step * count, binary=binary) for count in floors)


# What is more than 2^63 base units is more than Kubernetes counts: the larger the suffix, the fewer
# the digits.
_FRACTION = r"(\.[0-9]{1,9})?"
_LARGE = "|".join(
    f"[0-9]{{1,{digits}}}{_FRACTION}{suffix}"
    for digits, suffix in (
        (15, "(k|Ki)"),
        (12, "Mi?"),
        (9, "Gi?"),
        (6, "Ti?"),
        (3, "Pi?"),
        (3, "[eE]\\+?(1[0-5]|[0-9])"),
    )
)
CORES = (
    r"^([0-9]{1,15}(\.[0-9]{1,3})?|[0-9]{1,18}m|"
    rf"[0-9]{{1,3}}{_FRACTION}[eE]\+?[0-9]|[0-9]{{1,12}}k)$"
)
BYTES = rf"^([0-9]{{1,15}}|[0-7]{_FRACTION}Ei?|{_LARGE})$"

ANY = BYTES.removesuffix(")$") + r"|[0-9]{1,18}m|[0-9]{1,15}\.[0-9]{1,3})$"


def _cores_hint(text: str) -> str:
    return "write cores as 4 or 500m (thousandths of a core)"


def _bytes_hint(text: str) -> str:
    if text.endswith("m") and text[:-1].isdecimal():
        return f"m means thousandths, also of a byte; write {text}".removesuffix("m") + "Mi"
    return "write bytes as 512Mi, 64Gi or 100G"


def _any_hint(text: str) -> str:
    return "write a number with a suffix, such as 4 or 64Gi"


def _reader(pattern: str, hint: Callable[[str], str], whole: bool) -> Callable[[Any], str]:
    grammar = re.compile(pattern, re.ASCII)

    def read(value: Any) -> str:
        """A quantity from YAML (text or number) in canonical form; ValueError says what is
        expected."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"a quantity is a number or a text: {hint('')}")
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if not grammar.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is not a quantity here; {hint(text)}")
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(f"write {text} in quotes: to the API server a fraction is text")
        amount = parse(text)
        return canonical(Decimal(int(amount)) if whole else amount, binary=is_binary(text))

    return read


read_cores = _reader(CORES, _cores_hint, whole=False)
read_bytes = _reader(BYTES, _bytes_hint, whole=True)


def _schema(pattern: str) -> WithJsonSchema:
    limits = {"pattern": pattern, "minimum": 0, "maximum": 10**15 - 1}
    return WithJsonSchema({"x-kubernetes-int-or-string": True, **limits})


Cores = Annotated[str, BeforeValidator(read_cores), _schema(CORES)]
"""An amount of CPU, in canonical form once read."""

Bytes = Annotated[str, BeforeValidator(read_bytes), _schema(BYTES)]
"""An amount of memory or storage, in canonical form once read."""

Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}[smh]$")]
"""A time, as a whole number of seconds, minutes or hours: 30m."""

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(duration: str) -> int:
    """How many seconds a Duration is."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


Quantity = Annotated[str, BeforeValidator(_reader(ANY, _any_hint, whole=False)), _schema(ANY)]
"""An amount of any other resource, in canonical form once read."""
