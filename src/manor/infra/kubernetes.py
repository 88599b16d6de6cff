"""The connection to a cluster, with the settings that Manor's components are made for."""

import pulumi
import pulumi_kubernetes as kubernetes

from manor.limits import limits


def kubernetes_provider(
    name: str,
    *,
    kubeconfig: pulumi.Input[str] | None = None,
    context: str | None = None,
    cluster: pulumi.Input[str] | None = None,
    force: bool = False,
    opts: pulumi.ResourceOptions | None = None,
) -> kubernetes.Provider:
    """A provider for Manor's components.

    Args:
        name: its logical name.
        kubeconfig: the content or path of a kubeconfig; as usual ($KUBECONFIG, ~/.kube/config) when
            absent.
        context: a context of the kubeconfig; the current one when absent.
        cluster: what identifies the cluster. The provider is replaced, and all on it made anew,
            only when this
            changes; when absent, changes of the kubeconfig are told apart by the provider's own
            heuristics.
        force: whether fields that others changed are taken back; a conflict when false.
        opts: resource options.
    """
    bounds = limits().infra
    return kubernetes.Provider(
        name,
        kubeconfig=kubeconfig,
        context=context,
        cluster_identifier=cluster,
        enable_server_side_apply=True,
        # What `manor apply` made is taken over by writing it again under the same field manager.
        upsert_existing_objects=True,
        enable_patch_force=force,
        # Otherwise a change of a ConfigMap deletes it first, and with it the tenant's guardrails
        # for a moment.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # 500 objects, written with these, are through in a fifth of the time.
        kube_client_settings=kubernetes.KubeClientSettingsArgs(
            qps=bounds.requests_per_second, burst=bounds.burst
        ),
        opts=opts,
    )
