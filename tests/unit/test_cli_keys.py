"""`manor keys`, and how `predict` comes by one."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import model, platform, tenant
from manor.api import Model
from manor.kube import Object
from manor.render import spec_object
from manor.signing import opens
from served_kinds import MANORS

pytestmark = pytest.mark.unit

WHERE = ("-n", "vision")


@pytest.fixture
def team(cluster: ApiStandIn, manor: Command, tmp_path: Path) -> ApiStandIn:
    """A tenant with a model that was applied."""
    cluster.kinds += MANORS
    labels = {"manor.dev/tenant": "vision"}
    cluster.hold(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision", "labels": labels}},
        spec_object(platform()),
        spec_object(tenant()),
    )
    apply(manor, tmp_path)
    return cluster


def apply(manor: Command, folder: Path, **spec: Any) -> None:
    one = model(storageUri="oci://r/digits:1", **spec)
    (folder / "model.json").write_text(json.dumps(spec_object(one)))
    applied = manor("apply", "-f", str(folder / "model.json"), "--no-wait")
    assert applied.code == 0, applied.err


def stored(team: ApiStandIn) -> Model:
    return Model.model_validate(team.held("models", "digits"))


def at_gateway(team: ApiStandIn) -> dict[str, str]:
    """The keys that the gateway takes, by name."""
    (provider,) = team.held("securitypolicies", "digits")["spec"]["jwt"]["providers"]
    found = json.loads(provider["localJWKS"]["inline"])["keys"]
    return {key["kid"]: key["x"] for key in found}


def test_a_key_is_made_listed_and_revoked(team: ApiStandIn, manor: Command) -> None:
    made = manor("keys", "create", "digits", "--name", "ci", "--expires", "12h", *WHERE)
    assert made.code == 0, made.err
    assert opens(made.out.strip(), stored(team).open_to)
    assert at_gateway(team) == {"ci": stored(team).open_to[0].public_key}
    assert made.out.strip() not in json.dumps(team.objects)
    second = manor("keys", "create", "digits", "-o", "json", "--expires", "never", *WHERE)
    told = json.loads(second.out)
    assert opens(told["token"], stored(team).open_to)
    assert "expires" not in told
    lines = manor("keys", "list", *WHERE).out.splitlines()
    assert re.match(r"digits +ci +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +- +-$", lines[1])
    assert lines[2].split() == ["digits", told["name"], "never", "-", "-"]
    assert manor("keys", "revoke", "digits", "ci", *WHERE).code == 0
    assert not opens(made.out.strip(), stored(team).open_to)
    assert list(at_gateway(team)) == [told["name"]]


def test_a_key_has_the_limit_it_was_made_with_or_the_models(
    team: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    """A key of the name of one that was bounded is not bounded as that one was."""

    def bounded() -> list[tuple[str, int]]:
        """What the gateway counts, and how much."""
        if "digits" not in team.names("backendtrafficpolicies"):
            return []
        rules = team.held("backendtrafficpolicies", "digits")["spec"]["rateLimit"]["local"]["rules"]
        return [
            (rule["clientSelectors"][0]["headers"][1]["value"], rule["limit"]["requests"])
            for rule in rules
        ]

    def make(*words: str) -> None:
        made = manor("keys", "create", "digits", "--name", *words, *WHERE)
        assert made.code == 0, made.err

    make("app")
    assert bounded() == []
    make("ci", "--limit", "60")
    assert bounded() == [("ci", 60)]
    lines = manor("keys", "list", *WHERE).out.splitlines()[1:]
    assert [line.split()[-2] for line in lines] == ["-", "60"]
    labels = [
        team.held(plural, "digits")["metadata"]["labels"]
        for plural in ("backendtrafficpolicies", "securitypolicies")
    ]
    assert labels[0] == labels[1]
    assert "ci (until 20" in (told := manor("describe", "model", "digits", *WHERE).out)
    assert "60 requests a minute)" in told
    apply(manor, tmp_path, access={"requestsPerMinute": 5})
    assert bounded() == [("app", 5), ("ci", 60)]
    apply(manor, tmp_path)
    assert manor("keys", "revoke", "digits", "ci", *WHERE).code == 0
    assert bounded() == []
    make("ci")
    assert bounded() == []
    assert manor("keys", "create", "digits", "--limit", "0", *WHERE).code == 2


def test_a_key_may_use_the_tokens_it_was_made_with_or_the_models(
    team: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    def bounded() -> dict[str, int]:
        if "digits" not in team.names("envoyextensionpolicies"):
            return {}
        (program,) = team.held("envoyextensionpolicies", "digits")["spec"]["lua"]
        return dict(program["filterContext"]["tokensPerMinute"])

    chat = {"format": "custom", "image": "r/chat:1"}
    apply(manor, tmp_path, **chat)
    for words in (("app",), ("ci", "--token-limit", "1000")):
        assert manor("keys", "create", "digits", "--name", *words, *WHERE).code == 0
    assert bounded() == {"ci": 1000}
    lines = manor("keys", "list", *WHERE).out.splitlines()[1:]
    assert [line.split()[-1] for line in lines] == ["-", "1000"]
    assert "1000 tokens a minute)" in manor("describe", "model", "digits", *WHERE).out
    apply(manor, tmp_path, **chat, access={"tokensPerMinute": 50})
    assert bounded() == {"app": 50, "ci": 1000}
    apply(manor, tmp_path, **chat)
    assert manor("keys", "revoke", "digits", "ci", *WHERE).code == 0
    assert bounded() == {}


def test_who_applies_the_file_keeps_what_was_given_out(
    team: ApiStandIn, manor: Command, tmp_path: Path
) -> None:
    manor("keys", "create", "digits", "--name", "ci", *WHERE)
    before = at_gateway(team)
    apply(manor, tmp_path, replicas=2)
    assert at_gateway(team) == before
    assert [key.name for key in stored(team).open_to] == ["ci"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "digits", "--name", "ci"), "has a key ci already"),
        (("create", "digits", "--expires", "1y"), "--expires 1y: a number with m, h or d"),
        (("create", "nothing"), "there is no Model nothing in namespace vision"),
        (("revoke", "digits", "app"), "model digits has no key app; it has: ci"),
    ],
)
def test_what_cannot_be_is_told(
    team: ApiStandIn, manor: Command, words: tuple[str, ...], told: str
) -> None:
    manor("keys", "create", "digits", "--name", "ci", *WHERE)
    answer = manor("keys", *words, *WHERE)
    assert (answer.code, told in answer.err) == (2, True), answer.err


def test_a_public_model_has_no_keys(team: ApiStandIn, manor: Command, tmp_path: Path) -> None:
    apply(manor, tmp_path, access={"mode": "public"})
    answer = manor("keys", "create", "digits", *WHERE)
    assert (answer.code, "is public, and asks for no key" in answer.err) == (2, True)
    assert "digits" not in team.names("securitypolicies")


GATEWAY: Object = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "manor-front", "namespace": "manor-front"},
    "status": {"addresses": [{"value": "127.0.0.1"}]},
}


def _key_of(line: str) -> str:
    found = re.search(r"Authorization: Bearer (\S+?)'", line)
    assert found, line
    return found[1]


def test_predict_makes_one_key_for_its_user_and_keeps_it(
    team: ApiStandIn, manor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.hold(GATEWAY)
    ask: tuple[Any, ...] = ("predict", "digits", "[[1]]", "--curl", *WHERE)
    first = _key_of(manor(*ask).out)
    assert opens(first, stored(team).open_to)
    assert _key_of(manor(*ask).out) == first
    (kept,) = (tmp_path / "state" / "manor" / "keys").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    (key,) = stored(team).open_to
    assert manor("keys", "revoke", "digits", key.name, *WHERE).code == 0
    another = _key_of(manor(*ask).out)
    assert another != first
    assert len(stored(team).open_to) == 1
    monkeypatch.setenv("MANOR_MODEL_KEY", "given")
    assert _key_of(manor(*ask).out) == "given"


def test_who_may_make_no_key_is_told_how_to_come_by_one(team: ApiStandIn, manor: Command) -> None:
    team.hold(GATEWAY)
    team.refused["PATCH .*/models/digits"] = (403, "models is forbidden")
    answer = manor("predict", "digits", "[[1]]", *WHERE)
    assert answer.code == 2
    assert "give it by --key or MANOR_MODEL_KEY" in answer.err
