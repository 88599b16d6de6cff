"""GkeCluster: a GKE cluster on which several ML teams can be kept apart."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_gcp import container

from manor.infra.gke.identity import node_account, secrets_key
from manor.infra.gke.kubeconfig import kubeconfig
from manor.infra.gke.network import PODS, SERVICES, Network, make_network
from manor.infra.gke.options import GkeOptions
from manor.infra.gke.pools import node_pools
from manor.infra.kubernetes import kubernetes_provider
from manor.infra.settings import validated


class GkeClusterArgs(TypedDict):
    """What a GkeCluster is made of."""

    options: Any
    """`manor.infra.GkeOptions`, or the same as a mapping with camelCase keys (project, location,
    gpuPools, …)."""
    force: NotRequired[bool]
    """Whether fields that others changed on the cluster are taken back. Default false: they stop
    the run."""


def _endpoints() -> container.ClusterControlPlaneEndpointsConfigArgs:
    return container.ClusterControlPlaneEndpointsConfigArgs(
        dns_endpoint_config=container.ClusterControlPlaneEndpointsConfigDnsEndpointConfigArgs(
            allow_external_traffic=True
        ),
        ip_endpoints_config=container.ClusterControlPlaneEndpointsConfigIpEndpointsConfigArgs(
            enabled=True
        ),
    )


def _authorized(options: GkeOptions) -> container.ClusterMasterAuthorizedNetworksConfigArgs:
    return container.ClusterMasterAuthorizedNetworksConfigArgs(
        gcp_public_cidrs_access_enabled=False,
        cidr_blocks=[
            container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs(
                cidr_block=str(network.cidr), display_name=network.name or None
            )
            for network in options.authorized_networks
        ],
    )


def _addons() -> container.ClusterAddonsConfigArgs:
    return container.ClusterAddonsConfigArgs(
        horizontal_pod_autoscaling=container.ClusterAddonsConfigHorizontalPodAutoscalingArgs(
            disabled=False
        ),
        http_load_balancing=container.ClusterAddonsConfigHttpLoadBalancingArgs(disabled=False),
        gce_persistent_disk_csi_driver_config=container.ClusterAddonsConfigGcePersistentDiskCsiDriverConfigArgs(
            enabled=True
        ),
        # Tenants' pods may ask the kube-dns pods and nobody else; a cache on the node would be
        # somebody else.
        dns_cache_config=container.ClusterAddonsConfigDnsCacheConfigArgs(enabled=False),
    )


def _monitoring() -> container.ClusterMonitoringConfigArgs:
    return container.ClusterMonitoringConfigArgs(
        enable_components=[
            "SYSTEM_COMPONENTS",
            "POD",
            "DEPLOYMENT",
            "STATEFULSET",
            "STORAGE",
            "HPA",
            "CADVISOR",
            "KUBELET",
        ],
        managed_prometheus=container.ClusterMonitoringConfigManagedPrometheusArgs(enabled=True),
        advanced_datapath_observability_config=container.ClusterMonitoringConfigAdvancedDatapathObservabilityConfigArgs(
            enable_metrics=True, enable_relay=False
        ),
    )


def _optional(options: GkeOptions, key: pulumi.Input[str] | None) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if key is not None:
        chosen["database_encryption"] = container.ClusterDatabaseEncryptionArgs(
            state="ENCRYPTED", key_name=key
        )
    if options.security_group:
        chosen["authenticator_groups_config"] = container.ClusterAuthenticatorGroupsConfigArgs(
            security_group=options.security_group
        )
    return chosen


def _cluster_args(
    options: GkeOptions, network: Network, account: pulumi.Input[str], key: pulumi.Input[str] | None
) -> container.ClusterArgs:
    window = options.maintenance
    return container.ClusterArgs(
        name=options.name,
        project=options.project,
        location=options.location,
        resource_labels=options.labels,
        deletion_protection=options.deletion_protection,
        release_channel=container.ClusterReleaseChannelArgs(channel=options.release_channel),
        maintenance_policy=container.ClusterMaintenancePolicyArgs(
            recurring_window=container.ClusterMaintenancePolicyRecurringWindowArgs(
                start_time=window.start, end_time=window.end, recurrence=window.recurrence
            )
        ),
        # Pools are resources of their own; the first one, which GKE insists on, runs as the nodes'
        # account meanwhile.
        remove_default_node_pool=True,
        initial_node_count=1,
        node_config=container.ClusterNodeConfigArgs(
            service_account=account, oauth_scopes=options.node_scopes
        ),
        network=network.network.id,
        subnetwork=network.subnetwork.id,
        networking_mode="VPC_NATIVE",
        ip_allocation_policy=container.ClusterIpAllocationPolicyArgs(
            cluster_secondary_range_name=PODS, services_secondary_range_name=SERVICES
        ),
        # NetworkPolicies by Cilium, as on the embedded node.
        datapath_provider="ADVANCED_DATAPATH",
        enable_intranode_visibility=True,
        dns_config=container.ClusterDnsConfigArgs(cluster_dns="KUBE_DNS"),
        private_cluster_config=container.ClusterPrivateClusterConfigArgs(
            enable_private_nodes=True, enable_private_endpoint=not options.authorized_networks
        ),
        control_plane_endpoints_config=_endpoints(),
        master_authorized_networks_config=_authorized(options),
        master_auth=container.ClusterMasterAuthArgs(
            client_certificate_config=container.ClusterMasterAuthClientCertificateConfigArgs(
                issue_client_certificate=False
            )
        ),
        enable_legacy_abac=False,
        # A binding to everyone, logged in or not, is never what was meant.
        rbac_binding_config=container.ClusterRbacBindingConfigArgs(
            enable_insecure_binding_system_authenticated=False,
            enable_insecure_binding_system_unauthenticated=False,
        ),
        anonymous_authentication_config=container.ClusterAnonymousAuthenticationConfigArgs(
            mode="LIMITED"
        ),
        workload_identity_config=container.ClusterWorkloadIdentityConfigArgs(
            workload_pool=f"{options.project}.svc.id.goog"
        ),
        enable_shielded_nodes=True,
        node_pool_defaults=container.ClusterNodePoolDefaultsArgs(
            node_config_defaults=container.ClusterNodePoolDefaultsNodeConfigDefaultsArgs(
                insecure_kubelet_readonly_port_enabled="FALSE"
            )
        ),
        gateway_api_config=container.ClusterGatewayApiConfigArgs(channel="CHANNEL_STANDARD"),
        addons_config=_addons(),
        logging_config=container.ClusterLoggingConfigArgs(
            enable_components=["SYSTEM_COMPONENTS", "WORKLOADS"]
        ),
        monitoring_config=_monitoring(),
        cost_management_config=container.ClusterCostManagementConfigArgs(enabled=True),
        **_optional(options, key),
    )


def _dns_name(endpoints: container.outputs.ClusterControlPlaneEndpointsConfig) -> str:
    dns = endpoints.dns_endpoint_config
    return (dns.endpoint if dns else None) or ""


class GkeCluster(pulumi.ComponentResource):
    """A GKE cluster for several ML teams, with its network, its nodes' identity and the key of its
    Secrets."""

    cluster_name: pulumi.Output[str]
    """Name of the cluster."""
    cluster_endpoint: pulumi.Output[str]
    """Where its API server is reached: a DNS name, or an IP address where networks are
    authorized."""
    kubeconfig: pulumi.Output[str]
    """A kubeconfig for gke-gcloud-auth-plugin. Secret."""

    def __init__(
        self, name: str, args: GkeClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("manor:index:GkeCluster", name, None, opts)
        given: GkeOptions | Mapping[str, Any] = args["options"]
        options = given if isinstance(given, GkeOptions) else validated(GkeOptions, given, name)
        network = make_network(name, options, self)
        account, roles = node_account(name, options, self)
        needs: list[pulumi.Resource] = [network.nat, *roles]
        key: pulumi.Input[str] | None = None
        if options.encrypt_secrets:
            key, grant = secrets_key(name, options, self)
            needs.append(grant)
        cluster = container.Cluster(
            name,
            _cluster_args(options, network, account.email, key),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=needs,
                protect=options.deletion_protection,
                # What the pools do is the pools'.
                ignore_changes=["initialNodeCount", "nodeConfig"],
            ),
        )
        self.pools = node_pools(name, options, cluster, account.email, self)
        self._outputs(name, options, cluster, force=args.get("force", False))

    def _outputs(
        self, name: str, options: GkeOptions, cluster: container.Cluster, *, force: bool
    ) -> None:
        by_ip = bool(options.authorized_networks)
        self.cluster_name = cluster.name
        self.cluster_endpoint = (
            cluster.endpoint if by_ip else cluster.control_plane_endpoints_config.apply(_dns_name)
        )
        self.private_endpoint = cluster.private_cluster_config.apply(
            lambda c: c.private_endpoint or ""
        )
        ca = cluster.master_auth.apply(lambda auth: auth.cluster_ca_certificate if by_ip else None)
        written = pulumi.Output.all(cluster.name, self.cluster_endpoint, ca).apply(
            lambda parts: kubeconfig(*parts)
        )
        self.kubeconfig = pulumi.Output.secret(written)
        self.kubernetes: kubernetes.Provider = kubernetes_provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            cluster=cluster.id,
            force=force,
            # Nothing of a tenant can be made before there are nodes for what must run first. Where
            # it stays, so do the pools: a destroy that stops at the cluster would forget them.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=self.pools, protect=options.deletion_protection
            ),
        )
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "cluster_endpoint": self.cluster_endpoint,
                "kubeconfig": self.kubeconfig,
            }
        )
