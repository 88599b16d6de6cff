"""Whether an operator works on the cluster."""

from datetime import UTC, datetime

from manor.api.wellknown import OPERATOR, SYSTEM_NAMESPACE
from manor.kube import Client, Forbidden, NotFound, Object
from manor.limits import limits
from manor.polling import poll_until


async def is_operated(client: Client, *, patient: bool = True) -> bool:
    """Whether an operator works, as far as the user may see: whether its lease is renewed. One that
    seems old is looked at again, if `patient`: the clocks may differ."""

    async def lease() -> Object:
        try:
            found = await client.get("coordination.k8s.io/v1", "Lease", OPERATOR, SYSTEM_NAMESPACE)
        except (Forbidden, NotFound):
            return {}
        spec: Object = found.get("spec") or {}
        return spec

    held = await lease()
    if not held.get("holderIdentity"):
        return False
    renewed = datetime.fromisoformat(held["renewTime"])
    if abs((datetime.now(UTC) - renewed).total_seconds()) < held["leaseDurationSeconds"]:
        return True
    if not patient:
        return False
    # The clock of another machine may be wrong; but who holds a lease renews it.
    pause = limits().operator.lease_poll
    return await poll_until(held.__ne__, lease, timeout=2 * pause, interval=pause / 4) != held
