"""No annotation of a tenant's Ingress reaches a controller's configuration."""

from collections.abc import Mapping

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.context import AttackContext
from manor.verify.features import GATEWAYS
from manor.verify.mechanisms import policy
from manor.verify.objects import ingress, route
from manor.verify.requests import Request, create

KEYS = (
    "configuration-snippet",
    "server-snippet",
    "auth-snippet",
    "auth-url",
    "auth-tls-match-cn",
    "mirror-target",
    "permanent-redirect",
)


async def _attacks(context: AttackContext) -> Mapping[str, Request]:
    return {
        key: create(
            ingress(
                meta={"annotations": {f"nginx.ingress.kubernetes.io/{key}": "x"}},
                **context.ingress_class,
            )
        )
        for key in KEYS
    }


CHECK = Check(
    id="MNR-ROUTES-008",
    title="Inject configuration by an Ingress annotation",
    guarantee="No annotation of a tenant's Ingress reaches a controller's configuration.",
    severity=Severity.CRITICAL,
    level=Level.DRY_RUN,
    references=(
        "CVE-2021-25742",
        "CVE-2023-5043",
        "CVE-2023-5044",
        "CVE-2024-7646",
        "CVE-2025-1097",
        "CVE-2025-1098",
        "CVE-2025-24514",
    ),
    attempt="Creates Ingresses with the annotations of ingress-nginx's advisories.",
    expect="Refused by the policy manor-ingress.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(GATEWAYS,),
    run=refused(
        _attacks,
        by=policy("ingress"),
        control=create(route()),
    ),
)
