"""The stand-in of Google's APIs refuses what Google would: otherwise the tests before it prove
nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from google_apis import ControlPlane, Fault, GoogleCloud
from google_apis.wire import Request

pytestmark = pytest.mark.unit

NETWORKS = "compute/beta/projects/my-project/global/networks"
REGION = "compute/beta/projects/my-project/regions/europe-west4"
CLUSTERS = "container/v1beta1/projects/my-project/locations/europe-west4/clusters"
POLICY = "cloudresourcemanager/v1/projects/my-project"
RANGES = [
    {"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"},
    {"rangeName": "services", "ipCidrRange": "10.8.0.0/20"},
]
NODES = "nodes@my-project.iam.gserviceaccount.com"
CLUSTER = {
    "name": "manor",
    "initialNodeCount": 1,
    "network": "projects/my-project/global/networks/manor",
    "subnetwork": "projects/my-project/regions/europe-west4/subnetworks/manor",
    "ipAllocationPolicy": {
        "useIpAliases": True,
        "clusterSecondaryRangeName": "pods",
        "servicesSecondaryRangeName": "services",
    },
    "nodeConfig": {"serviceAccount": NODES},
}


@pytest.fixture
def cloud() -> Iterator[GoogleCloud]:
    with GoogleCloud(ControlPlane("192.0.2.1:6443", "Q0E=")).serving() as made:
        yield made


def ask(cloud: GoogleCloud, method: str, path: str, body: Any = None, **query: str) -> Any:
    """The answer's code and body."""
    return cloud.answer(Request(method, path, query, body or {}))


def code(answer: tuple[int, Any]) -> int:
    return answer[0]


def done(cloud: GoogleCloud, path: str, body: Any, method: str = "POST") -> None:
    """A change, and all of its operation."""
    status, operation = ask(cloud, method, path, body)
    assert status == 200, operation
    own = operation["selfLink"].removeprefix(cloud.url)
    assert ask(cloud, "GET", own)[1]["status"] == "DONE"


def ground(cloud: GoogleCloud) -> None:
    """What a cluster stands on."""
    done(cloud, NETWORKS, {"name": "manor", "autoCreateSubnetworks": False})
    subnetwork = {"name": "manor", "ipCidrRange": "10.0.0.0/20", "secondaryIpRanges": RANGES}
    network = "projects/my-project/global/networks/manor"
    done(cloud, f"{REGION}/subnetworks", {**subnetwork, "network": network})
    account = {"accountId": "nodes", "serviceAccount": {"displayName": "Nodes"}}
    assert code(ask(cloud, "POST", "iam/v1/projects/my-project/serviceAccounts", account)) == 200


@pytest.mark.parametrize(
    "body",
    [
        {"name": "manor", "autoCreateSubnets": False},
        {"name": "manor", "autoCreateSubnetworks": "perhaps"},
    ],
)
def test_an_unknown_field_or_a_wrong_value_is_refused_and_kept(
    cloud: GoogleCloud, body: Any
) -> None:
    assert code(ask(cloud, "POST", NETWORKS, body)) == 400
    assert len(cloud.wrong) == 1


def test_an_unknown_request_is_refused_and_kept(cloud: GoogleCloud) -> None:
    assert code(ask(cloud, "GET", "compute/beta/projects/my-project/global/addresses/x")) == 501
    assert len(cloud.wrong) == 1


def test_a_thing_is_there_once_its_operation_is_done(cloud: GoogleCloud) -> None:
    body = {"name": "manor", "autoCreateSubnetworks": False}
    _, operation = ask(cloud, "POST", NETWORKS, body)
    assert code(ask(cloud, "GET", f"{NETWORKS}/manor")) == 404
    own = operation["selfLink"].removeprefix(cloud.url)
    assert (operation["status"], ask(cloud, "GET", own)[1]["status"]) == ("RUNNING", "DONE")
    assert code(ask(cloud, "GET", f"{NETWORKS}/manor")) == 200
    assert code(ask(cloud, "POST", NETWORKS, body)) == 409


def test_a_cluster_needs_its_ground_and_keeps_it(cloud: GoogleCloud) -> None:
    assert code(ask(cloud, "POST", CLUSTERS, {"cluster": CLUSTER})) == 404
    ground(cloud)
    done(cloud, CLUSTERS, {"cluster": CLUSTER})
    status, told = ask(cloud, "GET", f"{CLUSTERS}/manor")
    assert (status, told["status"], told["endpoint"]) == (200, "RUNNING", "192.0.2.1:6443")
    assert [each["name"] for each in told["nodePools"]] == ["default-pool"]
    assert code(ask(cloud, "DELETE", f"{REGION}/subnetworks/manor")) == 400


def test_a_cluster_needs_a_key_that_its_agent_may_use(cloud: GoogleCloud) -> None:
    ground(cloud)
    place = "projects/my-project/locations/europe-west4"
    ask(cloud, "POST", f"cloudkms/v1/{place}/keyRings", keyRingId="manor")
    ring = f"{place}/keyRings/manor"
    key = {"purpose": "ENCRYPT_DECRYPT"}
    assert code(ask(cloud, "POST", f"cloudkms/v1/{ring}/cryptoKeys", key, cryptoKeyId="k")) == 200
    encrypted = {"state": "ENCRYPTED", "keyName": f"{ring}/cryptoKeys/k"}
    body = {"cluster": {**CLUSTER, "databaseEncryption": encrypted}}
    status, told = ask(cloud, "POST", CLUSTERS, body)
    assert status == 400
    assert "may not use key" in told["error"]["message"]


def test_nodes_as_the_default_account_are_refused(cloud: GoogleCloud) -> None:
    ground(cloud)
    body = {"cluster": {**CLUSTER, "nodeConfig": {}}}
    assert code(ask(cloud, "POST", CLUSTERS, body)) == 400


def test_a_policy_is_written_by_who_has_read_it(cloud: GoogleCloud) -> None:
    _, policy = ask(cloud, "POST", f"{POLICY}:getIamPolicy")
    binding = {"role": "roles/viewer", "members": ["user:someone@example.com"]}
    wanted = {"policy": {**policy, "bindings": [binding]}}
    assert code(ask(cloud, "POST", f"{POLICY}:setIamPolicy", wanted)) == 200
    assert code(ask(cloud, "POST", f"{POLICY}:setIamPolicy", wanted)) == 409
    assert cloud.policies.members("projects/my-project", "roles/viewer") == {*binding["members"]}


def test_a_fault_comes_as_often_as_it_was_asked_for(cloud: GoogleCloud) -> None:
    cloud.faults.append(Fault(f"GET {NETWORKS}", 403, "not you"))
    answers = [code(ask(cloud, "GET", f"{NETWORKS}/x")) for _ in range(2)]
    assert answers == [403, 404]
    assert cloud.wrong == []


def test_who_has_no_role_for_it_is_refused(cloud: GoogleCloud) -> None:
    cloud.roles = ["compute.networkAdmin", "container.admin"]
    done(cloud, NETWORKS, {"name": "manor", "autoCreateSubnetworks": False})
    status, told = ask(cloud, "POST", CLUSTERS, {"cluster": CLUSTER})
    assert status == 403
    assert told["error"]["message"] == "Required 'iam.serviceAccounts.actAs' permission."
    assert cloud.wrong == []


def test_an_api_that_is_not_enabled_answers_nobody(cloud: GoogleCloud) -> None:
    cloud.enabled = ["compute"]
    status, told = ask(cloud, "GET", f"{CLUSTERS}/manor")
    assert (status, told["error"]["errors"][0]["reason"]) == (403, "accessNotConfigured")


BUCKETS = "storage/v1/b"
POOL = "//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/my-project"
PODS = f"principalSet:{POOL}.svc.id.goog/namespace/vision"
UNIFORM = {"uniformBucketLevelAccess": {"enabled": True}}


def bucket(cloud: GoogleCloud, **more: Any) -> None:
    body = {"name": "data", "location": "europe-west4", **more}
    status, told = ask(cloud, "POST", BUCKETS, body, project="my-project")
    assert (status, told["location"], told["metageneration"]) == (200, "EUROPE-WEST4", "1")


def let_in(cloud: GoogleCloud, member: str = PODS, **more: Any) -> tuple[int, Any]:
    binding = {"role": "roles/storage.objectUser", "members": [member]}
    answer: tuple[int, Any] = ask(
        cloud, "PUT", f"{BUCKETS}/data/iam", {"bindings": [binding], **more}
    )
    return answer


def with_pool(cloud: GoogleCloud) -> None:
    ground(cloud)
    identity = {"workloadIdentityConfig": {"workloadPool": "my-project.svc.id.goog"}}
    done(cloud, CLUSTERS, {"cluster": {**CLUSTER, **identity}})


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"uniformAccess": True}, "Bucket has no field 'uniformAccess'"),
        ({"labels": {"a": 1}}, "Bucket.labels.a is no string: 1"),
        ({"softDeletePolicy": {"retentionDurationSeconds": 7}}, "is no string: 7"),
        ({"lifecycle": {"rule": [{"act": "Delete"}]}}, "Bucket.lifecycle.rule[0] has no field"),
    ],
)
def test_what_is_no_bucket_is_refused(cloud: GoogleCloud, more: Any, reason: str) -> None:
    status, told = ask(cloud, "POST", BUCKETS, {"name": "data", **more}, project="my-project")
    assert (status, reason in told["error"]["message"]) == (400, True)
    assert len(cloud.wrong) == 1


def test_a_new_bucket_lets_who_edits_the_project_in_until_its_policy_is_written(
    cloud: GoogleCloud,
) -> None:
    with_pool(cloud)
    bucket(cloud, iamConfiguration=UNIFORM)
    assert "projectEditor:my-project" in str(ask(cloud, "GET", f"{BUCKETS}/data/iam"))
    assert code(let_in(cloud)) == 200
    _, policy = ask(cloud, "GET", f"{BUCKETS}/data/iam")
    assert [each["members"] for each in policy["bindings"]] == [[PODS]]
    assert code(let_in(cloud, etag="b2xk")) == 412


def test_pods_are_somebody_once_there_is_a_cluster_and_where_access_is_uniform(
    cloud: GoogleCloud,
) -> None:
    bucket(cloud, iamConfiguration=UNIFORM)
    status, told = let_in(cloud)
    assert (status, "Identity Pool does not exist" in told["error"]["message"]) == (400, True)
    with_pool(cloud)
    assert code(let_in(cloud, PODS.replace("123456789", "my-project"))) == 400
    assert code(let_in(cloud)) == 200
    assert code(ask(cloud, "PATCH", f"{BUCKETS}/data", {"iamConfiguration": None})) == 200
    assert code(let_in(cloud)) == 400


def test_a_bucket_that_holds_something_is_not_deleted(cloud: GoogleCloud) -> None:
    bucket(cloud)
    cloud.buckets.objects["data"].append("faces/1.png")
    assert code(ask(cloud, "DELETE", f"{BUCKETS}/data")) == 409
    (item,) = ask(cloud, "GET", f"{BUCKETS}/data/o")[1]["items"]
    assert code(ask(cloud, "DELETE", f"{BUCKETS}/data/o/{item['name']}")) == 200
    assert code(ask(cloud, "DELETE", f"{BUCKETS}/data")) == 200
    assert code(ask(cloud, "GET", f"{BUCKETS}/data")) == 404
