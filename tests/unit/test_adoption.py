"""`manor import`: Kubeflow's Profiles, Capsule's Tenants and namespaces made by hand as Tenants,
and what is told beside them."""

from typing import Any

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command
from manor.adoption import Adoption, Matter, Origin, Place, Space, adopted
from manor.api import API_VERSION, Platform, Tenant
from manor.load import Specs
from manor.render import spec_object
from served_kinds import MANORS, Kind

pytestmark = pytest.mark.unit

Object = dict[str, Any]
ADA = {"kind": "User", "name": "ada@example.com"}
NETWORK = {
    "podCidrs": ["10.244.0.0/16"],
    "serviceCidrs": ["10.96.0.0/16"],
    "nodeCidrs": ["10.0.0.0/24"],
}


def profile(name: str = "vision", **spec: Any) -> Object:
    given = {"owner": ADA, **spec}
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Profile",
        "metadata": {"name": name},
        "spec": given,
    }


def obj(api_version: str, kind: str, name: str, **more: Any) -> Object:
    meta = {"name": name, "namespace": "vision"}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}


def binding(name: str, role: str, *subjects: Object, kind: str = "ClusterRole") -> Object:
    rbac = "rbac.authorization.k8s.io"
    ref = {"apiGroup": rbac, "kind": kind, "name": role}
    return obj(f"{rbac}/v1", "RoleBinding", name, roleRef=ref, subjects=list(subjects))


def namespace(name: str = "vision", **meta: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **meta}}


def platform(**spec: Any) -> Platform:
    given = {"domain": "ml.example.com", "network": NETWORK, **spec}
    return Platform.model_validate({"apiVersion": API_VERSION, "kind": "Platform", "spec": given})


def of_profile(given: Object, **space: Any) -> Place:
    name = given["metadata"]["name"]
    return Place(name, Origin.PROFILE, [Space(name, **space)], given)


def adopt(given: Object, *, on: Platform | None = None, **space: Any) -> Adoption:
    (found,) = adopted([of_profile(given, **space)], Specs(on))
    return found


def written(adoption: Adoption) -> Object:
    assert adoption.tenant is not None, adoption.notes
    spec: Object = spec_object(adoption.tenant)["spec"]
    return spec


def told(adoption: Adoption, matter: Matter) -> list[str]:
    return [note.text for note in adoption.notes if note.matter is matter]


def test_a_profile_becomes_a_tenant_of_its_name() -> None:
    found = adopt(profile(resourceQuotaSpec={"hard": {"cpu": "4", "memory": "8Gi", "pods": 20}}))
    assert found.tenant is not None
    assert spec_object(found.tenant) == {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": "vision"},
        "spec": {
            "owners": [{"name": "ada@example.com"}],
            "maxNamespaces": 0,
            "quota": {"cpu": "4", "memory": "8Gi", "pods": 20},
        },
    }


def test_contributors_of_every_kind_are_members_with_their_role() -> None:
    group = {"kind": "Group", "name": "readers"}
    pipeline = {"kind": "ServiceAccount", "name": "ci", "namespace": "tools"}
    bindings = [
        binding("namespaceAdmin", "kubeflow-admin", ADA),
        binding("user-grace", "kubeflow-edit", {"kind": "User", "name": "grace@example.com"}),
        binding("group-readers", "kubeflow-view", group),
        binding("by-hand", "edit", pipeline),
    ]
    found = adopt(profile(), namespace=namespace(), objects={"RoleBinding": bindings})
    assert written(found)["members"] == [
        {"kind": "Group", "name": "readers", "role": "viewer"},
        {"kind": "ServiceAccount", "name": "ci", "namespace": "tools", "role": "editor"},
        {"name": "grace@example.com", "role": "editor"},
    ]
    (remaining,) = [text for text in told(found, Matter.REMAINS) if "RoleBinding" in text]
    assert remaining.startswith("RoleBinding by-hand, group-readers, namespaceAdmin, user-grace:")


def test_of_two_roles_the_mightier_is_taken() -> None:
    grace = {"kind": "User", "name": "grace@example.com"}
    bindings = [binding("a", "kubeflow-view", grace), binding("b", "kubeflow-admin", grace)]
    found = adopt(profile(), objects={"RoleBinding": bindings})
    assert written(found)["members"] == [{"name": "grace@example.com", "role": "owner"}]


@pytest.mark.parametrize("kind", ["User", "Group", "ServiceAccount"])
def test_an_owner_may_be_of_any_kind(kind: str) -> None:
    owner = {"kind": kind, "name": "ada", "apiGroup": "rbac.authorization.k8s.io"}
    if kind == "ServiceAccount":
        owner["namespace"] = "people"
    (found,) = adopt(profile(owner=owner)).tenant.spec.owners  # type: ignore[union-attr]
    assert (found.kind, found.name) == (kind, "ada")


def test_groups_lose_the_prefix_that_manor_writes() -> None:
    bindings = [
        binding("a", "kubeflow-edit", {"kind": "Group", "name": "oidc:ml"}),
        binding("b", "kubeflow-edit", {"kind": "Group", "name": "others"}),
    ]
    on = platform(identity={"groupPrefix": "oidc:"})
    found = adopt(profile(), on=on, objects={"RoleBinding": bindings})
    assert written(found)["members"] == [{"kind": "Group", "name": "ml", "role": "editor"}]
    (lost,) = [text for text in told(found, Matter.LEFT_OUT) if "groupPrefix" in text]
    assert "Group others (RoleBinding b)" in lost


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            binding("a", "pipeline-runner", {"kind": "User", "name": "x"}),
            "none of a Tenant's roles",
        ),
        (binding("a", "edit", {"kind": "User", "name": "x"}, kind="Role"), "none of a Tenant's"),
        (binding("a", "edit", {"kind": "Group", "name": "system:masters"}), "Kubernetes' own"),
        (
            binding(
                "default-editor",
                "kubeflow-edit",
                {"kind": "ServiceAccount", "name": "default-editor", "namespace": "vision"},
            ),
            "pods that ask the API server",
        ),
    ],
)
def test_who_becomes_no_member_is_told(given: Object, why: str) -> None:
    found = adopt(profile(), objects={"RoleBinding": [given]})
    assert "members" not in written(found)
    assert any(why in text for text in told(found, Matter.LEFT_OUT)), found.notes


def test_a_quota_is_carried_over_as_far_as_a_tenant_bounds_the_same() -> None:
    hard = {
        "requests.cpu": "16",
        "cpu": "8",
        "limits.memory": "64Gi",
        "requests.storage": "1Ti",
        "requests.ephemeral-storage": "20Gi",
        "requests.nvidia.com/gpu": "2",
        "requests.vendor.example/nic": "4",
        "requests.other.example/card": "1",
        "services.loadbalancers": "0",
        "count/jobs.batch": "10",
        "gold.storageclass.storage.k8s.io/requests.storage": "1Gi",
    }
    on = platform(resources={"vendor.example/nic": 0})
    found = adopt(profile(resourceQuotaSpec={"hard": hard, "scopes": ["NotTerminating"]}), on=on)
    spec = written(found)
    assert spec["quota"] == {
        "cpu": "8",
        "memory": "64Gi",
        "storage": "1Ti",
        "ephemeralStorage": "20Gi",
        "resources": {"vendor.example/nic": "4"},
    }
    assert spec["gpu"] == {"guarantee": 2}
    lost = "\n".join(told(found, Matter.LEFT_OUT))
    for word in (
        "requests.cpu: 16, cpu: 8: the smallest",
        "(pods: 100)",
        "other.example/card",
        "services.loadbalancers",
        "count/jobs.batch",
        "gold.storageclass",
        "scopes",
    ):
        assert word in lost


def test_gpus_of_several_kinds_are_one_budget() -> None:
    hard = {"requests.nvidia.com/gpu": "1", "requests.nvidia.com/mig-1g.5gb": "8"}
    names = ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb"]
    on = platform(gpu={"resourceNames": names, "perGpu": {"nvidia.com/mig-1g.5gb": 7}})
    found = adopt(profile(resourceQuotaSpec={"hard": hard}), on=on)
    resources = {"nvidia.com/gpu": 1, "nvidia.com/mig-1g.5gb": 8}
    assert written(found)["gpu"] == {"guarantee": 3, "resources": resources}


def test_what_stays_in_the_namespace_and_what_will_not_work_is_told() -> None:
    owner = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "name": "vision", "uid": "u"}
    labels = {
        "istio-injection": "enabled",
        "kubernetes.io/metadata.name": "vision",
        "pod-security.kubernetes.io/enforce": "baseline",
    }
    place = namespace(annotations={"owner": "ada"}, ownerReferences=[owner], labels=labels)
    containers = [
        {"name": "lab", "image": "ghcr.io/kubeflow/jupyter:1"},
        {"name": "istio-proxy", "image": "istio/proxyv2:1"},
    ]
    objects = {
        "Pod": [obj("v1", "Pod", "lab-0", spec={"containers": containers})],
        "NetworkPolicy": [obj("networking.k8s.io/v1", "NetworkPolicy", "open")],
        "AuthorizationPolicy": [obj("security.istio.io/v1", "AuthorizationPolicy", "ns-owner")],
        "PodDefault": [obj("kubeflow.org/v1alpha1", "PodDefault", "s3")],
    }
    refused = ["lab-0: runAsNonRoot != true"]
    on = platform(registries=["registry.example"])
    found = adopt(profile(), on=on, namespace=place, objects=objects, refused=refused)
    remaining = "\n".join(told(found, Matter.REMAINS))
    for word in (
        "annotation `owner`",
        "is deleted with Profile vision",
        "istio-injection:",
        "open:",
    ):
        assert word in remaining
    assert "metadata.name" not in remaining
    broken = "\n".join(told(found, Matter.BREAKS))
    for word in ("Pod lab-0: Istio's sidecar", refused[0], "ghcr.io/kubeflow/jupyter:1", "s3:"):
        assert word in broken
    assert "proxyv2" not in broken
    assert "ns-owner: they let in whom a header names" in broken


def test_what_is_in_use_beyond_the_budget_is_told() -> None:
    asks = {"requests": {"cpu": "6", "memory": "1Gi"}, "limits": {"nvidia.com/gpu": "1"}}
    spec = {"containers": [{"name": "main", "image": "a", "resources": asks}]}
    size = {"resources": {"requests": {"storage": "200Gi"}}}
    objects = {
        "Pod": [
            obj("v1", "Pod", "a", spec=spec),
            obj("v1", "Pod", "b", spec=spec),
            obj("v1", "Pod", "done", spec=spec, status={"phase": "Succeeded"}),
        ],
        "PersistentVolumeClaim": [obj("v1", "PersistentVolumeClaim", "home", spec=size)],
    }
    broken = told(adopt(profile(), objects=objects), Matter.BREAKS)
    assert [text.partition(", and ")[0] for text in broken] == [
        "cpu: 12 in use",
        "storage: 200Gi in use",
        "2 GPUs in use",
    ]
    enough = {"hard": {"cpu": "12", "requests.storage": "1Ti", "requests.nvidia.com/gpu": "2"}}
    assert not told(adopt(profile(resourceQuotaSpec=enough), objects=objects), Matter.BREAKS)


@pytest.mark.parametrize(
    ("given", "place", "why"),
    [
        (profile("a-profile-whose-name-is-longer-than-forty"), None, "metadata.name"),
        (profile("kube-flow"), None, "is Kubernetes' or Manor's own"),
        (profile(owner={}), None, "owners"),
        (profile(owner={"kind": "User", "name": "system:admin"}), None, "owners"),
        (profile(owner={"kind": "ServiceAccount", "name": "a"}), None, "needs its namespace"),
        (profile(), namespace(labels={"manor.dev/tenant": "speech"}), "Tenant speech's"),
    ],
)
def test_what_can_be_no_tenant_is_set_aside(given: Object, place: Object | None, why: str) -> None:
    found = adopt(given, on=platform(), namespace=place)
    assert found.tenant is None
    (text,) = told(found, Matter.SET_ASIDE)
    assert why in text


def test_a_profile_never_takes_what_another_tenant_may_make() -> None:
    tenant = {"owners": [{"name": "eve"}], "maxNamespaces": 2}
    value = {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": "a"}, "spec": tenant}
    known = Specs(platform(), {"a": Tenant.model_validate(value)})
    (found,) = adopted([of_profile(profile("a-1"))], known)
    assert found.tenant is None
    assert "is kept for owners of tenant 'a'" in told(found, Matter.SET_ASIDE)[0]


def test_of_what_is_adopted_it_is_told_what_kubeflow_left() -> None:
    spec = {"owners": [{"kind": "Group", "name": "ml"}]}
    meta = {"name": "vision"}
    value = {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": meta, "spec": spec}
    known = Specs(platform(identity={"groupPrefix": "oidc:"}), {"vision": Tenant(**value)})
    owner = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "name": "vision", "uid": "u"}
    labels = {"manor.dev/tenant": "vision", "tools.manor.dev/kubeflow": "true"}
    own = binding("manor-owners", "kubeflow-edit")
    own["metadata"]["labels"] = {"applyset.kubernetes.io/part-of": "applyset-x"}
    bindings = [own, binding("theirs", "edit"), binding("user-eve", "kubeflow-edit")]
    space = namespace(labels=labels, ownerReferences=[owner])
    for who, more in (({"kind": "Group", "name": "oidc:ml"}, 0), (ADA, 1)):
        place = of_profile(profile(owner=who), namespace=space, objects={"RoleBinding": bindings})
        (found,) = adopted([place], known)
        remaining = told(found, Matter.REMAINS)
        assert (len(told(found, Matter.DONE)), len(remaining)) == (1, 2 + more)
        assert any("is deleted with Profile vision" in text for text in remaining)
        assert any(text.startswith("RoleBinding user-eve:") for text in remaining)
        assert ("owns the Profile and not the Tenant" in remaining[0]) == bool(more)


@pytest.fixture
def kubeflow(cluster: ApiStandIn) -> ApiStandIn:
    """A cluster with Kubeflow's Profiles and Manor's kinds."""
    cluster.kinds += [*MANORS, Kind("kubeflow.org", "v1", "Profile", "profiles", False)]
    grace = {"kind": "User", "name": "grace"}
    cluster.hold(
        profile(resourceQuotaSpec={"hard": {"cpu": "4"}}),
        profile("speech"),
        namespace(),
        namespace("speech"),
        binding("user-grace", "kubeflow-view", grace),
    )
    return cluster


def test_the_plan_lists_tenants_and_tells_the_rest(kubeflow: ApiStandIn, manor: Command) -> None:
    done = manor("import", "profiles")
    assert done.code == 0
    header, speech, vision = done.out.splitlines()
    assert header.split() == [
        "NAME",
        "OWNERS",
        "MEMBERS",
        "CPU",
        "MEMORY",
        "STORAGE",
        "PODS",
        "GPU",
    ]
    assert speech.split()[0] == "speech"
    assert vision.split() == [
        "vision",
        "ada@example.com",
        "grace",
        "(viewer)",
        "4",
        "32Gi",
        "100Gi",
        "100",
        "0",
    ]
    assert "vision: remains: RoleBinding user-grace" in done.err
    assert "2 Profiles: 2 become Tenants, 0 are set aside" in done.err
    assert not kubeflow.written


def test_the_plan_as_yaml_is_what_apply_takes(kubeflow: ApiStandIn, manor: Command) -> None:
    done = manor("import", "profiles", "vision", "-o", "yaml")
    (document,) = yaml.safe_load_all(done.out)
    assert (document["kind"], document["metadata"]["name"]) == ("Tenant", "vision")
    assert Tenant.model_validate(document)


def test_what_is_set_aside_makes_the_plan_fail(kubeflow: ApiStandIn, manor: Command) -> None:
    kubeflow.hold(profile("kube-flow"), namespace("kube-flow"))
    done = manor("import", "profiles")
    assert done.code == 1
    assert "kube-flow: set aside: metadata.name: namespace 'kube-flow' is" in done.err
    assert "3 Profiles: 2 become Tenants, 1 are set aside" in done.err


def test_what_is_adopted_already_is_no_failure(kubeflow: ApiStandIn, manor: Command) -> None:
    kubeflow.hold(profile("done"), namespace("done", labels={"manor.dev/tenant": "done"}))
    done = manor("import", "profiles", "done")
    assert (done.code, done.out.count("\n")) == (0, 1)
    assert "done: already adopted" in done.err


def test_a_name_that_is_not_there_is_told(kubeflow: ApiStandIn, manor: Command) -> None:
    done = manor("import", "profiles", "sound")
    assert done.code == 2
    assert "no Profile sound; there are: speech, vision" in done.err


def test_a_cluster_without_kubeflow_says_so(cluster: ApiStandIn, manor: Command) -> None:
    done = manor("import", "profiles")
    assert done.code == 2
    assert "this cluster has no Profiles" in done.err


def oil(**spec: Any) -> Object:
    """A Tenant of Capsule's."""
    owners = [
        {"kind": "User", "name": "alice"},
        {"kind": "ServiceAccount", "name": "system:serviceaccount:ci:bot"},
    ]
    meta = {"name": "oil", "uid": "u"}
    return {
        "apiVersion": "capsule.clastix.io/v1beta2",
        "kind": "Tenant",
        "metadata": meta,
        "spec": {"owners": owners, **spec},
    }


def of_capsule(given: Object, **spaces: dict[str, Any]) -> Adoption:
    held = [Space(name, **what) for name, what in spaces.items()]
    (found,) = adopted([Place("oil", Origin.CAPSULE, held, given)], Specs(platform()))
    return found


def test_a_capsule_tenant_keeps_its_people_namespaces_and_lists() -> None:
    given = oil(
        namespaceOptions={"quota": 3},
        additionalRoleBindings=[
            {"clusterRoleName": "view", "subjects": [{"kind": "Group", "name": "audit"}]},
            {"clusterRoleName": "prometheus", "subjects": [{"kind": "Group", "name": "ops"}]},
        ],
        storageClasses={"allowed": ["fast"], "allowedRegex": "^ceph-.*$"},
        containerRegistries={"allowed": ["ghcr.io"]},
        priorityClasses={"allowed": ["low"], "default": "low"},
        ingressOptions={"allowedHostnames": {"allowed": ["oil.example.com"]}},
        limitRanges={"items": [{"limits": []}]},
        cordoned=True,
    )
    found = of_capsule(given, **{"oil-dev": {}, "oil-prod": {}})
    assert written(found) == {
        "owners": [
            {"name": "alice"},
            {"kind": "ServiceAccount", "name": "bot", "namespace": "ci"},
        ],
        "members": [{"kind": "Group", "name": "audit", "role": "viewer"}],
        "namespaces": [{"name": "oil-dev"}, {"name": "oil-prod"}],
        "maxNamespaces": 1,
        "storageClasses": ["fast"],
        "registries": ["ghcr.io"],
        "priorityClasses": ["low"],
        "hosts": ["oil.example.com"],
    }
    lost = "\n".join(told(found, Matter.LEFT_OUT))
    assert "ClusterRole prometheus of Group ops" in lost
    assert "storageClasses.allowedRegex: a Tenant lists what is allowed (storageClasses)" in lost
    assert "cordoned: a Tenant has no field for it" in lost
    assert "limitRanges: Manor's own hold" in lost


@pytest.mark.parametrize(("scope", "cpu"), [("Tenant", "4"), ("Namespace", "8")])
def test_a_quota_for_each_namespace_is_a_budget_of_all(scope: str, cpu: str) -> None:
    items = [{"hard": {"limits.cpu": "8"}}, {"hard": {"requests.cpu": "4"}}]
    given = oil(resourceQuotas={"scope": scope, "items": items})
    found = of_capsule(given, **{"oil-a": {}, "oil-b": {}})
    assert written(found)["quota"]["cpu"] == cpu
    assert any("the budget is 2 of them" in note.text for note in found.notes) == (cpu == "8")


def test_who_is_let_into_one_namespace_alone_is_no_member_of_all() -> None:
    both = binding("both", "edit", {"kind": "User", "name": "grace"})
    one = binding("one", "edit", {"kind": "User", "name": "eve"})
    made = binding("capsule-oil-0-admin", "admin", {"kind": "User", "name": "mallory"})
    made["metadata"]["labels"] = {"capsule.clastix.io/tenant": "oil"}
    found = of_capsule(
        oil(),
        **{
            "oil-a": {"objects": {"RoleBinding": [both, one, made]}},
            "oil-b": {"objects": {"RoleBinding": [both, made]}},
        },
    )
    assert written(found)["members"] == [{"name": "grace", "role": "editor"}]
    (alone,) = [text for text in told(found, Matter.LEFT_OUT) if "alone" in text]
    assert "edit of User eve" in alone


def test_a_namespace_is_owned_by_whom_it_says_or_by_its_admins() -> None:
    bindings = [
        binding("a", "admin", {"kind": "User", "name": "ada"}),
        binding("b", "edit", {"kind": "User", "name": "grace"}),
    ]
    quota = obj("v1", "ResourceQuota", "q", spec={"hard": {"requests.cpu": "4"}})
    space = Space("vision", namespace(), {"RoleBinding": bindings, "ResourceQuota": [quota]})
    (found,) = adopted([Place("vision", Origin.NAMESPACE, [space])], Specs(platform()))
    assert written(found) == {
        "owners": [{"name": "ada"}],
        "members": [{"name": "grace", "role": "editor"}],
        "maxNamespaces": 0,
        "quota": {"cpu": "4"},
    }
    given = {"owners": [{"kind": "User", "name": "eve"}]}
    (found,) = adopted([Place("vision", Origin.NAMESPACE, [space], given)], Specs(platform()))
    assert written(found)["owners"] == [{"name": "eve"}]
    assert {"name": "ada", "role": "owner"} in written(found)["members"]


def test_namespaces_of_nobody_are_set_aside(cluster: ApiStandIn, manor: Command) -> None:
    cluster.kinds += MANORS
    cluster.hold(namespace("web"), namespace("api"))
    done = manor("import", "namespaces", "web", "api", "--tenant", "shop")
    assert done.code == 1
    assert "shop: set aside: spec.owners" in done.err
    done = manor("import", "namespaces", "web", "api", "--tenant", "shop", "--owner", "ada")
    assert (done.code, done.out.splitlines()[1].split()[:2]) == (0, ["shop", "ada"])
    assert "1 namespaces: 1 become Tenants" in done.err
    done = manor("import", "namespaces", "lost")
    assert (done.code, "no namespace lost" in done.err) == (2, True)
    assert not cluster.written


def test_capsules_namespaces_are_found_by_their_label(cluster: ApiStandIn, manor: Command) -> None:
    kind = Kind("capsule.clastix.io", "v1beta2", "Tenant", "tenants", False)
    cluster.kinds += [*MANORS, kind]
    owner = {"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "name": "oil"}
    labels = {"capsule.clastix.io/tenant": "oil"}
    held = namespace("oil-dev", labels=labels, ownerReferences=[{**owner, "uid": "u"}])
    cluster.hold(oil(), held, namespace("other"))
    done = manor("import", "capsule", "-o", "yaml")
    assert done.code == 0, done.err
    (document,) = yaml.safe_load_all(done.out)
    assert document["spec"]["namespaces"] == [{"name": "oil-dev"}]
    assert "the namespace is deleted with Tenant oil" in done.err
    assert "1 Capsule Tenants: 1 become Tenants, 0 are set aside" in done.err
