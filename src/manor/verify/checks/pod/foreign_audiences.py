"""A pod's token serves the API server alone."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

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
        "Creates Pods with projected service-account tokens for other audiences (a cloud's "
        "STS, Vault)."
    ),
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "an audience": create(
                pod(
                    volumes=[
                        {
                            "name": "t",
                            "projected": {
                                "sources": [
                                    {
                                        "serviceAccountToken": {
                                            "audience": "sts.amazonaws.com",
                                            "path": "t",
                                        }
                                    }
                                ]
                            },
                        }
                    ]
                )
            ),
            "another audience": create(
                pod(
                    volumes=[
                        {
                            "name": "t",
                            "projected": {
                                "sources": [
                                    {"serviceAccountToken": {"audience": "vault", "path": "t"}}
                                ]
                            },
                        }
                    ]
                )
            ),
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
