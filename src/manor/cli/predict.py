"""`manor predict`: ask a served model through the gateway."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from manor.cli.cluster import told_model
from manor.cli.completion import complete_models
from manor.cli.keyring import OwnKey, own_key
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import echo, err, run_async
from manor.cli.prediction import PredictionFailed, endpoint, predict, request_body
from manor.kube import Client


def read_input(text: str) -> Any:
    """JSON given on the command line, in a file (`@file`) or on standard input (`-`)."""
    source = "the input"
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        source = text[1:]
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise PredictionFailed(f"{source}: {str(reason)[0].lower()}{str(reason)[1:]}") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise PredictionFailed(f"{source}: not JSON: {error}") from None


@run_async
async def predict_command(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Its name.", autocompletion=complete_models)
    ],
    data: Annotated[
        str,
        typer.Argument(
            metavar="INPUT", help="Rows of numbers or a whole request, as JSON; @FILE, or -."
        ),
    ],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    path: Annotated[
        str, typer.Option(help="What to ask of a model of format custom, below its URL.")
    ] = "",
    curl: Annotated[
        bool,
        typer.Option("--curl", help="Print the request as a curl command instead of sending it."),
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="MANOR_MODEL_KEY",
            help="A key to the model (`manor keys`); one of your own is made when absent.",
        ),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="Certificates to trust beside the system's."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show a model's error whole.")] = False,
) -> None:
    """Ask a model by the tenant's host name (Open Inference Protocol v2; a model of format custom
    by its own) and print its answer as JSON.

    Examples:

    \b
        manor predict iris '[[5.1, 3.5, 1.4, 0.2]]' -n tenant-a
        manor predict iris @request.json -n tenant-a --curl
        manor predict chat @request.json -n tenant-a --path v1/chat/completions
    """
    given = read_input(data)
    async with Client.connect(kubeconfig, context) as client:
        known, spec = await told_model(client, model, namespace or client.namespace)
        if path and not spec.custom:
            raise typer.BadParameter(f"--path is for format custom; {model} is {spec.spec.format}")
        body = given if spec.custom else request_body(given)
        target = await endpoint(client, known, spec)
        own = OwnKey(key) if key else await own_key(client, known, spec)
    target = replace(target, url=target.url + path.lstrip("/"), key=own.token, new=own.new)
    if curl:
        echo(target.curl(body))
        return
    err.print(f"POST {target.url}", style="dim")
    answer = await predict(target, body, authority=authority, whole=verbose)
    echo(json.dumps(answer, indent=2))
