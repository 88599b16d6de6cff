"""Cloud Storage: buckets, what lies in them, and who reaches them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from google_apis.identities import NUMBER, Policies
from google_apis.types import checked, storage
from google_apis.wire import Json, Refused, Request, merged, not_found, taken

_FEDERATED = re.compile(
    r"principal(?:Set)?://iam\.googleapis\.com/projects/([^/]+)/locations/global"
    r"/workloadIdentityPools/([^/]+)/.+"
)
_WEEK = "604800"


@dataclass
class Buckets:
    """The store: buckets by name, and the names of the objects in each."""

    base: str
    pools: Callable[[], Iterator[str]]
    """The pools of identities that the project's clusters have."""
    held: dict[str, Json] = field(default_factory=dict)
    objects: dict[str, list[str]] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)

    def create(self, request: Request) -> Json:
        body = checked(storage.Bucket, request.body)
        name = body["name"]
        if name in self.held:
            raise taken(name)
        self.held[name] = checked(storage.Bucket, self._filled(body))
        self.objects[name] = []
        self.policies.held[name] = {**self.policies.get(name), **_usual(request.query["project"])}
        return self.held[name]

    def get(self, name: str) -> Json:
        if name not in self.held:
            raise not_found(name)
        return self.held[name]

    def change(self, request: Request, name: str) -> Json:
        body = checked(storage.Bucket, request.body)
        number = int(self.get(name)["metageneration"]) + 1
        self.held[name] = {**merged(self.get(name), body), "metageneration": str(number)}
        return self.held[name]

    def delete(self, name: str) -> Json:
        self.get(name)
        if self.objects[name]:
            message = "The bucket you tried to delete is not empty."
            raise Refused(409, message, "FAILED_PRECONDITION", "conflict")
        for held in (self.held, self.objects, self.policies.held):
            del held[name]
        return {}

    def listed(self, name: str) -> Json:
        self.get(name)
        items = [
            {"kind": "storage#object", "bucket": name, "name": each, "generation": "1"}
            for each in self.objects[name]
        ]
        return checked(storage.Objects, {"kind": "storage#objects", "items": items})

    def delete_object(self, name: str, own: str) -> Json:
        if own not in self.objects.get(name, []):
            raise not_found(f"{name}/{own}")
        self.objects[name].remove(own)
        return {}

    def policy(self, name: str) -> Json:
        self.get(name)
        return checked(storage.Policy, self.policies.get(name))

    def set_policy(self, request: Request, name: str) -> Json:
        body = checked(storage.Policy, request.body)
        if body.get("etag", self.policy(name)["etag"]) != self.policy(name)["etag"]:
            raise Refused(412, "At least one of the pre-conditions you specified did not hold.")
        for binding in body.get("bindings", []):
            for member in binding["members"]:
                self._check_member(name, member)
        return self.policies.keep(name, body)

    def _check_member(self, bucket: str, member: str) -> None:
        """400 for who is nobody to Google, or nobody who could be let in here."""
        if not member.startswith("principal"):
            return
        found = _FEDERATED.fullmatch(member)
        if found is None or found[1] != NUMBER:
            raise Refused(400, f"Invalid argument: {member}", "INVALID_ARGUMENT")
        if found[2] not in self.pools():
            raise Refused(400, f"Identity Pool does not exist ({found[2]}).")
        access = self.get(bucket).get("iamConfiguration", {}).get("uniformBucketLevelAccess", {})
        if not access.get("enabled"):
            raise Refused(400, f"{bucket} has no uniform bucket-level access.")

    def _filled(self, body: Json) -> Json:
        """The body with what Cloud Storage adds."""
        moment = "2026-01-01T00:00:00.000Z"
        uniform = body.get("iamConfiguration", {}).get("uniformBucketLevelAccess", {})
        access = {**uniform, **({"lockedTime": moment} if uniform.get("enabled") else {})}
        both = {"uniformBucketLevelAccess": access, "bucketPolicyOnly": access}
        added = {
            "kind": "storage#bucket",
            "id": body["name"],
            "selfLink": f"{self.base}b/{body['name']}",
            "projectNumber": NUMBER,
            "generation": "1",
            "metageneration": "1",
            "etag": "CAE=",
            "timeCreated": moment,
            "updated": moment,
            "location": "US",
            "locationType": "region",
            "storageClass": "STANDARD",
            "softDeletePolicy": {"retentionDurationSeconds": _WEEK, "effectiveTime": moment},
            "iamConfiguration": {"publicAccessPrevention": "inherited"},
        }
        filled: Json = merged(merged(added, body), {"iamConfiguration": both})
        return {**filled, "location": filled["location"].upper()}


def _usual(project: str) -> Json:
    """The policy of a new bucket: who holds a basic role in the project is in it."""
    editors = [f"projectEditor:{project}", f"projectOwner:{project}"]
    viewers = [f"projectViewer:{project}"]
    roles = {
        "legacyBucketOwner": editors,
        "legacyBucketReader": viewers,
        "legacyObjectOwner": editors,
        "legacyObjectReader": viewers,
    }
    bindings = [{"role": f"roles/storage.{role}", "members": who} for role, who in roles.items()]
    return {"bindings": bindings}
