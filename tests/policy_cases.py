"""The objects beside each admission policy, as requests: what it must admit and what it must
refuse.

A file holds one object. Comment lines at its top say how it is sent, when it is not simply created
by the owner of the tenant of its namespace:

    # expect: text       (refuse) part of the policy's message
    # as: user           who asks
    # stored: yes        the object is created for that moment, and not by a dry run
    # patch: FILE        the object is a merge patch onto FILE, which exists (-: it does anyway)
    # delete: FILE       FILE is deleted
    # collection: FILE   FILE is deleted, as one of all of its kind in the namespace
    # post: FILE         the object is posted to the subresource of FILE
    # connect: FILE      a connection to the subresource of FILE is asked for
    # subresource: name  of the object that is patched or posted to
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from manor.api.keys import token_counter

POLICIES = Path(str(resources.files("manor.policies")))
FOLDERS = sorted(path.parent.name for path in POLICIES.glob("*/policy.yaml"))
OWNERS = {
    "team-a": "ada",
    "team-b": "ben",
    "team-gpu": "gia",
    "team-safe": "sol",
    "team-queue": "quin",
}
"""The owner of each namespace of the test's tenants; cluster-scoped requests are the first
one's."""


@dataclass(frozen=True)
class Case:
    """One request and the verdict that it must get."""

    path: Path
    directives: dict[str, str]
    object: dict[str, Any]

    @property
    def policy(self) -> str:
        return self.path.parent.parent.name

    @property
    def id(self) -> str:
        return f"{self.policy}-{self.path.parent.name}-{self.path.stem}"

    @property
    def user(self) -> str:
        return self.directives.get("as") or OWNERS.get(
            self.object["metadata"].get("namespace", ""), "ada"
        )

    @property
    def onto(self) -> "Case | None":
        """What must exist before the request is sent."""
        named = next(
            (
                self.directives[key]
                for key in ("patch", "delete", "collection", "post", "connect")
                if key in self.directives
            ),
            None,
        )
        return read(self.path.parent.parent / named) if named and named != "-" else None


@cache
def read(path: Path) -> Case:
    text = path.read_text()
    directives = dict(
        re.findall(
            r"^# (expect|as|stored|patch|delete|collection|post|connect|subresource): (.+)$",
            text,
            re.MULTILINE,
        )
    )
    text = text.replace("${token-counter}", json.dumps(token_counter()))
    return Case(path, directives, yaml.safe_load(text))


@cache
def cases(verdict: str) -> list[Case]:
    return [read(path) for path in sorted(POLICIES.glob(f"*/{verdict}/*.yaml"))]
