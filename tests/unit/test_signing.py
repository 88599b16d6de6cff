"""Keys to Models: what opens one, and what does not."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manor.api.keys import key_set
from manor.signing import make_key, opens

pytestmark = pytest.mark.unit

# A day: made when the tests are collected, asked whenever this one's turn comes.
KEY = make_key("vision", "digits", "ci", datetime.now(UTC) + timedelta(days=1))
JSON = st.dictionaries(
    st.sampled_from(["iss", "aud", "sub", "exp", "iat"]), st.integers() | st.text()
)


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_key_opens_until_it_ends_and_by_its_own_public_half_alone() -> None:
    assert opens(KEY.token, [KEY.public])
    assert not opens(KEY.token, [KEY.public], within=86401)
    assert not opens(KEY.token, [])
    another = make_key("vision", "digits", "ci", None)
    assert opens(another.token, [another.public], within=10**9)
    assert not opens(KEY.token, [another.public])


def test_a_key_says_for_whom_it_is_and_until_when() -> None:
    head, said, _ = KEY.token.split(".")
    assert decoded(head) == {"alg": "EdDSA", "kid": "ci", "typ": "JWT"}
    claims = decoded(said)
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("manor.dev", "vision/digits", "ci")
    assert claims["exp"] - claims["iat"] in (86399, 86400)


@given(JSON)
def test_no_other_words_are_signed_by_it(claims: dict[str, Any]) -> None:
    head, said, signature = KEY.token.split(".")
    assert opens(f"{head}.{encoded(claims)}.{signature}", [KEY.public]) == (claims == decoded(said))


@given(st.text() | st.lists(JSON.map(encoded), max_size=4).map(".".join))
def test_whatever_is_said_opens_nothing(token: str) -> None:
    assert not opens(token, [KEY.public])


@given(st.dictionaries(st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), st.just("x" * 43)))
def test_a_set_has_one_key_at_least_and_the_same_text_whatever_the_order(
    keys: dict[str, str],
) -> None:
    text = key_set(keys.items())
    assert text == key_set(reversed(list(keys.items())))
    found = {key["kid"]: key["x"] for key in json.loads(text)["keys"]}
    assert found == keys or (not keys and list(found) == ["nobody"])
