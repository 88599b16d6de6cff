"""Kubernetes Engine: clusters and their node pools."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from google_apis.identities import NUMBER, Accounts, Keys, Policies
from google_apis.networks import Compute
from google_apis.types import checked, fields, gke
from google_apis.wire import Json, Operation, Operations, Refused, Request, merged, not_found, taken

VERSION = "1.37.1-gke.1000"
AGENT = f"serviceAccount:service-{NUMBER}@container-engine-robot.iam.gserviceaccount.com"
KEY_USER = "roles/cloudkms.cryptoKeyEncrypterDecrypter"

POOL_UPDATES = {
    "nodeVersion": "version",
    "locations": "locations",
    "upgradeSettings": "upgradeSettings",
    "nodeNetworkConfig": "networkConfig",
}
"""Fields of an UpdateNodePoolRequest that change the pool itself; the others change its nodes."""


@dataclass(frozen=True)
class ControlPlane:
    """The API server that stands for every cluster's."""

    address: str
    """host:port."""
    certificate: str
    """Base64 of its CA's certificate."""


@dataclass
class Clusters:
    """The store: clusters by their names, and what they stand on."""

    base: str
    control_plane: ControlPlane
    compute: Compute
    accounts: Accounts
    keys: Keys
    policies: Policies
    operations: Operations
    held: dict[str, Json] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Node pools, by name, that end in an error, and which."""

    def create(self, request: Request, parent: str) -> Json:
        body = checked(gke.CreateClusterRequest, request.body)["cluster"]
        name = f"{parent}/clusters/{body['name']}"
        if name in self.held:
            raise taken(name)
        self._check_ground(name, body)
        cluster = self._filled(name, body)
        self.held[name] = cluster
        first = {
            "name": "default-pool",
            "initialNodeCount": body["initialNodeCount"],
            "config": body.get("nodeConfig", {}),
        }
        cluster["nodePools"] = [self._pool(name, cluster, first)]

        def finish() -> None:
            cluster["status"] = "RUNNING"
            cluster["nodePools"][0]["status"] = "RUNNING"

        return self._started(finish, name, "CREATE_CLUSTER")

    def get(self, name: str) -> Json:
        if name not in self.held:
            raise not_found(name)
        return checked(gke.Cluster, self.held[name])

    def update(self, request: Request, name: str) -> Json:
        update = checked(gke.UpdateClusterRequest, request.body)["update"]
        cluster = self._idle(name)

        def finish() -> None:
            pool = update.get("desiredNodePoolId")
            for key, value in update.items():
                if pool and key == "desiredNodePoolAutoscaling":
                    self.pool(f"{name}/nodePools/{pool}")["autoscaling"] = value
                elif key != "desiredNodePoolId":
                    _want(cluster, key, value)

        return self._started(finish, name, "UPDATE_CLUSTER")

    def set_labels(self, request: Request, name: str) -> Json:
        body = checked(gke.SetLabelsRequest, request.body)
        cluster = self._idle(name)
        if body["labelFingerprint"] != cluster["labelFingerprint"]:
            raise Refused(400, "Labels could not be set due to fingerprint mismatch.")
        return self._started(
            lambda: cluster.update(resourceLabels=body["resourceLabels"]), name, "UPDATE_CLUSTER"
        )

    def set_maintenance(self, request: Request, name: str) -> Json:
        policy = checked(gke.SetMaintenancePolicyRequest, request.body)["maintenancePolicy"]
        cluster = self._idle(name)
        return self._started(
            lambda: cluster.update(maintenancePolicy=policy), name, "UPDATE_CLUSTER"
        )

    def delete(self, name: str) -> Json:
        self._idle(name)["status"] = "STOPPING"

        def finish() -> None:
            for pool in self.held.pop(name)["nodePools"]:
                self._drop_groups(pool)

        return self._started(finish, name, "DELETE_CLUSTER")

    def create_pool(self, request: Request, name: str) -> Json:
        body = checked(gke.CreateNodePoolRequest, request.body)["nodePool"]
        cluster = self._idle(name)
        own = f"{name}/nodePools/{body['name']}"
        if own in (f"{name}/nodePools/{each['name']}" for each in cluster["nodePools"]):
            raise taken(own)
        self._check_account(body["config"])
        pool = self._pool(name, cluster, body)
        cluster["nodePools"].append(pool)
        error = self.broken.get(body["name"], "")

        def finish() -> None:
            pool["status"] = "ERROR" if error else "RUNNING"

        return self._started(finish, own, "CREATE_NODE_POOL", error)

    def pool(self, name: str) -> Json:
        cluster, _, own = name.rpartition("/nodePools/")
        for pool in self.get(cluster)["nodePools"]:
            if pool["name"] == own:
                return checked(gke.NodePool, pool)
        raise not_found(name)

    def change_pool(self, name: str, change: Callable[[Json], None], kind: str) -> Json:
        """Change a pool once its operation is done."""
        self._idle(name.rpartition("/nodePools/")[0])
        pool = self.pool(name)
        return self._started(lambda: change(pool), name, kind)

    def update_pool(self, request: Request, name: str) -> Json:
        body = checked(gke.UpdateNodePoolRequest, request.body)

        def change(pool: Json) -> None:
            for key, value in body.items():
                if key in POOL_UPDATES:
                    pool[POOL_UPDATES[key]] = value
                elif key in fields(gke.NodeConfig):
                    pool["config"][key] = (
                        value.get(key, value) if isinstance(value, dict) else value
                    )

        return self.change_pool(name, change, "UPGRADE_NODES")

    def resize_pool(self, request: Request, name: str) -> Json:
        count = checked(gke.SetNodePoolSizeRequest, request.body)["nodeCount"]

        def change(pool: Json) -> None:
            for path in _groups(pool):
                self.compute.groups[path] = count

        return self.change_pool(name, change, "SET_NODE_POOL_SIZE")

    def manage_pool(self, request: Request, name: str) -> Json:
        wanted = checked(gke.SetNodePoolManagementRequest, request.body)["management"]
        return self.change_pool(
            name, lambda pool: pool.update(management=wanted), "SET_NODE_POOL_MANAGEMENT"
        )

    def delete_pool(self, name: str) -> Json:
        cluster = self._idle(name.rpartition("/nodePools/")[0])
        pool = self.pool(name)
        pool["status"] = "STOPPING"

        def finish() -> None:
            cluster["nodePools"].remove(pool)
            self._drop_groups(pool)

        return self._started(finish, name, "DELETE_NODE_POOL")

    def polled(self, parent: str, name: str) -> Json:
        return self._told(self.operations.polled(name), parent)

    def users(self, path: str) -> Iterator[str]:
        """The clusters in a network or subnetwork."""
        for name, cluster in self.held.items():
            if f"projects/{path}" in (cluster["network"], cluster["subnetwork"]):
                yield name

    def identity_pools(self) -> Iterator[str]:
        """The pools of identities of pods. One is there once a cluster has asked for it."""
        for cluster in self.held.values():
            if pool := cluster.get("workloadIdentityConfig", {}).get("workloadPool"):
                yield pool

    def _idle(self, name: str) -> Json:
        cluster = self.get(name)
        if cluster["status"] != "RUNNING":
            raise Refused(400, f"Cluster {name} is {cluster['status']}.")
        return cluster

    def _check_ground(self, name: str, body: Json) -> None:
        """400 or 404 unless all that the cluster stands on is there."""
        self.compute.get(body["network"].removeprefix("projects/"))
        subnetwork = self.compute.get(body["subnetwork"].removeprefix("projects/"))
        ranges = {each["rangeName"] for each in subnetwork["secondaryIpRanges"]}
        policy = body["ipAllocationPolicy"]
        for key in ("clusterSecondaryRangeName", "servicesSecondaryRangeName"):
            if policy[key] not in ranges:
                raise Refused(400, f"{key}: no range {policy[key]!r}", "INVALID_ARGUMENT")
        self._check_account(body["nodeConfig"])
        key = body.get("databaseEncryption", {}).get("keyName")
        if key:
            self.keys.get(key)
            if AGENT not in self.policies.members(key, KEY_USER):
                raise Refused(400, f"{AGENT} may not use key {key}.")

    def _check_account(self, config: Json) -> None:
        account = config.get("serviceAccount", "default")
        if account == "default":
            raise Refused(400, "Compute Engine's default service account may edit the project.")
        self.accounts.get(account)

    def _filled(self, name: str, body: Json) -> Json:
        """The body with what GKE adds."""
        place = name.split("/")
        ranges = {
            each["rangeName"]: each["ipCidrRange"]
            for each in self.compute.get(body["subnetwork"].removeprefix("projects/"))[
                "secondaryIpRanges"
            ]
        }
        host, _, _ = self.control_plane.address.rpartition(":")
        network = {"network": body["network"], "subnetwork": body["subnetwork"]}
        endpoints = {
            "dnsEndpointConfig": {"endpoint": self.control_plane.address},
            "ipEndpointsConfig": {"privateEndpoint": host, "publicEndpoint": host},
        }
        policy = {"useIpAliases": True, "stackType": "IPV4", "podCidrOverprovisionConfig": {}}
        added = {
            "selfLink": f"{self.base}{name}",
            "id": "0123456789abcdef",
            "location": place[3],
            "zone": place[3],
            "locations": _zones(place[3]),
            "status": "PROVISIONING",
            "createTime": "2026-01-01T00:00:00+00:00",
            "currentMasterVersion": VERSION,
            "currentNodeVersion": VERSION,
            "initialClusterVersion": VERSION,
            "endpoint": self.control_plane.address,
            "masterAuth": {"clusterCaCertificate": self.control_plane.certificate},
            "labelFingerprint": "a9dc16a7",
            "etag": "etag-1",
            "loggingService": "logging.googleapis.com/kubernetes",
            "monitoringService": "monitoring.googleapis.com/kubernetes",
            "clusterIpv4Cidr": ranges[body["ipAllocationPolicy"]["clusterSecondaryRangeName"]],
            "servicesIpv4Cidr": ranges[body["ipAllocationPolicy"]["servicesSecondaryRangeName"]],
            "defaultMaxPodsConstraint": {"maxPodsPerNode": "110"},
            "databaseEncryption": {"state": "DECRYPTED"},
            "networkConfig": network,
            "controlPlaneEndpointsConfig": endpoints,
            "ipAllocationPolicy": policy,
            "securityPostureConfig": {"mode": "BASIC"},
            "enterpriseConfig": {"clusterTier": "STANDARD"},
        }
        filled: Json = merged(body, merged(added, body))
        # What only a cluster's first pool was made from is not told as the cluster's.
        return {**filled, "network": body["network"], "subnetwork": body["subnetwork"]}

    def _pool(self, name: str, cluster: Json, body: Json) -> Json:
        """A pool with what GKE adds, and the groups of its nodes."""
        config = {
            "diskType": "pd-balanced",
            "imageType": "COS_CONTAINERD",
            "machineType": "e2-medium",
            "diskSizeGb": 100,
            "windowsNodeConfig": {},
            "effectiveCgroupMode": "EFFECTIVE_CGROUP_MODE_V2",
            **body.get("config", {}),
        }
        own = f"{name}/nodePools/{body['name']}"
        zones = body.get("locations") or cluster["locations"]
        project = name.split("/")[1]
        groups = [
            f"{project}/zones/{zone}/instanceGroupManagers/gke-{body['name']}-{zone[-1]}-grp"
            for zone in zones
        ]
        for group in groups:
            self.compute.groups[group] = int(body.get("initialNodeCount", 0))
        return {
            "selfLink": f"{self.base}{own}",
            "version": VERSION,
            "status": "PROVISIONING",
            "podIpv4CidrSize": 24,
            "etag": "etag-1",
            "maxPodsConstraint": {"maxPodsPerNode": "110"},
            "upgradeSettings": {"maxSurge": 1, "strategy": "SURGE"},
            **body,
            "locations": zones,
            "config": _sandboxed(config),
            "instanceGroupUrls": [self.compute.link(group) for group in groups],
            "networkConfig": {
                "podRange": cluster["ipAllocationPolicy"]["clusterSecondaryRangeName"],
                "podIpv4CidrBlock": cluster["clusterIpv4Cidr"],
                **body.get("networkConfig", {}),
            },
        }

    def _drop_groups(self, pool: Json) -> None:
        for path in _groups(pool):
            del self.compute.groups[path]

    def _started(self, finish: Callable[[], None], target: str, kind: str, error: str = "") -> Json:
        parent = "/".join(target.split("/")[:4])
        operation = self.operations.start(finish, error)
        told = {**self._told(operation, parent), "operationType": kind}
        return checked(gke.Operation, {**told, "targetLink": f"{self.base}{target}"})

    def _told(self, operation: Operation, parent: str) -> Json:
        failed = operation.done and operation.error
        error = {"error": {"code": 8, "message": operation.error}} if failed else {}
        return {
            "name": operation.name,
            "zone": parent.rpartition("/")[2],
            "status": "DONE" if operation.done else "RUNNING",
            "selfLink": f"{self.base}{parent}/operations/{operation.name}",
            "startTime": "2026-01-01T00:00:00Z",
            **error,
        }


def _zones(location: str) -> list[str]:
    regional = len(location.rsplit("-", 1)[1]) > 1
    return [f"{location}-{zone}" for zone in "abc"] if regional else [location]


def _groups(pool: Json) -> list[str]:
    return [url.partition("projects/")[2] for url in pool["instanceGroupUrls"]]


def _sandboxed(config: Json) -> Json:
    """GKE marks the nodes of a pool with GKE Sandbox by itself."""
    if "sandboxConfig" not in config:
        return config
    taint = {"key": "sandbox.gke.io/runtime", "value": "gvisor", "effect": "NO_SCHEDULE"}
    labels = {**config.get("labels", {}), "sandbox.gke.io/runtime": "gvisor"}
    return {**config, "taints": [*config.get("taints", []), taint], "labels": labels}


def _want(cluster: Json, key: str, value: object) -> None:
    """Carry out one `desired…` field of a ClusterUpdate."""
    name = key.removeprefix("desired")
    name = name[0].lower() + name[1:]
    if name == "intraNodeVisibilityConfig":
        cluster["networkConfig"]["enableIntraNodeVisibility"] = value["enabled"]  # type: ignore[index]
    elif name in fields(gke.NetworkConfig):
        cluster["networkConfig"][name] = value
    elif name in fields(gke.Cluster):
        cluster[name] = merged(cluster.get(name), value)
        if name == "controlPlaneEndpointsConfig":
            wanted = value["ipEndpointsConfig"]  # type: ignore[index]
            cluster[name]["ipEndpointsConfig"] |= {
                "authorizedNetworksConfig": wanted["authorizedNetworksConfig"]
            }
    else:
        raise Refused(501, f"the stand-in does not know {key}")
