"""A pod's token serves the API server alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import Object, pod
from manor.verify.requests import create


def _volume(audience: str) -> Object:
    token = {"audience": audience, "path": "t"}
    return {"name": "t", "projected": {"sources": [{"serviceAccountToken": token}]}}


CHECK = Check(
    id="MNR-POD-030",
    title="Project a token for a foreign audience",
    guarantee="A pod's token serves the API server alone.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.1.6",
        "Kubernetes: Bound service account tokens",
    ),
    attempt=(
        "Creates Pods with projected service-account tokens for audiences (as of a cloud's STS, or "
        "Vault) that nobody can have allowed."
    ),
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            audience: create(pod(volumes=[_volume(audience)]))
            for audience in ("sts.invalid", "vault.invalid")
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
