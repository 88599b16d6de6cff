"""The rules of the kinds that are always there: Kubernetes' own and Manor's, and what the platform
keeps to itself.

Their order is that of the rules in the tenant roles. Every verb is written out, and no role holds
`bind`, `escalate`, `impersonate` or a wildcard.
"""

from manor.api import kinds
from manor.api.kinds import KindInfo
from manor.api.rules import KindRule, Verbs
from manor.api.wellknown import ENVOY_GROUP, GATEWAY_GROUP, GROUP, KUEUE_GROUP, RBAC_GROUP

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
CHANGE = ("get", "update", "patch")

WORKED_WITH = Verbs(viewer=READ, editor=WRITE)
READ_ONLY = Verbs(viewer=READ)
SECRET = Verbs(editor=READ + WRITE)
ACCOUNT = Verbs(viewer=READ, owner=WRITE)
TOKEN = Verbs(owner=("create",))
"""What any pod may have by naming the account; the policy manor-credentials bounds audience and
time."""
ENTERED = Verbs(editor=("get", "create"), owner=READ + WRITE)
"""The API serves no more than get and create of these; charts grant every verb all the same."""
AMENDED = Verbs(editor=CHANGE)
EVICTED = Verbs(editor=("create",))
REPORTED = Verbs(viewer=READ, editor=("create", "patch"))
GRANTED = Verbs(owner=READ + WRITE)

PATTERNS = (
    WORKED_WITH,
    READ_ONLY,
    SECRET,
    ACCOUNT,
    TOKEN,
    ENTERED,
    AMENDED,
    EVICTED,
    REPORTED,
    GRANTED,
)
"""The patterns of rights, in the order in which a role lists them."""

_TEMPLATE = ("spec.template",)

_CORE = (
    KindRule(
        *("", "Pod", "pods"),
        verbs=WORKED_WITH,
        subresources={
            **{"log": READ_ONLY, "status": READ_ONLY},
            **{"exec": ENTERED, "attach": ENTERED, "portforward": ENTERED},
            **{"ephemeralcontainers": AMENDED, "resize": AMENDED, "eviction": EVICTED},
        },
        # A quota has an amount of its own for pods.
        owns=True,
        templates=("",),
        adds_containers=("ephemeralcontainers",),
    ),
    KindRule("", "Service", "services", verbs=WORKED_WITH, counted=True, owns=True),
    KindRule("", "ConfigMap", "configmaps", verbs=WORKED_WITH, counted=True, owns=True),
    KindRule(
        "",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        verbs=WORKED_WITH,
        counted=True,
        owns=True,
    ),
    KindRule(
        *("", "ReplicationController", "replicationcontrollers"),
        verbs=WORKED_WITH,
        scale=True,
        counted=True,
        owns=True,
        templates=_TEMPLATE,
    ),
    KindRule("", "Secret", "secrets", verbs=SECRET, counted=True, owns=True),
    # The quota controller leaves events out, and what it does not count is refused.
    KindRule("", "Event", "events", verbs=REPORTED),
    KindRule("", "ResourceQuota", "resourcequotas", verbs=READ_ONLY),
    KindRule("", "LimitRange", "limitranges", verbs=READ_ONLY),
    KindRule("", "Endpoints", "endpoints", verbs=READ_ONLY, counted=True, owns=True),
    KindRule(
        *("", "ServiceAccount", "serviceaccounts"),
        verbs=ACCOUNT,
        subresources={"token": TOKEN},
        counted=True,
        owns=True,
    ),
)

_STATUS = {"status": READ_ONLY}

_WORKLOADS = (
    KindRule(
        "apps",
        "ControllerRevision",
        "controllerrevisions",
        verbs=READ_ONLY,
        counted=True,
        owns=True,
    ),
    KindRule(
        *("apps", "Deployment", "deployments"),
        verbs=WORKED_WITH,
        subresources=_STATUS,
        scale=True,
        counted=True,
        owns=True,
        templates=_TEMPLATE,
        makes="ReplicaSet",
    ),
    KindRule(
        *("apps", "ReplicaSet", "replicasets"),
        verbs=WORKED_WITH,
        scale=True,
        counted=True,
        owns=True,
        templates=_TEMPLATE,
    ),
    KindRule(
        *("apps", "StatefulSet", "statefulsets"),
        verbs=WORKED_WITH,
        subresources=_STATUS,
        scale=True,
        counted=True,
        owns=True,
        templates=_TEMPLATE,
    ),
    KindRule(
        "apps",
        "DaemonSet",
        "daemonsets",
        verbs=WORKED_WITH,
        counted=True,
        owns=True,
        templates=_TEMPLATE,
    ),
    KindRule(
        *("batch", "Job", "jobs"),
        verbs=WORKED_WITH,
        subresources=_STATUS,
        counted=True,
        owns=True,
        templates=_TEMPLATE,
    ),
    KindRule(
        *("batch", "CronJob", "cronjobs"),
        verbs=WORKED_WITH,
        counted=True,
        owns=True,
        templates=("spec.jobTemplate.spec.template",),
        makes="Job",
    ),
    KindRule("", "PodTemplate", "podtemplates", counted=True, owns=True, templates=("template",)),
    KindRule(
        "autoscaling",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        verbs=WORKED_WITH,
        counted=True,
        owns=True,
    ),
    KindRule(
        "policy",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        verbs=WORKED_WITH,
        counted=True,
        owns=True,
    ),
    KindRule("coordination.k8s.io", "Lease", "leases", verbs=WORKED_WITH, counted=True),
)

_NETWORK_AND_RIGHTS = (
    KindRule(GATEWAY_GROUP, "HTTPRoute", "httproutes", verbs=WORKED_WITH, counted=True, owns=True),
    KindRule(GATEWAY_GROUP, "GRPCRoute", "grpcroutes", verbs=WORKED_WITH, counted=True, owns=True),
    # In the one form that asks for a Model's keys (policy manor-keys), and that bounds how often
    # they ask (manor-limits) and what they use (manor-tokens).
    KindRule(
        *(ENVOY_GROUP, "SecurityPolicy", "securitypolicies"),
        verbs=WORKED_WITH,
        counted=True,
    ),
    KindRule(
        *(ENVOY_GROUP, "BackendTrafficPolicy", "backendtrafficpolicies"),
        verbs=WORKED_WITH,
        counted=True,
    ),
    KindRule(
        *(ENVOY_GROUP, "EnvoyExtensionPolicy", "envoyextensionpolicies"),
        verbs=WORKED_WITH,
        counted=True,
    ),
    KindRule("discovery.k8s.io", "EndpointSlice", "endpointslices", verbs=READ_ONLY, counted=True),
    KindRule("events.k8s.io", "Event", "events", verbs=REPORTED),
    KindRule(
        "resource.k8s.io",
        "ResourceClaim",
        "resourceclaims",
        switch="devices",
        counted=True,
        owns=True,
    ),
    KindRule(
        "resource.k8s.io",
        "ResourceClaimTemplate",
        "resourceclaimtemplates",
        switch="devices",
        counted=True,
        owns=True,
    ),
    KindRule(
        "networking.k8s.io", "Ingress", "ingresses", verbs=WORKED_WITH, counted=True, owns=True
    ),
    KindRule(
        "networking.k8s.io",
        "NetworkPolicy",
        "networkpolicies",
        verbs=READ_ONLY,
        switch="tenant-policies",
        counted=True,
    ),
    KindRule("metrics.k8s.io", "PodMetrics", "pods", verbs=READ_ONLY, writable=False),
    KindRule(RBAC_GROUP, "Role", "roles", verbs=GRANTED, counted=True, owns=True),
    KindRule(RBAC_GROUP, "RoleBinding", "rolebindings", verbs=GRANTED, counted=True, owns=True),
)


def _workload(info: KindInfo) -> KindRule:
    return KindRule(
        GROUP,
        info.kind,
        info.plural,
        namespaced=info.namespaced,
        verbs=WORKED_WITH,
        subresources=_STATUS,
        scale=info.scaled,
        counted=True,
        owns=True,
    )


_MANOR = tuple(_workload(info) for info in kinds.WORKLOADS)

_PLATFORM = (
    # The cluster's own configuration, and rights beyond a namespace.
    KindRule(
        *(
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicy",
            "validatingadmissionpolicies",
        ),
        namespaced=False,
    ),
    KindRule(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
    ),
    KindRule("apiregistration.k8s.io", "APIService", "apiservices", namespaced=False),
    KindRule("authentication.k8s.io", "TokenReview", "tokenreviews", namespaced=False),
    KindRule("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews"),
    KindRule(
        "certificates.k8s.io",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        namespaced=False,
    ),
    # Long gone from the API server, and still named by old charts.
    KindRule("extensions", "Ingress", "ingresses"),
    KindRule("flowcontrol.apiserver.k8s.io", "FlowSchema", "flowschemas", namespaced=False),
    KindRule("internal.apiserver.k8s.io", "StorageVersion", "storageversions", namespaced=False),
    KindRule("node.k8s.io", "RuntimeClass", "runtimeclasses", namespaced=False),
    KindRule("scheduling.k8s.io", "PriorityClass", "priorityclasses", namespaced=False),
    KindRule("storage.k8s.io", "StorageClass", "storageclasses", namespaced=False),
    KindRule(
        "storagemigration.k8s.io",
        "StorageVersionMigration",
        "storageversionmigrations",
        namespaced=False,
    ),
    # What opens the way in, or configures the proxies behind it.
    KindRule("gateway.networking.x-k8s.io", "XListenerSet", "xlistenersets"),
    KindRule(ENVOY_GROUP, "EnvoyProxy", "envoyproxies"),
    # The queues, and what stands in them.
    KindRule(KUEUE_GROUP, "Workload", "workloads"),
    # What opens or bends a network beside the NetworkPolicies, or gives a pod a second one.
    KindRule(
        "policy.networking.k8s.io",
        "ClusterNetworkPolicy",
        "clusternetworkpolicies",
        namespaced=False,
    ),
    KindRule("cilium.io", "CiliumNetworkPolicy", "ciliumnetworkpolicies"),
    KindRule("crd.projectcalico.org", "NetworkPolicy", "networkpolicies"),
    KindRule("projectcalico.org", "NetworkPolicy", "networkpolicies"),
    KindRule("k8s.ovn.org", "EgressFirewall", "egressfirewalls"),
    KindRule("k8s.cni.cncf.io", "NetworkAttachmentDefinition", "network-attachment-definitions"),
    KindRule("networking.gke.io", "FQDNNetworkPolicy", "fqdnnetworkpolicies"),
)
"""Kinds that no tenant writes, one at least of each group that is the platform's."""

RULES = (*_CORE, *_WORKLOADS, *_NETWORK_AND_RIGHTS, *_MANOR, *_PLATFORM)
