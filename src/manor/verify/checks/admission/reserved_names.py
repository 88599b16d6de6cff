"""Names that begin with manor- and the platform's kinds cannot be made by a tenant."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import config_map, make, role
from manor.verify.requests import create

CHECK = Check(
    id="MNR-ADMISSION-011",
    title="Create objects of reserved names and kinds",
    guarantee="Names that begin with manor- and the platform's kinds cannot be made by a tenant.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-46167 (class)",
        "Kubernetes: Multi-tenancy, namespaces",
    ),
    attempt=(
        "Creates a ConfigMap, a Secret, a ServiceAccount and a Role whose names begin with manor-."
    ),
    expect="Refused by the policy manor-reserved.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "a ConfigMap": create(make("v1", "ConfigMap", name="manor-guardrails-2", data={})),
            "a Secret": create(make("v1", "Secret", name="manor-secret")),
            "a ServiceAccount": create(make("v1", "ServiceAccount", name="manor-account")),
            "a Role": create({**role(), "metadata": {"name": "manor-role", "namespace": "$own"}}),
        },
        by=policy("reserved"),
        control=create(config_map()),
    ),
)
