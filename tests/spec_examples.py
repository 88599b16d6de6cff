"""Specs that are valid, and specs that are not: the models and the API server must be of one mind
about each.

An invalid example is a valid one with one part changed. Those of the schema's own limits are made
from it; those of the models' checks are written here, at least one for each check.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from manor.api import API_VERSION, KINDS

Spec = dict[str, Any]
Change = tuple[tuple[str | int, ...], Any]


def _spec(kind: str, name: str, spec: Spec, **metadata: str) -> Spec:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


NETWORK = {
    "podCidrs": ["10.244.0.0/16", "fd10::/64"],
    "serviceCidrs": ["10.96.0.0/16"],
    "nodeCidrs": ["172.30.0.0/16"],
}
FORGE = {"kind": "Forge", "plural": "forges"}
BASE: dict[str, Spec] = {
    "Platform": _spec("Platform", "manor", {"domain": "example.org", "network": NETWORK}),
    "Tool": _spec(
        "Tool",
        "forge",
        {"summary": "A forge", "version": "1", "kinds": [{"group": "forge.io", **FORGE}]},
    ),
    "Tenant": _spec("Tenant", "team-a", {"owners": [{"name": "ada@example.com"}]}),
    "TrainingJob": _spec("TrainingJob", "fit", {"command": ["python3"]}, namespace="team-a"),
    "Model": _spec(
        "Model",
        "iris",
        {"format": "sklearn", "storageUri": "pvc://models/iris"},
        namespace="team-a",
    ),
    "Workspace": _spec("Workspace", "notes", {}, namespace="team-a"),
}
"""The least valid spec of each kind."""

SCHEDULES = (
    *(
        "0 3 * * *",
        "* * * * *",
        "@hourly",
        "*/15 8-18 * * Mon-FRI",
        "59 23 31 12 6",
        "07 00 01 01 0",
    ),
    *("0,30 */2 1-15/3,20 jan,MAR-Dec sun,TUE", "0 0 29 2 *", "5/20 1-1 * 1-12/2 SUN-SAT"),
    *("0 0 30 2 MON", "0 0 30 feb,MAR *", "0 0 30,31 4 *"),
)
"""What the controller of CronJobs takes, and a TrainingJob too."""
NO_SCHEDULES = (
    *("", "* * * *", "* * * * * *", "0  3 * * *", " 0 3 * * *", "60 * * * *", "* 24 * * *"),
    *("* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 7", "*/0 * * * *", "1- * * * *"),
    *("9-5 * * * *", "1,30-10 * * * *", "* * * DEC-JAN *", "* * * * FRI-MON", "* * * * FRI-6"),
    *("0 0 30 2 *", "0 0 31 2,04,JUN *", "0 0 30-31/2,31 feb */1"),
    *("@every 1h", "@reboot", "TZ=UTC 0 3 * * *", "? * * * *", "* * * * L", "0 3 * * *\n"),
)
_NO_SWEEPS: tuple[dict[str, Any], ...] = (
    {},
    {"parameters": []},
    {"parameters": [{}]},
    {"parameters": [{"LR": "1"}] * 101},
    {"parameters": [{"LR": "1"}], "atOnce": 0},
    {"parameters": [{"A=B": "1"}]},
    {"parameters": [{"LR": 1}]},
    {"parameters": [{"LR": "x" * 1025}]},
    {"parameters": [{f"A{i}": "1" for i in range(17)}]},
    {"parameters": [{"A": "x" * 1000}] * 17},
)
_SCHEDULED = {
    "schedule": "0 3 * * *",
    "timeZone": "Europe/Berlin",
    "concurrencyPolicy": "Replace",
    "suspend": True,
    "successfulJobsHistoryLimit": 1,
    "failedJobsHistoryLimit": 100,
}
IMAGES = (
    *("chat", "library/chat", "localhost:5000/a/chat", "R.example.com:443/a__b/c-d--e.f:V.1-2"),
    *("[::1]:5000/chat", f"r/chat:1@sha256:{'a' * 64}", f"r/chat@sha512:{'0' * 128}"),
)
"""What registries take."""
NO_IMAGES = (
    *(
        "",
        "a/B@sha256:zz",
        "a/Chat:1",
        "Chat",
        "r/chat:",
        "r/chat@",
        "r/chat:a b",
        "r//chat",
        "/chat",
    ),
    *(
        "r/chat/",
        "r/-chat",
        "r/chat..x",
        "r/chat:-1",
        f"r/chat:{'x' * 129}",
        "r.example.com:port/chat",
    ),
    *(f"r/chat@sha256:{'a' * 63}", f"r/chat@sha256:{'A' * 64}", f"r/chat@md5:{'a' * 32}"),
    *("https://r.example.com/chat", "r/chat:1:2", "r/chat\n"),
)
_CANARY = {"storageUri": "pvc://models/2", "weight": 10}
_CHAT = {"format": "custom", "image": "registry.example.com/chat:1"}
_KEY = {"name": "ci", "publicKey": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def _bounded(count: int) -> list[Spec]:
    """Keys with as many different limits, and one that has that of another."""
    names = [f"key-{number}" for number in range(count)]
    made = [{**_KEY, "name": name, "requestsPerMinute": i + 1} for i, name in enumerate(names)]
    return [*made, {**made[0], "name": "again"}]


VALID: dict[str, list[Change]] = {
    "Platform": [
        (("spec", "workspaces"), {"idleAfter": "30m", "sizes": [{"name": "small", "gpu": 1}]}),
        (("spec", "contact"), "ml-platform 🚀 \"on\" Slack\nor \\ mail p@example.com, 'quick'"),
        (
            ("spec", "nodePools"),
            [{"name": "cpu", "labels": {"topology.kubernetes.io/zone": ["a", "b"]}}],
        ),
        (("spec", "registries"), ["ghcr.io", "localhost:5000/team", "docker.io/library"]),
        (("spec", "ingress"), {"classes": ["nginx"], "dataPlane": {"namespace": "ingress"}}),
        (("spec", "containerDefaults"), {"cpu": "1e3", "memory": "1e9"}),
        (("spec", "identity"), {"issuer": "https://id.example.org", "groupPrefix": "oidc:"}),
    ],
    "Tool": [
        (("spec", "kinds", 0), {"group": "forge.io", "namespaced": False, **FORGE}),
        (
            ("spec", "kinds", 0),
            {"group": "forge.io", "namespaced": False, "verbs": {"editor": []}, **FORGE},
        ),
        (("spec", "kinds", 0, "verbs"), {"viewer": [], "editor": ["create"], "owner": ["delete"]}),
        (("spec", "kinds", 0, "subresources"), {"status": {"editor": []}}),
        (("spec", "metadataKeys"), ["forge.io/*"]),
        (("spec", "kinds", 0), {"group": "kueue.x-k8s.io", "verbs": {"editor": []}, **FORGE}),
        (("spec", "kinds", 0), {"group": "kueue.x-k8s.io", "namespaced": False, **FORGE}),
        (
            ("spec", "objects"),
            {"namespace": [{"apiVersion": "forge.io/v1", "kind": "Forge", "spec": {"any": [1]}}]},
        ),
    ],
    "Tenant": [
        (
            ("spec", "members"),
            [{"name": "ada@example.com"}, {"kind": "Group", "name": "ada@example.com"}],
        ),
        (
            ("spec", "members"),
            [{"kind": "ServiceAccount", "namespace": n, "name": "ci"} for n in ("a", "b")],
        ),
        (("spec", "quota"), {"cpu": 4, "memory": "1.5Gi", "storage": "100G", "pods": 1}),
        (("spec", "hosts"), ["a-b.example.com", "a.b.example.com", "*.example.com"]),
        (("spec", "namespaces"), [{"name": "one"}, {"name": "two", "share": 3}]),
        (
            ("spec", "volumes"),
            [
                {"name": "data", "size": "1Gi"},
                {"name": "more", "size": "7Ei", "namespace": "team-a"},
            ],
        ),
        (("spec", "network"), {"egress": {"cidrs": ["10.20.0.0/16", "fd00::/8", "192.0.2.7/32"]}}),
    ],
    "TrainingJob": [
        *((("spec", "schedule"), schedule) for schedule in SCHEDULES),
        *((("spec", "image"), image) for image in IMAGES),
        (("spec",), {**BASE["TrainingJob"]["spec"], **_SCHEDULED}),
        (("spec", "sweep"), {"parameters": [{"LR": "0.1"}, {"LR": "", "a.b": "ü$(X)"}]}),
        (("spec", "sweep"), {"parameters": [{"A": "x" * 1000}] * 16, "atOnce": 100}),
        (("spec",), {"command": ["x"], "workers": 1, "sweep": {"parameters": [{"LR": "1"}]}}),
        (("spec", "data"), [{"uri": "s3://b/x"}, {"uri": "hf://o/r:v1", "path": "/words"}]),
        (("spec", "outputs"), [{"uri": "s3://b"}, {"uri": "gs://b.c/x/$y", "path": "/words"}]),
        (("spec", "files"), {"main.py": "print(1)", "a_b-c.txt": "ü"}),
        (("spec", "files"), {".env": "", "pkg/__init__.py": "", "pkg/a.b/c.py": ""}),
        (("spec", "code"), {"volume": "data", "path": ".manor/code/0a1b"}),
        (("spec", "sharedMemory"), "512Mi"),
        (("spec", "env"), {"A_B": "x", "dotted.name": "ü\n"}),
        (("spec", "volumes"), [{"name": "a", "path": "/app"}, {"name": "b", "path": "/data/b c"}]),
        (("spec", "secrets"), [{"name": "a"}, {"name": "b"}, {"name": "a", "path": "/run/a"}]),
        (("spec", "resources"), {"cpu": "250m", "memory": "64Mi", "gpu": 8}),
    ],
    "Model": [
        (("spec", "autoscaling"), {"maxReplicas": 1}),
        (
            ("spec", "canary"),
            {"storageUri": "oci://registry.example.com/models/iris:2", "weight": 10},
        ),
        (("spec", "canary"), {"storageUri": "pvc://models/2", "weight": 100, "shadow": True}),
        (("spec", "host"), "a.example.org"),
        (("spec", "storageUri"), "models:/iris/1"),
        (("spec", "storageSecret"), "bucket"),
        (("spec", "env"), {"OMP_NUM_THREADS": "1"}),
        (("spec", "format"), "xgboost"),
        (("spec",), {"format": "custom", "image": "registry.example.com/chat:1"}),
        (("spec",), {"format": "custom", "image": "r/chat:1", "server": {"port": 80}}),
        (("spec",), {**BASE["Model"]["spec"], "format": "custom", "image": "r/chat:1"}),
        (("spec", "autoscaling"), {"maxReplicas": 3, "concurrency": 8, "idleAfter": "30m"}),
        (("spec", "autoscaling"), {"maxReplicas": 3, "cpuPercent": 60, "idleAfter": "1h"}),
        (("spec", "canary"), {**_CANARY, "analysis": {"steps": [25, 50, 50], "interval": "1m"}}),
        (("spec", "canary"), {**_CANARY, "shadow": False, "analysis": {}}),
        (("spec", "canary"), {"storageUri": "pvc://models/2", "analysis": {}}),
        (("spec", "access"), {"mode": "public"}),
        (("spec", "access"), {"keys": [_KEY, {**_KEY, "name": "app"}]}),
        (("spec", "access"), {"keys": [{**_KEY, "expires": "2027-01-31T00:00:00Z"}]}),
        (("spec", "access"), {"requestsPerMinute": 60}),
        (("spec", "access"), {"mode": "keys", "requestsPerMinute": 1, "keys": _bounded(11)}),
        (("spec", "access"), {"keys": [*_bounded(12), _KEY]}),
        (("spec", "requestLog"), {"uri": "pvc://models/asked/iris", "samplePercent": 5}),
        (("spec", "requestLog"), {"uri": "s3://bucket", "secret": "bucket"}),
        (("spec",), {**_CHAT, "access": {"tokensPerMinute": 1000}}),
        (("spec",), {**_CHAT, "access": {"keys": [{**_KEY, "tokensPerMinute": 1_000_000_000}]}}),
    ],
    "Workspace": [
        (("spec",), {"size": "small", "home": {"size": "5Gi", "storageClass": "fast"}}),
        (("spec",), {"resources": {"gpu": 1}, "idleAfter": "90m", "lifetime": "48h"}),
        (("spec",), {"command": ["code-server", "--bind-addr", "127.0.0.1:$(MANOR_PORT)"]}),
        (("spec", "volumes"), [{"name": "a", "path": "/home/work/data"}]),
        (("spec", "stopped"), True),
        (("spec", "data"), [{"uri": "s3://bucket/train"}]),
    ],
}

_RULES = [{"expression": "true", "message": "no"}]
_TWICE = [{"name": "x"}, {"name": "x"}]
INVALID: dict[str, list[Change]] = {
    "Platform": [
        *(
            (("spec", "identity"), {"groupPrefix": prefix})
            for prefix in ("s", "system:", "system:x")
        ),
        (("metadata", "name"), "other"),
        (("spec", "workspaces"), {"sizes": _TWICE}),
        (("spec", "workspaces"), {"idleMost": "30m"}),
        (("spec", "network", "podCidrs", 0), "10.244.0.1/16"),
        (("spec", "network", "podCidrs", 0), "10.244.0.0"),
        (("spec", "network", "podCidrs", 0), "10.244.0.0/255.255.0.0"),
        (("spec", "network", "podCidrs", 0), "::ffff:10.0.0.0/104"),
        (("spec", "network", "podCidrs", 0), "10.0.0.0/99"),
        (("spec", "network", "podCidrs"), ["10.0.0.0/8", "10.0.0.0/8"]),
        (("spec", "registries"), ["ghcr.io", "ghcr.io"]),
        (("spec", "registries"), ["ghcr.io,evil.io"]),
        (("spec", "storageClasses"), ["fast\nslow"]),
        (("spec", "nodePools"), [{"name": "cpu", "labels": {"a key": ["x"]}}]),
        (("spec", "nodePools"), [{"name": "cpu", "labels": {"key": ["a,b"]}}]),
        (("spec", "gpu"), {"flavors": [{"name": "a"}, {"name": "a"}]}),
        (("spec", "network", "dns"), {"namespace": "kube-system", "addresses": ["169.254.20"]}),
        (("spec", "network", "workloadIdentity"), "eks"),
        (("spec", "metadata"), {"keys": ["manor.dev/tenant"]}),
        (("spec", "metadata"), {"keys": ["eu.applyset.kubernetes.io/*"]}),
        (("spec", "services"), {"loadBalancerAnnotations": {"no key": "x"}}),
        (("spec", "gpu"), {"resourceNames": ["gpu.nvidia.com", "nvidia.com/gpu"]}),
        (("spec", "gpu"), {"perGpu": {"nvidia.com/mig-1g.5gb": 7}}),
        (("spec", "resources"), {"memory": "1Gi"}),
        (("spec", "resources"), {"nvidia.com/gpu": "1"}),
        (
            ("spec", "roles"),
            {"editor": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]},
        ),
        (
            ("spec", "roles"),
            {"editor": [{"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["create"]}]},
        ),
        (
            ("spec", "roles"),
            {
                "viewer": [
                    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["patch"]}
                ]
            },
        ),
        (("spec", "containerDefaults"), {"memory": "512m"}),
        (("spec", "containerDefaults"), {"cpu": "1Gi"}),
    ],
    "Tool": [
        (("metadata", "name"), "a" * 31),
        (("spec", "kinds"), [{"group": "forge.io", **FORGE}, {"group": "forge.io", **FORGE}]),
        (("spec", "kinds", 0, "group"), "apps"),
        (("spec", "kinds", 0, "group"), "rbac.authorization.k8s.io"),
        (
            ("spec", "kinds", 0),
            {"group": "", "kind": "Secret", "plural": "secrets", "verbs": {"editor": []}},
        ),
        (
            ("spec", "kinds", 0),
            {
                "group": "manor.dev",
                "kind": "Tenant",
                "plural": "tenants",
                "namespaced": False,
                "verbs": {"editor": []},
            },
        ),
        (("spec", "kinds", 0, "group"), "*"),
        (("spec", "kinds", 0, "plural"), "*"),
        (("spec", "kinds", 0, "verbs"), {"editor": ["*"]}),
        (("spec", "kinds", 0, "verbs"), {"owner": ["impersonate"]}),
        (("spec", "kinds", 0, "verbs"), {"viewer": ["get", "patch"]}),
        (
            ("spec", "kinds", 0),
            {"group": "forge.io", "namespaced": False, "verbs": {"viewer": []}, **FORGE},
        ),
        (("spec", "kinds", 0, "subresources"), {"a/b": {}}),
        (("spec", "metadataKeys"), ["manor.dev/tenant"]),
        (
            ("spec", "rights"),
            [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create"]}],
        ),
        (("spec", "traffic"), [{"name": "a", "namespace": "forge", "ports": []}]),
        (
            ("spec", "guardrails"),
            [{"name": "a", "kinds": ["Anvil"], "rules": _RULES, "admits": [{}], "refuses": [{}]}],
        ),
        (
            ("spec", "guardrails"),
            [{"name": "a", "kinds": ["Forge"], "rules": _RULES, "admits": [{}], "refuses": []}],
        ),
    ],
    "Tenant": [
        (("metadata", "name"), "a.b"),
        (("metadata", "name"), "a" * 41),
        (("metadata", "name"), "default"),
        (("spec", "owners"), [*_TWICE]),
        (("spec", "owners"), [{"name": "x"}, {"name": "x", "kind": "User"}]),
        (("spec", "owners"), [{"name": "system:masters"}]),
        (("spec", "owners"), [{"name": "x\nUser:y"}]),
        (("spec", "owners"), [{"name": "*"}]),
        (("spec", "members"), [{"name": "*", "kind": "Group"}]),
        *(
            (("spec", "members"), [{"kind": "ServiceAccount", "namespace": "a", "name": name}])
            for name in ("*", "CI", "a/b", "-a", "a..b")
        ),
        (("spec", "members"), [{"name": "x"}, {"name": "x", "role": "viewer"}]),
        (("spec", "members"), [{"kind": "ServiceAccount", "name": "ci"}]),
        *(
            (("spec", "members"), [{"kind": "ServiceAccount", "namespace": space, "name": "ci"}])
            for space in ("kube-system", "manor-system")
        ),
        (("spec", "members"), [{"kind": "User", "name": "ci", "namespace": "team-a"}]),
        (("spec", "namespaces"), _TWICE),
        (("spec", "namespaces"), [{"name": "kube-system"}]),
        (("spec", "namespaces"), [{"name": "manor-system"}]),
        (("spec", "hosts"), ["a.example.com", "a.example.com"]),
        (("spec", "hosts"), [f"h{number}.example.com" for number in range(65)]),
        (("spec", "hosts"), ["https://a.example.com"]),
        (("spec", "queues"), ["default", "default"]),
        (("spec", "network"), {"egress": {"cidrs": ["10.20.0.5/16"]}}),
        (("spec", "network"), {"allow": ["team-b", "team-b"]}),
        (("spec", "quota"), {"memory": "512m"}),
        (("spec", "quota"), {"memory": "-1"}),
        (("spec", "quota"), {"memory": -1}),
        (("spec", "quota"), {"cpu": True}),
        (("spec", "quota"), {"cpu": "NaN"}),
        (("spec", "quota"), {"cpu": "9" * 30}),
        (("spec", "quota"), {"storage": "1e30"}),
        (("spec", "volumes"), [{"name": "data", "size": "1Gi"}, {"name": "data", "size": "2Gi"}]),
        (
            ("spec", "volumes"),
            [
                {"name": "data", "size": "1Gi"},
                {"name": "data", "size": "2Gi", "namespace": "team-a"},
            ],
        ),
        (("spec", "volumes"), [{"name": "data", "size": "1Gi", "namespace": "other"}]),
    ],
    "TrainingJob": [
        *((("spec", "schedule"), schedule) for schedule in NO_SCHEDULES),
        *((("spec", "image"), image) for image in NO_IMAGES),
        *((("spec", field), value) for field, value in _SCHEDULED.items() if field != "schedule"),
        (("spec", "suspend"), False),
        (("spec", "command"), ["", "x"]),
        *((("spec", "sweep"), sweep) for sweep in _NO_SWEEPS),
        (("spec",), {"command": ["x"], "workers": 2, "sweep": {"parameters": [{"LR": "1"}]}}),
        *(
            (("spec",), {"command": ["x"], "schedule": "@daily", field: value})
            for field, value in (
                *(("timeZone", zone) for zone in ("Europe/Nowhere", "Local", "+02:00", "", "UTC ")),
                ("concurrencyPolicy", "Wait"),
                ("successfulJobsHistoryLimit", 0),
                ("failedJobsHistoryLimit", 101),
            )
        ),
        (("spec", "data"), [{"uri": "s3://b/x"}, {"uri": "s3://b/y"}]),
        (("spec", "data"), [{"uri": "s3://b/x"}, {"uri": "s3://b/y", "path": "/data"}]),
        (("spec", "data"), [{"uri": "s3://b/x", "path": "/app"}]),
        (("spec", "data"), [{"uri": "pvc://b/x"}]),
        *((("spec", "outputs"), [{"uri": uri}]) for uri in ("pvc://b/x", "s3:///x", "https://b/x")),
        *((("spec", "outputs"), [{"uri": "s3://b", "path": path}]) for path in ("/tmp", "/app")),
        (("spec", "outputs"), [{"uri": "s3://b/x"}, {"uri": "s3://b/y", "path": "/out"}]),
        *(
            (("spec",), {"command": ["x"], "outputs": [{"uri": "s3://b"}], **taken})
            for taken in (
                {"volumes": [{"name": "v", "path": "/out"}]},
                {"data": [{"uri": "s3://b/x", "path": "/out"}]},
            )
        ),
        (
            ("spec",),
            {
                "command": ["x"],
                "volumes": [{"name": "v", "path": "/data"}],
                "data": [{"uri": "s3://b/x"}],
            },
        ),
        (("metadata", "name"), "a.b"),
        *((("spec", "files"), {path: ""}) for path in ("/a", "a/", "a//b", "..", "a/../b", "a..b")),
        (("spec", "files"), {"a": "", "a/b": ""}),
        (("spec", "files"), {f"{i}.py": "" for i in range(201)}),
        (("spec", "code"), {"volume": "data", "path": "/code"}),
        (("spec", "code"), {"volume": "data", "path": "../code"}),
        (("spec",), {"command": ["x"], "files": {"a": ""}, "code": {"volume": "d", "path": "c"}}),
        (
            ("spec",),
            {
                "command": ["x"],
                "code": {"volume": "d", "path": "c"},
                "volumes": [{"name": "a", "path": "/app"}],
            },
        ),
        (("spec", "files"), {"a": "x" * 500_001, "b": "x" * 500_000}),
        (("spec", "data"), [{"uri": "s3://bucket/train", "path": "/tmp"}]),
        (("spec", "env"), {"A=B": "x"}),
        (("spec", "volumes"), [{"name": "a", "path": "/a"}, {"name": "a", "path": "/b"}]),
        (("spec", "volumes"), [{"name": "a", "path": "/a"}, {"name": "b", "path": "/a"}]),
        (("spec", "volumes"), [{"name": "a", "path": "/tmp"}]),
        (("spec", "volumes"), [{"name": "a", "path": "/dev/shm"}]),
        (("spec", "data"), [{"uri": "s3://b/x", "path": "/dev/shm"}]),
        (("spec", "outputs"), [{"uri": "s3://b/x", "path": "/dev/shm"}]),
        (("spec", "secrets"), [{"name": "a", "path": "/tmp"}]),
        (("spec", "secrets"), [{"name": "a", "path": "/a:b"}]),
        (("spec", "secrets"), [{"name": "a", "path": "/a/"}]),
        (("spec", "secrets"), [{"name": "a", "path": "/a"}, {"name": "b", "path": "/a"}]),
        *(
            (("spec",), {"command": ["x"], "secrets": [{"name": "s", "path": path}], **besides})
            for path, besides in (
                ("/app", {"files": {"a": ""}}),
                ("/v", {"volumes": [{"name": "v", "path": "/v"}]}),
                ("/data", {"data": [{"uri": "s3://b/x"}]}),
                ("/out", {"outputs": [{"uri": "s3://b/x"}]}),
            )
        ),
        (
            ("spec",),
            {"command": ["x"], "files": {"a": ""}, "volumes": [{"name": "a", "path": "/app"}]},
        ),
        (("spec", "resources"), {"memory": "1m"}),
    ],
    "Model": [
        (("spec",), {**BASE["Model"]["spec"], "replicas": 3, "autoscaling": {"maxReplicas": 2}}),
        (("spec", "storageUri"), "ftp://models"),
        (("spec", "storageUri"), "pvc://a b"),
        (("spec", "storageUri"), "models:iris/1"),
        (("spec", "env"), {"A=B": "x"}),
        (("spec", "canary"), {"storageUri": "pvc://models/2", "shadow": True}),
        (("spec", "autoscaling"), {"maxReplicas": 3, "cpuPercent": 60, "concurrency": 8}),
        (("spec", "autoscaling"), {"maxReplicas": 3, "idleAfter": "soon"}),
        (("spec", "canary"), {**_CANARY, "analysis": {"steps": [50, 25]}}),
        (("spec", "canary"), {**_CANARY, "shadow": True, "analysis": {}}),
        (("spec", "canary"), {**_CANARY, "analysis": {"steps": []}}),
        (("spec", "canary"), {"storageUri": "pvc://models/2"}),
        (("spec", "format"), "pickle"),
        (("spec",), {"format": "sklearn"}),
        (("spec",), {"format": "custom", "storageUri": "pvc://models/iris"}),
        (("spec", "storageUri"), "oci://r/Digits:1"),
        (("spec", "access"), {"mode": "open"}),
        (("spec", "access"), {"keys": [_KEY, _KEY]}),
        (("spec", "access"), {"keys": [{**_KEY, "publicKey": "secret"}]}),
        (("spec", "access"), {"keys": [{**_KEY, "expires": "tomorrow"}]}),
        (("spec", "access"), {"keys": [{**_KEY, "expires": "2027-02-30T24:00:00Z"}]}),
        (("spec", "access"), {"keys": [{**_KEY, "requestsPerMinute": 0}]}),
        (("spec", "access"), {"mode": "public", "requestsPerMinute": 60}),
        (("spec", "access"), {"keys": _bounded(13)}),
        (("spec", "access"), {"requestsPerMinute": 60, "keys": _bounded(12)}),
        (("spec", "requestLog"), {"uri": "https://example.com/asked"}),
        (("spec", "requestLog"), {"uri": "pvc://models", "secret": "bucket"}),
        (("spec", "requestLog"), {"uri": "s3://bucket", "samplePercent": 0}),
        (("spec", "access"), {"tokensPerMinute": 1000}),
        (("spec", "access"), {"keys": [_KEY, {**_KEY, "name": "app", "tokensPerMinute": 1000}]}),
        (("spec",), {**_CHAT, "access": {"tokensPerMinute": 0}}),
        (("spec",), {**_CHAT, "access": {"mode": "public", "tokensPerMinute": 1000}}),
        (("spec", "server"), {"port": 80}),
        (("spec",), {"format": "custom", "image": "r/chat:1", "server": {"port": 0}}),
        (("spec",), {"format": "custom", "image": "r/chat:1", "server": {"ready": "health"}}),
    ],
    "Workspace": [
        (("spec",), {"size": "small", "resources": {"gpu": 1}}),
        (("spec", "port"), 80),
        (("spec", "data"), [{"uri": "s3://bucket/train", "path": "/home/work"}]),
        (("spec", "volumes"), [{"name": "a", "path": "/dev/shm"}]),
        (("spec", "secrets"), [{"name": "a", "path": "/manor"}]),
        (("spec", "secrets"), [{"name": "a", "path": "/a"}, {"name": "b", "path": "/a"}]),
        (("spec",), {"data": [{"uri": "s3://b/c"}], "secrets": [{"name": "a", "path": "/data"}]}),
        (
            ("spec",),
            {"data": [{"uri": "s3://b/c"}], "volumes": [{"name": "a", "path": "/data"}]},
        ),
        *((("spec", "idleAfter"), wrong) for wrong in ("1h30m", "0m", "60", "1d")),
        *(
            (("spec", "volumes"), [{"name": "a", "path": p}])
            for p in ("/tmp", "/home/work", "/manor")
        ),
    ],
}


def changed(base: Spec, change: Change) -> Spec:
    """`base` with the part at a path replaced."""
    path, value = change
    made = copy.deepcopy(base)
    part: Any = made
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return made


def valid() -> Iterator[Spec]:
    """Every valid example."""
    for kind, base in BASE.items():
        yield base
        yield from (changed(base, change) for change in VALID[kind])


def invalid() -> Iterator[Spec]:
    """Every invalid example: those written here, and one beyond each limit of the schemas."""
    for kind, base in BASE.items():
        yield from (changed(base, change) for change in [*INVALID[kind], *_beyond(kind)])


def _beyond(kind: str) -> Iterator[Change]:
    """A value beyond each limit of the fields of a kind's spec."""
    schema = KINDS[kind].model_json_schema(by_alias=True)
    for name, field in schema["$defs"][f"{kind}Spec"]["properties"].items():
        for value in _wrong(field, schema["$defs"]):
            yield ("spec", name), value


def _wrong(field: Spec, definitions: dict[str, Spec]) -> Iterator[Any]:
    """Values that the field's schema refuses, in its own words or its parts'."""
    while "$ref" in field or "anyOf" in field:
        field = (
            definitions[field["$ref"].rsplit("/", 1)[-1]] if "$ref" in field else field["anyOf"][0]
        )
    beyond: dict[str, Callable[[Any], Any]] = {
        "maxLength": lambda limit: "a" * (limit + 1),
        "maximum": lambda limit: int(limit) + 1,
        "minimum": lambda limit: int(limit) - 1,
        "enum": lambda _: "none-of-these",
        "const": lambda _: "none-of-these",
        "maxItems": lambda limit: [{}] * (limit + 1),
        "minItems": lambda _: [],
        "required": lambda _: {},
    }
    yield from (wrong(field[limit]) for limit, wrong in beyond.items() if limit in field)
    yield from {"integer": ["1", True], "boolean": ["true", 1]}.get(field.get("type", ""), [])
    if "pattern" in field:
        yield "\x07"
    if "x-kubernetes-int-or-string" in field:
        yield 1.5
    if "items" in field:
        yield from ([value] for value in _wrong(field["items"], definitions))
    for name, part in field.get("properties", {}).items():
        if field.get("required", [name]) == [name]:
            yield from ({name: value} for value in _wrong(part, definitions))
    if field.get("additionalProperties") is False:
        yield {"noSuchField": 1}
