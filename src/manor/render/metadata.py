"""Which labels, annotations, finalizers and owners a tenant may write: what means nothing beyond
its own namespace.

A key stands for itself; `example.com/*` for all keys of that domain. What is not here is for the
Platform to name.
"""

from manor.api import Platform, Tenant
from manor.api.pack_zero import RULES
from manor.api.wellknown import (
    KUEUE_GROUP,
    METADATA_KEYS_ANNOTATION,
    QUEUE_LABEL,
    REQUESTED_BY,
    SERVICE_ANNOTATIONS_ANNOTATION,
    TOKEN_AUDIENCE,
)
from manor.tools import NO_TOOLS, Toolset

_BUILT_IN = (
    "app.kubernetes.io/*",
    "apps.kubernetes.io/*",
    "autoscaling.alpha.kubernetes.io/*",
    "batch.kubernetes.io/*",
    "cluster-autoscaler.kubernetes.io/safe-to-evict",
    "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes",
    "control-plane.alpha.kubernetes.io/leader",
    "controller.kubernetes.io/pod-deletion-cost",
    "deployment.kubernetes.io/*",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/*",
    "kubernetes.io/change-cause",
    "kubernetes.io/description",
    "kubernetes.io/enforce-mountable-secrets",
    "kubernetes.io/limit-ranger",
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-name",
    REQUESTED_BY,
    TOKEN_AUDIENCE,
    "service.kubernetes.io/topology-mode",
    "statefulset.kubernetes.io/*",
)
"""Recommended labels, kubectl's, and what the API server, Manor's policies and the built-in
controllers write in a tenant's name. A key that means something on one kind alone (EndpointSlice, a
token's Secret) is here where that kind has its own policy."""

_DEPLOYING = (
    "argocd.argoproj.io/compare-options",
    "argocd.argoproj.io/hook",
    "argocd.argoproj.io/hook-delete-policy",
    "argocd.argoproj.io/sync-options",
    "argocd.argoproj.io/sync-wave",
    "checksum/*",
    "config.kubernetes.io/*",
    "helm.sh/*",
    "helm.toolkit.fluxcd.io/*",
    "kompose.cmd",
    "kompose.version",
    "kustomize.toolkit.fluxcd.io/*",
    "linkerd.io/inject",
    "meta.helm.sh/*",
    "prometheus.io/*",
    "pulumi.com/*",
    "sidecar.istio.io/inject",
    "skaffold.dev/*",
)
"""What charts and the tools that deploy them write. Not the marks by which such a tool owns and
prunes objects."""

_IDENTITY = (
    "azure.workload.identity/client-id",
    "azure.workload.identity/use",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
)
"""Which identity of the cloud a service account asks for: the cloud's own policy says whether it
gets it."""

_ML_SYSTEMS = (
    "autoscaling.knative.dev/*",
    "dagster/*",
    "dask.org/*",
    "flyte.org/*",
    "hub.jupyter.org/*",
    "jobset.sigs.k8s.io/*",
    "katib.kubeflow.org/*",
    "kubernetes.dask.org/*",
    QUEUE_LABEL,
    "leaderworkerset.sigs.k8s.io/*",
    "metaflow/*",
    "mlflow.org/*",
    "notebooks.kubeflow.org/*",
    "pipelines.kubeflow.org/*",
    "prefect.io/*",
    "ray.io/*",
    "serving.knative.dev/*",
    "serving.kserve.io/*",
    "sparkoperator.k8s.io/*",
    "trainer.kubeflow.org/*",
    "training.kubeflow.org/*",
    "workflows.argoproj.io/*",
)
"""What their controllers read in a namespace and write onto the pods that they make there."""

_KUEUE = f"{KUEUE_GROUP}/*"
_KUEUE_FINALIZER = f"{KUEUE_GROUP}/managed"


def keys(platform: Platform) -> list[str]:
    """Keys of labels and annotations that every tenant may write."""
    queue = [_KUEUE] if platform.spec.engines.queue == "kueue" else []
    return sorted([*_BUILT_IN, *_DEPLOYING, *_IDENTITY, *_ML_SYSTEMS, *queue])


def finalizers(platform: Platform, tools: Toolset = NO_TOOLS) -> list[str]:
    """Finalizers that a new object of a tenant may bear, because a webhook of the cluster puts them
    there."""
    queue = [_KUEUE_FINALIZER] if platform.spec.engines.queue == "kueue" else []
    return sorted({*platform.spec.metadata.finalizers, *tools.finalizers, *queue})


def owners(platform: Platform, tools: Toolset = NO_TOOLS) -> list[str]:
    """Kinds that may own a tenant's object, as `Kind` or `Kind.group`: those that live in a
    namespace.

    An owner of another kind might be anywhere in the cluster.
    """
    kinds = (rule.qualified_kind for rule in (*RULES, *tools.rules) if rule.owns)
    return sorted({*kinds, *platform.spec.metadata.owners})


def namespace_annotations(
    platform: Platform, tenant: Tenant, tools: Toolset = NO_TOOLS
) -> dict[str, str]:
    """What a tenant may write besides, on its namespace: so that the policy holds there from the
    first moment."""
    own, services = tenant.spec.metadata_keys, tenant.spec.service_annotations
    more = {
        METADATA_KEYS_ANNOTATION: [
            *(platform.spec.metadata.keys if own is None else own),
            *tools.metadata_keys,
        ],
        SERVICE_ANNOTATIONS_ANNOTATION: platform.spec.services.annotations
        if services is None
        else services,
    }
    return {key: ",".join(sorted(set(patterns))) for key, patterns in more.items() if patterns}
