"""Owner references cannot point to cluster-scoped objects, so that the garbage collector is no
tool."""

from manor.api.wellknown import API_VERSION, RBAC_API
from manor.verify.attacks import refused
from manor.verify.check import Check, Level, Severity
from manor.verify.mechanisms import policy
from manor.verify.objects import config_map
from manor.verify.requests import create

CHECK = Check(
    id="MNR-METADATA-008",
    title="Own or be owned across the namespace's border",
    guarantee=(
        "Owner references cannot point to cluster-scoped objects, so that the garbage collector "
        "is no tool."
    ),
    severity=Severity.MEDIUM,
    level=Level.DRY_RUN,
    references=(
        "CVE-2022-46167 (class)",
        "Kubernetes: Owners and dependents",
    ),
    attempt=(
        "Creates ConfigMaps owned by a Namespace, a Node, a PersistentVolume, a Tenant, a "
        "ClusterRole and a kind that "
        "nobody named."
    ),
    expect="Refused by the policy manor-metadata.",
    remedy="Bind the policy again (`manor apply`).",
    run=refused(
        {
            kind: create(
                config_map(
                    meta={
                        "ownerReferences": [
                            {"apiVersion": version, "kind": kind, "name": "x", "uid": "0"}
                        ]
                    }
                )
            )
            for version, kind in (
                ("v1", "Namespace"),
                ("v1", "Node"),
                ("v1", "PersistentVolume"),
                (API_VERSION, "Tenant"),
                (RBAC_API, "ClusterRole"),
                ("verify.invalid/v1", "Deployment"),
            )
        },
        by=policy("metadata"),
        control=create(config_map()),
    ),
)
