"""`verify` and `up` on a cluster in memory that authorizes everybody: what is found, and how it is
told."""

import json
from pathlib import Path

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command, Done
from engine_specs import model, platform, tenant
from manor.render import spec_object

pytestmark = pytest.mark.unit

TEAMS = ("--tenant", "name=a,namespace=a,user=ada", "--tenant", "name=b,namespace=b,user=bob")


@pytest.fixture
def open_cluster(cluster: ApiStandIn) -> ApiStandIn:
    """A cluster on which everybody may do everything, and no probe can be made."""
    cluster.reviews |= {
        key: {"allowed": True} for key in ("subjectaccessreviews", "selfsubjectaccessreviews")
    }
    cluster.reviews["selfsubjectreviews"] = {"userInfo": {"username": "admin"}}
    cluster.refused["POST .*/pods"] = (403, "no pods here")
    return cluster


def checked(manor: Command, *words: str) -> Done:
    return manor("verify", "--level", "static", *TEAMS, *words)


def test_what_is_open_is_told_with_its_remedy_and_in_the_exit_code(
    open_cluster: ApiStandIn, manor: Command
) -> None:
    open_ = checked(manor, "--only", "MNR-RBAC-001")
    assert open_.code == 1
    first, *rest = open_.out.splitlines()
    assert first == "fail MNR-RBAC-001 Read another tenant's Secrets"
    assert "the API server accepted it" in rest[0]
    assert (
        "Remove the RoleBinding or ClusterRoleBinding that gives the attacker `secrets` there."
        in rest[1]
    )
    assert "2 tenants, level static" in open_.out

    said = json.loads(checked(manor, "--only", "MNR-RBAC-001", "-o", "json").out)
    assert [result["status"] for result in said["results"]] == ["fail"]
    assert open_cluster.written == ["POST /apis/authentication.k8s.io/v1/selfsubjectreviews"] * 2


def test_what_held_and_what_was_accepted_pass(
    open_cluster: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.yaml"
    baseline.write_text("accepted: [{id: MNR-RBAC-001, reason: a test, expires: 2126-01-01}]\n")
    accepted = checked(manor, "--only", "MNR-RBAC-001", "--baseline", str(baseline))
    assert accepted.code == 0
    assert "accepted: a test" in accepted.out
    missing = checked(manor, "--only", "MNR-NONE-1")
    assert missing.code == 2
    assert missing.err.startswith("error: no check has the id MNR-NONE-1")


def test_an_account_that_may_not_begin_is_told_which_role_it_needs(
    open_cluster: ApiStandIn, manor: Command
) -> None:
    open_cluster.refused["POST .*/selfsubjectreviews"] = (
        403,
        'User "ci" cannot impersonate resource "users"',
    )
    refused = checked(manor)
    assert refused.code == 2
    assert (
        'User "ci" cannot impersonate resource "users"; for this account to run checks'
        in refused.err
    )
    printed = yaml.safe_load(checked(manor, "--print-role").out)
    assert f"bind the ClusterRole {printed['metadata']['name']} to it" in refused.err
    assert any({"ada", "bob"} <= set(rule.get("resourceNames", ())) for rule in printed["rules"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--level", "live", "--stand-ins"), "--level static or dry-run"),
        (("--stand-ins",), "a is no Tenant, and has no stand-in"),
        (("--keep-report",), "of all checks and all Tenants"),
    ],
)
def test_runs_that_nobody_attends_have_their_bounds(
    open_cluster: ApiStandIn, manor: Command, words: tuple[str, ...], says: str
) -> None:
    refused = checked(manor, *words)
    assert refused.code == 2
    assert says in " ".join(refused.err.split())
    assert not open_cluster.written


def test_the_catalogue_is_listed_and_a_check_explained_without_a_cluster(manor: Command) -> None:
    listed = manor("verify", "--list", "--plane", "quota")
    assert listed.code == 0
    assert {line[:10] for line in listed.out.splitlines()[1:]} == {"MNR-QUOTA-"}
    explained = manor("verify", "--explain", "mnr-rbac-001").out
    assert explained.splitlines()[0].split() == ["Check", "MNR-RBAC-001"]
    assert "Remedy" in explained


@pytest.fixture
def specs(tmp_path: Path, models: int) -> Path:
    """A folder of specs with a served model, and a sample request for it."""
    folder = tmp_path / "specs"
    (folder / "requests").mkdir(parents=True)
    team = tenant(volumes=[{"name": "models", "size": "1Gi"}], storageClasses=["standard"])
    whole = platform(
        gateway={"externalPort": models}, storageClasses=["standard"], registries=["r"]
    )
    made = [spec_object(spec) for spec in (whole, team, model())]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(made))
    (folder / "requests" / "digits.json").write_text("[[1, 2], [3, 4]]")
    return folder


def test_up_asks_before_it_changes_a_cluster_of_ones_own(
    open_cluster: ApiStandIn, manor: Command, specs: Path
) -> None:
    declined = manor("up", "--context", "stand-in", "-f", str(specs), given="n\n")
    assert declined.code == 1
    assert "On stand-in (https://stand-in) this will make:" in declined.err
    assert "  Tenant vision: " in declined.err
    assert open_cluster.written == []


def test_up_makes_all_asks_the_models_and_attacks(
    open_cluster: ApiStandIn, manor: Command, specs: Path
) -> None:
    done = manor("up", "--context", "stand-in", "-f", str(specs), "--yes")
    assert done.code == 1
    assert open_cluster.names("deployments") == {"digits", "manor-operator"}
    row = next(line for line in done.out.splitlines() if line.startswith("vision"))
    assert row.split()[:2] == ["vision", "digits"]
    assert row.split()[-1] == "[4]"
    assert "\ncurl --connect-to vision.ml.example.com:" in done.out
    assert "fail MNR-RBAC-001" in done.out
