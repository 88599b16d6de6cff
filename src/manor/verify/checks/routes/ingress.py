"""An Ingress names the tenant's own hosts alone, and every one that it serves."""

from collections.abc import Mapping

from manor.api.wellknown import NETWORKING_API
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import GATEWAYS
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, ingress, make, route
from manor.verify.requests import Request, create


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    default = {"defaultBackend": {"service": {"name": NAME, "port": {"number": 80}}}}
    allowed = context.ingress_class
    return {
        "another's host": create(ingress("$other_host", **allowed)),
        "no host": create(ingress(None, **allowed)),
        "a default backend": create(make(NETWORKING_API, "Ingress", spec={**default, **allowed})),
        "a certificate for another's host": create(
            ingress(**allowed, tls=[{"hosts": ["$other_host"]}])
        ),
        "a foreign class": create(ingress(ingressClassName="manor-verify")),
    }


CHECK = Check(
    id="MNR-ROUTES-007",
    title="Serve a host by an Ingress",
    guarantee=(
        "An Ingress names its tenant's own hosts and an allowed class: in another kind as well "
        "no host is taken."
    ),
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2021-25742",
        "CVE-2021-25745",
        "CVE-2021-25746",
        "CVE-2021-25748",
        "CVE-2025-1974 (class)",
    ),
    attempt=(
        "Creates Ingresses with another tenant's host, without host, with a default backend and "
        "with a foreign class."
    ),
    expect="Refused by the policy manor-ingress.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS,),
    run=refused(
        _attacks,
        by=policy("ingress"),
        control=create(route()),
    ),
)
