"""An ExternalName leads to the tenant's own hosts alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import service
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ADMISSION-004",
    title="Alias a Service to an inner or foreign name",
    guarantee="An ExternalName leads to the tenant's own hosts alone.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("CVE-2020-8562 (class)",),
    attempt=(
        "Creates ExternalName Services for another tenant, the API server, the cloud's metadata "
        "and localhost."
    ),
    expect="Refused by the policy manor-services.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "another tenant's Service": create(
                service(
                    type="ExternalName",
                    externalName="web.$other.svc.cluster.local",
                    selector=None,
                    ports=None,
                )
            ),
            "the API server": create(
                service(
                    type="ExternalName",
                    externalName="kubernetes.default.svc.cluster.local",
                    selector=None,
                    ports=None,
                )
            ),
            "the metadata name": create(
                service(
                    type="ExternalName",
                    externalName="metadata.google.internal",
                    selector=None,
                    ports=None,
                )
            ),
            "localhost": create(
                service(type="ExternalName", externalName="localhost", selector=None, ports=None)
            ),
        },
        by=policy("services"),
        control=create(service()),
    ),
)
