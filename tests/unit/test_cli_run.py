"""`manor run` and what goes with it, whole, on an API server in memory."""

import random
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml

from api_stand_in import ApiStandIn
from command_line import Command
from engine_specs import job, model, platform, tenant
from manor.render import spec_object
from served_kinds import MANORS

pytestmark = pytest.mark.unit


def claim(name: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "vision"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta}


@pytest.fixture
def team(cluster: ApiStandIn) -> ApiStandIn:
    """A tenant with a namespace and nothing in it."""
    cluster.kinds += MANORS
    labels = {"manor.dev/tenant": "vision"}
    space = {"apiVersion": "v1", "kind": "Namespace"}
    cluster.hold(
        spec_object(platform()),
        spec_object(tenant(gpu={"guarantee": 1})),
        {**space, "metadata": {"name": "vision", "labels": labels}},
    )
    return cluster


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script in a folder of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)\n")
    return folder / "train.py"


def large(script: Path) -> None:
    """Something lies beside it that no ConfigMap holds."""
    (script.parent / "data.bin").write_bytes(random.Random(1).randbytes(1000))


def test_a_run_is_printed_and_nothing_is_written(
    team: ApiStandIn, manor: Command, script: Path
) -> None:
    words = ["--gpu", "1", "--env", "A=1", "--env-from", "wandb", "--name", "fit"]
    done = manor("run", str(script), "-n", "vision", *words, "--dry-run", "--", "--epochs", "3")
    assert done.code == 0, done.err
    assert yaml.safe_load(done.out) == {
        "apiVersion": "manor.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": "fit", "namespace": "vision"},
        "spec": {
            "command": ["python3", "train.py", "--epochs", "3"],
            "files": {"train.py": "print(1)\n"},
            "env": {"A": "1"},
            "secrets": [{"name": "wandb"}],
            "resources": {"gpu": 1},
            "retries": 0,
        },
    }
    assert team.written == []


def test_a_detached_run_is_made_and_made_again(
    team: ApiStandIn, manor: Command, script: Path
) -> None:
    words = ["-n", "vision", "--detach"]
    done = manor("run", str(script), *words, "--name", "fit-1")
    assert (done.code, done.out) == (0, "fit-1\n"), done.err
    assert team.names("jobs") == {"fit-1"}
    assert team.held("configmaps", "fit-1-files")["data"] == {"train.py": "print(1)\n"}
    twice = manor("run", str(script), *words, "--name", "fit-1")
    assert (twice.code, "choose another name" in twice.err) == (2, True)
    again = manor("rerun", "fit-1", *words)
    assert (again.code, again.out) == (0, "fit-2\n"), again.err
    specs = [team.held("trainingjobs", name)["spec"] for name in ("fit-1", "fit-2")]
    assert specs[0] == specs[1]


def test_a_run_is_cancelled_unless_it_has_ended(
    team: ApiStandIn, manor: Command, script: Path
) -> None:
    manor("run", str(script), "-n", "vision", "--detach", "--name", "fit")
    live = team.held("jobs", "fit")
    live["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    late = manor("cancel", "fit", "-n", "vision")
    assert (late.code, "has ended (Succeeded)" in late.err) == (2, True)
    assert team.names("trainingjobs") == {"fit"}
    live["status"] = {"active": 1}
    done = manor("cancel", "fit", "-n", "vision")
    assert done.code == 0, done.err
    assert team.names("trainingjobs") | team.names("jobs") | team.names("configmaps") == set()


def test_large_code_goes_to_the_only_volume_or_to_the_one_named(
    team: ApiStandIn, manor: Command, script: Path
) -> None:
    large(script)
    words = ["run", str(script), "-n", "vision", "--dry-run"]
    none = manor(*words)
    assert (none.code, "has no volume" in none.err) == (2, True)
    team.hold(claim("data"))
    spec = yaml.safe_load(manor(*words).out)["spec"]
    assert "files" not in spec
    assert spec["code"]["volume"] == "data"
    assert spec["code"]["path"].startswith(".manor/code/")
    team.hold(claim("more"))
    several = manor(*words)
    assert (several.code, "--code-volume): data, more" in several.err) == (2, True)
    named = yaml.safe_load(manor(*words, "--code-volume", "more").out)["spec"]
    assert named["code"] == {**spec["code"], "volume": "more"}


def test_what_cannot_run_is_told_by_its_field_and_nothing_is_sent(
    team: ApiStandIn, manor: Command, script: Path
) -> None:
    large(script)
    team.hold(claim("data"))
    for option, value, words in (
        ("--cpu", "4000", "spec.resources.cpu"),
        ("--volume", "lost:/lost", "spec.volumes"),
        ("--memory", "8x", "spec.resources.memory"),
        ("--env", "A", "NAME=VALUE"),
        ("--schedule", "", "--schedule is empty"),
        ("--name", "A_B", "metadata.name"),
    ):
        done = manor("run", str(script), "-n", "vision", option, value)
        assert (done.code, words in done.err) == (2, True), done.err
    assert team.written == []


def test_a_script_must_be_there_and_in_the_folder_that_goes_along(
    team: ApiStandIn,
    manor: Command,
    script: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["-n", "vision", "--dry-run"]
    folder = manor("run", str(script.parent), *words)
    assert (folder.code, "is a folder; name the script in it" in folder.err) == (2, True)
    lost = manor("run", str(tmp_path / "lost.py"), *words)
    assert (lost.code, "lost.py: no such file" in lost.err) == (2, True)
    above = manor("run", str(script), "--folder", str(tmp_path), *words)
    assert yaml.safe_load(above.out)["spec"]["command"][1] == "project/train.py"
    monkeypatch.setenv("HOME", str(script.parent))
    home = manor("run", str(script), *words)
    assert (home.code, "into a folder of its own" in home.err) == (2, True)
    (tmp_path / "other").mkdir()
    beside = manor("run", str(script), "--folder", str(tmp_path / "other"), *words)
    assert (beside.code, "is not in" in beside.err) == (2, True)


def test_a_log_that_is_not_there_yet_says_why(team: ApiStandIn, manor: Command) -> None:
    team.hold(spec_object(job()))
    done = manor("logs", "train", "-n", "vision")
    assert (done.code, "NotApplied" in done.err) == (2, True)
    none = manor("logs", "nobody", "-n", "vision")
    assert "no job nobody in namespace vision; `manor get jobs -n vision` lists them" in none.err
    other = manor("exec", "table/x", "-n", "vision", "--", "ls")
    assert "name a job or a workspace, or model/NAME" in other.err


def test_a_copy_has_one_end_on_a_volume(team: ApiStandIn, manor: Command, script: Path) -> None:
    both = manor("cp", "data:/a", "data:/b", "-n", "vision")
    assert (both.code, "one VOLUME:/PATH" in both.err) == (2, True)
    lost = manor("cp", str(script), "lost:/a", "-n", "vision")
    assert "there is no volume lost in namespace vision" in lost.err
    assert team.written == []


def test_keys_are_kept_as_a_secret_and_replaced_whole(
    team: ApiStandIn, manor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    words = ["connect", "s3", "bucket", "-n", "vision", "--access-key-id", "ida", "--no-try"]
    first = manor(*words, "--endpoint", "http://store")
    assert (first.code, first.out) == (0, "")
    assert "hush" not in first.err
    assert list(held_keys(team)) == [
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
    ]
    assert manor(*words).code == 0
    assert list(held_keys(team)) == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]


def test_a_secret_that_is_no_connection_stays(
    team: ApiStandIn, manor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    meta = {"name": "wandb", "namespace": "vision"}
    team.hold({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque"})
    done = manor("connect", "s3", "wandb", "-n", "vision", "--access-key-id", "ida", "--no-try")
    assert done.code == 2
    assert "is no connection of this kind (Opaque); choose another name" in done.err
    assert team.written == []


def test_keys_that_nothing_can_try_are_not_kept(
    team: ApiStandIn, manor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    done = manor("connect", "s3", "bucket", "-n", "vision", "--access-key-id", "ida")
    assert done.code == 2
    assert "spec.images.fetching" in done.err
    assert team.written == []


def headers_of(host: str, headers: str) -> dict[str, str]:
    """As kserve-storage reads them, and as KServe's webhook does."""
    return {f"{host}-headers": headers, "https-host": host, "headers": headers}


@pytest.mark.parametrize(
    ("words", "secret", "kind", "kept"),
    [
        (["hf"], {"HF_TOKEN": "hush\n"}, "hf", {"HF_TOKEN": "hush"}),
        (
            ["https", "--url", "https://Host:1/a"],
            {"HTTPS_SECRET": "hush"},
            "https",
            headers_of("host", '{"Authorization": "Bearer hush"}'),
        ),
        (
            ["https", "--url", "https://host/a", "--user", "ida"],
            {"HTTPS_SECRET": "hush"},
            "https",
            headers_of("host", '{"Authorization": "Basic aWRhOmh1c2g="}'),
        ),
        (
            ["https", "--url", "https://host/a", "--header", "X-Key"],
            {"HTTPS_SECRET": "hush"},
            "https",
            headers_of("host", '{"X-Key": "hush"}'),
        ),
    ],
)
def test_each_store_has_a_secret_of_its_own_form(
    team: ApiStandIn,
    manor: Command,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    secret: dict[str, str],
    kind: str,
    kept: dict[str, str],
) -> None:
    for name, value in secret.items():
        monkeypatch.setenv(name, value)
    done = manor("connect", words[0], "store", *words[1:], "-n", "vision", "--no-try")
    assert (done.code, done.out) == (0, ""), done.err
    assert "hush" not in done.err
    assert held_keys(team, kind) == kept


def test_a_service_accounts_key_is_read_from_its_file(
    team: ApiStandIn, manor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "trainer.json"
    file.write_text('{"type": "service_account", "private_key": "hush"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    words = ["connect", "gs", "bucket", "-n", "vision", "--no-try"]
    assert manor(*words).code == 0
    name = "gcloud-application-credentials.json"
    assert held_keys(team, "gs") == {
        "GOOGLE_APPLICATION_CREDENTIALS": f"/var/secrets/{name}",
        name: file.read_text(),
    }
    file.write_text("hush")
    done = manor(*words)
    assert (done.code, "hush" in done.err) == (2, False)
    assert "no key of a Google service account" in done.err


def test_an_authority_of_ones_own_goes_along(
    team: ApiStandIn, manor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_text("PEM")
    monkeypatch.setenv("HF_TOKEN", "hush")
    words = ["-n", "vision", "--no-try", "--ca-file", str(tmp_path / "ca.pem")]
    assert manor("connect", "hf", "hub", *words).code == 0
    kept = held_keys(team, "hf")
    assert kept["ca.crt"] == "PEM"
    assert kept["SSL_CERT_FILE"] == kept["REQUESTS_CA_BUNDLE"] == "/var/secrets/ca.crt"


@pytest.mark.parametrize(
    ("kind", "refused"), [("manor.dev/s3", True), ("manor.dev/gs", False), ("Opaque", False)]
)
def test_a_connection_to_another_kind_of_store_is_refused_with_its_field(
    team: ApiStandIn, manor: Command, script: Path, kind: str, refused: bool
) -> None:
    images = {"training": "r/t:1", "fetching": "r/f:1", "serving": {"sklearn": "r/s:1"}}
    team.hold(spec_object(platform(images=images)))
    meta = {"name": "bucket", "namespace": "vision"}
    team.hold({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": kind})
    words = ["--save", "gs://faces/1", "--connection", "bucket", "--dry-run"]
    done = manor("run", str(script), "-n", "vision", *words)
    assert done.code == (2 if refused else 0), done.err
    said = "spec.outputs[0].secret: connection 'bucket' opens s3://, and not gs://faces/1"
    assert (said in done.err) is refused
    served = spec_object(model(storageUri="gs://faces/1", storageSecret="bucket"))
    applied = manor("diff", "-f", "-", given=yaml.safe_dump(served))
    assert ("spec.storageSecret: connection 'bucket' opens s3://" in applied.err) is refused
    assert team.written == []


def held_keys(team: ApiStandIn, kind: str = "s3") -> dict[str, str]:
    """The data of the Secret that a connection is."""
    (secret,) = [obj for obj in team.objects.values() if obj["kind"] == "Secret"]
    assert secret["type"] == f"manor.dev/{kind}"
    return {name: b64decode(value).decode() for name, value in secret["data"].items()}
