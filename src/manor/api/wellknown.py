"""Names that more than one part of Manor, or a cluster's administrator, knows: each is written here
alone.

They are a contract: objects on clusters bear them, and policies decide by them. Those that only the
renderer knows are in `manor.render.names`.
"""

GROUP = "manor.dev"
"""The API group of Manor's kinds, and the domain of its labels and annotations."""
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MANAGE = "manage"
"""The verb on Tenants by which the policies know the platform (`authorizer.check('manage')`)."""
OWN = "own"
"""The verb on a Tenant, and on the name of a Namespace, by which the policies know a tenant's
owners."""

# Groups and versions of other projects' APIs.
FLOWCONTROL_API = "flowcontrol.apiserver.k8s.io/v1"
GATEWAY_GROUP = "gateway.networking.k8s.io"
GATEWAY_API = f"{GATEWAY_GROUP}/v1"
ENVOY_GROUP = "gateway.envoyproxy.io"
ENVOY_API = f"{ENVOY_GROUP}/v1alpha1"
NETWORKING_API = "networking.k8s.io/v1"
RBAC_GROUP = "rbac.authorization.k8s.io"
RBAC_API = f"{RBAC_GROUP}/v1"
KUEUE_GROUP = "kueue.x-k8s.io"
KUEUE_API = f"{KUEUE_GROUP}/v1beta2"

# Labels.
TENANT_LABEL = f"{GROUP}/tenant"
"""On a namespace, Gateway or proxy: the tenant it belongs to. Only the platform may write it;
isolation hangs on it."""
TOOL_LABEL_PREFIX = f"tools.{GROUP}/"
"""Before a Tool's name, on the namespaces of the tenants that use it: what the Tool's webhooks look
at."""
SANDBOX_LABEL = f"{GROUP}/sandbox"
"""On a namespace: its tenant's pods run in the Platform's sandboxed runtime class."""
USER_IDS_LABEL = f"{GROUP}/user-ids"
"""On a namespace: the first of the user and group IDs of its tenant's pods. What fills them in and
what checks them reads it here, so that neither needs another object."""
PROBE_LABEL = f"{GROUP}/probe"
"""On everything that a run of `manor verify` stores: the run's name. No tenant may write it (policy
manor-metadata)."""
FRONT_PODS = {f"{GROUP}/front": "true"}
"""On the pods of the front, by its installation: the only ones that a tenant's proxy hears."""
QUEUE_LABEL = f"{KUEUE_GROUP}/queue-name"
"""On what waits in a queue of Kueue: the LocalQueue."""
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""On every namespace, by the API server: its name."""
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
CREATED_BY = "app.kubernetes.io/created-by"
"""Label or annotation of a workload or pod: who made it, as its team says."""
TOKEN_AUDIENCE = f"{GROUP}/audience"
"""On a request for a token while it is judged: whether it was asked for an audience (policy
manor-credentials)."""
SPEC_DIGEST = f"{GROUP}/spec-digest"
"""Annotation of a guardrail: what it said when it was made."""
REQUESTED_BY = f"{GROUP}/requested-by"
"""Annotation of a workload: the person who last wrote its spec, as the API server knows him (policy
manor-requested-by)."""
USAGE_LABEL = f"{GROUP}/usage"
"""On an account of what a tenant used: the tenant."""

MANAGED = {MANAGED_BY_LABEL: "manor"}
"""The labels of all that Manor makes."""
POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
}
"""Pod Security Standards: a tenant's pods are `restricted`, in every mode."""

# Annotations, both on a namespace: keys that its tenant may write besides, joined by commas.
METADATA_KEYS_ANNOTATION = f"{GROUP}/metadata-keys"
SERVICE_ANNOTATIONS_ANNOTATION = f"{GROUP}/service-annotations"
PAUSED_ANNOTATION = f"{GROUP}/paused"
"""On an object of Manor's own: the operator leaves it as it is. The value is for people."""

# Objects.
SYSTEM_NAMESPACE = "manor-system"
"""Holds the tenants' Gateways and what is Manor's own; no tenant reaches it."""
FRONT = "manor-front"
"""The front's Gateway, its namespace and class unless the Platform says otherwise, and its pods'
NetworkPolicy."""
QUOTA = "manor-quota"
"""The ResourceQuota in each tenant namespace."""
LIMITS = "manor-limits"
"""The LimitRange in each tenant namespace."""
GUARDRAILS = "manor-guardrails"
"""The ConfigMap in each tenant namespace that parameterises the admission policies."""
POLICY_DEFAULT_DENY = "manor-default-deny"
"""The NetworkPolicy that closes a namespace in both directions."""
POLICY_EGRESS = "manor-egress"
"""The NetworkPolicy of a tenant's ways out of the cluster."""
POLICY_API_SERVER = "manor-api-server"
"""The NetworkPolicy of a tenant whose pods may reach the API server."""
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"
"""What the user name of every service account begins with."""
KEEPER = "manor:keeper"
"""The ClusterRole of whoever makes tenants' places and writes workloads as their tenants alone: the
operator."""
APPLIER = "manor:applier"
"""The ClusterRole of whoever applies tenants and workloads without being a cluster administrator:
CI, an operator."""
WORKLOADS = "manor:workloads"
"""The ClusterRole of what a workload becomes."""
WORKLOADS_ACCOUNT = "manor-workloads"
"""As whom what a workload becomes is written, in each of a tenant's namespaces: a service account
that nobody makes, and that may write what engines make and no more."""
STAND_IN = "manor:stand-in"
"""The ClusterRole of a tenant's stand-in: what an owner may ask for, less what would tell it a
Secret, give it a token or let it into a pod."""
STAND_IN_ACCOUNT = "manor-stand-in"
"""As whom a run of `manor verify` that nobody attends asks, in a tenant's first namespace: a
service account that nobody makes, and whose requests are dry runs or are refused (policy
manor-stand-ins)."""
FRONT_SEEN = "manor:front"
"""The ClusterRole of who sees the front's Gateway, bound in its namespace."""
CONTROLLER = "controller"
"""The role of a Tool's controllers, in the namespaces where the Tool is used."""
OPERATOR = "manor-operator"
"""Of the operator, in the system namespace: its service account, its Deployment, its lock (a Lease)
and whatever else is its alone."""
VERIFY_REPORT = "manor-verify"
"""The ConfigMap in the system namespace with what the operator's checks last found open."""
VERIFY_RUNS = "manor-verify-runs"
"""The ConfigMap in the system namespace with what the last run of `manor verify --keep-report` of
each level found open."""
VERIFIER = "manor-verifier"
"""Of the run of `manor verify` that nobody attends, in the system namespace: its service account,
its CronJob and whatever else is its alone."""
VERIFIER_ROLE = "manor:verifier:scheduled"
"""The ClusterRole of that service account."""
OPERATOR_ROLE = "manor:operator"
"""The ClusterRole of what the operator may do beside `KEEPER`."""
OPERATOR_FINALIZER = f"{GROUP}/operator"
"""On what the operator takes care of: a deletion waits until the operator has cleaned up."""


def closed_host(tenant: str) -> str:
    """The host name of a tenant's proxy that lets nobody through; no name below `invalid` is
    anybody's (RFC 2606)."""
    return f"{tenant}.closed.invalid"


def usage_account(tenant: str, month: int) -> str:
    """The ConfigMap in the system namespace with what a tenant used in a month, by the month's
    number: a year later it is written anew."""
    return f"manor-usage-{tenant}-{month:02}"


def cluster_role(role: str) -> str:
    """The ClusterRole of a tenant role, bound in each of the tenant's namespaces."""
    return f"manor:{role}"


def tool_role(tool: str, role: str) -> str:
    """The ClusterRole of what a tenant role, or the Tool's controllers, may do; bound where the
    Tool is used."""
    return f"manor:tool:{tool}:{role}"


def tenant_cluster_role(tenant: str) -> str:
    """The ClusterRole (and its binding) of what a tenant's people may do outside their
    namespaces."""
    return f"manor:tenant:{tenant}"


def service_account_user(namespace: str, name: str) -> str:
    """The user name of a service account, as the API server knows it."""
    return f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"
