"""What a prediction sends, and how its answer is told."""

import json
import shlex
from pathlib import Path

import pytest

from manor.cli.predict import read_input
from manor.cli.prediction import Endpoint, PredictionFailed, error_text, outputs, request_body

pytestmark = pytest.mark.unit


def test_rows_become_one_tensor() -> None:
    tensor = {"name": "input", "shape": [2, 3], "datatype": "FP64", "data": [[1, 2, 3], [4, 5, 6]]}
    assert request_body([[1, 2, 3], [4, 5, 6]]) == {"inputs": [tensor]}
    assert request_body([1, 2, 3])["inputs"][0]["shape"] == [1, 3]
    whole = {"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}
    assert request_body(whole) == whole


@pytest.mark.parametrize("bad", [[], [[1], [1, 2]], "text", 3, {"rows": []}])
def test_anything_else_is_refused(bad: object) -> None:
    with pytest.raises(PredictionFailed, match="rows of numbers"):
        request_body(bad)


def test_the_curl_line_goes_to_the_gateways_address() -> None:
    line = Endpoint("http://a.manor.local:30080/v2/models/iris/infer", "172.30.0.2").curl(
        {"inputs": []}
    )
    where = "--connect-to a.manor.local:30080:172.30.0.2:30080"
    assert line.startswith(f"curl {where} http://a.manor.local:30080/v2/models/iris/infer -H ")


def test_the_curl_line_survives_the_shell() -> None:
    body = {"inputs": ["it's $HOME"]}
    assert (
        json.loads(shlex.split(Endpoint("http://a.b/c", "gw.example.com").curl(body))[-1]) == body
    )


TRACEBACK = (
    "Traceback (most recent call last):\n  File x, line 1\nValueError: X has 3 features, not 64\n\n"
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (TRACEBACK, "ValueError: X has 3 features, not 64"),
        (json.dumps({"error": TRACEBACK}), "ValueError: X has 3 features, not 64"),
        (json.dumps({"detail": "no such model"}), "no such model"),
        (json.dumps([1]), "[1]"),
        ("", "nothing"),
        ("x" * 5000, "x" * 1000),
    ],
)
def test_an_error_is_told_by_its_message(body: str, said: str) -> None:
    assert error_text(body) == said


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"{"])
def test_an_unusable_input_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "rows.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(
        PredictionFailed, match=r"rows\.json: ([Nn]o such file|not UTF-8 text|not JSON)"
    ):
        read_input(f"@{file}")


def test_outputs_are_told_shortly() -> None:
    assert outputs({"outputs": [{"name": "predict", "data": [0, 2]}]}) == "[0, 2]"
