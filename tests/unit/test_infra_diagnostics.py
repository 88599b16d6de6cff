"""What is told of a failed run of Pulumi, from the events of its engine."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi import automation
from pulumi.automation import CommandError, Deployment, StackNotFoundError
from pulumi.automation._cmd import CommandResult
from pulumi.automation.events import EngineEvent

from manor.infra.diagnostics import Diagnostics
from manor.infra.errors import InfraError, UnknownStack
from manor.infra.workspace import Workspace

pytestmark = pytest.mark.unit

FAILED = CommandError(
    CommandResult(stdout="Diagnostics:\n  a page\n", stderr="error: update failed\n", code=255)
)


def said(message: str, severity: str = "error", **more: Any) -> EngineEvent:
    """An event as the engine's log has it."""
    diagnostic = {"message": message, "severity": severity, "color": "raw", **more}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 2, "diagnosticEvent": diagnostic})


def told(*events: EngineEvent, failure: CommandError = FAILED) -> str:
    diagnostics = Diagnostics()
    for event in events:
        diagnostics(event)
    return diagnostics.of(failure)


CONFLICT = said(
    '<{%reset%}>1 error occurred:\n\t* the server reported that "a/quota" failed: field conflict '
    "detected\n"
    'The resource managed by field manager "manor" had an apply conflict: conflict with '
    '"somebody": .spec.hard\n\n'
    "<{%reset%}>"
)
OTHERS = [
    said("<{%reset%}>update failed<{%reset%}>\n"),
    said("using pulumi-resource-kubernetes from $PATH\n", "warning"),
    said("Traceback (most recent call last):\nKeyboardInterrupt\n", "info#err"),
    said("[1/4] waiting\n", ephemeral=True),
    EngineEvent.from_json({"sequence": 3, "timestamp": 4, "cancelEvent": {}}),
]


def protected(name: str) -> EngineEvent:
    return said(
        f'resource "urn:{name}" cannot be deleted\nbecause it is protected. To unprotect it, use '
        f"the command:\n"
        f"`pulumi state unprotect 'urn:{name}'`\n"
    )


def test_a_conflict_is_told_once_with_its_writer_and_what_to_do() -> None:
    lines = told(CONFLICT, *OTHERS, CONFLICT).splitlines()
    assert lines[:2] == [
        'the server reported that "a/quota" failed: field conflict detected',
        (
            'The resource managed by field manager "manor" had an apply conflict: conflict with '
            '"somebody": .spec.hard'
        ),
    ]
    assert "pulumi config set force true" in lines[2]
    assert len(lines) == 3


def test_everything_protected_is_told_with_what_to_do_once() -> None:
    text = told(protected("models"), protected("more"))
    assert 'resource "urn:models" cannot be deleted\nbecause it is protected.' in text
    assert "`pulumi state unprotect 'urn:more'`" in text
    assert text.count("deleteData") == 1


def test_a_protected_cluster_is_no_team_s_data() -> None:
    text = told(protected("p::manor:index:GkeCluster$gcp:container/cluster:Cluster::manor"))
    assert "pulumi config set deletionProtection false" in text
    assert "deleteData" not in text


@pytest.mark.parametrize("kind", ["bucket:Bucket", "bucketIAMPolicy:BucketIAMPolicy"])
def test_a_protected_bucket_is_not_on_the_cluster(kind: str) -> None:
    text = told(protected(f"p::gcp:storage/{kind}::manor-vision"))
    assert text.count("deleteData") == 1
    assert "on the cluster" not in text
    assert "pulumi config set deletionProtection false" in text


def test_what_a_failed_program_wrote_is_told_where_nothing_else_is() -> None:
    assert told(said("SyntaxError: invalid syntax\n", "info#err")) == "SyntaxError: invalid syntax"


def test_a_failure_before_the_engine_runs_is_told_as_the_command_printed_it() -> None:
    text = "error: validating stack config: Stack 'test' is missing a value\n"
    failure = CommandError(CommandResult(stdout="", stderr=text, code=1))
    assert told(failure=failure) == "validating stack config: Stack 'test' is missing a value"


def pool(name: str, **state: Any) -> dict[str, Any]:
    """A node pool as the state has it."""
    return {"urn": f"p::{name}", "type": "gcp:container/nodePool:NodePool", **state}


MORNING, NOON = "2026-01-01T06:00:00Z", "2026-01-01T12:00:00Z"
FAILURE = {"initErrors": ["was created in the error state"], "created": MORNING}
STATE = Deployment(
    deployment={
        "resources": [
            pool("good"),
            pool("bad", **FAILURE, modified=MORNING),
            pool("not changed", **FAILURE, modified=NOON),
            {"urn": "p::other", "type": "kubernetes:apps/v1:Deployment", **FAILURE},
        ]
    }
)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program, and a stack whose every operation ends with a conflict."""

    def fail(*, on_event: Callable[[EngineEvent], None], **_: Any) -> None:
        on_event(CONFLICT)
        raise FAILED

    operations = dict.fromkeys(("up", "preview", "destroy", "preview_destroy"), fail)
    stack = SimpleNamespace(**operations, export_stack=lambda: STATE)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/pulumi")
    monkeypatch.setattr(automation, "LocalWorkspace", lambda **_: None)
    monkeypatch.setattr(automation, "select_stack", lambda *_, **__: stack)
    (tmp_path / "Pulumi.yaml").touch()
    return tmp_path


@pytest.mark.parametrize("operation", ["up", "preview", "destroy", "preview destroy"])
def test_every_operation_tells_what_the_engine_said(program: Path, operation: str) -> None:
    name, _, destroy = operation.partition(" ")
    options = {"destroy": True} if destroy else {}
    with pytest.raises(
        InfraError, match=r"pulumi failed\nthe server reported .* field conflict"
    ) as told:
        getattr(Workspace(program, "test"), name)(print, refresh=True, **options)
    assert "a page" not in str(told.value)


@pytest.mark.parametrize("operation", ["up", "preview"])
def test_a_node_pool_that_failed_is_made_anew_and_nothing_else(
    program: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    asked: dict[str, Any] = {}
    workspace = Workspace(program, "test")
    monkeypatch.setattr(workspace._stack, operation, lambda **settings: asked.update(settings))
    getattr(workspace, operation)(print, refresh=True)
    assert asked["replace"] == ["p::bad"]


def test_a_stack_that_is_not_there_is_told(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def select(*_: Any, **__: Any) -> None:
        raise StackNotFoundError(
            CommandResult(stdout="", stderr="error: no stack named 'x' found", code=255)
        )

    monkeypatch.setattr(automation, "select_stack", select)
    with pytest.raises(UnknownStack, match="pulumi stack init <name>\nno stack named 'x' found"):
        Workspace(program, "x")
