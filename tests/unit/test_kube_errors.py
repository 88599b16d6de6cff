"""Errors and kubeconfigs, with no server."""

import json
from pathlib import Path

import pytest

from manor.kube import (
    ApiError,
    BadName,
    Client,
    Forbidden,
    KubeconfigError,
    NoApiServer,
    Unreachable,
)
from manor.kube.discovery import Discovery, Resource
from manor.kube.errors import api_error
from manor.kube.transport import Identity

pytestmark = pytest.mark.unit

DEPLOYMENT = Resource("apps", "v1", "Deployment", "deployments", True, ("get",), ("scale",))


@pytest.mark.parametrize("kind", [{"kind": "Status"}, {"status": "Failure"}])
def test_a_status_object_becomes_its_error(kind: dict[str, str]) -> None:
    body = json.dumps({**kind, "message": "no", "reason": "Forbidden", "details": {"name": "x"}})
    error = api_error(403, body)
    assert type(error) is Forbidden
    assert (str(error), error.reason, error.details, error.body) == (
        "no",
        "Forbidden",
        {"name": "x"},
        body,
    )


@pytest.mark.parametrize(
    ("body", "message"), [("bad gateway\n", "bad gateway"), ("", "HTTP status 502"), ("[1]", "[1]")]
)
def test_any_other_answer_is_told_as_it_is(body: str, message: str) -> None:
    error = api_error(502, body)
    assert type(error) is ApiError
    assert message in str(error)


def test_paths() -> None:
    assert DEPLOYMENT.path() == "/apis/apps/v1/deployments"
    assert DEPLOYMENT.path("a", "b", "scale") == "/apis/apps/v1/namespaces/a/deployments/b/scale"
    with pytest.raises(ValueError, match="lives in a namespace"):
        DEPLOYMENT.path(name="b")


@pytest.mark.parametrize("name", ["", ".", "..", "../secrets/key", "a/b", "a%2fb"])
def test_no_name_leads_to_another_object_or_to_all(name: str) -> None:
    with pytest.raises(BadName, match=f"^{name!r} cannot name a Deployment: "):
        DEPLOYMENT.path("a", name)
    if name:
        with pytest.raises(BadName, match="cannot name a Namespace"):
            DEPLOYMENT.path(name, "b")


def test_a_name_is_one_segment_of_a_path() -> None:
    assert DEPLOYMENT.path("a", "b?c#d e").endswith("/deployments/b%3Fc%23d%20e")
    assert DEPLOYMENT.path("a", "system:b").endswith("/deployments/system:b")


def test_impersonation_headers() -> None:
    headers = Identity("u", ("g", "h"), {"Example.com/K": ("v",)}).headers()
    assert headers.getall("Impersonate-Group") == ["g", "h"]
    assert headers["Impersonate-Extra-example.com%2Fk"] == "v"
    assert "Impersonate-User" not in Identity().headers()


CONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}, {name: empty, cluster: {}}]
users: [{name: u, user: {token: t}}, {name: plugin, user: {exec: {
  apiVersion: client.authentication.k8s.io/v1, command: /no/such/plugin}}}]
contexts:
- {name: good, context: {cluster: c, user: u}}
- {name: no-cluster, context: {cluster: gone, user: u}}
- {name: no-plugin, context: {cluster: c, user: plugin}}
"""


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        (CONFIG, "other", "no context 'other' in .*; there are: good, no-cluster, no-plugin"),
        (CONFIG, None, "no current context in .*; there are: good"),
        (CONFIG, "no-cluster", "context no-cluster of .* cannot be used"),
        (CONFIG, "no-plugin", "context no-plugin of .* cannot be used.*/no/such/plugin"),
        ("a: [", None, "is not a kubeconfig"),
        ("just text", None, "is not a kubeconfig"),
        ("", None, "is not a kubeconfig: it lacks lists of clusters, users and contexts"),
        ("contexts: 3\nclusters: {a: b}", None, "is not a kubeconfig: it lacks lists"),
        (CONFIG.replace("http://", ""), "good", "127.0.0.1:1 is no URL: it begins with https://"),
        ("a: 2026-13-45", None, "is not a kubeconfig"),
        ("[" * 10_000, None, "is not a kubeconfig"),
        ("contexts: [c]", None, "is not a kubeconfig"),
        (CONFIG.replace("127.0.0.1", "[::1"), "good", "context good: http://.* is no URL"),
    ],
)
async def test_unusable_kubeconfigs(
    tmp_path: Path, text: str, context: str | None, message: str
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeconfigError, match=f"(?s){message}"):
        async with Client.connect(path, context):
            pass


async def test_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KubeconfigError, match="no kubeconfig at /no/such"):
        async with Client.connect(Path("/no/such")):
            pass
    monkeypatch.setenv("KUBECONFIG", "/no/such/too")
    with pytest.raises(KubeconfigError, match="no kubeconfig at /no/such/too"):
        async with Client.connect():
            pass
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KubeconfigError, match="set KUBECONFIG"):
        async with Client.connect():
            pass


async def test_the_server_and_the_context_are_named(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    async with Client.connect(path, "good") as client:
        assert (client.server, client.context) == ("http://127.0.0.1:1", "good")
        with pytest.raises(
            Unreachable,
            match=r"http://127\.0\.0\.1:1 \(context good\) gives no answer: connection refused",
        ):
            await client.list("v1", "Pod")


async def test_an_exec_plugin_gives_the_token_and_is_asked_again(tmp_path: Path) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "TOKEN"},
    }
    plugin = tmp_path / "plugin"
    count = tmp_path / "count"
    plugin.write_text(
        f"#!/bin/sh\necho x >> {count}\necho '{json.dumps(answer)}' | sed s/TOKEN/t$(wc -l < "
        f"{count})/\n"
    )
    plugin.chmod(0o755)
    path = tmp_path / "config"
    path.write_text(CONFIG.replace("/no/such/plugin", str(plugin)))
    async with Client.connect(path, "no-plugin") as client:
        connection = client._transport.connection
        assert await connection.authorization() == "Bearer t1"
        assert await connection.authorization() == "Bearer t1"
        assert await connection.authorization(renew=True) == "Bearer t2"


@pytest.mark.parametrize(
    "answer",
    [
        "<html>\n log in</html>",
        "",
        "[]",
        "null",
        "3",
        "[" * 100_000,
        '{"items": [{"versions": "x"}]}',
    ],
)
async def test_what_answers_and_is_no_api_server_is_told(answer: str) -> None:
    async def fetch(_path: str, _accept: str) -> str:
        return answer

    with pytest.raises(NoApiServer, match="is no API server of Kubernetes: '"):
        await Discovery(fetch).resource("v1", "Pod")
