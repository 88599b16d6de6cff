"""The policy's lists of fields and the table of decisions say the same."""

import re
from pathlib import Path

import pytest
import yaml

from policy_cases import FOLDERS, POLICIES

pytestmark = pytest.mark.unit

DECIDED = yaml.safe_load((Path(__file__).parents[1] / "api_fields.yaml").read_text())
POLICY = yaml.safe_load_all((POLICIES / "pod-fields" / "policy.yaml").read_text())
VARIABLES = {item["name"]: item["expression"] for item in next(POLICY)["spec"]["variables"] if "name" in item}
DECISION = re.compile(r"allowed|(bounded|refused) by (\S+)")
OTHERS = {"pod-security", "quota", "api-server"}


@pytest.mark.parametrize(
    ("variable", "types"),
    [
        ("refusedFields", ["PodSpec"]),
        ("refusedContainerFields", ["Container", "EphemeralContainer"]),
        ("refusedSecurityFields", ["PodSecurityContext", "SecurityContext"]),
        ("refusedVolumes", ["Volume"]),
        ("refusedSources", ["VolumeProjection"]),
        ("refusedJobFields", ["JobSpec"]),
    ],
)
def test_the_policy_admits_what_was_decided(variable: str, types: list[str]) -> None:
    admitted = set(re.findall(r"'(\w+)'", VARIABLES[variable].partition(" in [")[2]))
    by = [(decision, set(fields)) for name in types for decision, fields in DECIDED[name].items()]
    refused = {"refused by manor-pod-fields", *({"refused by pod-security"} if types == ["Volume"] else ())}
    assert admitted == set().union(*(fields for decision, fields in by if decision not in refused))


def test_decisions_name_what_decides() -> None:
    policies = {f"manor-{folder}" for folder in FOLDERS} | OTHERS
    for name, by in DECIDED.items():
        fields = [field for listed in by.values() for field in listed]
        assert len(fields) == len(set(fields)), name
        for decision in by:
            match = DECISION.fullmatch(decision)
            assert match, decision
            assert match[2] is None or match[2] in policies, decision
