"""Text from elsewhere, made harmless to show: to a terminal it is no command, to an eye no other
text.

An event, a log line, a status or a refusal holds what its writer wants: sequences that clear the
screen, set its title or its clipboard, overwrite the line before, or turn the order of letters
(CVE-2021-42574).
"""

import re

_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters but tab and line feed (C0, DEL, C1); marks that change direction, or are not
seen."""


def visible(text: str) -> str:
    """`text` with each such character as the escape that JSON and YAML read as the character."""
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def harmful(text: str) -> bool:
    """Whether `visible` would change it."""
    return _HARMFUL.search(text) is not None
