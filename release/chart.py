"""The operator's Helm chart, of what `manor install` applies: `make chart`."""

from pathlib import Path
from typing import Any

import yaml

from manor import __version__
from manor.cli.output import to_yaml
from manor.local import images
from manor.render.crds import crds
from manor.render.objects import Object
from manor.render.operator import REPLICAS, RESOURCES, render_operator
from manor.render.verifier import render_verifier

CHART = Path(__file__).parents[1] / "deploy" / "chart"
MADE = "# Made by `make chart`.\n"

_REPLICAS = 987654321
_VALUES = {
    "image: IMAGE\n": "image: {{ .Values.image | quote }}\n",
    f"replicas: {_REPLICAS}\n": "replicas: {{ .Values.replicas }}\n",
    "resources: RESOURCES\n": "resources: {{- toYaml .Values.resources | nindent 10 }}\n",
}
"""What stands in the rendered objects for each value, and what a template has in its place."""
_VERIFIER_VALUES = {
    "image: IMAGE\n": "image: {{ .Values.image | quote }}\n",
    "schedule: SCHEDULE\n": "schedule: {{ .Values.verifySchedule | quote }}\n",
}
"""The same, for what there is only where `manor verify` has a schedule."""
_NOTES = """\
The operator runs in manor-system. What a team may do is in force once a cluster administrator has
applied the Platform: manor apply -f platform.yaml --adopt
"""


def files() -> dict[str, str]:
    """Every file of the chart, by its path in it."""
    made = {
        "Chart.yaml": MADE + yaml.safe_dump(_description(), sort_keys=False),
        "values.yaml": _values(),
        "templates/NOTES.txt": _NOTES,
        "templates/operator.yaml": MADE + _template(),
    }
    for crd in crds():
        made[f"crds/{crd['spec']['names']['plural']}.yaml"] = MADE + to_yaml([crd])
    return made


def _description() -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": "manor",
        "description": "Manor's operator: tenants and ML workloads as Kubernetes resources.",
        "type": "application",
        "version": __version__,
        "appVersion": __version__,
    }


def _values() -> str:
    described = (
        ("The operator's image: see docs/operator.md for how to make and push it.", "image"),
        ("Pods of it; one of them works.", "replicas"),
        ("Of each pod: enough for thousands of tenants.", "resources"),
        (
            "When to run `manor verify --level dry-run` on the cluster; empty: never.",
            "verifySchedule",
        ),
    )
    values = {
        "image": images.operator_reference(),
        "replicas": REPLICAS,
        "resources": RESOURCES,
        "verifySchedule": "",
    }
    parts = [f"# {says}\n{yaml.safe_dump({name: values[name]})}" for says, name in described]
    return MADE + "".join(parts)


def _template() -> str:
    """The operator's objects, with the values in their places. ValueError where one has no place,
    or two."""
    objects = render_operator("IMAGE", replicas=_REPLICAS)
    (deployment,) = [obj for obj in objects if obj["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = "RESOURCES"
    verifier = render_verifier("IMAGE", "SCHEDULE", None)
    return (
        _with_values(objects, _VALUES)
        + "{{- if .Values.verifySchedule }}\n"
        + _with_values(verifier, _VERIFIER_VALUES)
        + "{{- end }}\n"
    )


def _with_values(objects: list[Object], values: dict[str, str]) -> str:
    text = to_yaml(objects)
    if "{{" in text:
        raise ValueError("what is rendered holds {{, which Helm would read")
    for place, value in values.items():
        if text.count(place) != 1:
            raise ValueError(f"what is rendered has {text.count(place)} places for {place!r}")
        text = text.replace(place, value)
    return text


def write(target: Path) -> None:
    """Write the chart, and remove what is no longer of it."""
    made = files()
    for path in target.rglob("*"):
        if path.is_file() and path.relative_to(target).as_posix() not in made:
            path.unlink()
    for name, text in made.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(CHART)
