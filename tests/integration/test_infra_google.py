"""The GKE programs run by Pulumi itself and by Google's own provider, before a stand-in of Google's
APIs. Needs `pulumi` and its Google and Kubernetes providers; `make test-pulumi` runs it.

The provider's requests are its own, and so are its checks of what it is given, its plans and what
it makes of Google's answers. Each body must parse into Google's published types.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from google_apis import Fault, GoogleCloud
from google_apis.clusters import AGENT
from google_apis.identities import NUMBER, PROJECT
from google_apis.permissions import GIVEN
from kubelet_stand_in import everything_up
from manor.api import Tool
from manor.api.wellknown import ENVOY_API
from manor.api.wellknown import KUEUE_API as KUEUE
from manor.infra.gateway import FRONT, PROXIES, VERSION
from manor.infra.gke.platform import ACCELERATOR_LABEL
from manor.install import manifests
from manor.kube import Client
from manor.local.binaries import obtain_folder
from manor.local.progress import Report as Progress
from manor.tools import shipped
from nodes import RunningNode, helm
from pulumi_cluster import api_server, live, tenant
from pulumi_engine import Stack
from pulumi_google import CLUSTER_ALONE, README, REGION, google_cloud, google_stack, missing
from pulumi_programs import ROOT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

L4 = {"name": "l4", "accelerator": "nvidia-l4", "machineType": "g2-standard-8", "maxNodes": 4}
T4 = {"name": "t4", "accelerator": "nvidia-tesla-t4", "machineType": "n1-standard-8"}
CLUSTER = f"projects/{PROJECT}/locations/{REGION}/clusters/manor"
KEYS = f"projects/{PROJECT}/locations/{REGION}/keyRings/manor"
TEAMS = ("vision", "language")
"""Those with a bucket."""
POOL = f"//iam.googleapis.com/projects/{NUMBER}/locations/global/workloadIdentityPools/{PROJECT}"
NODE_ROLE = "container.defaultNodeServiceAccount"
STOCKOUT = "Google Compute Engine: GCE out of resources."


@pytest.fixture(scope="module")
def node() -> Iterator[RunningNode]:
    """An API server of these tests alone."""
    with api_server("pulumi-google") as running:
        yield running


@pytest.fixture(scope="module")
def shared(node: RunningNode) -> Iterator[GoogleCloud]:
    """The Google Cloud of the one stack that most tests go on with."""
    with google_cloud(node).serving() as made:
        yield made


@pytest.fixture
def cloud(node: RunningNode) -> Iterator[GoogleCloud]:
    """An empty Google Cloud."""
    with google_cloud(node).serving() as made:
        yield made
        assert made.wrong == []


@pytest.fixture(scope="module")
def stack(
    shared: GoogleCloud, node: RunningNode, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """deploy/gke with a pool of GPUs and three teams, two of which are themselves to Google."""
    folder = tmp_path_factory.mktemp("gke")
    made = program_of(folder, shared, node, gpuPools=[L4], buckets=list(TEAMS))
    itself = {"network": {"workloadIdentity": True}}
    made.write("vision", tenant("vision", gpu={"guarantee": 1}, **itself))
    made.write("language", tenant("language", **itself))
    made.write("speech", tenant("speech"))
    return made


def program_of(
    folder: Path,
    cloud: GoogleCloud,
    node: RunningNode,
    platform: dict[str, Any] | None = None,
    **values: Any,
) -> Stack:
    """A stack of deploy/gke without teams, whose Platform has these fields too."""
    stack = google_stack(folder, cloud, node, **values)
    for file in stack.teams.iterdir():
        file.unlink()
    file = stack.folder / "platform.yaml"
    document = yaml.safe_load(file.read_text())
    document["spec"] |= platform or {}
    file.write_text(yaml.safe_dump(document))
    return stack


def cluster_alone(folder: Path, cloud: GoogleCloud, node: RunningNode, **values: Any) -> Stack:
    """A stack of the cluster without its teams."""
    stack = program_of(folder, cloud, node, **values)
    (stack.folder / "__main__.py").write_text(CLUSTER_ALONE)
    return stack


def pool(cloud: GoogleCloud, name: str) -> dict[str, Any]:
    """A node pool of the cluster, as Google has it."""
    return cloud.clusters.pool(f"{CLUSTER}/nodePools/{name}")


def pools(cloud: GoogleCloud) -> dict[str, dict[str, Any]]:
    """Every node pool of the cluster by name."""
    return {each["name"]: each for each in cloud.clusters.get(CLUSTER)["nodePools"]}


def groups_of(pool: dict[str, Any]) -> list[str]:
    """The groups of a pool's nodes, one a zone."""
    return [url.partition("projects/")[2] for url in pool["instanceGroupUrls"]]


def check_cluster(cluster: dict[str, Any]) -> None:
    """The cluster, as Google has it, is what isolation needs."""
    network = cluster["networkConfig"]
    assert network["datapathProvider"] == "ADVANCED_DATAPATH"
    assert network["enableIntraNodeVisibility"] is True
    assert network["defaultEnablePrivateNodes"] is True
    assert network["dnsConfig"]["clusterDns"] == "KUBE_DNS"
    assert network["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
    endpoints = cluster["controlPlaneEndpointsConfig"]
    assert endpoints["dnsEndpointConfig"]["allowExternalTraffic"] is True
    assert endpoints["ipEndpointsConfig"]["enablePublicEndpoint"] is False
    assert endpoints["ipEndpointsConfig"]["authorizedNetworksConfig"]["enabled"] is True
    assert not endpoints["ipEndpointsConfig"]["authorizedNetworksConfig"].get("cidrBlocks")
    assert cluster["workloadIdentityConfig"] == {"workloadPool": f"{PROJECT}.svc.id.goog"}
    assert cluster["legacyAbac"]["enabled"] is False
    assert cluster["anonymousAuthenticationConfig"] == {"mode": "LIMITED"}
    assert cluster["rbacBindingConfig"] == {
        "enableInsecureBindingSystemAuthenticated": False,
        "enableInsecureBindingSystemUnauthenticated": False,
    }
    assert cluster["shieldedNodes"] == {"enabled": True}
    assert cluster["databaseEncryption"]["state"] == "ENCRYPTED"
    assert not cluster["masterAuth"].get("clientCertificate")
    assert cluster["addonsConfig"]["dnsCacheConfig"].get("enabled", False) is False


def settled(stack: Stack, *options: str) -> None:
    """There is nothing left to do."""
    stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", *options)


def test_a_bad_configuration_is_refused_before_the_first_request(
    stack: Stack, shared: GoogleCloud
) -> None:
    stack.configure(gpuPools=[{**L4, "machineType": "n2-standard-8"}])
    refused = stack.infra("up")
    stack.configure(gpuPools=[L4])
    assert refused.returncode == 2
    assert "manor-gke:gpuPools.0: nvidia-l4 needs a machine type g2-" in refused.stderr
    assert shared.writes() == []


def test_a_preview_of_nothing_asks_and_writes_nothing(stack: Stack, shared: GoogleCloud) -> None:
    planned = stack.planned()
    assert {"manor-l4", "manor-language", "vision:Namespace/vision"} <= planned.keys()
    assert set(planned.values()) == {"create"}
    assert shared.writes() == []


def test_up_makes_the_cluster_that_isolation_needs(stack: Stack, shared: GoogleCloud) -> None:
    stack.up()
    assert shared.wrong == []
    check_cluster(shared.clusters.get(CLUSTER))


def test_up_makes_nodes_that_isolation_needs(shared: GoogleCloud) -> None:
    made = pools(shared)
    assert made.keys() == {"system", "cpu", "l4"}
    for each in made.values():
        config = each["config"]
        assert config["serviceAccount"] == f"manor-nodes@{PROJECT}.iam.gserviceaccount.com"
        assert config["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert config["metadata"] == {"disable-legacy-endpoints": "true"}
        assert config["kubeletConfig"]["insecureKubeletReadonlyPortEnabled"] is False
        assert config["shieldedInstanceConfig"]["enableSecureBoot"] is True
        assert each["networkConfig"]["enablePrivateNodes"] is True
        assert f"| {config['machineType']}" in README, "its price"
    sizes = {name: [shared.compute.groups[path] for path in groups_of(made[name])] for name in made}
    assert sizes == {"system": [1, 1, 1], "cpu": [1, 1, 1], "l4": [0, 0, 0]}
    assert made["l4"]["autoscaling"]["totalMaxNodeCount"] == 4
    assert made["l4"]["config"]["accelerators"][0]["acceleratorType"] == "nvidia-l4"


def test_the_readme_names_what_an_up_needs_and_no_more(shared: GoogleCloud) -> None:
    """It is refused whatever the APIs and roles there do not give; here each of them is used."""
    used = shared.used()
    assert {*used, "artifactregistry"} == set(shared.enabled)
    permissions = {permission for of_api in used.values() for permission in of_api}
    for role in shared.roles:
        others = [GIVEN[other] for other in shared.roles if other != role]
        assert permissions.difference(*others), f"{role} gives nothing that is needed"


def test_up_makes_the_teams_behind_it(stack: Stack, node: RunningNode) -> None:
    assert None not in live(
        node,
        ("v1", "Namespace", "vision", None),
        ("v1", "ResourceQuota", "manor-quota", "vision"),
    )
    outputs = stack.outputs()
    assert outputs["cluster_name"] == "manor"
    assert outputs["cluster_endpoint"] == node.server.removeprefix("https://")
    assert outputs["tenants"]["vision"]["namespaces"] == ["vision"]


def test_the_metadata_server_is_open_to_who_asked_for_it(node: RunningNode) -> None:
    kind, name = ("networking.k8s.io/v1", "NetworkPolicy"), "manor-workload-identity"
    vision, speech = live(node, (*kind, name, "vision"), (*kind, name, "speech"))
    assert vision
    assert speech is None


def data_of(team: str) -> str:
    """The name of a team's bucket."""
    return f"{PROJECT}-manor-{team}"


def readers(cloud: GoogleCloud, team: str) -> list[tuple[str, list[str]]]:
    """Each role that the policy of a team's bucket gives, and to whom."""
    bindings = cloud.buckets.policies.held[data_of(team)]["bindings"]
    return [(each["role"], each["members"]) for each in bindings]


def of_team(team: str) -> list[tuple[str, list[str]]]:
    """The whole of what such a policy may give."""
    pods = f"principalSet:{POOL}.svc.id.goog/namespace/{team}"
    return [("roles/storage.objectUser", [pods])]


def test_a_bucket_is_reached_by_the_pods_of_its_team_alone(
    stack: Stack, shared: GoogleCloud
) -> None:
    assert stack.outputs()["buckets"] == {team: f"gs://{data_of(team)}" for team in TEAMS}
    for team in TEAMS:
        bucket = shared.buckets.get(data_of(team))
        access = bucket["iamConfiguration"]
        assert bucket["location"] == REGION.upper()
        assert bucket["labels"]["manor-tenant"] == team
        assert access["publicAccessPrevention"] == "enforced"
        assert access["uniformBucketLevelAccess"]["enabled"] is True
        assert readers(shared, team) == of_team(team)


@pytest.mark.parametrize("refresh", ["--refresh=false", "--refresh=true"])
def test_a_second_up_changes_nothing(stack: Stack, shared: GoogleCloud, refresh: str) -> None:
    before = len(shared.sent)
    settled(stack, refresh)
    assert shared.writes(before) == []


def test_a_changed_pool_changes_that_pool_alone(stack: Stack, shared: GoogleCloud) -> None:
    stack.configure(gpuPools=[{**L4, "maxNodes": 6}])
    assert stack.planned() == {"manor-l4": "update"}
    before = len(shared.sent)
    stack.pulumi("up", "--yes", "--skip-preview")
    assert shared.writes(before) == [f"PUT container/v1beta1/{CLUSTER}"]
    assert pool(shared, "l4")["autoscaling"]["totalMaxNodeCount"] == 6
    stack.configure(gpuPools=[L4])
    stack.pulumi("up", "--yes", "--skip-preview")


def test_a_pool_that_google_could_not_change_is_changed_by_the_next_run(
    stack: Stack, shared: GoogleCloud
) -> None:
    stack.configure(gpuPools=[{**L4, "maxNodes": 5}])
    change = f"PUT container/v1beta1/{CLUSTER}"
    shared.faults.append(Fault(change, 403, "not now"))
    failed = stack.infra("up")
    assert failed.returncode == 2
    assert "not now" in failed.stderr
    before = len(shared.sent)
    stack.up()
    assert shared.writes(before) == [change]
    assert pool(shared, "l4")["autoscaling"]["totalMaxNodeCount"] == 5


def test_a_pool_that_google_could_not_make_is_told_and_made_anew_by_the_next_run(
    stack: Stack, shared: GoogleCloud
) -> None:
    fail_to_make_t4(stack, shared)
    previewed = stack.infra("preview")
    assert previewed.returncode == 0, previewed.stderr
    assert re.search(r"\+-.* manor-t4 .*replace", previewed.stdout), previewed.stdout
    before = len(shared.sent)
    stack.up()
    assert pool(shared, "t4")["status"] == "RUNNING"
    pools_of = f"container/v1beta1/{CLUSTER}/nodePools"
    assert shared.writes(before) == [f"DELETE {pools_of}/t4", f"POST {pools_of}"]
    before = len(shared.sent)
    stack.up()
    assert shared.writes(before) == []


def test_plain_pulumi_takes_such_a_pool_for_made_and_makes_it_anew_on_demand(
    stack: Stack, shared: GoogleCloud
) -> None:
    fail_to_make_t4(stack, shared)
    stack.pulumi("up", "--yes", "--skip-preview")
    assert pool(shared, "t4")["status"] == "ERROR"
    (urn,) = [
        word
        for word in stack.pulumi("stack", "--show-urns").split()
        if word.endswith("NodePool::manor-t4")
    ]
    stack.pulumi("up", "--yes", "--skip-preview", "--replace", urn)
    assert pool(shared, "t4")["status"] == "RUNNING"
    settled(stack)


def fail_to_make_t4(stack: Stack, cloud: GoogleCloud) -> None:
    """A new pool for which Google has no machines; then it has some."""
    stack.configure(gpuPools=[L4])
    stack.up()
    stack.configure(gpuPools=[L4, T4])
    cloud.clusters.broken["t4"] = STOCKOUT
    failed = stack.infra("up")
    cloud.clusters.broken.clear()
    assert failed.returncode == 2
    assert 'NodePool t4 was created in the error state "ERROR"' in failed.stderr


def test_a_pool_beyond_the_quota_is_told_and_the_next_run_makes_it(
    stack: Stack, shared: GoogleCloud
) -> None:
    stack.configure(gpuPools=[L4])
    stack.up()
    assert pools(shared).keys() == {"system", "cpu", "l4"}
    stack.configure(gpuPools=[L4, T4])
    message = "Insufficient regional quota to satisfy request: resource NVIDIA_T4_GPUS"
    shared.faults.append(Fault(f"POST container/v1beta1/{CLUSTER}/nodePools", 403, message))
    failed = stack.infra("up")
    assert failed.returncode != 0
    assert message in failed.stdout + failed.stderr
    stack.up()
    assert pool(shared, "t4")["status"] == "RUNNING"


def test_drift_of_what_isolation_needs_is_told_and_put_back(
    stack: Stack, shared: GoogleCloud
) -> None:
    cluster, nodes = shared.clusters.held[CLUSTER], pool(shared, "cpu")["config"]
    cluster["rbacBindingConfig"]["enableInsecureBindingSystemUnauthenticated"] = True
    cluster["anonymousAuthenticationConfig"] = {"mode": "ENABLED"}
    cluster["networkConfig"]["enableIntraNodeVisibility"] = False
    everyone = [{"cidrBlock": "0.0.0.0/0", "displayName": "everyone"}]
    addresses = cluster["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]
    addresses["authorizedNetworksConfig"]["cidrBlocks"] = everyone
    nodes["workloadMetadataConfig"] = {"mode": "GCE_METADATA"}
    with pytest.raises(AssertionError):
        check_cluster(cluster)
    assert stack.planned("--refresh") == {"manor": "update", "manor-cpu": "update"}
    stack.up()
    check_cluster(cluster)
    assert nodes["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}


def test_who_was_let_into_a_bucket_by_hand_is_told_and_goes(
    stack: Stack, shared: GoogleCloud
) -> None:
    policy = shared.buckets.policies.held[data_of("vision")]
    everyone = {"role": "roles/storage.objectViewer", "members": ["allAuthenticatedUsers"]}
    policy["bindings"] = [*policy["bindings"], everyone]
    access = shared.buckets.held[data_of("language")]["iamConfiguration"]
    access["publicAccessPrevention"] = "inherited"
    assert stack.planned("--refresh") == {"manor-vision": "update", "manor-language": "update"}
    stack.up()
    assert readers(shared, "vision") == of_team("vision")
    language = shared.buckets.get(data_of("language"))
    assert language["iamConfiguration"]["publicAccessPrevention"] == "enforced"


def test_destroy_stops_at_protection_and_forgets_nothing_of_google(
    stack: Stack, shared: GoogleCloud
) -> None:
    before, held = len(shared.sent), stack.held()
    refused = stack.infra("destroy")
    assert refused.returncode == 2
    assert "put the team into `deleteData`" in refused.stderr
    assert "pulumi config set deletionProtection false" in refused.stderr
    assert shared.writes(before) == []
    assert {name for name in held if name.startswith("manor-")} <= stack.held()


def test_destroy_without_protection_leaves_the_key_alone(
    stack: Stack, shared: GoogleCloud, node: RunningNode
) -> None:
    for team in TEAMS:
        shared.buckets.objects[data_of(team)].append("faces/1.png")
    stack.configure(deletionProtection=False, deleteData=["language"])
    stack.up()
    stack.pulumi("state", "unprotect", "--all", "--yes")
    destroyed = stack.infra("destroy")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert not stack.held()
    assert not shared.clusters.held
    assert not shared.compute.held
    assert not shared.accounts.held
    assert len(shared.keys.held) == 2


def test_destroy_left_a_bucket_with_its_data_unless_told(shared: GoogleCloud) -> None:
    assert shared.buckets.objects == {data_of("vision"): ["faces/1.png"]}
    assert readers(shared, "vision") == []
    assert shared.wrong == []


def test_the_small_form(tmp_path: Path, cloud: GoogleCloud, node: RunningNode) -> None:
    stack = cluster_alone(tmp_path, cloud, node, small=True)
    stack.up()
    (only,) = pools(cloud).values()
    assert only["name"] == "small"
    assert sum(cloud.compute.groups.values()) == 3
    assert len(only["config"]["oauthScopes"]) == 4
    settled(stack, "--refresh")


def test_a_sandbox_pool_keeps_what_gke_adds_to_it(
    tmp_path: Path, cloud: GoogleCloud, node: RunningNode
) -> None:
    stack = cluster_alone(tmp_path, cloud, node, sandboxPool={"machineType": "n2-standard-4"})
    stack.up()
    config = pool(cloud, "sandbox")["config"]
    assert config["sandboxConfig"] == {"type": "GVISOR"}
    assert config["taints"][0]["key"] == "sandbox.gke.io/runtime"
    settled(stack, "--refresh")


def test_authorized_networks_reach_the_address(
    tmp_path: Path, cloud: GoogleCloud, node: RunningNode
) -> None:
    office = {"cidr": "203.0.113.0/24", "name": "office"}
    stack = program_of(tmp_path, cloud, node, authorizedNetworks=[office])
    stack.write("office", tenant("office", network={"apiServer": True}))
    # The address's certificate is the cluster's own: nobody trusts it but by the kubeconfig.
    trusting = {key: value for key, value in stack.environment.items() if key != "SSL_CERT_FILE"}
    stack = replace(stack, environment=trusting)
    stack.up()
    endpoints = cloud.clusters.get(CLUSTER)["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]
    assert endpoints["enablePublicEndpoint"] is True
    blocks = endpoints["authorizedNetworksConfig"]["cidrBlocks"]
    assert blocks == [{"cidrBlock": "203.0.113.0/24", "displayName": "office"}]
    (opened,) = live(node, ("networking.k8s.io/v1", "NetworkPolicy", "manor-api-server", "office"))
    assert opened
    assert opened["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": f"{node.ip}/32"}}]
    settled(stack, "--refresh")


def test_a_run_that_google_refuses_half_way_is_gone_on_with(
    tmp_path: Path, cloud: GoogleCloud, node: RunningNode
) -> None:
    everything = cloud.roles
    stack = cluster_alone(tmp_path, cloud, node)
    cloud.roles = [role for role in everything if role != "cloudkms.admin"]
    refused = stack.infra("up")
    assert refused.returncode == 2
    assert "Required 'cloudkms.keyRings.create' permission" in refused.stderr
    assert not cloud.clusters.held
    cloud.roles = everything
    stack.up()
    check_cluster(cloud.clusters.get(CLUSTER))
    for made in ("global/networks", f"regions/{REGION}/subnetworks", f"regions/{REGION}/routers"):
        assert cloud.writes().count(f"POST compute/beta/projects/{PROJECT}/{made}") == 1
    settled(stack, "--refresh")


def import_ids(resource: dict[str, Any]) -> str:
    """The ID by which Google's provider finds a resource that is there."""
    region, key = f"projects/{PROJECT}/regions/{REGION}", f"{KEYS}/cryptoKeys/secrets"
    account = f"serviceAccount:manor-nodes@{PROJECT}.iam.gserviceaccount.com"
    role = "artifactregistry.reader" if "reader" in resource["name"] else NODE_ROLE
    ids = {
        "Network": f"projects/{PROJECT}/global/networks/manor",
        "Subnetwork": f"{region}/subnetworks/manor",
        "Router": f"{region}/routers/manor",
        "RouterNat": f"{region}/routers/manor/manor",
        "Account": f"projects/{PROJECT}/serviceAccounts/{account.partition(':')[2]}",
        "IAMMember": f"{PROJECT} roles/{role} {account}",
        "KeyRing": KEYS,
        "CryptoKey": key,
        "CryptoKeyIAMMember": f"{key} roles/cloudkms.cryptoKeyEncrypterDecrypter {AGENT}",
        "Cluster": CLUSTER,
        "NodePool": f"{CLUSTER}/nodePools/{resource['name'].removeprefix('manor-')}",
        "Bucket": data_of("found"),
        "BucketIAMPolicy": f"b/{data_of('found')}",
    }
    return ids[resource["type"].rpartition(":")[2]]


def test_a_cluster_that_is_there_is_adopted_as_it_is(
    tmp_path: Path, cloud: GoogleCloud, node: RunningNode
) -> None:
    lost, stack = (
        program_of(tmp_path / name, cloud, node, buckets=["found"]) for name in ("lost", "new")
    )
    for each in (lost, stack):
        each.write("found", tenant("found", network={"workloadIdentity": True}))
    lost.up()
    stack.pulumi("preview", "--import-file", "import.json")
    file = stack.folder / "import.json"
    wanted = json.loads(file.read_text())
    wanted["resources"] = [
        each if each.get("component") else {**each, "id": import_ids(each)}
        for each in wanted["resources"]
        if each.get("component") or each["type"].startswith("gcp:")
    ]
    file.write_text(json.dumps(wanted))
    options = ("--generate-code=false", "--yes", "--skip-preview")
    stack.pulumi("import", "--file", "import.json", *options)
    planned = {name: op for name, op in stack.planned().items() if op != "create"}
    assert set(planned.values()) <= {"update"}
    before, held = len(cloud.sent), pools(cloud).keys()
    stack.up()
    assert readers(cloud, "found") == of_team("found")
    assert not [each for each in cloud.writes(before) if each.startswith("POST")]
    assert pools(cloud).keys() == held
    settled(stack)


def test_the_small_program(tmp_path: Path, cloud: GoogleCloud, node: RunningNode) -> None:
    """What was first asked for: three nodes, a namespace, a role and its binding, and a Deployment
    behind a Service."""
    zone = f"{REGION}-a"
    stack = google_stack(tmp_path, cloud, node, "gke-small", location=zone, name="first")
    with everything_up(node, "hello"):
        stack.up()
        settled(stack, "--refresh")
    (cluster,) = cloud.clusters.held.values()
    (only,) = cluster["nodePools"]
    assert [cloud.compute.groups[path] for path in groups_of(only)] == [3]
    assert (cluster["name"], only["config"]["machineType"]) == ("first", "e2-standard-4")
    rights = "rbac.authorization.k8s.io/v1"
    space, role, binding, service, deployment = live(
        node,
        ("v1", "Namespace", "hello", None),
        (rights, "Role", "restart", "hello"),
        (rights, "RoleBinding", "restart", "hello"),
        ("v1", "Service", "hello", "hello"),
        ("apps/v1", "Deployment", "hello", "hello"),
    )
    assert space
    assert space["metadata"]["labels"]["manor.dev/tenant"] == "hello"
    assert role
    assert role["rules"][0]["verbs"] == ["get", "patch"]
    assert binding
    assert binding["roleRef"]["name"] == "restart"
    assert service
    assert deployment
    (port,) = [each for each in service["spec"]["ports"] if each["port"] == 80]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (served,) = [each for each in container["ports"] if each["name"] == port["targetPort"]]
    assert served["containerPort"] == 8080
    assert deployment["status"]["availableReplicas"] == 2
    outputs = stack.outputs()
    assert outputs["cluster_name"] == "first"
    assert outputs["cluster_endpoint"] == node.server.removeprefix("https://")


def test_the_tools_of_the_platform_are_there_before_its_teams(
    tmp_path: Path, cloud: GoogleCloud, node: RunningNode
) -> None:
    manifests(shipped()["kuberay"])  # Into the cache: nothing gets out of the program's run.
    stack = program_of(tmp_path, cloud, node, {"tools": ["kuberay"]})
    stack.write("rays", tenant("rays"))
    with everything_up(node, "kuberay-system"):
        stack.up()
        settled(stack, "--refresh")
    operator, quota = live(
        node,
        ("apps/v1", "Deployment", "kuberay-operator", "kuberay-system"),
        ("v1", "ResourceQuota", "manor-quota", "rays"),
    )
    assert operator
    assert operator["status"]["availableReplicas"] == 1
    assert quota
    assert "count/rayclusters.ray.io" in quota["status"]["used"]


def test_the_program_as_it_is_shipped(
    tmp_path: Path, cloud: GoogleCloud, node: RunningNode
) -> None:
    """With its teams, their trainings and models, and the way in. Envoy Gateway's chart is the
    embedded node's, not the registry's."""
    example = yaml.safe_load((ROOT / "deploy" / "gke" / "Pulumi.example.yaml").read_text())
    stack = google_stack(tmp_path, cloud, node, **example["config"], installGateway=True)
    chart = shutil.copytree(obtain_folder("envoy-gateway/chart", Progress()), tmp_path / "chart")
    values = chart / "values.yaml"
    image = f"docker.io/envoyproxy/gateway:{VERSION}"
    values.write_text(values.read_text().replace("manor.local/envoy-gateway", image))
    program = stack.folder / "__main__.py"
    elsewhere = f"import manor.infra.gateway as gateway\ngateway.CHART = {str(chart)!r}\n"
    program.write_text(elsewhere + program.read_text())
    with everything_up(node, PROXIES, FRONT, "vision", "language"):
        stack.up()
        settled(stack, "--refresh")
    ready = [
        ("apps/v1", "Deployment", "envoy-gateway", PROXIES),
        ("apps/v1", "Deployment", "envoy-gateway", FRONT),
        ("apps/v1", "Deployment", "iris", "vision"),
    ]
    for deployment in live(node, *ready):
        assert deployment
        assert deployment["status"]["availableReplicas"] == 1
    ways = "gateway.networking.k8s.io/v1"
    assert None not in live(
        node,
        (ways, "GatewayClass", "manor", None),
        (ways, "Gateway", "manor-front", FRONT),
        (ways, "HTTPRoute", "iris", "vision"),
        (ENVOY_API, "EnvoyProxy", "manor", PROXIES),
    )
    model = "vision.ml.example.com/v2/models/iris/infer"
    assert stack.outputs()["tenants"]["vision"]["models"]["iris"].endswith(model)


def test_the_pools_of_gpus_are_flavors_of_the_queues(
    tmp_path: Path, cloud: GoogleCloud, node: RunningNode
) -> None:
    """Of Kueue its kinds alone: its webhooks would want its pods."""
    asyncio.run(serve_kinds(node, shipped()["kueue"]))
    queues = {"tools": ["kueue"], "engines": {"queue": "kueue"}}
    stack = program_of(tmp_path, cloud, node, queues, installTools=False, gpuPools=[L4, T4])
    stack.write("queued", tenant("queued", gpu={"guarantee": 2, "flavors": ["t4"]}))
    stack.up()
    flavor, queue = live(
        node,
        (KUEUE, "ResourceFlavor", "manor-t4", None),
        (KUEUE, "ClusterQueue", "queued", None),
    )
    assert flavor
    node_config = pool(cloud, "t4")["config"]
    (accelerator,) = node_config["accelerators"]
    assert flavor["spec"]["nodeLabels"] == {ACCELERATOR_LABEL: accelerator["acceleratorType"]}
    (taint,) = node_config["taints"]
    (toleration,) = flavor["spec"]["tolerations"]
    assert (toleration["key"], toleration["effect"]) == (taint["key"], "NoSchedule")
    assert queue
    assert "manor-t4" in str(queue["spec"]["resourceGroups"])
    assert "manor-l4" not in str(queue["spec"]["resourceGroups"])
    settled(stack, "--refresh")


async def serve_kinds(node: RunningNode, tool: Tool) -> None:
    """The kinds of a Tool, without its controller."""
    async with Client.connect(node.kubeconfig) as client:
        for each in manifests(tool, helm=str(helm())):
            if each["kind"] == "CustomResourceDefinition":
                await client.apply(each, field_manager="tests")
