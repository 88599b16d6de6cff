"""A rule about a label holds for every spelling that means it."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import SCHEMA, any_of, policy
from manor.verify.objects import config_map
from manor.verify.requests import create

KEYS = ("MANOR.DEV/tenant", "Manor.Dev/Tenant", "Pod-Security.Kubernetes.io/enforce")

CHECK = Check(
    id="MNR-METADATA-011",
    title="Write the platform's labels in another case",
    guarantee="A rule about a label holds for every spelling that means it.",
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=("GHSA-gjw4-3v3v-rqxg",),
    attempt="Writes manor.dev labels in upper and mixed case, as label and as annotation.",
    expect=(
        "Refused by the policy manor-metadata, or by the API server because a label's prefix is "
        "lower case."
    ),
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            **{
                f"label {key}": create(config_map(meta={"labels": {key: "$other_tenant"}}))
                for key in KEYS
            },
            **{
                f"annotation {key}": create(
                    config_map(meta={"annotations": {key: "$other_tenant"}})
                )
                for key in KEYS
            },
        },
        by=any_of(policy("metadata"), SCHEMA),
        control=create(config_map(meta={"annotations": {"Team": "a"}})),
    ),
)
