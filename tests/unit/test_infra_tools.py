"""The systems of Tools as components: the set that `manor tools install` knows, and where the
program for GKE puts it."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from manor.api import Tool
from manor.infra import ToolInstallation
from manor.install import inventory_of, manifests
from manor.objectset.applyset import ID_LABEL, PART_OF
from manor.render import spec_object
from pulumi_programs import ROOT, names, run_program
from pulumi_runs import Recorder, run
from tool_examples import installed_tool, obj

pytestmark = pytest.mark.unit

WEBHOOKS = "tool-forge:ValidatingWebhookConfiguration/forge"
SECRET = "tool-forge:Secret/forge-system/forge-cert"
DEPLOYMENT = "tool-forge:Deployment/forge-system/forge"


def installation(tool: Tool, recorder: Recorder | None = None) -> Recorder:
    def program() -> None:
        ToolInstallation("tool-forge", {"tool": tool, "manifests": manifests(tool)})

    recorder = recorder or Recorder()
    run(program, recorder)
    return recorder


def test_it_is_the_set_that_the_command_line_knows() -> None:
    tool = installed_tool()
    inventory = inventory_of(tool)
    made = installation(tool).objects()
    parent = made.pop("tool-forge:ConfigMap/kube-system/manor-tool-forge")
    assert parent.inputs["metadata"]["labels"] == {ID_LABEL: inventory.id}
    kept = {(o["kind"], o["metadata"]["name"]) for o in manifests(tool)}
    assert {(o.inputs["kind"], o.inputs["metadata"]["name"]) for o in made.values()} == kept
    assert {o.inputs["metadata"]["labels"][PART_OF] for o in made.values()} == {inventory.id}
    guards = names(made[DEPLOYMENT].depends_on)
    assert "tool-forge:NetworkPolicy/forge-system/manor-closed" in guards


def test_what_is_trusted_is_the_certificate_that_was_stored_first() -> None:
    """Each run makes a pair; the engine keeps the field, and gives out what is kept."""

    def make(type_: str, _name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        kept = {"tls.crt": "a2VwdA==", "tls.key": "a2V5"}
        return {**inputs, "data": kept} if type_.endswith(":Secret") else inputs

    made = installation(installed_tool(), Recorder(make=make)).objects()
    assert made[SECRET].ignored == ("data",)
    assert made[SECRET].secrets == ("data",)
    assert len(made[SECRET].inputs["data"]["tls.crt"]) > 400
    (webhook,) = made[WEBHOOKS].inputs["webhooks"]
    assert webhook["clientConfig"]["caBundle"] == "a2VwdA=="
    assert made[WEBHOOKS].secrets == ()


def test_a_system_that_makes_its_own_certificate_needs_none() -> None:
    made = installation(installed_tool(certificate=None)).objects()
    assert SECRET not in made
    assert {WEBHOOKS, DEPLOYMENT} <= made.keys()


def gke(folder: Path, tool: Tool, recorder: Recorder | None = None, **config: str) -> Recorder:
    platform = yaml.safe_load((ROOT / "deploy" / "gke" / "platform.yaml").read_text())
    platform["spec"]["tools"] = ["forge"]
    (folder / "platform.yaml").write_text(yaml.safe_dump(platform))
    (folder / "teams").mkdir(exist_ok=True)
    (folder / "teams" / "forge.yaml").write_text(yaml.safe_dump(spec_object(tool)))
    values = {
        "location": "europe-west4",
        "platform": str(folder / "platform.yaml"),
        "teams": str(folder / "teams"),
        **config,
    }
    given = {f"manor-gke:{key}": value for key, value in values.items()}
    return run_program("gke", {"gcp:project": "my-project", **given}, recorder)[0]


def test_the_program_installs_the_tools_of_its_platform_before_the_platform(tmp_path: Path) -> None:
    recorder = gke(tmp_path, installed_tool())
    made = recorder.objects()
    (provider,) = recorder.of_type("pulumi:providers:kubernetes")
    assert made[DEPLOYMENT].provider.startswith(provider.urn)
    assert {WEBHOOKS, DEPLOYMENT} <= names(made["manor:Namespace/manor-system"].depends_on)


def test_tools_may_come_otherwise(tmp_path: Path) -> None:
    recorder = gke(tmp_path, installed_tool(), installTools="false")
    assert not recorder.of_type("manor:index:ToolInstallation")
    assert "manor:Platform/manor" in recorder.objects()


def test_what_cannot_be_installed_is_told_before_anything(tmp_path: Path) -> None:
    every = [{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]}]
    wild = {**obj("rbac.authorization.k8s.io/v1", "Role", "wild"), "rules": every}
    recorder = Recorder()
    with pytest.raises(pulumi.RunError, match=r"Role wild grants resources: '\*'"):
        gke(tmp_path, installed_tool(objects=[wild]), recorder)
    assert not recorder.registered
