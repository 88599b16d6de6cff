"""An Ingress, which nothing binds to a tenant's hosts, is refused: in another kind as well no host is taken."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import NAME, ingress, make, route
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ROUTES-007",
    title="Serve a host by an Ingress",
    guarantee=(
        "An Ingress, which nothing binds to a tenant's hosts, is refused: in another kind as well no host is taken."
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
    attempt=("Creates Ingresses with another tenant's host, without host, with a default backend and with a class."),
    expect="Refused by the policy manor-routes.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "another's host": create(ingress("$other_host")),
            "no host": create(ingress(None)),
            "a default backend": create(
                make(
                    "networking.k8s.io/v1",
                    "Ingress",
                    spec={"defaultBackend": {"service": {"name": NAME, "port": {"number": 80}}}},
                )
            ),
            "a class": create(ingress("$other_host", ingressClassName="nginx")),
        },
        by=policy("routes"),
        control=create(route()),
    ),
)
