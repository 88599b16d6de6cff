"""Finalizers are their controllers' to set."""

from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import config_map
from manor.verify.requests import create

CHECK = Check(
    id="MNR-METADATA-009",
    title="Set finalizers that nobody removes",
    guarantee="Finalizers are their controllers' to set.",
    severity=Severity.LOW,
    level=Level.DRY_RUN,
    references=(
        "CVE-2023-34091 (class)",
        "Kubernetes: Finalizers",
        "projectcapsule/capsule (namespaces stuck in deletion)",
    ),
    attempt=(
        "Creates ConfigMaps with finalizers, which would keep the namespace from being deleted."
    ),
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            "a finalizer of its own": create(config_map(meta={"finalizers": ["example.com/keep"]})),
            "foreground deletion": create(
                config_map(meta={"finalizers": ["kubernetes.io/pv-protection"]})
            ),
        },
        by=policy("metadata"),
        control=create(config_map()),
    ),
)
