"""Annotations that clouds and DNS controllers act on are the platform's, until it names them."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import service
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ADMISSION-006",
    title="Configure the cloud by annotations of a Service",
    guarantee=(
        "Annotations that clouds and DNS controllers act on are the platform's, until it "
        "names them."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CVE-2020-8554 (class)",
        "external-dns: host name annotations",
    ),
    attempt=(
        "Creates Services with annotations of vendors that nobody named: off the list is refused."
    ),
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            key: create(service(meta={"annotations": {key: "x"}}))
            # Nobody can have named these: .invalid is no domain, and a domain's subdomains are
            # others.
            for key in (
                "load-balancer.invalid/type",
                "LOAD-BALANCER.invalid/type",
                "cloud.google.com.invalid/neg",
                "runtime.invalid",
            )
        },
        by=policy("metadata"),
        control=create(service()),
    ),
)
