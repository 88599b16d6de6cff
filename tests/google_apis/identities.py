"""Who may do what: service accounts, projects, keys, and the policies on them."""

import base64
import itertools
from dataclasses import dataclass, field
from typing import Any

from google_apis.types import checked, iam_admin_v1, iam_policy_pb2, kms_v1, policy_pb2
from google_apis.wire import Json, Refused, Request, not_found, taken

PROJECT, NUMBER = "my-project", "123456789"
"""The one project, as people and as Google call it."""


@dataclass
class Policies:
    """The policy of each thing, with an etag that a writer must have read."""

    held: dict[str, Json] = field(default_factory=dict)
    _etags: Any = field(default_factory=lambda: itertools.count(1))

    def get(self, name: str) -> Json:
        return self.held.setdefault(name, {"version": 1, "etag": self._etag(), "bindings": []})

    def put(self, request: Request, name: str) -> Json:
        body = checked(iam_policy_pb2.SetIamPolicyRequest, request.body)
        wanted = body["policy"]
        if wanted.get("etag") != self.get(name)["etag"]:
            raise Refused(409, "There were concurrent policy changes. Please retry.", "ABORTED")
        checked(policy_pb2.Policy, wanted)
        return self.keep(name, wanted)

    def keep(self, name: str, policy: Json) -> Json:
        self.held[name] = {"bindings": [], **policy, "etag": self._etag()}
        return self.held[name]

    def members(self, name: str, role: str) -> set[str]:
        """Who holds a role on a thing."""
        bindings = self.get(name)["bindings"]
        return {member for each in bindings if each["role"] == role for member in each["members"]}

    def _etag(self) -> str:
        return base64.b64encode(f"etag{next(self._etags)}".encode()).decode()


@dataclass
class Accounts:
    """Service accounts by e-mail address."""

    held: dict[str, Json] = field(default_factory=dict)

    def create(self, request: Request, project: str) -> Json:
        body = checked(iam_admin_v1.CreateServiceAccountRequest, request.body)
        email = f"{body['accountId']}@{project}.iam.gserviceaccount.com"
        if email in self.held:
            raise taken(email)
        self.held[email] = checked(
            iam_admin_v1.ServiceAccount,
            {
                **body["serviceAccount"],
                "name": f"projects/{project}/serviceAccounts/{email}",
                "projectId": project,
                "uniqueId": str(10**20 + len(self.held)),
                "email": email,
                "oauth2ClientId": "1",
                "etag": "MDEwMjE5MjA=",
            },
        )
        return self.held[email]

    def get(self, email: str) -> Json:
        if email not in self.held:
            raise not_found(email)
        return self.held[email]

    def change(self, request: Request, email: str) -> Json:
        body = checked(iam_admin_v1.PatchServiceAccountRequest, request.body)
        self.held[email] = {**self.get(email), **body["serviceAccount"]}
        return self.held[email]

    def delete(self, email: str) -> Json:
        self.get(email)
        del self.held[email]
        return {}


@dataclass
class Keys:
    """Key rings and keys by name. Google deletes neither."""

    held: dict[str, Json] = field(default_factory=dict)

    def create_ring(self, request: Request, parent: str) -> Json:
        name = f"{parent}/keyRings/{request.query['keyRingId']}"
        return self._keep(name, checked(kms_v1.KeyRing, request.body))

    def create_key(self, request: Request, ring: str) -> Json:
        self.get(ring)
        name = f"{ring}/cryptoKeys/{request.query['cryptoKeyId']}"
        body = checked(kms_v1.CryptoKey, request.body)
        template = {
            "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION",
            "protectionLevel": "SOFTWARE",
            **body.get("versionTemplate", {}),
        }
        version = {"name": f"{name}/cryptoKeyVersions/1", "state": "ENABLED"}
        usual = {"destroyScheduledDuration": "2592000s", "primary": version}
        return self._keep(
            name, checked(kms_v1.CryptoKey, {**usual, **body, "versionTemplate": template})
        )

    def get(self, name: str) -> Json:
        if name not in self.held:
            raise not_found(name)
        return self.held[name]

    def change(self, request: Request, name: str) -> Json:
        self.held[name] = {**self.get(name), **checked(kms_v1.CryptoKey, request.body)}
        return self.held[name]

    def _keep(self, name: str, body: Json) -> Json:
        if name in self.held:
            raise taken(name)
        self.held[name] = {**body, "name": name, "createTime": "2026-01-01T00:00:00Z"}
        return self.held[name]


def project(name: str) -> Json:
    """A project, as the Resource Manager tells it."""
    return {
        "projectNumber": NUMBER,
        "projectId": name,
        "name": name,
        "lifecycleState": "ACTIVE",
        "createTime": "2026-01-01T00:00:00Z",
    }
