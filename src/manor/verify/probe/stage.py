"""What a run puts on the cluster, and the promise that it is gone afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from manor.kube import Client
from manor.verify.check import Level
from manor.verify.team import Tenancy


class Stage:
    """The probe pods of a run; each is started once, by the first check that asks for it."""

    def __init__(self, client: Client, tenancy: Tenancy, level: Level, image: str | None) -> None:
        self.client = client
        self.tenancy = tenancy
        self.level = level
        platform = tenancy.platform
        self.image = image or (platform.spec.images.training if platform else None)

    @classmethod
    @asynccontextmanager
    async def set(cls, client: Client, tenancy: Tenancy, level: Level, image: str | None) -> AsyncIterator[Self]:
        """A stage that is cleared at the end, however the run ends."""
        yield cls(client, tenancy, level, image)
