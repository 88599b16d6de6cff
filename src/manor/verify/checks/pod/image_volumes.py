"""The registries hold for image volumes."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import pod
from manor.verify.requests import create

CHECK = Check(
    id="MNR-POD-022",
    title="Mount a foreign image as a volume",
    guarantee="The registries hold for image volumes.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=(
        "CIS 5.5.1",
        "KEP-4639",
    ),
    attempt="Creates a Pod with an image volume of another registry.",
    expect="Refused by the policy manor-images.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "an image volume": create(
                pod(volumes=[{"name": "v", "image": {"reference": "evil.example/data:1"}}])
            )
        },
        by=policy("images"),
        control=create(pod()),
    ),
)
