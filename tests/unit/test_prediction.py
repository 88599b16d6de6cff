"""What a prediction sends, and how its answer is told."""

import pytest

from manor.cli.prediction import Endpoint, PredictionFailed, outputs, request_body

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
    line = Endpoint("http://a.manor.local:30080/v2/models/iris/infer", "172.30.0.2").curl({"inputs": []})
    assert line.startswith("curl --resolve a.manor.local:30080:172.30.0.2 http://a.manor.local:30080/v2/models/iris/")


def test_outputs_are_told_shortly() -> None:
    assert outputs({"outputs": [{"name": "predict", "data": [0, 2]}]}) == "[0, 2]"
