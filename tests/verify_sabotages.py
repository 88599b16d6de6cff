"""What is broken on an API server alone, for the checks that read and the checks that ask."""

from sabotages import (
    ADMISSION,
    FLOW,
    GATEWAY,
    NETWORKING,
    Change,
    Sabotage,
    account,
    bind,
    grant,
    group,
    merge,
    network_policy,
    put,
    remove,
    rule,
    unbind,
    user,
)

METADATA_NAME = "kubernetes.io/metadata.name"
WRITE = "create update patch delete"
POLICIES = (
    "manor-default-deny",
    "manor-same-tenant",
    "manor-dns",
    "manor-gateway",
)


def lift(*keys: str) -> Change:
    """The quota of tenant A without these keys."""
    return merge(
        "v1", "ResourceQuota", "manor-quota", {"spec": {"hard": dict.fromkeys(keys)}}, "tenant-a"
    )


def sabotage(name: str, red: str, *changes: Change) -> Sabotage:
    return Sabotage(name, changes, frozenset(red.split()))


ALLOW = {"name": "sabotage-a", "hostname": "any.example.com", "port": 80, "protocol": "HTTP"}
MERGED_PROXY = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "sabotage",
        "namespace": "envoy-gateway-system",
        "labels": {"app.kubernetes.io/component": "proxy"},
    },
    "spec": {"containers": [{"name": "envoy", "image": "manor.local/envoy:none"}]},
}
EVERY_PROXY = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "envoy-gateway-system"}}
}
ADMIN_CLAIMS = {"metadata": {"labels": {"resource.kubernetes.io/admin-access": "true"}}}
OLD_NODE = {"status": {"nodeInfo": {"kubeletVersion": "v1.29.0"}}}

SECOND = "tenant-a-second"
NOT_THE_SECOND = f"request.userInfo.username != '{SECOND}'"
OLD_POD_SECURITY = {"pod-security.kubernetes.io/enforce-version": "v1.10"}
FEW = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["pods"],
}

STANDING_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "sabotage", "namespace": "tenant-a"},
    "spec": {"ports": [{"port": 80}], "externalIPs": ["192.0.2.7"]},
}
STANDING_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "sabotage", "namespace": "tenant-a"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app.kubernetes.io/name": "sabotage"}},
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": "sabotage"}},
            "spec": {
                "hostNetwork": True,
                "containers": [{"name": "old", "image": "manor.local/base:0.1.0"}],
            },
        },
    },
}

STANDING_MODEL = {
    "apiVersion": "manor.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "sabotage", "namespace": "tenant-a"},
    "spec": {"format": "sklearn", "storageUri": "oci://manor.local/iris:1"},
}
STANDING_ROUTE = {
    "apiVersion": GATEWAY,
    "kind": "HTTPRoute",
    "metadata": {"name": "sabotage", "namespace": "tenant-a"},
    "spec": {"parentRefs": [{"name": "tenant-a", "namespace": "manor-system"}]},
}

BUDGET_OF_B = {
    "apiVersion": "kueue.x-k8s.io/v1beta2",
    "kind": "ClusterQueue",
    "metadata": {"name": "tenant-b", "labels": {"manor.dev/tenant": "tenant-b"}},
    "spec": {"namespaceSelector": {"matchLabels": {"manor.dev/tenant": "tenant-b"}}},
}
QUEUE_OF_A = {
    "apiVersion": "kueue.x-k8s.io/v1beta2",
    "kind": "LocalQueue",
    "metadata": {"name": "default", "namespace": "tenant-a"},
    "spec": {"clusterQueue": "tenant-b"},
}

SABOTAGES = (
    # KServe, and the controllers of Tools.
    sabotage(
        "kserve-services unbound",
        "ADMISSION-009 TOOLS-KSERVE-SERVICES",
        *unbind("kserve-services"),
    ),
    sabotage(
        "kserve-graphs unbound", "ADMISSION-009 TOOLS-KSERVE-GRAPHS", *unbind("kserve-graphs")
    ),
    sabotage(
        "a Tool's controller that reads every Secret",
        "RBAC-028",
        *grant(rule("", "secrets", "get"), to=account("kserve", "kserve-controller-manager")),
    ),
    sabotage(
        "a Tool's controller that writes everywhere",
        "RBAC-028",
        *grant(
            rule("apps", "deployments", "create"), to=account("kserve", "kserve-controller-manager")
        ),
    ),
    sabotage(
        "the right to write what every team's models are served by",
        "RBAC-029 RBAC-031",
        *grant(rule("serving.kserve.io", "clusterservingruntimes", WRITE)),
    ),
    sabotage(
        "the right of a second editor to taint everybody's devices",
        "RBAC-031",
        *grant(rule("resource.k8s.io", "devicetaintrules", "create"), to=user(SECOND)),
    ),
    sabotage(
        "a path of the API server's that nobody has heard of",
        "RBAC-024",
        *grant({"nonResourceURLs": ["/newz"], "verbs": ["get"]}),
    ),
    sabotage(
        "the right to start another team's notebook",
        "RBAC-006 RBAC-030",
        *grant(rule("manor.dev", "workspaces", "patch"), namespace="tenant-b"),
    ),
    # What stood there before Manor did, and is kept.
    sabotage("a Service with an external address", "ADMISSION-015", put(STANDING_SERVICE)),
    sabotage("a Deployment that Pod Security refuses", "ADMISSION-015", put(STANDING_DEPLOYMENT)),
    # Guardrails: each policy unbound.
    sabotage(
        "images unbound", "ADMISSION-009 POD-020 POD-021 POD-022 POD-039 POD-048", *unbind("images")
    ),
    sabotage(
        "pods unbound",
        "ADMISSION-009 POD-015 POD-039 "
        + " ".join(f"POD-{n:03}" for n in range(23, 34) if n != 31),
        *unbind("pods"),
    ),
    sabotage(
        "pod-fields unbound", "ADMISSION-009 POD-031 POD-041 QUOTA-015", *unbind("pod-fields")
    ),
    sabotage(
        "a tenant's queues forgotten",
        "ADMISSION-010 POD-036",
        merge("v1", "ConfigMap", "manor-guardrails", {"data": {"queues": ""}}, "tenant-a"),
    ),
    sabotage(
        "metadata unbound",
        "ADMISSION-006 ADMISSION-009 ADMISSION-013 METADATA-008 METADATA-009 METADATA-010 "
        "METADATA-011 METADATA-015 "
        "POD-037 POD-038",
        *unbind("metadata"),
    ),
    sabotage("requested-by unbound", "ADMISSION-009 METADATA-016", *unbind("requested-by")),
    sabotage("parts unbound", "ADMISSION-009 METADATA-017", *unbind("parts")),
    sabotage("keys unbound", "ADMISSION-009 ROUTES-021", *unbind("keys")),
    sabotage("sizes unbound", "ADMISSION-009 QUOTA-018", *unbind("sizes")),
    sabotage("limits unbound", "ADMISSION-009 ROUTES-024", *unbind("limits")),
    sabotage("tokens unbound", "ADMISSION-009 ROUTES-025", *unbind("tokens")),
    sabotage(
        "a model's route before which nothing asks for its keys",
        "ROUTES-022",
        put(STANDING_MODEL),
        put(STANDING_ROUTE),
    ),
    sabotage(
        "a proxy that asks for no key before its first model",
        "ROUTES-022",
        put(STANDING_MODEL),
        remove("gateway.envoyproxy.io/v1alpha1", "SecurityPolicy", "tenant-a", "manor-system"),
    ),
    sabotage("probes unbound", "ADMISSION-009 ADMISSION-013", *unbind("probes")),
    sabotage(
        "routes unbound",
        "ADMISSION-009 ROUTES-013 " + " ".join(f"ROUTES-00{n}" for n in range(1, 7)),
        *unbind("routes"),
    ),
    # The way in.
    sabotage("gateways merged into one proxy", "ROUTES-014", put(MERGED_PROXY)),
    sabotage(
        "a proxy reaches everything",
        "ROUTES-014",
        network_policy("envoy-gateway-system", egress=[{}]),
    ),
    sabotage(
        "pods accept every proxy",
        "ROUTES-014",
        *(
            network_policy(space, ingress=[{"from": [EVERY_PROXY]}])
            for space in ("tenant-a", "tenant-b")
        ),
    ),
    sabotage("ingress unbound", "ADMISSION-009 ROUTES-007 ROUTES-008", *unbind("ingress")),
    sabotage("queued unbound", "ADMISSION-009", *unbind("queued")),
    sabotage(
        "sizes that pods tell of themselves",
        "QUOTA-016",
        remove(ADMISSION, "MutatingAdmissionPolicyBinding", "manor-queued-role-hash"),
    ),
    sabotage(
        "a queue that draws on another's budget", "QUOTA-017", put(BUDGET_OF_B), put(QUEUE_OF_A)
    ),
    sabotage(
        "a policy that only warns",
        "ADMISSION-009 POD-036 QUOTA-012 QUOTA-013",
        *(
            merge(
                ADMISSION,
                "ValidatingAdmissionPolicyBinding",
                name,
                {"spec": {"validationActions": ["Warn", "Audit"]}},
            )
            for name in ("manor-queues", "manor-queues-update")
        ),
    ),
    sabotage(
        "services unbound and their quota lifted",
        "ADMISSION-001 ADMISSION-002 ADMISSION-003 ADMISSION-004 ADMISSION-009",
        *unbind("services"),
        merge(
            "v1",
            "ResourceQuota",
            "manor-quota",
            {"spec": {"hard": {"services.nodeports": "9", "services.loadbalancers": "9"}}},
            "tenant-a",
        ),
    ),
    sabotage(
        "endpoints unbound, and the right to write them",
        "ADMISSION-005 ADMISSION-009 PLATFORM-005",
        *unbind("endpoints"),
        *grant(
            rule("", "endpoints", "create"),
            rule("discovery.k8s.io", "endpointslices", "create"),
            namespace="tenant-a",
        ),
    ),
    sabotage(
        "credentials unbound, and the right to ask for tokens",
        "ADMISSION-008 ADMISSION-009 PLATFORM-005 RBAC-025",
        *unbind("credentials"),
        *grant(rule("", "serviceaccounts/token", "create"), namespace="tenant-a"),
    ),
    sabotage(
        "reserved unbound, and the right to write quotas, limits and network policies",
        "ADMISSION-007 ADMISSION-009 ADMISSION-010 ADMISSION-011 NETWORK-024 PLATFORM-005 "
        "QUOTA-007 QUOTA-008 "
        "QUOTA-009 QUOTA-014 RBAC-008",
        *unbind("reserved"),
        *unbind("networkpolicies"),
        *grant(
            rule(
                "", "resourcequotas resourcequotas/status limitranges", f"{WRITE} deletecollection"
            ),
            rule("networking.k8s.io", "networkpolicies", f"{WRITE} deletecollection"),
            rule("kueue.x-k8s.io", "localqueues workloads workloads/status", WRITE),
            namespace="tenant-a",
        ),
    ),
    sabotage(
        "rbac unbound, and the right to escalate",
        "ADMISSION-009 PLATFORM-005 RBAC-007 RBAC-008 RBAC-009 RBAC-010",
        *unbind("rbac"),
        *grant(
            rule("rbac.authorization.k8s.io", "roles clusterroles", "bind escalate"),
            namespace="tenant-a",
        ),
    ),
    sabotage(
        "namespaces unbound, and the right to write them",
        "ADMISSION-009 RBAC-031 " + " ".join(f"METADATA-00{n}" for n in range(1, 8)),
        *unbind("namespaces"),
        *grant(
            rule(
                "",
                "namespaces namespaces/status namespaces/finalize",
                f"get {WRITE} deletecollection",
            )
        ),
    ),
    sabotage(
        "gpu unbound, its quota lifted, and the right to claim devices as an administrator",
        "ADMISSION-009 POD-034 POD-035 QUOTA-004 QUOTA-010",
        *unbind("gpu"),
        lift("requests.nvidia.com/gpu"),
        merge("v1", "Namespace", "tenant-a", ADMIN_CLAIMS),
        *grant(rule("resource.k8s.io", "resourceclaims", "create"), namespace="tenant-a"),
    ),
    sabotage(
        "Pod Security off and pod-fields unbound",
        "ADMISSION-009 METADATA-012 POD-031 POD-039 POD-041 QUOTA-015 "
        + " ".join(f"POD-{n:03}" for n in range(1, 15)),
        *unbind("pod-fields"),
        merge(
            "v1",
            "Namespace",
            "tenant-a",
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        ),
    ),
    # RBAC: bindings widened.
    sabotage(
        "Secrets of everybody",
        "RBAC-001 RBAC-005 RBAC-006 RBAC-019",
        *grant(rule("", "secrets", "get list watch")),
    ),
    sabotage(
        "a binding in the other tenant's namespace",
        "RBAC-001 RBAC-002 RBAC-003 RBAC-004 RBAC-006 RBAC-030",
        bind("manor:editor", namespace="tenant-b"),
    ),
    sabotage(
        "rights over the cluster",
        "FAIRNESS-002 METADATA-006 NETWORK-025 RBAC-006 RBAC-007 RBAC-011 RBAC-012 RBAC-015 "
        "RBAC-016 RBAC-017 RBAC-018 "
        "RBAC-024 RBAC-031 STORAGE-005 STORAGE-006",
        *grant(
            rule("", "users groups serviceaccounts", "impersonate"),
            rule("rbac.authorization.k8s.io", "clusterroles", "create"),
            rule("", "nodes nodes/proxy", "get"),
            rule("certificates.k8s.io", "certificatesigningrequests", "create"),
            rule("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "delete"),
            rule("apiextensions.k8s.io", "customresourcedefinitions", "create"),
            rule("manor.dev", "tenants", "patch own"),
            rule("flowcontrol.apiserver.k8s.io", "flowschemas", "create"),
            rule("networking.k8s.io", "servicecidrs", "create"),
            rule("", "persistentvolumes", "get list"),
            rule("snapshot.storage.k8s.io", "volumesnapshotcontents", "create"),
            {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
        ),
    ),
    sabotage(
        "the API server as a proxy, statuses and Gateways",
        "ADMISSION-007 PLATFORM-005 QUOTA-009 ROUTES-009 RBAC-013",
        *grant(
            rule("", "pods/proxy services/proxy", "get create"),
            rule("", "services/status", "patch"),
            rule("gateway.networking.k8s.io", "gateways referencegrants", "create"),
            namespace="tenant-a",
        ),
    ),
    sabotage(
        "tokens of everybody",
        "ADMISSION-008 RBAC-006 RBAC-014",
        *grant(rule("", "serviceaccounts/token", "create")),
    ),
    sabotage(
        "a binding in a system namespace",
        "RBAC-019",
        bind("view", namespace="kube-system"),
    ),
    sabotage(
        "anonymous may look", "PLATFORM-003 RBAC-020", bind("view", group("system:unauthenticated"))
    ),
    sabotage(
        "every user may look",
        "PLATFORM-001 PLATFORM-003 RBAC-001 RBAC-002 RBAC-005 RBAC-006 RBAC-019 RBAC-021 "
        "RBAC-022 RBAC-023 "
        "RBAC-028 RBAC-029",
        *grant(rule("", "pods secrets configmaps", "get list"), to=group("system:authenticated")),
    ),
    sabotage(
        "a workload's account with rights",
        "PLATFORM-008 RBAC-022",
        *grant(rule("", "pods", "list"), to=account("tenant-a", "default")),
    ),
    sabotage(
        "the other tenant's account bound by mistake",
        "PLATFORM-004 PLATFORM-008 RBAC-023",
        bind("manor:editor", account("tenant-b", "default"), namespace="tenant-a"),
    ),
    sabotage(
        "a wildcard role",
        (
            "ADMISSION-007 NETWORK-025 PLATFORM-005 QUOTA-009 RBAC-007 RBAC-008 RBAC-013 RBAC-029 "
            "ROUTES-009"
        ),
        *grant(rule("*", "*", "*"), namespace="tenant-a"),
    ),
    sabotage(
        "Manor's own account as administrator",
        "PLATFORM-001",
        bind("cluster-admin", account("manor-system", "default")),
    ),
    # What only shows of another member, or of another namespace, than the first.
    sabotage(
        "a second editor with everything",
        "RBAC-004 RBAC-006 RBAC-007 RBAC-011 RBAC-012 RBAC-013 RBAC-014 RBAC-015 RBAC-016 "
        "RBAC-017 RBAC-018 RBAC-019 RBAC-024 RBAC-029 RBAC-030 RBAC-031 "
        "ADMISSION-007 FAIRNESS-002 NETWORK-025 ROUTES-009 STORAGE-005 STORAGE-006",
        bind("cluster-admin", user(SECOND)),
    ),
    sabotage(
        "a second editor who writes where the gateway is",
        "RBAC-019",
        bind("edit", user(SECOND), namespace="manor-front"),
    ),
    sabotage(
        "everybody writes into a namespace without guardrails",
        "PLATFORM-003",
        put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "anybodys"}}),
        bind("edit", group("system:authenticated"), namespace="anybodys"),
    ),
    sabotage(
        "everybody in a binding of Kubernetes' own",
        "PLATFORM-003",
        merge(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            "system:public-info-viewer",
            {"subjects": [group("system:serviceaccounts")]},
        ),
    ),
    sabotage(
        "a service account with rights over the cluster, named as a user",
        "PLATFORM-008",
        bind("view", user("system:serviceaccount:tenant-a-lab:builder")),
    ),
    sabotage(
        "the right to impersonate, by its narrower verb",
        "PLATFORM-005 RBAC-007",
        *grant(
            rule("authentication.k8s.io", "serviceaccounts", "impersonate:serviceaccount"),
            namespace="tenant-a",
        ),
    ),
    sabotage(
        "an allow-all policy in a second namespace",
        "NETWORK-021 NETWORK-022 NETWORK-026",
        network_policy("tenant-a-lab", ingress=[{}], egress=[{}]),
    ),
    sabotage(
        "a policy that opens pods of one label, as anybody may write it",
        "NETWORK-021 NETWORK-023",
        network_policy(
            "tenant-b",
            podSelector={"matchLabels": {"app": "web"}},
            ingress=[
                {"from": [{"namespaceSelector": {"matchLabels": {"manor.dev/tenant": "tenant-a"}}}]}
            ],
        ),
    ),
    sabotage(
        "a policy that lets pods in by their addresses",
        "NETWORK-021",
        network_policy("tenant-a", ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]),
    ),
    sabotage(
        "egress to a part of the pods' network",
        "NETWORK-022",
        network_policy("tenant-a", egress=[{"to": [{"ipBlock": {"cidr": "10.244.7.0/24"}}]}]),
    ),
    sabotage(
        "Pod Security by an old version's rules",
        "METADATA-012",
        merge("v1", "Namespace", "tenant-a-lab", {"metadata": {"labels": OLD_POD_SECURITY}}),
    ),
    sabotage(
        "one kind that a second namespace's quota does not count",
        "QUOTA-009",
        merge(
            "v1",
            "ResourceQuota",
            "manor-quota",
            {"spec": {"hard": {"count/jobs.batch": None}}},
            "tenant-a-lab",
        ),
    ),
    sabotage(
        "some requests of a second editor at another level",
        "FAIRNESS-001",
        put(
            {
                "apiVersion": FLOW,
                "kind": "FlowSchema",
                "metadata": {"name": "sabotage-some"},
                "spec": {
                    "priorityLevelConfiguration": {"name": "workload-high"},
                    "matchingPrecedence": 10,
                    "rules": [
                        {
                            "subjects": [{"kind": "User", "user": {"name": SECOND}}],
                            "resourceRules": [
                                {
                                    "verbs": ["list"],
                                    "apiGroups": [""],
                                    "resources": ["secrets"],
                                    "namespaces": ["*"],
                                }
                            ],
                        }
                    ],
                },
            }
        ),
    ),
    # Guardrails that somebody changed, each in another place.
    sabotage(
        "a condition that passes one member over",
        "ADMISSION-009",
        merge(
            ADMISSION,
            "ValidatingAdmissionPolicy",
            "manor-sizes",
            {"spec": {"matchConditions": [{"name": "x", "expression": NOT_THE_SECOND}]}},
        ),
    ),
    sabotage(
        "bindings that look at less, and elsewhere",
        "ADMISSION-009",
        merge(
            ADMISSION,
            "ValidatingAdmissionPolicyBinding",
            "manor-stand-ins",
            {"spec": {"matchResources": {"resourceRules": [FEW]}}},
        ),
        merge(
            ADMISSION,
            "ValidatingAdmissionPolicyBinding",
            "manor-images-update",
            {"spec": {"paramRef": {"name": "lax", "namespace": "default"}}},
        ),
    ),
    # Quotas, networks, storage, routes, labels, fairness.
    sabotage(
        "quota lifted",
        "QUOTA-001 QUOTA-002 QUOTA-003 QUOTA-005 QUOTA-006 QUOTA-009 QUOTA-010",
        lift(
            "requests.cpu",
            "requests.memory",
            "limits.memory",
            "requests.storage",
            "requests.ephemeral-storage",
            "count/configmaps",
        ),
    ),
    sabotage(
        "a second resource that counts as a GPU, with the whole budget again",
        "QUOTA-010",
        merge(
            "v1",
            "ResourceQuota",
            "manor-quota",
            {"spec": {"hard": {"requests.nvidia.com/mig-1g.5gb": "7"}}},
            "tenant-a",
        ),
        merge(
            "manor.dev/v1alpha1",
            "Platform",
            "manor",
            {
                "spec": {
                    "gpu": {
                        "resourceNames": ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb"],
                        "perGpu": {"nvidia.com/mig-1g.5gb": 7},
                    }
                }
            },
        ),
    ),
    sabotage(
        "neither quota nor limit range",
        "QUOTA-001 QUOTA-002 QUOTA-003 QUOTA-004 QUOTA-005 QUOTA-006 QUOTA-009 QUOTA-010 QUOTA-011",
        remove("v1", "ResourceQuota", "manor-quota", "tenant-a"),
        remove("v1", "LimitRange", "manor-limits", "tenant-a"),
    ),
    sabotage(
        "no network policies",
        "NETWORK-020 NETWORK-021 NETWORK-022 NETWORK-026",
        *(remove(NETWORKING, "NetworkPolicy", name, "tenant-a") for name in POLICIES),
    ),
    sabotage(
        "an allow-all policy",
        "NETWORK-021 NETWORK-022 NETWORK-026",
        network_policy("tenant-a", ingress=[{}], egress=[{}]),
    ),
    sabotage(
        "a way to a Tool's controllers",
        "NETWORK-026",
        network_policy(
            "tenant-a",
            egress=[{"to": [{"namespaceSelector": {"matchLabels": {METADATA_NAME: "kserve"}}}]}],
        ),
    ),
    sabotage(
        "egress to link-local addresses",
        "NETWORK-022",
        network_policy("tenant-a", egress=[{"to": [{"ipBlock": {"cidr": "169.254.0.0/16"}}]}]),
    ),
    sabotage(
        "one tenant let in without its peer's consent",
        "NETWORK-021 NETWORK-023",
        network_policy(
            "tenant-b",
            ingress=[
                {"from": [{"namespaceSelector": {"matchLabels": {"manor.dev/tenant": "tenant-a"}}}]}
            ],
        ),
    ),
    sabotage(
        "a peer by a label that anybody may write",
        "METADATA-013",
        network_policy(
            "tenant-a",
            ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "friends"}}}]}],
        ),
    ),
    sabotage(
        "a forged tenant label",
        "ADMISSION-010 FAIRNESS-001 METADATA-012 NETWORK-020 NETWORK-021 NETWORK-026 PLATFORM-004 "
        "PLATFORM-007",
        merge(
            "v1",
            "Namespace",
            "kube-public",
            {"metadata": {"labels": {"manor.dev/tenant": "tenant-a"}}},
        ),
    ),
    sabotage(
        "a tenant exempt from limits",
        "FAIRNESS-001 FAIRNESS-003",
        put(
            {
                "apiVersion": FLOW,
                "kind": "FlowSchema",
                "metadata": {"name": "sabotage"},
                "spec": {
                    "priorityLevelConfiguration": {"name": "exempt"},
                    "matchingPrecedence": 10,
                    "rules": [
                        {
                            "subjects": [{"kind": "User", "user": {"name": "tenant-a-user"}}],
                            "resourceRules": [
                                {
                                    "verbs": ["*"],
                                    "apiGroups": ["*"],
                                    "resources": ["*"],
                                    "namespaces": ["*"],
                                    "clusterScope": True,
                                }
                            ],
                        }
                    ],
                },
            }
        ),
    ),
    sabotage(
        "gpu, queues and storage unbound",
        (
            "ADMISSION-009 POD-034 POD-036 QUOTA-012 QUOTA-013 STORAGE-001 STORAGE-002 STORAGE-003 "
            "STORAGE-004"
        ),
        *unbind("gpu"),
        *unbind("queues"),
        *unbind("storage"),
    ),
    *(
        sabotage(
            f"{name} gone, and its bindings",
            f"ADMISSION-009 {besides}",
            remove(ADMISSION, "ValidatingAdmissionPolicy", f"manor-{name}"),
            *unbind(name),
        )
        for name, besides in (
            *(("keys", "ROUTES-021"), ("limits", "ROUTES-024")),
            *(("requested-by", "METADATA-016"), ("stand-ins", "")),
        )
    ),
    sabotage(
        "mutations gone, one with its binding, and one that fails open",
        "ADMISSION-009",
        remove(ADMISSION, "MutatingAdmissionPolicy", "manor-namespaces-defaults"),
        remove(ADMISSION, "MutatingAdmissionPolicyBinding", "manor-namespaces-defaults"),
        merge(
            ADMISSION,
            "MutatingAdmissionPolicy",
            "manor-queued-role-hash",
            {"spec": {"failurePolicy": "Ignore"}},
        ),
    ),
    sabotage(
        "a policy that passes some objects over",
        "ADMISSION-009",
        merge(
            ADMISSION,
            "ValidatingAdmissionPolicy",
            "manor-cluster",
            {"spec": {"matchConstraints": {"objectSelector": {"matchLabels": {"mine": "yes"}}}}},
        ),
    ),
    sabotage(
        "a policy unbound, another that fails open",
        "ADMISSION-009",
        *unbind("cluster"),
        merge(
            ADMISSION,
            "ValidatingAdmissionPolicy",
            "manor-images",
            {"spec": {"failurePolicy": "Ignore"}},
        ),
    ),
    sabotage(
        "small things in many places",
        (
            "ADMISSION-012 FAIRNESS-001 PLATFORM-002 PLATFORM-006 PLATFORM-007 PLATFORM-009 "
            "ROUTES-010 STORAGE-007"
        ),
        merge(
            "v1", "ServiceAccount", "default", {"automountServiceAccountToken": True}, "tenant-a"
        ),
        remove(FLOW, "FlowSchema", "manor-tenant-a"),
        put(
            {
                "apiVersion": ADMISSION,
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "manor-sabotage"},
                "webhooks": [],
            }
        ),
        put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "sabotage"}}),
        merge("v1", "Node", "sabotage", OLD_NODE, sub="status"),
        put(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": "sabotage"},
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "standard",
                    "persistentVolumeReclaimPolicy": "Retain",
                    "hostPath": {"path": "/tmp/sabotage"},
                },
            }
        ),
        merge(GATEWAY, "Gateway", "tenant-a", {"spec": {"listeners": [ALLOW]}}, "manor-system"),
        remove(NETWORKING, "NetworkPolicy", "manor-default-deny", "manor-system"),
        merge(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "manor:viewer",
            {"rules": [rule("", "secrets", "get list")]},
        ),
    ),
)
