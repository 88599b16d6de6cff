"""What each request needs of its caller, and what Google's roles give of it.

From Google's "IAM roles and permissions index" and the reference of each API, as of August 2026. A
role gives much more; only what some request here needs is listed.
"""

import re
from collections.abc import Collection

from google_apis.wire import Refused, Request

NEEDED = {
    "POST container/.*/clusters": "container.clusters.create iam.serviceAccounts.actAs",
    "POST container/.*/nodePools": "container.clusters.update iam.serviceAccounts.actAs",
    "DELETE container/.*/clusters/[^/]+": "container.clusters.delete",
    "(?:POST|PUT|DELETE) container/.*": "container.clusters.update",
    "GET container/.*/operations/[^/]+": "container.operations.get",
    "GET container/.*": "container.clusters.get",
    "POST compute/.*/networks": "compute.networks.create",
    "POST compute/.*/(subnetworks|routers)": "compute.{}.create compute.networks.updatePolicy",
    "GET compute/.*/(networks|subnetworks|routers)/[^/]+": "compute.{}.get",
    "PATCH compute/.*/(networks|subnetworks|routers)/[^/]+": "compute.{}.get compute.{}.update",
    "DELETE compute/.*/(networks|subnetworks|routers)/[^/]+": "compute.{}.delete",
    "GET compute/.*/global/operations/[^/]+": "compute.globalOperations.get",
    "GET compute/.*/regions/[^/]+/operations/[^/]+": "compute.regionOperations.get",
    "GET compute/.*/instanceGroupManagers": "compute.instanceGroupManagers.list",
    "GET compute/beta/projects/[^/]+": "compute.projects.get",
    "POST iam/.*": "iam.serviceAccounts.create",
    "GET iam/.*": "iam.serviceAccounts.get",
    "PATCH iam/.*": "iam.serviceAccounts.get iam.serviceAccounts.update",
    "DELETE iam/.*": "iam.serviceAccounts.delete",
    "[A-Z]+ cloudkms/.*:(getIamPolicy|setIamPolicy)": "cloudkms.cryptoKeys.{}",
    "POST cloudkms/.*/(keyRings|cryptoKeys)": "cloudkms.{}.create",
    "GET cloudkms/.*/(keyRings|cryptoKeys)/[^/]+": "cloudkms.{}.get",
    "PATCH cloudkms/.*": "cloudkms.cryptoKeys.get cloudkms.cryptoKeys.update",
    "[A-Z]+ cloudresourcemanager/.*:(getIamPolicy|setIamPolicy)": "resourcemanager.projects.{}",
    "GET cloudresourcemanager/.*": "resourcemanager.projects.get",
    "GET storage/.*/iam": "storage.buckets.getIamPolicy",
    "PUT storage/.*/iam": "storage.buckets.setIamPolicy",
    "GET storage/.*/o": "storage.objects.list",
    "DELETE storage/.*/o/.*": "storage.objects.delete",
    "GET storage/.*/anywhereCaches/?": "storage.anywhereCaches.list",
    "POST storage/.*": "storage.buckets.create",
    "GET storage/.*": "storage.buckets.get",
    "PATCH storage/.*": "storage.buckets.get storage.buckets.update",
    "DELETE storage/.*": "storage.buckets.delete",
}
"""Permissions by request; the first that matches. `{}` is the group."""

_PROJECT = ("resourcemanager.projects.get",)
GIVEN = {
    "container.admin": (
        *(f"container.clusters.{verb}" for verb in ("create", "delete", "get", "update")),
        "container.operations.get",
        *_PROJECT,
    ),
    "compute.networkAdmin": (
        *(
            f"compute.{kind}.{verb}"
            for kind in ("networks", "subnetworks", "routers")
            for verb in ("create", "delete", "get", "update")
        ),
        "compute.networks.updatePolicy",
        "compute.globalOperations.get",
        "compute.regionOperations.get",
        "compute.instanceGroupManagers.list",
        "compute.projects.get",
        *_PROJECT,
    ),
    "iam.serviceAccountAdmin": (
        *(f"iam.serviceAccounts.{verb}" for verb in ("create", "delete", "get", "update")),
        *_PROJECT,
    ),
    "iam.serviceAccountUser": (
        "iam.serviceAccounts.actAs",
        "iam.serviceAccounts.get",
        *_PROJECT,
    ),
    "resourcemanager.projectIamAdmin": (
        "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
        *_PROJECT,
    ),
    "cloudkms.admin": (
        "cloudkms.keyRings.create",
        "cloudkms.keyRings.get",
        *(
            f"cloudkms.cryptoKeys.{verb}"
            for verb in ("create", "get", "getIamPolicy", "setIamPolicy", "update")
        ),
        *_PROJECT,
    ),
    "storage.admin": (
        *(
            f"storage.buckets.{verb}"
            for verb in ("create", "delete", "get", "getIamPolicy", "setIamPolicy", "update")
        ),
        "storage.anywhereCaches.list",
        "storage.objects.delete",
        "storage.objects.list",
        *_PROJECT,
    ),
}
"""Permissions by role, each of those named here."""


def needed(request: Request) -> set[str]:
    """The permissions that a request needs, all of them. 501 if nobody has said which."""
    for pattern, permissions in NEEDED.items():
        if found := re.fullmatch(pattern, str(request)):
            return {each.format(*found.groups()) for each in permissions.split()}
    raise Refused(501, "nobody has said what this request needs of its caller")


def check(request: Request, roles: Collection[str]) -> None:
    """403 unless who holds these roles may send the request."""
    held = {permission for role in roles for permission in GIVEN[role]}
    if lacking := sorted(needed(request) - held):
        raise Refused(403, f"Required '{lacking[0]}' permission.")
