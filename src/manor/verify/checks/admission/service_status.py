"""A load balancer's address in a Service's status diverts traffic as externalIPs do; other statuses
mislead too."""

from manor.api.wellknown import GATEWAY_GROUP, GROUP
from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-ADMISSION-007",
    title="Divert traffic by a Service's status",
    guarantee="No tenant writes the status of Services, Pods, routes, quotas or claims.",
    severity=Severity.HIGH,
    level=Level.STATIC,
    references=("CVE-2020-8554", "GHSA-2ww6-hf35-mfjm (class)"),
    attempt=(
        "Asks to write the status of Services, Pods, Ingresses, HTTPRoutes, quotas, claims "
        "and Manor's own kinds."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Take the status subresources from the role.",
    run=no_access(
        *(
            Access("update patch", f"{resource}/status", group, "$own")
            for resource, group in (
                ("services", ""),
                ("pods", ""),
                ("resourcequotas", ""),
                ("persistentvolumeclaims", ""),
                ("replicationcontrollers", ""),
                ("ingresses", "networking.k8s.io"),
                ("httproutes", GATEWAY_GROUP),
                ("models", GROUP),
                ("trainingjobs", GROUP),
            )
        )
    ),
)
