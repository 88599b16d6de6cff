"""`manor get queues`: what waits where, where Kueue is on."""

from manor.api.wellknown import KUEUE_API
from manor.cli.get.options import AllNamespaces, Output, Watch, looked_into, place_of
from manor.cli.listing import Listing, Row, Source, age, show, with_namespaces
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import ListFormat, run_async
from manor.errors import ManorError
from manor.kube import Client, Object, UnknownKind
from manor.objectset.readiness import condition_of
from manor.state import list_in


@run_async
async def queues(
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = ListFormat.table,
    watch: Watch = False,
) -> None:
    """List the queues of a namespace: how many wait, how many run, and what these hold.

    Examples:

    \b
        manor get queues -n vision
        manor get queues -n vision -w
    """
    async with Client.connect(kubeconfig, context) as client:
        place = looked_into(client, namespace, everywhere=all_namespaces)

        async def look() -> Listing:
            return await _listing(client, place)

        sources = [Source(KUEUE_API, "LocalQueue", place)]
        nothing = f"no queues in {place_of(place)}"
        await show(client, look, output, nothing, sources if watch else None)


async def _listing(client: Client, namespace: str | None) -> Listing:
    try:
        found = await list_in(client, KUEUE_API, "LocalQueue", namespace)
    except UnknownKind:
        message = "this cluster has no queues: Kueue is not installed (docs/gpus.md)"
        raise ManorError(message) from None
    header = ("NAME", "WAITING", "ADMITTED", "ACTIVE", "HELD")
    rows = [_row(queue) for queue in found]
    listing = Listing(header, ("CLUSTERQUEUE", "AGE"), rows)
    return (
        listing
        if namespace
        else with_namespaces(listing, [queue["metadata"]["namespace"] for queue in found])
    )


def _row(queue: Object) -> Row:
    status = queue.get("status") or {}
    counts = (str(status.get(key) or 0) for key in ("pendingWorkloads", "admittedWorkloads"))
    active = condition_of(queue, "Active")
    words = active.get("status", "-")
    if words == "False" and active.get("message"):
        words = f"False: {active['message']}"
    cells = (queue["metadata"]["name"], *counts, words, _held(status))
    return Row(cells, (queue["spec"].get("clusterQueue", "-"), age(queue)), lambda: queue)


def _held(status: Object) -> str:
    """What runs holds, of what is not each tenant's own: by flavor."""
    amounts = [
        f"{resource['name']}={resource['total']} ({flavor['name']})"
        for flavor in status.get("flavorsUsage") or ()
        for resource in flavor.get("resources") or ()
        if resource.get("total") not in (None, "0", 0)
    ]
    return ", ".join(amounts) or "-"
