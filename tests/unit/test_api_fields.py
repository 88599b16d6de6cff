"""The policy's lists of fields and the table of decisions say the same."""

import re
from pathlib import Path

import pytest
import yaml

from policy_cases import FOLDERS, POLICIES

pytestmark = pytest.mark.unit

DECIDED = yaml.safe_load((Path(__file__).parents[1] / "api_fields.yaml").read_text())
SHARED = yaml.safe_load((POLICIES / "shared.yaml").read_text())
DECISION = re.compile(r"allowed|(bounded|refused) by (\S+)")
OTHERS = {"pod-security", "quota", "api-server"}


@pytest.mark.parametrize(
    ("fields", "types"),
    [
        ("pod-fields", ["PodSpec"]),
        ("container-fields", ["Container", "EphemeralContainer"]),
        ("security-context-fields", ["PodSecurityContext", "SecurityContext"]),
        ("volume-fields", ["Volume"]),
        ("projected-fields", ["VolumeProjection"]),
        ("job-fields", ["JobSpec"]),
    ],
)
def test_the_policy_admits_what_was_decided(fields: str, types: list[str]) -> None:
    admitted = set(re.findall(r"'(\w+)'", SHARED["expressions"][fields]))
    by = [(decision, set(named)) for name in types for decision, named in DECIDED[name].items()]
    refused = {
        "refused by manor-pod-fields",
        *({"refused by pod-security"} if types == ["Volume"] else ()),
    }
    assert admitted == set().union(*(named for decision, named in by if decision not in refused))


def test_decisions_name_what_decides() -> None:
    policies = {f"manor-{folder}" for folder in FOLDERS} | OTHERS
    for name, by in DECIDED.items():
        fields = [field for listed in by.values() for field in listed]
        assert len(fields) == len(set(fields)), name
        for decision in by:
            match = DECISION.fullmatch(decision)
            assert match, decision
            assert match[2] is None or match[2] in policies, decision
