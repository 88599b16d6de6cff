"""A bucket for a team's data and models, which its pods reach as themselves: there is no key.

Sources, by their titles in Google's documentation: "Principal identifiers", "IAM roles for Cloud
Storage", "Uniform bucket-level access", "Public access prevention", "Bucket names".
"""

import json
from collections.abc import Collection, Mapping
from hashlib import sha256

import pulumi
from pulumi_gcp import storage

from manor.api import Tenant
from manor.infra.gke.identity import project_number
from manor.infra.gke.options import GkeOptions

ROLE = "roles/storage.objectUser"
"""To list, read, write and delete objects; nothing about the bucket itself."""

_NAME_LIMIT = 63


def bucket_name(options: GkeOptions, team: str) -> str:
    """`<project>-<cluster>-<team>`: bucket names are one space for all of Google's customers."""
    name = f"{options.project}-{options.name}-{team}"
    if len(name) <= _NAME_LIMIT:
        return name
    return f"{name[:54].rstrip('-')}-{sha256(name.encode()).hexdigest()[:8]}"


def make_buckets(
    options: GkeOptions,
    teams: Mapping[str, Tenant],
    *,
    delete_data: Collection[str] = (),
    opts: pulumi.ResourceOptions | None = None,
) -> dict[str, pulumi.Output[str]]:
    """A bucket for each of the teams, by its `gs://` URI. Like volumes, those of teams not in
    `delete_data` are protected, and stay when they leave the program.

    Google knows the pods' identities once the project has a cluster: `opts` waits for it.
    """
    return {
        name: _bucket(options, team, keep=name not in delete_data, opts=opts)
        for name, team in teams.items()
    }


def _bucket(
    options: GkeOptions, team: Tenant, *, keep: bool, opts: pulumi.ResourceOptions | None
) -> pulumi.Output[str]:
    protected = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep or None))
    kept = pulumi.ResourceOptions(retain_on_delete=keep or None)
    bucket = storage.Bucket(
        f"{options.name}-{team.name}",
        name=bucket_name(options, team.name),
        project=options.project,
        location=options.region.upper(),  # as Google's API has it
        # Identities of pods are known to IAM alone, not to the older lists of access of objects.
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        force_destroy=not keep,
        labels={**options.labels, "manor-tenant": team.name},
        opts=pulumi.ResourceOptions.merge(protected, kept),
    )
    # The whole policy, not a member of it: a new bucket lets every editor of the project in.
    # Protected too, or a run that stops at the bucket would have emptied it by then; once that is
    # given up it goes, and nobody reaches what is left.
    storage.BucketIAMPolicy(
        f"{options.name}-{team.name}",
        bucket=bucket.name,
        policy_data=project_number(options).apply(lambda number: _policy(options, team, number)),
        opts=protected,
    )
    return bucket.url


def _policy(options: GkeOptions, team: Tenant, number: str) -> str:
    """The pods of the team's namespaces, whatever service account they run as, and nobody else."""
    pool = (
        f"//iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/"
        f"{options.project}.svc.id.goog"
    )
    members = [f"principalSet:{pool}/namespace/{space.name}" for space in team.namespaces]
    return json.dumps({"bindings": [{"role": ROLE, "members": members}]})
