"""Who the nodes are, and the key that encrypts Secrets."""

import pulumi
from pulumi_gcp import kms, organizations, projects, serviceaccount

from manor.infra.gke.options import GkeOptions

NODE_ROLES = ("roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader")
"""What a node needs: write logs and metrics, pull images ("About GKE service accounts")."""

ROTATION = f"{90 * 24 * 3600}s"
"""90 days, as "CIS GKE Benchmark" advises."""


def node_account(
    name: str, options: GkeOptions, parent: pulumi.Resource
) -> tuple[serviceaccount.Account, list[pulumi.Resource]]:
    """The nodes' own service account and its roles; Compute Engine's default one may edit the whole
    project."""
    account = serviceaccount.Account(
        f"{name}-nodes",
        project=options.project,
        account_id=f"{options.name[:24]}-nodes",
        display_name=f"Nodes of GKE cluster {options.name}",
        opts=pulumi.ResourceOptions(parent=parent),
    )
    roles: list[pulumi.Resource] = [
        projects.IAMMember(
            f"{name}-nodes-{role.rpartition('.')[2]}",
            project=options.project,
            role=role,
            member=account.email.apply(lambda email: f"serviceAccount:{email}"),
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for role in NODE_ROLES
    ]
    return account, roles


def project_number(
    options: GkeOptions, parent: pulumi.Resource | None = None
) -> pulumi.Output[str]:
    """The project's number, by which Google names what it makes itself."""
    found = organizations.get_project_output(
        project_id=options.project, opts=pulumi.InvokeOutputOptions(parent=parent)
    )
    return found.number


def secrets_key(
    name: str, options: GkeOptions, parent: pulumi.Resource
) -> tuple[pulumi.Input[str], kms.CryptoKeyIAMMember]:
    """The key of Secrets in etcd by its ID, and GKE's permission to use it."""
    key = options.secrets_key or _made_key(name, options, parent).id
    agent = project_number(options, parent).apply(
        lambda number: (
            f"serviceAccount:service-{number}@container-engine-robot.iam.gserviceaccount.com"
        )
    )
    grant = kms.CryptoKeyIAMMember(
        f"{name}-secrets",
        crypto_key_id=key,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=agent,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return key, grant


def _made_key(name: str, options: GkeOptions, parent: pulumi.Resource) -> kms.CryptoKey:
    """A key of the cluster's own. It is kept: without it the Secrets cannot be read."""
    kept = pulumi.ResourceOptions(
        parent=parent, protect=options.deletion_protection, retain_on_delete=True
    )
    ring = kms.KeyRing(
        name, name=options.name, project=options.project, location=options.region, opts=kept
    )
    return kms.CryptoKey(
        f"{name}-secrets",
        name="secrets",
        key_ring=ring.id,
        purpose="ENCRYPT_DECRYPT",
        rotation_period=ROTATION,
        opts=kept,
    )
