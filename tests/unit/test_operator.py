"""The operator holds what it needs, and runs with no more than that."""

from typing import Any

import pytest

from engine_specs import platform
from manor.api.wellknown import NAMESPACE_NAME_LABEL
from manor.kube import Object
from manor.load import Specs
from manor.render import verifier
from manor.render.operator import LOCK_RIGHTS, PODS, PORT, RIGHTS, collector, render_operator
from manor.render.roles import stand_in_role
from manor.rollout import compiled

pytestmark = pytest.mark.unit

NETWORK = platform().spec.network.model_dump(mode="json", by_alias=True, exclude_unset=True)
MIGHTY = {"bind", "escalate", "*"}
FORBIDDEN = {"secrets", "pods/exec", "pods/attach", "nodes/proxy", "serviceaccounts/token", "*"}


def made(kind: str, **options: Any) -> list[dict[str, Any]]:
    return [obj for obj in render_operator("r.example/op:1", **options) if obj["kind"] == kind]


def with_network(**network: Any) -> dict[str, Any]:
    (policy,) = made("NetworkPolicy", platform=platform(network={**NETWORK, **network}))
    spec: dict[str, Any] = policy["spec"]
    return spec


def rules() -> list[dict[str, Any]]:
    """Every rule of every role that the operator is bound to, as rendered."""
    roles = {
        (obj["kind"], obj["metadata"]["name"]): obj
        for obj in [*render_operator("r.example/op:1"), *made_of_the_platform()]
        if obj["kind"] in ("Role", "ClusterRole")
    }
    bound = [*made("ClusterRoleBinding"), *made("RoleBinding")]
    found = [roles[obj["roleRef"]["kind"], obj["roleRef"]["name"]] for obj in bound]
    assert len(found) == 3
    return [rule for role in found for rule in role["rules"]]


def made_of_the_platform() -> list[Object]:
    (found,) = compiled(Specs(platform()), Specs(platform()))
    return found.objects


def test_no_right_is_a_wildcard_nor_reads_what_is_secret() -> None:
    for rule in rules():
        assert not {"*", "escalate"} & set(rule["verbs"])
        assert not FORBIDDEN & {*rule["resources"]}
        assert "*" not in rule["apiGroups"]
        assert "nonResourceURLs" not in rule


def test_what_it_may_become_and_hand_out_is_named_one_by_one() -> None:
    named = {
        verb: [rule["resourceNames"] for rule in rules() if verb in rule["verbs"]]
        for verb in ("impersonate", "bind")
    }
    assert named["impersonate"] == [["manor-workloads"]]
    assert [set(names) for names in named["bind"]] == [
        {
            *("manor:owner", "manor:editor", "manor:viewer", "manor:front"),
            *("manor:workloads", "manor:stand-in"),
        }
    ]
    # No rule but the keeper's binds.
    assert not [right for right in (*RIGHTS, *LOCK_RIGHTS) if MIGHTY & set(right.verbs)]


def test_what_engines_make_it_only_sees() -> None:
    written = {
        resource
        for rule in rules()
        if {"create", "update", "patch"} & set(rule["verbs"])
        for resource in rule["resources"]
    }
    assert not {"jobs", "deployments", "pods"} & written
    assert {"jobs", "deployments"} <= {r for rule in rules() for r in rule["resources"]}


def test_its_lock_is_the_only_lease_that_it_may_change() -> None:
    (role,) = made("Role")
    assert role["metadata"]["namespace"] == "manor-system"
    change = [rule for rule in role["rules"] if {"update", "get"} & set(rule["verbs"])]
    assert [rule["resourceNames"] for rule in change] == [["manor-operator"]]
    assert not [rule for rule in rules() if "delete" in rule["verbs"] and "leases" in str(rule)]


def test_every_right_has_its_reason() -> None:
    assert all(len(right.reason) > 20 for right in (*RIGHTS, *LOCK_RIGHTS))


def by_schedule() -> list[Object]:
    """What a schedule of `manor verify` adds."""
    before = render_operator("r.example/op:1")
    return [
        obj
        for obj in render_operator("r.example/op:1", verify_schedule="0 3 * * *")
        if obj not in before
    ]


def test_a_schedule_adds_an_account_of_its_own_and_gives_the_operator_nothing() -> None:
    bound = [obj for obj in by_schedule() if obj["kind"].endswith("Binding")]
    assert {(s["name"], s["namespace"]) for obj in bound for s in obj["subjects"]} == {
        ("manor-verifier", "manor-system")
    }
    roles = [obj for obj in by_schedule() if obj["kind"] in ("Role", "ClusterRole")]
    assert {obj["roleRef"]["name"] for obj in bound} == {obj["metadata"]["name"] for obj in roles}
    found = [rule for role in roles for rule in role["rules"]]
    for rule in found:
        assert not MIGHTY & set(rule["verbs"])
        assert not FORBIDDEN & set(rule["resources"])
        assert "*" not in rule["apiGroups"]
    # All that it writes are questions and its report; whom it becomes is named.
    writes = [rule for rule in found if set(rule["verbs"]) - {"get", "list", "watch"}]
    assert [(rule["resources"], rule.get("resourceNames")) for rule in writes] == [
        (["subjectaccessreviews"], None),
        (["serviceaccounts"], ["manor-stand-in"]),
        (["configmaps"], ["manor-verify-runs"]),
    ]
    rights = (*verifier.RIGHTS, *verifier.REPORT_RIGHTS)
    assert all(len(right.reason) > 15 for right in rights)


def test_its_run_is_held_as_the_operator_is_and_reaches_the_same() -> None:
    (cron,) = [obj for obj in by_schedule() if obj["kind"] == "CronJob"]
    assert cron["spec"]["schedule"] == "0 3 * * *"
    template = cron["spec"]["jobTemplate"]["spec"]["template"]
    (operator,) = made("Deployment")
    theirs = operator["spec"]["template"]["spec"]
    for field in ("securityContext", "volumes", "automountServiceAccountToken"):
        assert template["spec"][field] == theirs[field]
    (mine,), (other,) = template["spec"]["containers"], theirs["containers"]
    for field in ("securityContext", "volumeMounts", "image"):
        assert mine[field] == other[field]
    assert template["spec"]["serviceAccountName"] == "manor-verifier"
    (policy,) = [obj for obj in by_schedule() if obj["kind"] == "NetworkPolicy"]
    chosen = policy["spec"]["podSelector"]["matchLabels"]
    assert chosen.items() <= template["metadata"]["labels"].items()
    # The operator's own policy and disruption budget are not about these pods.
    assert not PODS.items() <= template["metadata"]["labels"].items()
    assert policy["spec"]["egress"] == made("NetworkPolicy")[0]["spec"]["egress"]


def test_a_stand_in_is_an_owner_who_sees_no_secret_and_enters_nothing() -> None:
    rules = stand_in_role(platform())["rules"]
    granted = {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {verb for _, resource, verb in granted if resource == "secrets"} == {"create"}
    entered = {"pods/exec", "pods/attach", "pods/portforward", "serviceaccounts/token"}
    assert not entered & {resource for _, resource, _ in granted}
    assert not MIGHTY & {verb for _, _, verb in granted}
    (owner,) = [obj for obj in made_of_the_platform() if obj["metadata"]["name"] == "manor:owner"]
    owned = {
        (group, resource, verb)
        for rule in owner["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    left = {resource for _, resource, _ in owned - granted}
    assert granted <= owned
    assert left == {"secrets", *entered}


def test_its_pods_are_what_restricted_admits_and_write_nowhere_but_tmp() -> None:
    (deployment,) = made("Deployment", replicas=3)
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["spec"]["replicas"] == 3
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    assert container["image"] == "r.example/op:1"
    # What is chosen by the labels is these pods.
    (disruption,) = made("PodDisruptionBudget")
    for chosen in (deployment["spec"]["selector"], disruption["spec"]["selector"]):
        assert chosen["matchLabels"].items() <= PODS.items()
    assert PODS.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_it_reaches_the_api_server_and_dns_alone() -> None:
    server = {"cidr": "203.0.113.7/32", "port": 6443}
    egress = with_network(apiServers=[server])["egress"]
    assert egress[0] == {
        "to": [{"ipBlock": {"cidr": "203.0.113.7/32"}}],
        "ports": [{"protocol": "TCP", "port": 6443}],
    }
    assert [rule["ports"][0]["port"] for rule in egress[1:]] == [53]
    assert all(rule["to"] for rule in egress)


def test_where_nothing_says_where_the_api_server_is_its_ports_are_open() -> None:
    for spec in (with_network(), made("NetworkPolicy")[0]["spec"]):
        assert [port["port"] for port in spec["egress"][0]["ports"]] == [443, 6443]
        assert "to" not in spec["egress"][0]
        assert all(rule["to"] for rule in spec["egress"][1:])


def test_its_metrics_are_for_the_platforms_own_pods_that_reach_such_a_port() -> None:
    def peer(name: str, **fields: Any) -> dict[str, Any]:
        return {"name": name, "namespace": name, **fields}

    assert "ingress" not in made("NetworkPolicy")[0]["spec"]
    assert "Ingress" in made("NetworkPolicy")[0]["spec"]["policyTypes"]
    spec = with_network(
        peers=[
            peer("monitoring"),
            peer("other-port", ports=[9090]),
            peer("this-port", ports=[PORT], direction="both"),
            peer("license", direction="egress"),
        ]
    )
    (rule,) = spec["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": PORT}]
    names = [one["namespaceSelector"]["matchLabels"][NAMESPACE_NAME_LABEL] for one in rule["from"]]
    assert names == ["monitoring", "this-port"]


@pytest.mark.parametrize(
    ("url", "to", "port"),
    [
        ("http://collector.monitoring:4318", "monitoring", 4318),
        ("https://collector.monitoring.svc.cluster.local", "monitoring", 443),
        ("http://192.0.2.7:4318", "192.0.2.7/32", 4318),
        ("http://[2001:db8::7]:4318", "2001:db8::7/128", 4318),
    ],
)
def test_traces_open_the_way_to_their_collector_alone(url: str, to: str, port: int) -> None:
    def egress(**options: Any) -> list[Object]:
        (policy,) = made("NetworkPolicy", **options)
        return list(policy["spec"]["egress"])

    before = egress()
    *same, more = egress(collector=collector(url))
    assert same == before
    assert more["ports"] == [{"protocol": "TCP", "port": port}]
    (peer,) = more["to"]
    named = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": to}}}
    assert peer == ({"ipBlock": {"cidr": to}} if "/" in to else named)
    (deployment,) = made("Deployment", collector=collector(url))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": url} in container["env"]


@pytest.mark.parametrize(
    "url",
    [
        "collector.monitoring:4318",
        "http://collector:4318",
        "http://traces.example.com:4318",
        "http://me:secret@collector.monitoring:4318",
        "grpc://collector.monitoring",
        "http://",
        "http://collector.monitoring:99999",
    ],
)
def test_a_collector_that_no_policy_could_open_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        collector(url)
