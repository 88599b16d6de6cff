"""Labels and annotations of the platform are no tenant's to write, by any side door."""

from typing import Any

from manor.api.wellknown import TENANT_LABEL
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.features import TENANTS
from manor.verify.mechanisms import policy
from manor.verify.objects import config_map, pod, pod_spec, workloads
from manor.verify.requests import create, merged

KEYS = (
    TENANT_LABEL,
    "manor.dev/anything",
    "sub.manor.dev/tenant",
    "pod-security.kubernetes.io/enforce",
    "applyset.kubernetes.io/part-of",
    "applyset.kubernetes.io/tooling",
    "verify.invalid/key",
)
FORGED = {"labels": {TENANT_LABEL: "$other_tenant"}}
TEMPLATE = {"spec": {"template": {"metadata": FORGED}}}
CLAIM = {
    "metadata": FORGED,
    "spec": {
        "storageClassName": "$storage_class",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
    },
}
SCRATCH: dict[str, Any] = {
    "volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": CLAIM}}]
}

CHECK = Check(
    id="MNR-METADATA-010",
    title="Write the platform's labels and annotations",
    guarantee="Labels and annotations of the platform are no tenant's to write, by any side door.",
    severity=Severity.HIGH,
    level=Level.DRY_RUN,
    references=("GHSA-gjw4-3v3v-rqxg",),
    attempt=(
        "Writes labels and annotations of manor.dev and its subdomains, of Pod Security, of "
        "ApplySets and of a "
        "vendor that nobody named onto ConfigMaps, into pod templates and the claim templates of "
        "ephemeral volumes."
    ),
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    requires=(TENANTS,),
    run=refused(
        {
            **{f"label {key}": create(config_map(meta={"labels": {key: "x"}})) for key in KEYS},
            **{
                f"annotation {key}": create(config_map(meta={"annotations": {key: "x"}}))
                for key in KEYS
            },
            **{
                f"in the template of a {kind}": create(merged(obj, TEMPLATE))
                for kind, obj in workloads(pod_spec()).items()
                if kind != "CronJob"
            },
            **{
                f"in the claim template of a {kind}": create(obj)
                for kind, obj in {"Pod": pod(**SCRATCH), **workloads(pod_spec(**SCRATCH))}.items()
            },
        },
        by=policy("metadata"),
        control={
            "a plain label": create(
                config_map(meta={"labels": {"team": "a", "app.kubernetes.io/part-of": "a"}})
            ),
            "a plain template": create(workloads(pod_spec())["Deployment"]),
        },
    ),
)
