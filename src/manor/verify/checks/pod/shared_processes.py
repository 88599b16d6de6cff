"""Containers of a pod keep their processes apart."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import container, pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-029",
    title="Share one process namespace among containers",
    guarantee="Containers of a pod keep their processes apart.",
    severity=Severity.LOW,
    level=Level.DRY_RUN,
    references=(
        "NSA/CISA: Kubernetes Pod security",
        "CIS 5.2.3",
    ),
    attempt="Creates a Pod of two containers with shareProcessNamespace.",
    expect="Refused by the policy manor-pods.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "shareProcessNamespace": create(
                pod(container(), {**container(), "name": "second"}, shareProcessNamespace=True)
            )
        },
        by=policy("pods"),
        control=create(pod()),
    ),
)
