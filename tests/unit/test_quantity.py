"""Quantities: read and written as the API server does, and never more than was given when divided."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manor.api.quantity import canonical, normalise, parse, split

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
        (0.25, "250m"),
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
    assert normalise(given_) == wanted


@pytest.mark.parametrize("bad", ["", "4 cores", "-1", "1.5.0", "Gi", "1Kib", True, None, [1], "1e", "٣"])
def test_what_is_no_quantity_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="quantity"):
        normalise(bad)


@given(quantities)
def test_the_canonical_form_keeps_the_value_and_is_its_own(text: str) -> None:
    assert parse(normalise(text)) == parse(text)
    assert normalise(normalise(text)) == normalise(text)


@given(quantities, st.lists(st.integers(min_value=1, max_value=1000), min_size=1, max_size=12))
def test_parts_never_add_up_to_more_than_the_whole(text: str, shares: list[int]) -> None:
    parts = split(text, shares, unit="1m")
    assert sum(map(parse, parts)) == parse(text)


@given(
    st.integers(min_value=0, max_value=1000), st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=9)
)
def test_pieces_are_divided_whole_and_each_is_within_one_of_its_share(count: int, shares: list[int]) -> None:
    parts = [parse(part) for part in split(str(count), shares)]
    assert sum(parts) == count
    for part, share in zip(parts, shares, strict=True):
        assert part == int(part)
        assert abs(part - Decimal(count * share) / sum(shares)) < 1


def test_canonical_rounds_down() -> None:
    assert canonical(Decimal("0.0019")) == "1m"
