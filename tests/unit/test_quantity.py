"""Quantities: read and written as the API server does, and never more than was given
when divided."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manor.api.quantity import canonical, parse, read_bytes, read_cores, split

pytestmark = pytest.mark.unit

quantities = st.builds(
    lambda number, suffix: f"{number}{suffix}",
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti"]),
)


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        (4, "4"),
        (4.0, "4"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("1500m", "1500m"),
        ("0", "0"),
        ("0Gi", "0"),
        ("2000M", "2G"),
    ],
)
def test_written_as_the_api_server_writes_it(given_: object, wanted: str) -> None:
    read = read_bytes if "i" in str(given_) or "M" in str(given_) else read_cores
    assert read(given_) == wanted


NONE = [
    "",
    "4 cores",
    "-1",
    -1,
    "1.5.0",
    "Gi",
    "1Kib",
    True,
    None,
    [1],
    "1e",
    "٣",
    "NaN",
    float("nan"),
    float("inf"),
]
NONE += ["1e999999999", "9" * 30, 10**30, 1e30, "9Ei", "+Inf", "0x10"]


@pytest.mark.parametrize("bad", NONE)
def test_what_is_no_quantity_is_refused(bad: object) -> None:
    for read in (read_cores, read_bytes):
        with pytest.raises(ValueError, match="quantity"):
            read(bad)


@pytest.mark.parametrize(("text", "wanted"), [("1e3", "1k"), ("1E3", "1k"), ("1.5e2", "150")])
def test_an_exponent_means_what_it_means_to_kubernetes(text: str, wanted: str) -> None:
    assert read_cores(text) == read_bytes(text) == wanted


def test_bytes_have_no_thousandths_and_cores_no_byte_suffix() -> None:
    with pytest.raises(ValueError, match="m means thousandths, also of a byte; write 512Mi"):
        read_bytes("512m")
    with pytest.raises(ValueError, match="write cores as 4 or 500m"):
        read_cores("4Gi")
    assert read_bytes("1.001Ki") == "1025"


@given(quantities)
def test_the_canonical_form_keeps_the_value_and_is_its_own(text: str) -> None:
    written = canonical(parse(text), binary=text.endswith("i"))
    assert parse(written) == parse(text)
    assert canonical(parse(written), binary=written.endswith("i")) == written


@given(quantities, st.lists(st.integers(min_value=1, max_value=1000), min_size=1, max_size=12))
def test_parts_never_add_up_to_more_than_the_whole(text: str, shares: list[int]) -> None:
    parts = split(text, tuple(shares), unit="1m")
    assert sum(map(parse, parts)) == parse(text)


@given(
    st.integers(min_value=0, max_value=1000),
    st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=9),
)
def test_pieces_are_divided_whole_and_each_is_within_one_of_its_share(
    count: int, shares: list[int]
) -> None:
    parts = [parse(part) for part in split(str(count), tuple(shares))]
    assert sum(parts) == count
    for part, share in zip(parts, shares, strict=True):
        assert part == int(part)
        assert abs(part - Decimal(count * share) / sum(shares)) < 1


def test_canonical_rounds_down() -> None:
    assert canonical(Decimal("0.0019")) == "1m"
