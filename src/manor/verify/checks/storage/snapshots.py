"""Snapshots are made of the tenant's own claims; snapshot contents are the platform's."""

from manor.verify.access import Access, no_access
from manor.verify.check import Check, Level, Severity

CHECK = Check(
    id="MNR-STORAGE-006",
    title="Restore another tenant's snapshot",
    guarantee=(
        "Snapshots are made of the tenant's own claims; snapshot contents are the platform's."
    ),
    severity=Severity.CRITICAL,
    level=Level.STATIC,
    references=(
        "external-snapshotter: volumeSnapshotContentName",
        "Kubernetes: Volume snapshots",
    ),
    attempt=(
        "Asks to write VolumeSnapshotContents and classes, to write snapshots elsewhere, and "
        "group snapshots."
    ),
    expect="The authorizer (RBAC) answers `not allowed`.",
    remedy="Remove the binding that gives it.",
    run=no_access(
        Access(
            "get list create update patch delete",
            "volumesnapshotcontents",
            "snapshot.storage.k8s.io",
            None,
        ),
        Access(
            "create update patch delete", "volumesnapshotclasses", "snapshot.storage.k8s.io", None
        ),
        Access("get list create", "volumesnapshots", "snapshot.storage.k8s.io"),
        Access("create", "volumegroupsnapshotcontents", "groupsnapshot.storage.k8s.io", None),
    ),
)
