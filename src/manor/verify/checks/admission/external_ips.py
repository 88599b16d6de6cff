"""No tenant diverts traffic for an address that is not its own."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import service
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ADMISSION-003",
    title="Take over an address by externalIPs",
    guarantee="No tenant diverts traffic for an address that is not its own.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("CVE-2020-8554",),
    attempt="Creates Services with externalIPs.",
    expect="Refused by the policy manor-services.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "a public address": create(service(externalIPs=["8.8.8.8"])),
            "the API server's address": create(service(externalIPs=["10.96.0.1"])),
        },
        by=policy("services"),
        control=create(service()),
    ),
)
