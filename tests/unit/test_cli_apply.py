"""`apply`, `diff` and `delete` as their user sees them: exit codes, messages, and what
they wrote."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command

pytestmark = pytest.mark.unit

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "01-two-teams")
PLATFORM = f"{EXAMPLE}/platform.yaml"


def tenant(name: str = "vision", extra: str = "") -> str:
    return f"""\
apiVersion: manor.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  owners: [{{name: {name}-owner}}]
{extra}"""


def config(namespace: str, name: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
    }


@pytest.fixture
def platform(cluster: ApiStandIn, manor: Command) -> ApiStandIn:
    """The cluster with a Platform on it."""
    assert manor("apply", "-f", PLATFORM).code == 0
    cluster.written.clear()
    return cluster


def test_an_example_is_made_once_and_taken_down_but_for_its_volumes(
    cluster: ApiStandIn, manor: Command
) -> None:
    made = manor("apply", "-f", EXAMPLE)
    assert made.code == 0, made.err
    assert made.out == ""
    assert " created in " in made.err.splitlines()[-1]
    assert cluster.names("tenants") == {"tenant-a", "tenant-b"}
    assert cluster.names("jobs") == {"train-iris", "train-wine"}

    cluster.written.clear()
    again = manor("apply", "-f", EXAMPLE)
    assert again.code == 0
    assert again.err.split(" unchanged in ")[0].isdigit()
    assert manor("diff", "-f", EXAMPLE)[:2] == (0, "")
    assert cluster.written == []

    kept = manor("delete", "-f", EXAMPLE, "--yes")
    assert kept.code == 0, kept.err
    assert (
        "PersistentVolumeClaim tenant-a/models kept: holds data; to delete it, delete data "
        "explicitly (--del"
    ) in kept.err
    assert "Platform manor kept: something of what stands on it is kept" in kept.err
    assert cluster.names("persistentvolumeclaims") == {"models"}
    assert cluster.names("jobs") | cluster.names("rolebindings") == set()
    assert "manor-default-deny" in cluster.names("networkpolicies")

    gone = manor("delete", "-f", EXAMPLE, "--yes", "--delete-data")
    assert gone.code == 0, gone.err
    assert cluster.names("namespaces") == {"manor-front", "envoy-gateway-system"}
    assert {path for path in cluster.objects if "manor.dev" in path} == set()


def test_diff_shows_what_apply_then_writes_and_writes_nothing(
    platform: ApiStandIn, manor: Command
) -> None:
    assert manor("apply", "-f", "-", given=tenant()).code == 0
    platform.written.clear()
    changed = tenant(extra="  quota: {cpu: 3}\n  members: [{name: eve, role: viewer}]\n")
    shown = manor("diff", "-f", "-", given=changed)
    assert shown.code == 1
    assert "-    requests.cpu: '8'\n+    requests.cpu: '3'\n" in shown.out
    assert (
        "--- live/ResourceQuota/vision/manor-quota\n+++ wanted/ResourceQuota/vision/manor-quota\n"
        in shown.out
    )
    assert platform.written == []

    told = json.loads(manor("diff", "-f", "-", "-o", "json", given=changed).out)
    quota = next(obj for obj in told["objects"] if obj["kind"] == "ResourceQuota")
    assert (quota["action"], quota["namespace"]) == ("update", "vision")
    assert {"path": ".spec.hard.requests.cpu", "before": "8", "after": "3"} in quota["changes"]

    done = manor("apply", "-f", "-", "-o", "json", "--verbose", given=changed)
    assert done.code == 0, done.err
    assert "ResourceQuota vision/manor-quota updated" in done.err
    fates = {(obj["kind"], obj["name"]): obj["action"] for obj in json.loads(done.out)["objects"]}
    assert fates["ResourceQuota", "manor-quota"] == "update"
    assert fates["RoleBinding", "manor-viewers"] == "create"
    assert fates["Namespace", "vision"] == "unchanged"
    assert platform.held("resourcequotas", "manor-quota")["spec"]["hard"]["requests.cpu"] == "3"


def test_what_is_not_ours_is_refused_until_adopted(platform: ApiStandIn, manor: Command) -> None:
    platform.hold({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}})
    refused = manor("apply", "-f", "-", given=tenant())
    assert refused.code == 1
    assert "Namespace vision refused: exists and was not made by this inventory" in refused.err
    assert refused.err.splitlines()[0].endswith("(--adopt)")
    assert refused.err.splitlines()[-1].startswith(
        "not everything was applied; mend what is named above"
    )
    assert platform.names("tenants") == set()
    previewed = manor("diff", "-f", "-", given=tenant())
    assert previewed.code == 2
    assert "Namespace vision refused" in previewed.err
    assert manor("apply", "-f", "-", "--adopt", given=tenant()).code == 0
    assert (
        platform.held("namespaces", "vision")["metadata"]["labels"]["manor.dev/tenant"] == "vision"
    )


def test_a_field_of_another_manager_is_a_conflict_until_forced(
    platform: ApiStandIn, manor: Command
) -> None:
    assert manor("apply", "-f", "-", given=tenant()).code == 0
    schema = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": "manor-vision"},
    }
    edit = {**schema, "spec": {"matchingPrecedence": 1}}
    asyncio.run(platform.client().apply(edit, field_manager="kubectl", force=True))
    stopped = manor("apply", "-f", "-", given=tenant())
    assert stopped.code == 1
    assert (
        "FlowSchema manor-vision in conflict: kubectl owns .spec.matchingPrecedence; use force to"
        in stopped.err
    )
    assert "(--force-conflicts)" in stopped.err
    assert platform.held("flowschemas", "manor-vision")["spec"]["matchingPrecedence"] == 1
    assert manor("apply", "-f", "-", "--force-conflicts", given=tenant()).code == 0
    assert platform.held("flowschemas", "manor-vision")["spec"]["matchingPrecedence"] > 1


def test_who_may_apply_is_told_where_the_server_forbids_it(
    platform: ApiStandIn, manor: Command
) -> None:
    platform.refused["GET .*/clusterroles/.*"] = (
        403,
        'User "ada" cannot get resource "clusterroles"',
    )
    refused = manor("apply", "-f", "-", given=tenant())
    assert refused.code == 2
    assert 'error: Tenant vision: User "ada" cannot get resource "clusterroles"' in refused.err
    assert "error: who applies Tenants needs the ClusterRole manor:applier" in refused.err
    assert platform.written == []


def test_what_does_not_become_ready_is_named_with_the_last_event(
    platform: ApiStandIn, manor: Command
) -> None:
    del platform.controllers["Deployment"]
    team = tenant(extra="  volumes: [{name: models, size: 1Gi}]\n")
    model = """\
---
apiVersion: manor.dev/v1alpha1
kind: Model
metadata: {name: iris, namespace: vision}
spec: {format: sklearn, storageUri: pvc://models/iris}
"""
    late = manor("apply", "-f", "-", "--timeout", "0.1", given=team + model)
    assert late.code == 2
    assert "error: not ready after 0.1 s:" in late.err
    assert "Deployment vision/iris: its controller has not seen it yet" in late.err
    assert manor("apply", "-f", "-", "--no-wait", given=team + model).code == 0


def test_the_servers_warnings_are_told_once(platform: ApiStandIn, manor: Command) -> None:
    def warned(obj: dict[str, object]) -> dict[str, object]:
        platform.on_warning("existing pods [a]\nviolate")
        return {"phase": "Active"}

    platform.controllers["Namespace"] = warned
    done = manor(
        "apply", "-f", "-", given=tenant(extra="  namespaces: [{name: vision}, {name: vision-2}]\n")
    )
    assert done.code == 0
    assert done.err.count("existing pods [a]") == 1


def test_a_namespace_in_which_people_made_something_goes_only_on_consent(
    platform: ApiStandIn, manor: Command
) -> None:
    assert manor("apply", "-f", "-", given=tenant()).code == 0
    platform.hold(config("vision", "notes"))
    kept = manor("delete", "tenant", "vision", "--yes")
    assert kept.code == 0, kept.err
    told = (
        "Namespace vision kept: holds ConfigMap notes; to delete it with that, name it explicitly"
    )
    assert f"{told} (--delete-namespace vision)" in kept.err
    assert "notes" in platform.names("configmaps")
    declined = manor("delete", "tenant", "vision", given="n\n")
    assert declined.code == 1
    assert (
        "This deletes Tenant vision and all that was made for them. Volumes are kept"
        in declined.err
    )
    assert "Namespace vision goes with what people made: holds ConfigMap notes" in declined.err
    assert "notes" in platform.names("configmaps")
    gone = manor("delete", "tenant", "vision", given="y\n")
    assert gone.code == 0, gone.err
    assert "vision" not in platform.names("namespaces") | platform.names("tenants")


BAD_INPUT = [
    (
        ("apply", "-f", "-"),
        tenant(extra="  quota: {cpu: lots}\n"),
        "<stdin>:6: spec.quota.cpu: 'lots' is not a quantity",
    ),
    (("apply", "-f", "nowhere.yaml"), "", "nowhere.yaml"),
    (("apply", "-f", "-", "--context", "elsewhere"), tenant(), "elsewhere"),
    (("delete", "house", "vision"), "", "no kind 'house'; there are: "),
    (("delete", "tenant"), "", "which tenant? Give its name"),
    (("delete", "tenant", "nobody"), "", "nobody"),
    (
        ("delete", "-f", PLATFORM, "--yes"),
        "",
        "the Platform still has tenants: first; delete them first, or name",
    ),
    (("render", "-f", "-"), tenant(), "no Platform in these files"),
]


def test_bad_input_is_exit_code_2_and_writes_nothing(platform: ApiStandIn, manor: Command) -> None:
    assert manor("apply", "-f", "-", given=tenant("first")).code == 0
    platform.written.clear()
    for words, given, told in BAD_INPUT:
        refused = manor(*words, given=given)
        assert refused.code == 2, words
        assert told in refused.err
    assert platform.written == []


def test_render_needs_no_cluster_and_is_what_apply_writes(
    cluster: ApiStandIn, manor: Command
) -> None:
    objects = list(yaml.load_all(manor("render", "-f", EXAMPLE).out, yaml.CSafeLoader))
    assert json.loads(manor("render", "-f", EXAMPLE, "-o", "json").out)["items"] == objects
    assert cluster.written == []
    assert manor("apply", "-f", EXAMPLE).code == 0
    assert {
        obj["metadata"]["name"] for obj in objects if obj["kind"] == "NetworkPolicy"
    } == cluster.names("networkpolicies")


def test_an_interrupted_run_says_so(platform: ApiStandIn, manor: Command) -> None:
    def interrupt(_: object) -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGINT)
        return {}

    platform.controllers["Namespace"] = interrupt
    stopped = manor("apply", "-f", "-", given=tenant())
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == "interrupted"
