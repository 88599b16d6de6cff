"""What a plan says beside the Tenants."""

from dataclasses import dataclass
from enum import StrEnum


class Matter(StrEnum):
    """What a note is about."""

    SET_ASIDE = "set aside"
    """No Tenant comes of it."""
    DONE = "already adopted"
    """There is nothing to do."""
    LEFT_OUT = "not carried over"
    """The Tenant does not say it."""
    BREAKS = "will not work"
    """It ends, or is refused when it is made anew, once the Tenant is applied."""
    REMAINS = "remains"
    """Manor did not make it and does not delete it; somebody must."""


@dataclass(frozen=True)
class Note:
    """One thing that whoever adopts must know."""

    matter: Matter
    text: str
