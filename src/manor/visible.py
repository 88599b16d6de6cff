"""Text from elsewhere, made harmless to show: to a terminal it is no command, to an eye no other
text.

An event, a log line, a status or a refusal holds what its writer wants: sequences that clear the
screen, set its title or its clipboard, overwrite the line before, or turn the order of letters
(CVE-2021-42574).
"""

import json
import re
from typing import Any

_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f"
    "\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff"
    "\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's control and format characters, lone surrogates and separators of lines, and what it
says to leave unseen; but for tab and line feed, the two joiners that scripts and emoji are
written with, and the variants of emoji."""


def visible(text: str) -> str:
    """`text` with each such character as the escape that YAML reads as the character."""
    return _HARMFUL.sub(lambda match: _escape(ord(match[0])), text)


def visible_json(value: Any, indent: int = 2) -> str:
    """A value as JSON, with each such character as the escape that JSON reads as it."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _HARMFUL.sub(lambda match: json.dumps(match[0])[1:-1], text)


def harmful(text: str) -> bool:
    """Whether `visible` would change it."""
    return _HARMFUL.search(text) is not None


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
