"""A token of a tenant's service account serves the API server, for a day at most."""

from manor.api.wellknown import TOKEN_AUDIENCE
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import RBAC, any_of, policy
from manor.verify.objects import pod
from manor.verify.requests import Object, Request, create, create_sub


def _token(spec: Object, annotations: dict[str, str] | None = None) -> Request:
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    meta = {"metadata": {"annotations": annotations}} if annotations else {}
    return create_sub("v1", "ServiceAccount", "default", "token", {**asked, **meta})


CHECK = Check(
    id="MNR-ADMISSION-008",
    title="Get a token for another audience or a long time",
    guarantee="A token of a tenant's service account serves the API server, for a day at most.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.6",
        "CIS 5.1.13",
    ),
    attempt=(
        "Asks for tokens of its own default service account for another audience, for that of "
        "another cluster, and for a year."
    ),
    expect="403 from RBAC, or refused by the policy manor-credentials.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "another audience": _token({"audiences": ["vault"]}),
            "another cluster's audience, said to be none": _token(
                {"audiences": ["https://other.hcp.westeurope.azmk8s.io"]}, {TOKEN_AUDIENCE: "own"}
            ),
            "a year": _token({"expirationSeconds": 31536000}),
        },
        by=any_of(RBAC, policy("credentials")),
        control=create(pod()),
    ),
    attended=True,
)
