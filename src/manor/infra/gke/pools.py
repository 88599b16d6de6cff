"""Node pools: the same safeguards on every node, whatever it is for."""

from typing import TypedDict

import pulumi
from pulumi_gcp import container

from manor.infra.gke.options import SMALL_NODES, SMALL_SCOPES, GkeOptions, GpuPool, Pool
from manor.infra.gke.platform import GPU_TAINT

SYSTEM_TAINT = "components.gke.io/gke-managed-components"
"""Taint that GKE's own pods tolerate, and no others ("Isolate your workloads in dedicated node
pools")."""


class _Extra(TypedDict, total=False):
    guest_accelerators: list[container.NodePoolNodeConfigGuestAcceleratorArgs]
    sandbox_config: container.NodePoolNodeConfigSandboxConfigArgs
    taints: list[container.NodePoolNodeConfigTaintArgs]


def _node_config(
    pool: Pool, role: str, account: pulumi.Input[str], scopes: list[str], extra: _Extra
) -> container.NodePoolNodeConfigArgs:
    return container.NodePoolNodeConfigArgs(
        machine_type=pool.machine_type,
        disk_size_gb=pool.disk_gb,
        spot=pool.spot,
        # gVisor and automatic driver installation need it; it is GKE's default.
        image_type="COS_CONTAINERD",
        service_account=account,
        oauth_scopes=scopes,
        labels={"manor.dev/pool": role},
        metadata={"disable-legacy-endpoints": "true"},
        shielded_instance_config=container.NodePoolNodeConfigShieldedInstanceConfigArgs(
            enable_secure_boot=True, enable_integrity_monitoring=True
        ),
        workload_metadata_config=container.NodePoolNodeConfigWorkloadMetadataConfigArgs(
            mode="GKE_METADATA"
        ),
        kubelet_config=container.NodePoolNodeConfigKubeletConfigArgs(
            insecure_kubelet_readonly_port_enabled="FALSE"
        ),
        gvnic=container.NodePoolNodeConfigGvnicArgs(enabled=True),
        **extra,
    )


def _extra(role: str, pool: Pool) -> _Extra:
    if isinstance(pool, GpuPool):
        driver = container.NodePoolNodeConfigGuestAcceleratorGpuDriverInstallationConfigArgs(
            gpu_driver_version=pool.driver
        )
        accelerator = container.NodePoolNodeConfigGuestAcceleratorArgs(
            type=pool.accelerator, count=pool.count, gpu_driver_installation_config=driver
        )
        return {"guest_accelerators": [accelerator], "taints": [_taint(GPU_TAINT, "present")]}
    if role == "sandbox":
        return {"sandbox_config": container.NodePoolNodeConfigSandboxConfigArgs(type="GVISOR")}
    return {"taints": [_taint(SYSTEM_TAINT, "true")]} if role == "system" else {}


def _taint(key: str, value: str) -> container.NodePoolNodeConfigTaintArgs:
    return container.NodePoolNodeConfigTaintArgs(key=key, value=value, effect="NO_SCHEDULE")


def wanted_pools(options: GkeOptions) -> dict[str, Pool]:
    """Every pool by its role: `small` alone, or system, cpu, sandbox and one for each
    kind of GPU."""
    if options.small:
        return {
            "small": Pool(
                machine_type=options.small_machine_type,
                min_nodes=SMALL_NODES,
                max_nodes=SMALL_NODES,
            )
        }
    pools: dict[str, Pool] = {"system": options.system_pool, "cpu": options.cpu_pool}
    if options.sandbox_pool:
        pools["sandbox"] = options.sandbox_pool
    return {**pools, **{pool.name: pool for pool in options.gpu_pools}}


def node_pools(
    name: str,
    options: GkeOptions,
    cluster: container.Cluster,
    account: pulumi.Input[str],
    parent: pulumi.Resource,
) -> list[container.NodePool]:
    """The node pools of the cluster."""
    scopes = SMALL_SCOPES if options.small else options.node_scopes
    made = []
    for role, pool in wanted_pools(options).items():
        scaling = container.NodePoolAutoscalingArgs(
            total_min_node_count=pool.min_nodes,
            total_max_node_count=pool.max_nodes,
            location_policy="ANY",
        )
        # A count is for each zone, and a regional cluster has three.
        count = SMALL_NODES // 3 if options.regional else SMALL_NODES
        made.append(
            container.NodePool(
                f"{name}-{role}",
                name=role,
                project=options.project,
                location=options.location,
                cluster=cluster.name,
                node_locations=pool.zones if isinstance(pool, GpuPool) and pool.zones else None,
                node_count=count if options.small else None,
                autoscaling=None if options.small else scaling,
                initial_node_count=None if options.small else 0 if pool.min_nodes == 0 else 1,
                management=container.NodePoolManagementArgs(auto_repair=True, auto_upgrade=True),
                upgrade_settings=container.NodePoolUpgradeSettingsArgs(
                    max_surge=1, max_unavailable=0
                ),
                network_config=container.NodePoolNetworkConfigArgs(enable_private_nodes=True),
                node_config=_node_config(pool, role, account, scopes, _extra(role, pool)),
                opts=pulumi.ResourceOptions(
                    parent=parent,
                    # The autoscaler changes it, and a change here would make the pool anew.
                    ignore_changes=["initialNodeCount"],
                    # Two pools of one name cannot be, also where one is made anew on demand.
                    delete_before_replace=True,
                    deleted_with=cluster,
                ),
            )
        )
    return made
