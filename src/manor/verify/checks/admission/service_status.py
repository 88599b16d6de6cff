"""No tenant writes the status of a Service: a load balancer's address there diverts traffic as externalIPs do."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import NAME, service
from manor.verify.requests import STRATEGIC, Request, create, patch

STATUS = {"status": {"loadBalancer": {"ingress": [{"ip": "8.8.8.8"}]}}}

CHECK = Check(
    id="MNR-ADMISSION-007",
    title="Divert traffic by a Service's status",
    guarantee=(
        "No tenant writes the status of a Service: a load balancer's address there diverts traffic as externalIPs do."
    ),
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CVE-2020-8554",
        "GHSA-2ww6-hf35-mfjm (class)",
    ),
    attempt="Patches and replaces services/status with a load balancer address.",
    expect="403 from RBAC: no role holds services/status.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "merge patch": patch("v1", "Service", NAME, STATUS, "$own", "status"),
            "strategic patch": patch("v1", "Service", NAME, STATUS, "$own", "status", STRATEGIC),
            "put": Request("update", "v1", "Service", "$own", NAME, "status", {**service(), **STATUS}),
        },
        by=any_of(RBAC, policy("reserved")),
        control=create(service()),
    ),
)
