"""A system of one's own, made fit for many teams by one file (docs/tools.md), on a real node."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from waiting import until_now

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "06-own-tool"
TOOL = str(FOLDER / "tool.yaml")
SPECS = ["-f", str(FOLDER / "platform.yaml"), "-f", TOOL, "-f", str(FOLDER / "teams")]


@pytest.fixture(scope="module")
def lab(tool_example: Any) -> Iterator[Any]:
    """The example as its page has it: the system installed, the Tool turned on, two teams."""
    example = tool_example(FOLDER)
    example.manor("tools", "install", "lab", "-f", TOOL, "--node", example.node.name)
    example.manor("apply", *SPECS)
    yield example
    example.remove(SPECS, ["lab-red", "lab-blue"])
    example.manor("tools", "uninstall", "lab", "-f", TOOL, "--yes")


def experiment(team: str, **settings: str) -> str:
    """The example's ConfigMap and Experiment, in a team's namespace."""
    written = (FOLDER / "experiment.yaml").read_text().replace("lab-red", f"lab-{team}")
    config, made = yaml.safe_load_all(written)
    made["spec"]["settingsFrom"] = {"name": "settings", **settings}
    if team == "blue":
        config["data"]["rate"] = "0.9"
    return yaml.safe_dump_all([config, made])


def finished(lab: Any, team: str) -> str:
    """What the Experiment printed, once it is complete."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        got = lab.kubectl(
            f"{team}-owner", "-n", f"lab-{team}", "get", "experiment", "first", "-o", "yaml"
        )
        if yaml.safe_load(got.stdout or "{}").get("status", {}).get("phase") == "Complete":
            return str(
                lab.kubectl(f"{team}-owner", "-n", f"lab-{team}", "logs", "job/first").stdout
            )
        time.sleep(1)
    raise AssertionError(got.stdout + got.stderr)


def test_both_teams_run_their_own(lab: Any) -> None:
    for team, rate in (("red", "0.1"), ("blue", "0.9")):
        lab.create(f"{team}-owner", experiment(team))
        assert finished(lab, team) == f"learning rate {rate}\n"
    defaults = lab.kubectl(
        "red-owner", "-n", "lab-red", "get", "configmap", "lab-defaults", "-o", "yaml"
    ).stdout
    assert yaml.safe_load(defaults)["data"] == {
        "team": "lab-red",
        "tracker": "http://lab-red.manor.local/lab",
    }


def test_no_team_sees_the_others(lab: Any) -> None:
    seen = lab.kubectl("blue-owner", "-n", "lab-red", "get", "experiments")
    assert 'cannot list resource "experiments"' in seen.stderr


def test_nobody_reads_the_others_settings_through_the_controller(lab: Any) -> None:
    lab.kubectl(
        "blue-owner", "-n", "lab-blue", "delete", "experiment", "first", "--ignore-not-found"
    )
    stolen = experiment("blue", namespace="lab-red")
    refused = lab.kubectl("blue-owner", "apply", "-f", "-", given=stolen)
    assert refused.returncode != 0
    assert "ValidatingAdmissionPolicy 'manor-lab-own-things'" in refused.stderr
    assert "settingsFrom names another namespace; settings come from your own" in refused.stderr


def test_verify_attacks_by_it(lab: Any) -> None:
    report = lab.manor("verify", "--level", "dry-run", "--plane", "tools")
    assert "MNR-TOOLS-LAB-OWN-THINGS" in report
    assert "verified: 1 pass" in report


def test_without_its_guardrail_the_controller_gives_them_away(lab: Any, tmp_path: Path) -> None:
    """What the guardrail is for: the same Tool without it, and team blue prints the setting of team
    red."""
    tool = yaml.safe_load(Path(TOOL).read_text())
    del tool["spec"]["guardrails"]
    (tmp_path / "open.yaml").write_text(yaml.safe_dump(tool))
    lab.manor(
        "apply", "-f", str(FOLDER / "platform.yaml"), "-f", str(tmp_path / "open.yaml"), "--no-wait"
    )
    try:
        given = experiment("blue", namespace="lab-red")
        # The API server acts by a policy for a moment after it is gone.
        until_now(
            "admitted",
            lambda: not lab.kubectl("blue-owner", "apply", "-f", "-", given=given).returncode,
            30,
        )
        assert finished(lab, "blue") == "learning rate 0.1\n"
    finally:
        lab.manor("apply", "-f", str(FOLDER / "platform.yaml"), "-f", TOOL)
