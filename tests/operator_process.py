"""The operator as a process of its own, run as a node's administrator."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manor.api import API_VERSION
from manor.kube import ApiError, Client, Object
from manor.objectset.refusals import is_passing
from nodes import MANOR
from waiting import until

PLATFORM = Path(__file__).parent.parent / "examples/01-two-teams/platform.yaml"


@dataclass
class Operator:
    """One that was started."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-4000:]

    def runs(self) -> bool:
        """Whether it does still."""
        return self.process.poll() is None

    def kill(self) -> None:
        """As if the machine went."""
        self.process.kill()
        self.process.wait()


@contextmanager
def operating(kubeconfig: Path, log: Path, elect: str = "--no-elect") -> Iterator[Operator]:
    """An operator until the end of the block, if it was not killed before; it ends well when it is
    told to."""
    command = [MANOR, "-v", "operator", elect, "--port", "0", "--kubeconfig"]
    with log.open("ab") as said:
        process = subprocess.Popen([*command, str(kubeconfig)], stdout=said, stderr=said)
    try:
        yield Operator(process, log)
    finally:
        alive = process.poll() is None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(30)
        finally:
            process.kill()
            process.wait()
        assert code == 0 or not alive, log.read_text()[-4000:]


async def is_stored(client: Client, obj: Object) -> bool:
    """Whether it could be made: quotas count a kind some time after it is new, and policies know
    it some time after."""
    try:
        await client.create(obj)
    except ApiError as error:
        if not is_passing(error.message):
            raise
        return False
    return True


def tenant(name: str, **spec: Any) -> Object:
    """A team with a budget."""
    whole = {
        "owners": [{"name": f"{name}-owner"}],
        "quota": {"cpu": "4", "memory": "8Gi", "storage": "20Gi"},
        **spec,
    }
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": whole}


def condition(obj: Object, kind: str = "Ready") -> Object:
    """The condition of a status, where it is about the spec as it is now; else an empty one."""
    conditions = (obj.get("status") or {}).get("conditions", ())
    return next(
        (
            found
            for found in conditions
            if found["type"] == kind
            and found.get("observedGeneration") == obj["metadata"]["generation"]
        ),
        {},
    )


def is_ready(obj: Object) -> bool:
    """Whether the spec as it is now is made."""
    return condition(obj).get("status") == "True"


async def ready(client: Client, *names: str, seconds: float = 120) -> None:
    """Waits until these Tenants are Ready."""

    async def all_are() -> bool:
        found = [await client.get(API_VERSION, "Tenant", name) for name in names]
        return all(map(is_ready, found))

    await until(f"{', '.join(names)} Ready", all_are, seconds)
