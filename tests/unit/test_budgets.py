"""What one namespace loses goes before what another gains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manor.api.quantity import parse
from manor.rollout.budgets import least

pytestmark = pytest.mark.unit

RESOURCES = ("requests.cpu", "requests.memory", "pods")
amounts = st.integers(0, 64).map(str)
parts = st.fixed_dictionaries(dict.fromkeys(RESOURCES, amounts))
"""What one namespace may use; every quota of Manor's limits the same resources."""


def together(quotas: list[dict[str, str]], resource: str) -> int:
    return sum(int(parse(quota[resource])) for quota in quotas)


@given(st.lists(st.tuples(parts, parts), min_size=1, max_size=6), st.data())
def test_at_no_moment_more_than_before_or_than_it_shall_be(
    spaces: list[tuple[dict[str, str], dict[str, str]]], data: st.DataObject
) -> None:
    before = [allowed for allowed, _ in spaces]
    shall = [wanted for _, wanted in spaces]
    lowered = [least(allowed, wanted) for allowed, wanted in spaces]
    moments, now = [before], list(before)
    for step in (lowered, shall):  # each in any order, the second once the first is done
        for place in data.draw(st.permutations(range(len(spaces)))):
            now = [*now[:place], step[place], *now[place + 1 :]]
            moments.append(now)
    for resource in RESOURCES:
        bound = max(together(before, resource), together(shall, resource))
        assert all(together(moment, resource) <= bound for moment in moments)


@given(parts, parts)
def test_nothing_is_taken_that_is_to_stay(allowed: dict[str, str], wanted: dict[str, str]) -> None:
    low = least(allowed, wanted)
    assert all(parse(low[r]) == min(parse(allowed[r]), parse(wanted[r])) for r in RESOURCES)


def test_a_limit_that_comes_or_goes() -> None:
    assert least({"pods": "5"}, {"secrets": "3"}) == {"pods": "5", "secrets": "3"}
