"""`manor image`: images of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from manor.cli.output import echo
from manor.local.node import load_node
from manor.local.own_images import Source, build_image
from manor.local.progress import Report

app = typer.Typer(help="Images of your own.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Images of your own."""


@app.command()
def build(
    tag: Annotated[
        str,
        typer.Option(
            "--tag", "-t", metavar="NAME[:TAG]", help="How pods name it; its ID if no tag is said."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="What it is built of.")] = Path(),
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="The Containerfile, if it is not DIR's own."),
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            metavar="IMAGE",
            help="What DIR/requirements.txt is installed into, where there is no Containerfile; "
            "the training image if absent.",
        ),
    ] = "",
    name: Annotated[str, typer.Option(help="Which node; several run side by side.")] = "manor",
) -> None:
    """Build an image for the embedded node, and print its name.

    Of DIR's Containerfile (or Dockerfile), by buildah; without one, of DIR/requirements.txt, whose
    packages are installed into the training image. pip has this machine's settings. A name without
    a registry is one of manor.local, where nothing can be pulled in its place.

    Examples:

    \b
        manor image build --tag trainer:1
        manor image build notebook/ --tag notes:1 --base manor.local/workspace:0.1.0
        manor image build . --tag registry.example/vision/trainer:1 --file gpu.Containerfile
        manor run train.py -n vision --image manor.local/trainer:1
    """
    echo(build_image(load_node(name), Source(folder, file, base), tag, Report()))
