"""The GKE cluster: safe by default, and bad configuration refused before anything is registered."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from manor.infra import GkeOptions
from manor.infra.gke.buckets import bucket_name
from manor.infra.gke.options import SMALL_SCOPES
from manor.infra.gke.platform import platform_on
from pulumi_programs import names, run_program
from pulumi_runs import Recorder

pytestmark = pytest.mark.unit

L4 = {"name": "l4", "accelerator": "nvidia-l4", "machineType": "g2-standard-8", "maxNodes": 4}
NAMESPACE = "kubernetes:core/v1:Namespace"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"
PLACE = {"gcp:project": "my-project", "manor-gke:location": "europe-west4"}


def configured(**values: Any) -> dict[str, str]:
    texts = {
        f"manor-gke:{key}": v if isinstance(v, str) else json.dumps(v) for key, v in values.items()
    }
    return {**PLACE, **texts}


def registered(config: Mapping[str, str]) -> Recorder:
    return run_program("gke", config)[0]


@pytest.fixture(scope="module")
def usual() -> tuple[Recorder, dict[str, Any]]:
    return run_program(
        "gke", configured(gpuPools=[L4], sandboxPool={"machineType": "n2-standard-4"})
    )


def cluster_of(recorder: Recorder) -> dict[str, Any]:
    (cluster,) = recorder.of_type("gcp:container/cluster:Cluster")
    return cluster.inputs


def pools_of(recorder: Recorder) -> dict[str, dict[str, Any]]:
    return {
        pool.inputs["name"]: pool.inputs
        for pool in recorder.of_type("gcp:container/nodePool:NodePool")
    }


def test_the_cluster_is_safe_by_default(usual: tuple[Recorder, dict[str, Any]]) -> None:
    cluster = cluster_of(usual[0])
    wanted = {
        "location": "europe-west4",
        "networkingMode": "VPC_NATIVE",
        "ipAllocationPolicy": {
            "clusterSecondaryRangeName": "pods",
            "servicesSecondaryRangeName": "services",
        },
        "datapathProvider": "ADVANCED_DATAPATH",
        "enableIntranodeVisibility": True,
        "privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": True},
        "masterAuthorizedNetworksConfig": {"gcpPublicCidrsAccessEnabled": False, "cidrBlocks": []},
        "masterAuth": {"clientCertificateConfig": {"issueClientCertificate": False}},
        "enableLegacyAbac": False,
        "rbacBindingConfig": {
            "enableInsecureBindingSystemAuthenticated": False,
            "enableInsecureBindingSystemUnauthenticated": False,
        },
        "anonymousAuthenticationConfig": {"mode": "LIMITED"},
        "workloadIdentityConfig": {"workloadPool": "my-project.svc.id.goog"},
        "enableShieldedNodes": True,
        "releaseChannel": {"channel": "REGULAR"},
        "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
        "costManagementConfig": {"enabled": True},
        "databaseEncryption": {"state": "ENCRYPTED", "keyName": "manor-secrets-id"},
        "loggingConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]},
        "deletionProtection": True,
        "removeDefaultNodePool": True,
        "dnsConfig": {"clusterDns": "KUBE_DNS"},
    }
    assert {key: cluster.get(key) for key in wanted} == wanted
    assert cluster["addonsConfig"]["dnsCacheConfig"] == {"enabled": False}
    assert cluster["monitoringConfig"]["managedPrometheus"] == {"enabled": True}
    assert (
        cluster["maintenancePolicy"]["recurringWindow"]["recurrence"] == "FREQ=WEEKLY;BYDAY=SA,SU"
    )
    assert "authenticatorGroupsConfig" not in cluster
    assert usual[0].of_type("gcp:container/cluster:Cluster")[0].protect


def test_every_node_is_safe_by_default(usual: tuple[Recorder, dict[str, Any]]) -> None:
    pools = pools_of(usual[0])
    assert pools.keys() == {"system", "cpu", "sandbox", "l4"}
    for pool in pools.values():
        node = pool["nodeConfig"]
        assert node["serviceAccount"] == "nodes@my-project.iam.gserviceaccount.com"
        assert not [
            scope
            for scope in node["oauthScopes"]
            if "cloud-platform" in scope or scope.endswith("/compute")
        ]
        assert node["shieldedInstanceConfig"] == {
            "enableSecureBoot": True,
            "enableIntegrityMonitoring": True,
        }
        assert node["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert node["kubeletConfig"] == {"insecureKubeletReadonlyPortEnabled": "FALSE"}
        assert node["metadata"] == {"disable-legacy-endpoints": "true"}
        assert pool["networkConfig"] == {"enablePrivateNodes": True}
        assert pool["management"] == {"autoRepair": True, "autoUpgrade": True}


def test_gpu_nodes_start_from_none_and_keep_others_off(
    usual: tuple[Recorder, dict[str, Any]],
) -> None:
    pool = pools_of(usual[0])["l4"]
    assert pool["autoscaling"] == {
        "totalMinNodeCount": 0,
        "totalMaxNodeCount": 4,
        "locationPolicy": "ANY",
    }
    assert pool["initialNodeCount"] == 0
    assert pool["nodeConfig"]["taints"] == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
    ]
    driver = {"gpuDriverVersion": "DEFAULT"}
    accelerator = {"type": "nvidia-l4", "count": 1, "gpuDriverInstallationConfig": driver}
    assert pool["nodeConfig"]["guestAccelerators"] == [accelerator]


def test_system_and_sandbox_nodes_are_apart(usual: tuple[Recorder, dict[str, Any]]) -> None:
    pools = pools_of(usual[0])
    taint = {
        "key": "components.gke.io/gke-managed-components",
        "value": "true",
        "effect": "NO_SCHEDULE",
    }
    assert pools["system"]["nodeConfig"]["taints"] == [taint]
    assert pools["sandbox"]["nodeConfig"]["sandboxConfig"] == {"type": "GVISOR"}
    assert "taints" not in pools["cpu"]["nodeConfig"]


def test_nodes_have_an_identity_of_their_own(usual: tuple[Recorder, dict[str, Any]]) -> None:
    roles = {
        member.inputs["role"] for member in usual[0].of_type("gcp:projects/iAMMember:IAMMember")
    }
    assert roles == {"roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"}
    (grant,) = usual[0].of_type("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
    agent = "serviceAccount:service-123456789@container-engine-robot.iam.gserviceaccount.com"
    assert grant.inputs["member"] == agent
    (cluster,) = usual[0].of_type("gcp:container/cluster:Cluster")
    assert {grant.urn} <= cluster.depends_on


def test_the_key_of_the_secrets_is_kept_and_replaced(
    usual: tuple[Recorder, dict[str, Any]],
) -> None:
    (key,) = usual[0].of_type("gcp:kms/cryptoKey:CryptoKey")
    assert (key.protect, key.retain, key.inputs["rotationPeriod"]) == (True, True, "7776000s")


def test_a_key_that_is_there_is_taken_and_granted() -> None:
    key = "projects/keys/locations/europe-west4/keyRings/manor/cryptoKeys/secrets"
    recorder = registered(configured(secretsKey=key))
    assert not recorder.of_type("gcp:kms/cryptoKey:CryptoKey")
    assert cluster_of(recorder)["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": key}
    (grant,) = recorder.of_type("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
    assert grant.inputs["cryptoKeyId"] == key


def test_the_network_has_named_ranges_and_a_way_out(usual: tuple[Recorder, dict[str, Any]]) -> None:
    (subnetwork,) = usual[0].of_type("gcp:compute/subnetwork:Subnetwork")
    ranges = {r["rangeName"]: r["ipCidrRange"] for r in subnetwork.inputs["secondaryIpRanges"]}
    assert ranges == {"pods": "10.4.0.0/14", "services": "10.8.0.0/20"}
    assert subnetwork.inputs["privateIpGoogleAccess"] is True
    (nat,) = usual[0].of_type("gcp:compute/routerNat:RouterNat")
    assert nat.inputs["natIpAllocateOption"] == "AUTO_ONLY"


def test_nothing_of_a_tenant_is_made_before_the_cluster_and_the_way_in(
    usual: tuple[Recorder, dict[str, Any]],
) -> None:
    recorder = usual[0]
    (provider,) = recorder.of_type("pulumi:providers:kubernetes")
    assert provider.protect
    assert {"manor", "manor-system", "manor-cpu"} <= names(provider.depends_on)
    assert {one.provider.rpartition("::")[0] for one in recorder.objects().values()} == {
        provider.urn
    }
    objects = recorder.objects()
    assert "gateway:GatewayClass/manor" in names(objects["manor:Namespace/manor-system"].depends_on)


def test_the_way_in_may_come_otherwise() -> None:
    recorder = registered(configured(installGateway=False))
    assert not recorder.of_type("manor:index:EnvoyGateway")
    assert "manor:Platform/manor" in recorder.objects()


def test_the_stack_puts_out_what_users_need(usual: tuple[Recorder, dict[str, Any]]) -> None:
    outputs = usual[1]
    assert outputs["cluster_name"] == ("manor", False)
    assert outputs["cluster_endpoint"] == ("gke-1.europe-west4.gke.goog", False)
    text, secret = outputs["kubeconfig"]
    assert secret
    config = json.loads(text)
    assert config["clusters"][0]["cluster"] == {"server": "https://gke-1.europe-west4.gke.goog"}
    assert config["users"][0]["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    tenants, _ = outputs["tenants"]
    assert tenants["vision"] == {
        "namespaces": ["vision"],
        "urls": ["http://vision.ml.example.com"],
        "models": {"iris": "http://vision.ml.example.com/v2/models/iris/infer"},
    }


def test_the_platform_knows_the_cluster(usual: tuple[Recorder, dict[str, Any]]) -> None:
    spec = usual[0].objects()["manor:Platform/manor"].inputs["spec"]
    assert spec["network"] == {
        "podCidrs": ["10.4.0.0/14"],
        "serviceCidrs": ["10.8.0.0/20"],
        "nodeCidrs": ["10.0.0.0/20"],
        "workloadIdentity": "gke",
    }
    labels = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert spec["gpu"]["flavors"] == [
        {"name": "l4", "nodeLabels": labels, "taint": "nvidia.com/gpu"}
    ]
    assert spec["sandboxRuntimeClass"] == "gvisor"
    assert spec["registries"] == ["europe-west4-docker.pkg.dev/my-project/manor"]


def test_authorized_networks_reach_the_address_and_no_others() -> None:
    office = [{"cidr": "203.0.113.0/24", "name": "office"}]
    recorder, outputs = run_program(
        "gke", configured(authorizedNetworks=office, domain="ml.example.org")
    )
    cluster = cluster_of(recorder)
    assert cluster["privateClusterConfig"]["enablePrivateEndpoint"] is False
    blocks = [{"cidrBlock": "203.0.113.0/24", "displayName": "office"}]
    assert cluster["masterAuthorizedNetworksConfig"]["cidrBlocks"] == blocks
    assert outputs["cluster_endpoint"] == ("34.1.2.3", False)
    described = json.loads(outputs["kubeconfig"][0])["clusters"][0]["cluster"]
    assert described == {"server": "https://34.1.2.3", "certificate-authority-data": "Q0E="}
    assert outputs["tenants"][0]["vision"]["urls"] == ["http://vision.ml.example.org"]


@pytest.mark.parametrize(("location", "a_zone"), [("europe-west4", 1), ("us-central1-a", 3)])
def test_the_small_form_is_three_nodes_with_four_scopes(location: str, a_zone: int) -> None:
    recorder = registered({**configured(small=True), "manor-gke:location": location})
    pools = pools_of(recorder)
    assert pools.keys() == {"small"}
    assert pools["small"]["nodeCount"] == a_zone
    assert "autoscaling" not in pools["small"]
    node = pools["small"]["nodeConfig"]
    assert (node["machineType"], node["oauthScopes"]) == ("e2-standard-4", SMALL_SCOPES)
    assert len(SMALL_SCOPES) == 4
    assert node["serviceAccount"] == "nodes@my-project.iam.gserviceaccount.com"
    assert cluster_of(recorder)["datapathProvider"] == "ADVANCED_DATAPATH"


def test_google_groups_and_no_key() -> None:
    recorder = registered(
        configured(securityGroup="gke-security-groups@example.com", encryptSecrets=False)
    )
    cluster = cluster_of(recorder)
    assert cluster["authenticatorGroupsConfig"] == {
        "securityGroup": "gke-security-groups@example.com"
    }
    assert "databaseEncryption" not in cluster
    assert not recorder.of_type("gcp:kms/cryptoKey:CryptoKey")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"manor-gke:location": "europe-west4"},
            "gcp:project: missing; run: pulumi config set gcp:project",
        ),
        ({"gcp:project": "my-project"}, "manor-gke:location: missing"),
        (
            {**PLACE, "manor-gke:location": "europe-west4-ab"},
            "manor-gke:location: 'europe-west4-ab' is not of the form",
        ),
        ({**PLACE, "manor-gke:location": "Frankfurt"}, "manor-gke:location: 'Frankfurt'"),
        ({**PLACE, "gcp:project": "My Project"}, "gcp:project: 'My Project'"),
        (
            configured(gpuPools=[{**L4, "machineType": "n2-standard-8"}]),
            "nvidia-l4 needs a machine type g2-",
        ),
        (
            configured(gpuPools=[{**L4, "acelerator": "x"}]),
            "manor-gke:gpuPools.0.acelerator: unknown",
        ),
        (configured(gpuPools=[L4, L4]), "the name 'l4' is taken"),
        (
            configured(cpuPool={"machineType": "n2-standard-8", "minNodes": 5, "maxNodes": 2}),
            "minNodes .5. is more",
        ),
        (configured(podCidr="10.0.0.0/14"), "nodeCidr .* and podCidr .* overlap"),
        (configured(small=True, gpuPools=[L4]), "small has one pool"),
        (configured(small="perhaps"), "manor-gke:small: .*got 'perhaps'"),
        (
            configured(securityGroup="admins@example.com"),
            "manor-gke:securityGroup: 'admins@example.com'",
        ),
    ],
)
def test_bad_configuration_is_refused_before_anything(config: dict[str, str], message: str) -> None:
    recorder = Recorder()
    with pytest.raises(pulumi.RunError, match=message):
        run_program("gke", config, recorder)
    assert not recorder.registered


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        run_program(
            "gke",
            configured(releaseChannel="SLOW", podCidr="nowhere", systemPool={"machineType": "x y"}),
        )
    assert len(str(caught.value).splitlines()) == 3


TENANT = """
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  owners: [{{name: someone}}]
  {more}
"""


@pytest.mark.parametrize(
    ("tenants", "config", "message"),
    [
        (
            {"a": "sandbox: true"},
            {},
            r"a.yaml:7: spec.sandbox: the cluster has no sandbox: set sandboxPool",
        ),
        (
            {"a": "gpu: {guarantee: 1}"},
            {},
            r"a.yaml:7: spec.gpu: no GPU pool at all: add it to gpuPools",
        ),
        (
            {"a": "gpu: {guarantee: 1, flavors: [h100]}"},
            {"gpuPools": [L4]},
            r"no GPU pool 'h100': .*now: l4",
        ),
        ({"a": "", "a/again": ""}, {}, "Tenant 'a' is defined twice"),
        ({"a": "hosts: [b.ml.example.com]", "b": ""}, {}, "overlaps"),
        ({"a": "volumes: [{name: data, size: 90Ti}]"}, {}, r"a.yaml:7: spec.volumes"),
        ({"a": ""}, {"buckets": ["a"]}, r"a.yaml:5: spec.network.workloadIdentity: set it to true"),
        ({"a": ""}, {"buckets": ["b"]}, r"manor-gke:buckets: there is no team 'b'; there are: a"),
    ],
)
def test_tenants_that_the_cluster_cannot_hold_are_refused_before_anything(
    tenants: dict[str, str], config: dict[str, Any], message: str, tmp_path: Any
) -> None:
    for name, more in tenants.items():
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(TENANT.format(name=name.partition("/")[0], more=more))
    recorder = Recorder()
    with pytest.raises(pulumi.RunError, match=message):
        run_program("gke", configured(teams=str(tmp_path), **config), recorder)
    assert not recorder.registered


def test_a_tenant_that_talks_to_the_api_server_gets_its_address(tmp_path: Any) -> None:
    (tmp_path / "a.yaml").write_text(TENANT.format(name="a", more="network: {apiServer: true}"))
    made = registered(configured(teams=str(tmp_path))).objects()
    (rule,) = made["a:NetworkPolicy/a/manor-api-server"].inputs["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.0.0.2/32"}}]


POOL = (
    "principalSet://iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/"
    "my-project.svc.id.goog/namespace/"
)


def with_buckets(folder: Any, **config: Any) -> tuple[Recorder, dict[str, Any]]:
    more = "namespaces: [{name: a-train}, {name: a-serve}]\n  network: {workloadIdentity: true}"
    (folder / "a.yaml").write_text(TENANT.format(name="a", more=more))
    (folder / "b.yaml").write_text(TENANT.format(name="b", more=""))
    return run_program("gke", configured(teams=str(folder), buckets=["a"], **config))


def test_a_bucket_is_its_teams_pods_alone(tmp_path: Any) -> None:
    recorder, outputs = with_buckets(tmp_path)
    (bucket,) = recorder.of_type("gcp:storage/bucket:Bucket")
    assert bucket.inputs == {
        "name": "my-project-manor-a",
        "project": "my-project",
        "location": "EUROPE-WEST4",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
        "forceDestroy": False,
        "labels": {"manor-tenant": "a"},
    }
    assert (bucket.protect, bucket.retain) == (True, True)
    (policy,) = recorder.of_type("gcp:storage/bucketIAMPolicy:BucketIAMPolicy")
    assert json.loads(policy.inputs["policyData"]) == {
        "bindings": [
            {
                "role": "roles/storage.objectUser",
                "members": [f"{POOL}a-train", f"{POOL}a-serve"],
            }
        ]
    }
    assert policy.inputs["bucket"] == "my-project-manor-a"
    assert (policy.protect, policy.retain) == (True, False)
    # Before the first cluster of a project there is no pool of its pods.
    assert {"manor", "manor-cpu"} <= names(policy.depends_on)
    assert outputs["buckets"] == ({"a": "gs://my-project-manor-a"}, False)
    opened = recorder.objects().keys() & {
        f"{name}:NetworkPolicy/{space}/manor-workload-identity"
        for name, space in (("a", "a-train"), ("a", "a-serve"), ("b", "b"))
    }
    assert len(opened) == 2


def test_a_bucket_goes_with_what_is_in_it_on_consent_alone(tmp_path: Any) -> None:
    recorder, _ = with_buckets(tmp_path, deleteData=["a"])
    (bucket,) = recorder.of_type("gcp:storage/bucket:Bucket")
    assert (bucket.protect, bucket.retain, bucket.inputs["forceDestroy"]) == (False, False, True)
    (policy,) = recorder.of_type("gcp:storage/bucketIAMPolicy:BucketIAMPolicy")
    assert not policy.protect


def test_a_buckets_name_fits_and_is_its_own() -> None:
    options = GkeOptions(project="a" * 30, location="europe-west4", name="b" * 40)
    found = {bucket_name(options, "c" * 39 + last) for last in "de"}
    assert {len(name) for name in found} == {63}
    assert len(found) == 2


def test_every_option_says_what_it_is() -> None:
    for name, field in GkeOptions.model_fields.items():
        assert field.description, name


def test_the_platform_keeps_what_its_file_says() -> None:
    options = GkeOptions(project="my-project", location="europe-west4")
    written = {
        "spec": {
            "domain": "x.y",
            "storageClasses": ["fast"],
            "network": {"blockedCidrs": ["192.168.0.0/16"]},
        }
    }
    spec = platform_on(options, written)["spec"]
    assert spec["storageClasses"] == ["fast"]
    assert spec["network"]["blockedCidrs"] == ["192.168.0.0/16"]
    assert "sandboxRuntimeClass" not in spec
    assert "gpu" not in spec


@pytest.fixture(scope="module")
def smallest() -> tuple[Recorder, dict[str, Any]]:
    values = {"location": "europe-west4-a", "small": "true", "name": "first"}
    config = {f"manor-gke-small:{key}": value for key, value in values.items()}
    return run_program("gke-small", {"gcp:project": "my-project", **config})


def test_the_small_program_is_three_nodes_and_one_team(
    smallest: tuple[Recorder, dict[str, Any]],
) -> None:
    recorder, outputs = smallest
    assert [pool["nodeCount"] for pool in pools_of(recorder).values()] == [3]
    assert outputs["cluster_name"] == ("first", False)
    assert outputs["cluster_endpoint"] == ("gke-1.europe-west4.gke.goog", False)
    assert outputs["url"] == ("http://hello.ml.example.com/models/hello/", False)
    spaces = {one.inputs["metadata"]["name"] for one in recorder.of_type(NAMESPACE)}
    assert spaces == {"manor-system", "hello"}


def test_the_small_program_serves_a_container_and_grants_a_right(
    smallest: tuple[Recorder, dict[str, Any]],
) -> None:
    made = smallest[0].objects()
    deployment = made["hello-server:Deployment/hello/hello"].inputs["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8080}]
    (port,) = made["hello-server:Service/hello/hello"].inputs["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, "http")
    role, binding = (
        next(one for one in smallest[0].of_type(f"{RBAC}:{kind}") if one.name == "restart")
        for kind in ("Role", "RoleBinding")
    )
    assert role.inputs["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["hello"],
            "verbs": ["get", "patch"],
        }
    ]
    assert {one.inputs["metadata"]["namespace"] for one in (role, binding)} == {"hello"}
    assert "hello:ConfigMap/hello/manor-guardrails" in names(role.depends_on)
    assert role.urn in binding.depends_on
