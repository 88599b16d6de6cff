"""No Service of a tenant listens on the nodes."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import QUOTA, any_of, policy
from manor.verify.objects import service
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ADMISSION-001",
    title="Open a port on every node",
    guarantee="No Service of a tenant listens on the nodes.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "MTB-PL1-BC-HI-1: Block use of NodePort services",
        "Kubernetes: Multi-tenancy, network isolation",
    ),
    attempt="Creates Services of type NodePort.",
    expect="Refused by the policy manor-services or by the quota `services.nodeports: 0`.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "NodePort": create(service(type="NodePort")),
            "a chosen NodePort": create(
                service(type="NodePort", ports=[{"port": 80, "nodePort": 31999}])
            ),
        },
        by=any_of(policy("services"), QUOTA),
        control=create(service()),
    ),
)
