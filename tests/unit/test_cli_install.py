"""`install` and `uninstall` as their user sees them."""

import json
from pathlib import Path

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command
from manor import __version__
from manor.kube import Object

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / "examples" / "01-two-teams"
PLATFORM = str(EXAMPLE / "platform.yaml")
FINALIZERS = ["example.com/other", "manor.dev/operator"]


def rendered(manor: Command, *options: str) -> list[Object]:
    done = manor("install", "--render", *options)
    assert done.code == 0, done.err
    return list(yaml.load_all(done.out, yaml.CSafeLoader))


def finalizers(server: ApiStandIn, plural: str, name: str) -> list[str]:
    found: list[str] = server.held(plural, name)["metadata"]["finalizers"]
    return found


@pytest.fixture
def operated(cluster: ApiStandIn, manor: Command) -> ApiStandIn:
    """A cluster with the operator, and with teams that it has put its finalizer on."""
    for words in (("install",), ("apply", "-f", str(EXAMPLE))):
        done = manor(*words)
        assert done.code == 0, done.err
    for plural, name in (("tenants", "tenant-a"), ("models", "iris")):
        cluster.held(plural, name)["metadata"]["finalizers"] = list(FINALIZERS)
    lease = {"name": "manor-operator", "namespace": "manor-system"}
    cluster.hold({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": lease})
    cluster.written.clear()
    return cluster


def test_what_is_rendered_is_what_is_installed(cluster: ApiStandIn, manor: Command) -> None:
    objects = rendered(manor)
    assert cluster.written == []
    done = manor("install", "-o", "json")
    assert done.code == 0, done.err
    assert done.err.endswith("the operator is ready\n")
    told = {(step["kind"], step["name"]) for step in json.loads(done.out)["objects"]}
    assert told == {(obj["kind"], obj["metadata"]["name"]) for obj in objects}
    (deployment,) = [obj for obj in objects if obj["kind"] == "Deployment"]
    live = cluster.held("deployments", "manor-operator")
    assert live["spec"] == deployment["spec"]
    (container,) = live["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"manor.local/operator:{__version__}"
    cluster.written.clear()
    assert manor("install").code == 0
    assert cluster.written == []


def test_a_platform_that_is_applied_keeps_the_operator(
    operated: ApiStandIn, manor: Command
) -> None:
    assert manor("apply", "-f", PLATFORM).code == 0
    assert "manor-operator" in operated.names("deployments")
    assert operated.written == []


def test_the_platform_says_where_the_operator_may_go(
    operated: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    spec = yaml.safe_load(Path(PLATFORM).read_text())
    spec["spec"]["network"]["apiServers"] = [{"cidr": "203.0.113.7/32"}]
    file = tmp_path / "platform.yaml"
    file.write_text(yaml.safe_dump(spec))
    (policy,) = [
        obj
        for obj in rendered(manor, "-f", str(file))
        if obj["kind"] == "NetworkPolicy" and obj["metadata"]["name"] == "manor-operator"
    ]
    block = {"ipBlock": {"cidr": "203.0.113.7/32"}}
    assert policy["spec"]["egress"][0]["to"] == [block]
    # That of the cluster, where no file is given.
    assert manor("apply", "-f", str(file)).code == 0
    assert manor("install").code == 0
    live = operated.held("networkpolicies", "manor-operator")
    assert live["spec"]["egress"][0]["to"] == [block]


def test_files_without_a_platform_are_refused(manor: Command) -> None:
    done = manor("install", "--render", "-f", str(EXAMPLE / "tenant-a.yaml"))
    assert done.code == 2
    assert "there is no Platform in these files" in done.err


def test_image_and_replicas_are_the_callers(manor: Command) -> None:
    (deployment,) = [
        obj
        for obj in rendered(manor, "--image", "r.example/own:3", "--replicas", "3")
        if obj["kind"] == "Deployment"
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert (deployment["spec"]["replicas"], container["image"]) == (3, "r.example/own:3")


def test_what_another_tool_made_is_taken_over_on_consent_alone(
    cluster: ApiStandIn, manor: Command
) -> None:
    role = {"name": "manor:operator"}
    cluster.hold(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": role}
    )
    done = manor("install")
    assert done.code == 1
    assert "the operator was not installed" in done.err
    assert "deployments" not in str(cluster.written)
    assert manor("install", "--adopt").code == 0


def test_uninstall_leaves_teams_and_takes_the_finalizer(
    operated: ApiStandIn, manor: Command
) -> None:
    mine = {
        (obj["kind"], obj["metadata"]["name"])
        for obj in rendered(manor)
        if obj["kind"] not in ("Namespace", "CustomResourceDefinition")
        and obj["metadata"]["name"] != "manor-default-deny"
    }
    before = {key for key, obj in operated.objects.items()}
    done = manor("uninstall", "--yes")
    assert done.code == 0, done.err
    assert "2 objects no longer wait for the operator" in done.err
    gone = {key.split("/")[-1] for key in before - operated.objects.keys()}
    assert gone == {name for _, name in mine}
    assert len(before) - len(operated.objects) == len(mine) + 2  # its inventory and its lock
    for plural, name in (("tenants", "tenant-a"), ("models", "iris")):
        assert finalizers(operated, plural, name) == ["example.com/other"]
    assert manor("apply", "-f", str(EXAMPLE)).code == 0


def test_uninstall_asks_and_without_an_answer_removes_nothing(
    operated: ApiStandIn, manor: Command
) -> None:
    done = manor("uninstall")
    assert done.code == 2
    assert "nothing was removed" in done.err
    assert operated.written == []


def test_what_helm_installed_is_helms_to_remove(operated: ApiStandIn, manor: Command) -> None:
    labels = operated.held("deployments", "manor-operator")["metadata"]["labels"]
    del labels["applyset.kubernetes.io/part-of"]
    done = manor("uninstall", "--yes")
    assert done.code == 2
    assert "was not made by `manor install`" in done.err
    assert finalizers(operated, "tenants", "tenant-a") == FINALIZERS


def test_uninstall_waits_for_the_last_pod(operated: ApiStandIn, manor: Command) -> None:
    labels = {"app.kubernetes.io/name": "manor-operator", "app.kubernetes.io/instance": "manor"}
    meta = {"name": "manor-operator-1", "namespace": "manor-system", "labels": labels}
    operated.hold({"apiVersion": "v1", "kind": "Pod", "metadata": meta})
    done = manor("uninstall", "--yes", "--timeout", "0.5")
    assert done.code == 2
    assert "manor-operator-1: still runs" in done.err
    assert finalizers(operated, "tenants", "tenant-a") == FINALIZERS
    operated.remove("/api/v1/namespaces/manor-system/pods/manor-operator-1")
    assert manor("uninstall", "--yes").code == 0
    assert finalizers(operated, "tenants", "tenant-a") == ["example.com/other"]


def test_teams_go_where_that_is_said(operated: ApiStandIn, manor: Command) -> None:
    operated.held("models", "iris")["metadata"]["finalizers"] = [FINALIZERS[1]]
    operated.held("tenants", "tenant-a")["metadata"]["finalizers"] = [FINALIZERS[1]]
    for words in (("--delete-data",), ("--delete-namespace", "tenant-a")):
        refused = manor("uninstall", "--yes", *words)
        assert (refused.code, "needs --delete-tenants" in refused.err) == (2, True)
    assert operated.written == []
    done = manor("uninstall", "--yes", "--delete-tenants", "--delete-data")
    assert done.code == 0, done.err
    assert operated.names("tenants") == set()
    assert not {"tenant-a", "tenant-b"} & operated.names("namespaces")
    assert operated.names("platforms") == {"manor"}
    assert "tenants.manor.dev" in operated.names("customresourcedefinitions")
