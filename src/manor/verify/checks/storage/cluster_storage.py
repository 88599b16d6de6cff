"""Cluster-wide storage objects are the platform's alone."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-STORAGE-005",
    title="Write volumes, storage classes and attachments",
    guarantee="Cluster-wide storage objects are the platform's alone.",
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "CIS 5.1.9",
        "Kubernetes: Multi-tenancy, storage",
    ),
    attempt=(
        "Asks to read, create and change PersistentVolumes, StorageClasses, VolumeAttachments, "
        "CSI drivers and nodes."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the ClusterRoleBinding that gives it.",
    run=no_access(
        Access("get list create update patch delete", "persistentvolumes", namespace=None),
        *(
            Access("create update patch delete", resource, "storage.k8s.io", None)
            for resource in (
                "storageclasses",
                "volumeattachments",
                "csidrivers",
                "csinodes",
                "volumeattributesclasses",
            )
        ),
    ),
)
