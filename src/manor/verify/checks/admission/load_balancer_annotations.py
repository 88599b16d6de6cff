"""Annotations that clouds and DNS controllers act on are the platform's."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import service
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ADMISSION-006",
    title="Configure the cloud by annotations of a Service",
    guarantee="Annotations that clouds and DNS controllers act on are the platform's.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CVE-2020-8554 (class)",
        "external-dns: host name annotations",
    ),
    attempt="Creates Services with annotations of cloud load balancers, MetalLB, Tailscale and ExternalDNS.",
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            key: create(service(meta={"annotations": {key: "x"}}))
            for key in (
                "service.beta.kubernetes.io/aws-load-balancer-type",
                "service.beta.kubernetes.io/azure-load-balancer-internal",
                "networking.gke.io/load-balancer-type",
                "cloud.google.com/neg",
                "external-dns.alpha.kubernetes.io/hostname",
                "metallb.universe.tf/loadBalancerIPs",
                "tailscale.com/expose",
            )
        },
        by=policy("metadata"),
        control=create(service()),
    ),
)
