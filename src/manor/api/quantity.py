"""Kubernetes quantities ("500m", "64Gi"): read, added up, split, and written as the API server writes them.

The canonical form is that of `k8s.io/apimachinery/pkg/api/resource`: no fraction, the largest suffix that divides the
value, binary suffixes kept binary. Writing it ourselves makes a second apply see no difference.
"""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
_PATTERN = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<suffix>Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E)?", re.ASCII)


def parse(text: str) -> Decimal:
    """The quantity's value in its base unit (cores, bytes, pieces). ValueError if `text` is no quantity."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; write a number with a suffix, such as 500m, 4, 64Gi or 100G")
    suffix = match["suffix"] or ""
    return Decimal(match["number"]) * (_BINARY[suffix] if suffix in _BINARY else _DECIMAL[suffix])


def is_binary(text: str) -> bool:
    """Whether the quantity is written with a binary suffix (Ki, Mi, …)."""
    return text.endswith("i")


def canonical(value: Decimal, *, binary: bool = False) -> str:
    """`value` as the API server writes it; a part below a thousandth is dropped (never more than was given)."""
    thousandths = int(value * 1000)
    if thousandths % 1000:
        return f"{thousandths}m"
    whole = thousandths // 1000
    base, suffixes = (1024, list(_BINARY)) if binary else (1000, list(_DECIMAL)[2:])
    suffix = ""
    for larger in suffixes:
        if whole == 0 or whole % base:
            break
        whole, suffix = whole // base, larger
    return f"{whole}{suffix}"


def normalise(value: Any) -> str:
    """A quantity from YAML (text or number) in canonical form; ValueError says what is expected."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a quantity is a number or a text such as 500m, 4, 64Gi")
    text = str(value)
    return canonical(parse(text), binary=is_binary(text))


def split(text: str, shares: list[int], *, unit: str = "1") -> list[str]:
    """The quantity divided in proportion to `shares`, in whole multiples of `unit`; the parts never add up to more.

    What proportional parts leave over goes, one unit each, to the largest remainders (Hamilton's method; ties to the
    first), so that the parts add up to the whole when the whole is a multiple of the unit.
    """
    binary = is_binary(text)
    step = parse(unit)
    units = int(parse(text) // step)
    total = sum(shares)
    floors = [units * share // total for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (-(units * shares[i] % total), i))
    for i in by_remainder[: units - sum(floors)]:
        floors[i] += 1
    return [canonical(step * count, binary=binary) for count in floors]


Quantity = Annotated[
    str,
    BeforeValidator(normalise),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "pattern": f"^{_PATTERN.pattern}$".replace("?P<number>", "").replace("?P<suffix>", ""),
        }
    ),
]
"""A resource quantity, in canonical form once read."""
