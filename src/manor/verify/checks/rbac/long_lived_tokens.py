"""No token of a tenant outlives its pod: Secrets of type service-account-token are refused."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import make
from manor.verify.requests import create

TOKEN = make(
    "v1",
    "Secret",
    type="kubernetes.io/service-account-token",
    meta={"annotations": {"kubernetes.io/service-account.name": "default"}},
)

CHECK = Check(
    id="MNR-RBAC-025",
    title="Keep a service account's token for ever",
    guarantee=(
        "No token of a tenant outlives its pod: Secrets of type service-account-token are refused."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.6",
        "NSA/CISA: Authentication and authorization",
        "Kubernetes: RBAC good practices",
    ),
    attempt=(
        "Creates a Secret of type kubernetes.io/service-account-token for the default service "
        "account, and "
        "one of type bootstrap token."
    ),
    expect="Refused by the Secret guardrail.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {"service-account-token": create(TOKEN)},
        by=policy("credentials"),
        control=create(make("v1", "Secret", type="Opaque", stringData={"key": "value"})),
    ),
)
