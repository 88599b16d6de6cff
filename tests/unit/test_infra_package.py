"""The components for other languages, and what users meet without Pulumi."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.provider.experimental.component import ComponentProvider
from typer.testing import CliRunner

from manor.cli.main import app
from manor.infra import EnvoyGateway, GkeCluster, Model, Platform, Tenant, TrainingJob
from manor.infra.deferred import PLACEHOLDERS
from manor.infra.program import AnyProgram, GkeProgram
from manor.infra.settings import read_values
from pulumi_programs import EXAMPLE, ROOT
from pulumi_runs import Recorder, run

pytestmark = pytest.mark.unit

COMPONENTS: list[type[pulumi.ComponentResource]] = [
    Platform,
    Tenant,
    TrainingJob,
    Model,
    GkeCluster,
    EnvoyGateway,
]


@pytest.fixture(scope="module")
def provider() -> ComponentProvider:
    return ComponentProvider(COMPONENTS, "manor", version="0.1.0")


def test_the_package_hosts_every_component() -> None:
    text = (ROOT / "deploy" / "package" / "__main__.py").read_text()
    assert all(component.__name__ in text for component in COMPONENTS)
    assert yaml.safe_load((ROOT / "deploy" / "package" / "PulumiPlugin.yaml").read_text()) == {
        "runtime": "python"
    }


def test_the_schema_has_every_component_with_described_properties(
    provider: ComponentProvider,
) -> None:
    assert provider.schema
    resources = json.loads(provider.schema)["resources"]
    assert resources.keys() == {f"manor:index:{component.__name__}" for component in COMPONENTS}
    tenant = resources["manor:index:Tenant"]
    assert tenant["inputProperties"].keys() == {"spec", "platform", "tenants", "deleteData"}
    assert set(tenant["requiredInputs"]) == {"spec", "platform"}
    assert tenant["properties"].keys() == {"namespaces", "urls"}
    assert resources["manor:index:GkeCluster"]["properties"].keys() == {
        "clusterName",
        "clusterEndpoint",
        "kubeconfig",
    }
    for resource in resources.values():
        for name, value in {
            **resource["inputProperties"],
            **resource.get("properties", {}),
        }.items():
            assert value.get("description"), name


def test_another_language_makes_the_same_tenant(provider: ComponentProvider) -> None:
    platform, tenant = (
        yaml.safe_load((EXAMPLE / name).read_text()) for name in ("platform.yaml", "tenant-a.yaml")
    )

    def elsewhere() -> None:
        opts = pulumi.ResourceOptions()
        provider.construct("manor", "manor:index:Platform", {"spec": platform}, opts)
        inputs: dict[str, Any] = {"spec": tenant, "platform": platform}
        provider.construct("tenant-a", "manor:index:Tenant", inputs, opts)

    def here() -> None:
        Tenant("tenant-a", {"spec": tenant, "platform": Platform("manor", {"spec": platform})})

    made = []
    for program in (elsewhere, here):
        recorder = Recorder()
        run(program, recorder)
        made.append({n: (r.urn, r.inputs) for n, r in recorder.objects().items()})
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("folder", "model", "required"),
    [
        ("gke", GkeProgram, {"project": "my-project", "location": "europe-west4"}),
        ("any", AnyProgram, {}),
    ],
)
def test_the_configuration_is_typed_and_described(
    folder: str, model: Any, required: dict[str, str]
) -> None:
    declared = yaml.safe_load((ROOT / "deploy" / folder / "Pulumi.yaml").read_text())["config"]
    fields = {field.alias: field for field in model.model_fields.values()}
    assert declared.keys() <= fields.keys()
    for key, value in declared.items():
        assert value["description"]
        assert value["type"] in {"string", "boolean", "integer", "array", "object"}
        # Pulumi does not run a program while a declared key has neither a value nor a default.
        assert ("default" in value) != (key in required)
    given = {
        key: _as_pulumi_has_it(value["default"])
        for key, value in declared.items()
        if "default" in value
    }
    assert model.model_validate(read_values(model, given.get) | required) == model.model_validate(
        required
    )


def _as_pulumi_has_it(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_values_come_as_texts_and_structures_as_json() -> None:
    given = {
        "small": "true",
        "gpuPools": '[{"name": "l4"}]',
        "location": "x",
        "other": "y",
        "domain": "",
        "cpuPool": "{}",
    }
    assert read_values(GkeProgram, given.get) == {
        "small": "true",
        "gpuPools": [{"name": "l4"}],
        "location": "x",
    }


def test_the_example_configuration_is_good() -> None:
    text = yaml.safe_load((ROOT / "deploy" / "gke" / "Pulumi.example.yaml").read_text())["config"]
    project = text.pop("gcp:project")
    given = {key.partition(":")[2]: value for key, value in text.items()} | {"project": project}
    program = GkeProgram.model_validate(given)
    assert program.model_dump(by_alias=True, exclude_unset=True).keys() == given.keys()


def test_without_pulumis_packages_the_import_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['pulumi'] = None\n"
        "from manor.cli.main import main\n"
        "sys.argv = ['manor', 'infra', 'preview']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'manor[infra]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["preview", "up", "destroy"])
def test_without_the_program_the_command_says_where_to_get_it(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(app, ["infra", command])
    assert result.exit_code == 2
    assert "https://www.pulumi.com/docs/install/" in result.output


def test_a_folder_without_a_program_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pulumi_program = tmp_path / "pulumi"
    pulumi_program.write_text("#!/bin/sh\nexit 1\n")
    pulumi_program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(app, ["infra", "preview", "-C", str(tmp_path)])
    assert result.exit_code == 2
    assert "no Pulumi.yaml in" in result.output


def test_the_program_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "pulumi.md").read_text()
    program = page.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    Path("platform.yaml").write_text((EXAMPLE / "platform.yaml").read_text())
    for team in ("vision", "language"):
        Path(f"{team}.yaml").write_text(
            (EXAMPLE / "tenant-a.yaml").read_text().replace("tenant-a", team)
        )
    model = (EXAMPLE / "iris.yaml").read_text().split("---\n")[1]
    Path("iris.yaml").write_text(model.replace("tenant-a", "vision"))
    outputs = run(lambda: exec(program, {}), Recorder())
    assert outputs == {"iris": ("http://vision.manor.local:30080/v2/models/iris/infer", False)}


def test_the_docs_name_every_field_that_may_be_an_output() -> None:
    page = (ROOT / "docs" / "pulumi.md").read_text()
    section = page.split("### Values of other resources")[1].split("###")[0]
    for kind, _, *path in PLACEHOLDERS:
        named = [str(part) for part in path if part != "*"]
        known = ".".join(named), named[0]
        is_cidr = kind == "Platform" and named[0] == "network"
        assert is_cidr or any(f"`{name}`" in section for name in known), (kind, path)
