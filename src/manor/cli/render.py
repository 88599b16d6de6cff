"""`manor render`: what the specs become, on stdout, for GitOps and for reading."""

from enum import StrEnum
from typing import Annotated

import typer

from manor.cli.options import Files
from manor.cli.output import echo, run_async, to_json, to_yaml
from manor.load import load
from manor.render import render_foundation, spec_object
from manor.rollout import compiled


class Format(StrEnum):
    """How objects are written."""

    yaml = "yaml"
    json = "json"


@run_async
async def render(
    filename: Files,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="How the objects are written.")
    ] = Format.yaml,
) -> None:
    """Print the Kubernetes objects that the specs become. Reads no cluster and changes nothing.

    The same files give the same bytes, so that the output can be kept in git.

    Examples:

    \b
        manor render -f platform.yaml -f teams/ > cluster.yaml
        manor render -f . -o json | jq '.items | length'
    """
    specs = load(filename)
    if specs.platform is None:
        raise typer.BadParameter(
            "no Platform in these files; add the file that holds it", param_hint="--filename"
        )
    parts = list(compiled(specs, specs))  # a spec that is wrong is told before anything is printed
    sets = [render_foundation(), *([spec_object(part.spec), *part.objects] for part in parts)]
    if output is Format.json:
        echo(to_json(obj for objects in sets for obj in objects))
        return
    for objects in sets:
        echo(to_yaml(objects))
