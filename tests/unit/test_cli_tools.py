"""`tools`: what a platform engineer is told of a Tool, on the cluster and in a file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import platform
from manor.render import spec_object
from served_kinds import MANORS, Kind
from tool_examples import obj, tool

pytestmark = pytest.mark.unit


@pytest.fixture
def forge(cluster: ApiStandIn) -> ApiStandIn:
    """A cluster with a Tool of its own, turned on and not installed."""
    cluster.kinds += MANORS
    cluster.hold(spec_object(platform(tools=["forge"])), spec_object(tool()))
    return cluster


def listed(manor: Command, name: str = "forge") -> list[str]:
    lines = [line.split(maxsplit=5) for line in manor("tools", "list").out.splitlines()]
    (found,) = [line for line in lines if line[0] == name]
    return found


def test_tools_are_listed_with_where_they_stand(forge: ApiStandIn, manor: Command) -> None:
    assert listed(manor) == ["forge", "1.0", "own", "yes", "no", "A forge"]
    for kind, plural, namespaced in (
        ("Anvil", "anvils", True),
        ("Fire", "fires", False),
        ("Log", "logs", True),
    ):
        forge.kinds.append(Kind("forge.example", "v1", kind, plural, namespaced))
    assert listed(manor)[4] == "yes"
    whole = list(yaml.load_all(manor("tools", "list", "-o", "yaml").out, yaml.CSafeLoader))
    assert spec_object(tool()) in whole


NOTHING: dict[str, Any] = {
    **{part: [] for part in ("kinds", "controllers", "rights", "traffic", "guardrails")},
    **{"metadataKeys": [], "finalizers": [], "objects": {}},
}
LAMP = tool(
    "lamp",
    **NOTHING,
    install={
        "namespace": "lamp-system",
        "image": "registry.example/lamp:1",
        "objects": [obj("v1", "ServiceAccount", "lamp", namespace="$namespace")],
    },
)


def test_a_tool_without_kinds_is_installed_once_its_objects_are(
    forge: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    forge.hold(spec_object(LAMP))
    assert [listed(manor, name)[4] for name in ("lamp", "metrics-server", "mlflow")] == [
        "no",
        "no",
        "-",
    ]
    file = tmp_path / "lamp.yaml"
    file.write_text(yaml.safe_dump(spec_object(LAMP)))
    assert manor("tools", "install", "lamp", "-f", str(file)).err.endswith("lamp is ready\n")
    assert listed(manor, "lamp")[4] == "yes"


def test_the_file_is_installed_or_else_the_clusters_own(
    forge: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    """A Tool of one's own may have the name of one that comes with Manor."""
    own, filed = (
        tool("mlflow", version=version, **NOTHING, install=LAMP.spec.install)
        for version in ("own", "filed")
    )
    forge.hold(spec_object(own))
    assert manor("tools", "install", "mlflow").err.startswith("mlflow own: ")
    file = tmp_path / "mlflow.yaml"
    file.write_text(yaml.safe_dump(spec_object(filed)))
    done = manor("tools", "install", "mlflow", "-f", str(file))
    assert done.err.startswith("mlflow filed: ")
    assert manor("tools", "uninstall", "mlflow", "--yes").code == 0
    assert "lamp" not in forge.names("serviceaccounts")


def test_what_teams_use_must_be_turned_on(
    forge: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    lit = tool("lamp", **NOTHING, env={"OIL": "full"}, install=LAMP.spec.install)
    file = tmp_path / "lamp.yaml"
    file.write_text(yaml.safe_dump(spec_object(lit)))
    said = manor("tools", "install", "lamp", "-f", str(file)).err
    assert "turn it on for teams: spec.tools: [lamp] in the Platform" in said


def test_a_tool_is_shown_in_words_and_as_it_is(forge: ApiStandIn, manor: Command) -> None:
    shown = manor("tools", "show", "forge").out.splitlines()
    assert shown[0] == "forge 1.0: A forge"
    assert "  kind Fire.forge.example: viewer get/list/watch" in shown
    assert "  guardrail weight: it's too heavy" in shown
    assert "  in each namespace: Anvil first" in shown
    assert (
        yaml.safe_load(manor("tools", "show", "forge", "-o", "yaml").out)["spec"]["version"]
        == "1.0"
    )
    missing = manor("tools", "show", "kiln")
    assert missing.code == 2
    assert "there is no Tool 'kiln'" in missing.err


def test_without_a_cluster_it_is_said_that_none_was_asked(
    manor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert manor("tools", "list").err.startswith("no cluster was asked: ")


def test_a_file_is_read_as_closely_as_it_is_on_apply(manor: Command, tmp_path: Path) -> None:
    file = tmp_path / "tool.yaml"

    def checked(*documents: object) -> tuple[int, str]:
        file.write_text(yaml.safe_dump_all(documents))
        done = manor("tools", "check", str(file), "--no-server")
        return done.code, done.err

    whole = spec_object(tool())
    assert checked(whole) == (0, "Tool forge: nothing is wrong with the file\n")
    for documents, told in {
        "two": ((whole, whole), "holds 2 documents; one Tool is wanted, alone"),
        "other": ((spec_object(platform()),), "kind: must be Tool; got 'Platform'"),
        "bad": (({**whole, "spec": {**whole["spec"], "version": 1}},), "spec.version"),
    }.values():
        code, said = checked(*documents)
        assert code == 2
        assert told in said
