"""A pod does not come back in through the gateway: neither by the proxies' Service nor by a node's
port."""

from manor.verify.attempt import Attempt
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext, required
from manor.verify.features import GATEWAY_SERVICE, NODES, PROBE_IMAGE
from manor.verify.places import proxy_service
from manor.verify.probe.probe_pods import Target
from manor.verify.probe.reach import cut_off


async def _attack(context: AttackContext) -> list[Attempt]:
    host = (("Host", context.fill("$other_host")),)
    port, service = (
        context.platform.spec.gateway.port,
        required(await proxy_service(context), "Service of the proxies"),
    )
    targets = {"the proxies' Service": Target("http", "$proxy", port, headers=host)}
    for opened in service["spec"]["ports"]:
        if opened["port"] == port and opened.get("nodePort"):
            targets["a node's port"] = Target("http", "$node", opened["nodePort"], headers=host)
    return await cut_off(targets, witness="free")(context)


CHECK = Check(
    id="MNR-NETWORK-014",
    title="Reach another tenant's model through the gateway from inside",
    guarantee=(
        "No pod reaches the gateway's proxies from inside, so that no tenant's service is "
        "open to the cluster."
    ),
    severity=Severity.HIGH,
    level=Level.LIVE,
    references=("kserve/kserve#2197", "kubeflow/kubeflow#5588", "CIS 5.3.2"),
    attempt=(
        "Asks the proxies' Service and a node's port for the victim's host name, from a pod "
        "of the attacker."
    ),
    expect=(
        "The connection is dropped by NetworkPolicy, while a pod in a namespace without "
        "policies gets an answer."
    ),
    remedy=(
        "Remove the NetworkPolicy that lets it pass; `manor apply` writes the default-deny "
        "policy again."
    ),
    requires=(GATEWAY_SERVICE, NODES, PROBE_IMAGE),
    run=_attack,
)
