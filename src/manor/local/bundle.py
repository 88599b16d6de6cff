"""Released bundles: the node's programs and data in one file that is checked against a known SHA-256."""

from manor.local.errors import BinariesError
from manor.local.progress import Stage
from manor.local.store import Store


def install(source: str, store: Store, stage: Stage) -> None:
    raise BinariesError("not yet")
