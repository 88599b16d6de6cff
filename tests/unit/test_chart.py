"""The Helm chart is what `manor install` applies."""

import pytest
import yaml
from release import chart

from manor.render.crds import crds

pytestmark = pytest.mark.unit


def test_the_chart_is_that_of_the_code() -> None:
    there = {
        path.relative_to(chart.CHART).as_posix(): path.read_text()
        for path in chart.CHART.rglob("*")
        if path.is_file()
    }
    assert there == chart.files(), "run `make chart`"


def test_definitions_lie_where_helm_never_deletes_them() -> None:
    defined = [
        yaml.load(text, yaml.CSafeLoader)
        for name, text in chart.files().items()
        if name.startswith("crds/")
    ]
    by_name = {crd["metadata"]["name"]: crd for crd in defined}
    assert by_name == {crd["metadata"]["name"]: crd for crd in crds()}
    assert "CustomResourceDefinition" not in chart.files()["templates/operator.yaml"]


def test_a_value_without_a_place_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {**chart._VALUES, "imagePullPolicy: PULL\n": "imagePullPolicy: {{ .Values.pull }}\n"}
    monkeypatch.setattr(chart, "_VALUES", places)
    with pytest.raises(ValueError, match="0 places for 'imagePullPolicy"):
        chart.files()
