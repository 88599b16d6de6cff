"""`manor connect`: a team's keys to a store of data, tried and then kept as a Secret."""

import os
from pathlib import Path
from typing import Annotated

import typer

from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import Warnings, err, run_async
from manor.jobs import connect, stores
from manor.kube import Client

app = typer.Typer(
    help="Connect a team to a store of data.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(help="Name of the connection, a Secret.")]
Authority = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        exists=True,
        dir_okay=False,
        help="Certificate (PEM) of your own authority, which signed the server's.",
    ),
]
Untried = Annotated[bool, typer.Option("--no-try", help="Store it untried.")]


@app.callback()
def _group() -> None:
    """Connect a team to a store of data.

    Keys are tried from a short-lived pod in the team's namespace, and then stored as a Secret.
    Jobs fetch data by it (`data: [{uri: …, secret: NAME}]`), models theirs
    (`storageSecret: NAME`), and a job's own code finds it by `secrets: [{name: NAME}]`.
    """


@app.command()
@run_async
async def s3(
    name: Name,
    endpoint: Annotated[
        str,
        typer.Option(envvar="AWS_ENDPOINT_URL", help="URL of the server; Amazon's if absent."),
    ] = "",
    region: Annotated[str, typer.Option(envvar="AWS_DEFAULT_REGION", help="Its region.")] = "",
    bucket: Annotated[
        str, typer.Option(help="Bucket that is tried; where keys may not list buckets.")
    ] = "",
    access_key_id: Annotated[
        str, typer.Option(envvar="AWS_ACCESS_KEY_ID", prompt=True, help="ID of the key.")
    ] = "",
    ca_file: Authority = None,
    untried: Untried = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Connect to an S3 server. The secret key is read from AWS_SECRET_ACCESS_KEY, or asked for.

    Examples:

    \b
        manor connect s3 bucket -n vision --endpoint https://s3.example.com --bucket faces
        manor run train.py -n vision --data s3://faces/2026:/data --connection bucket
    """
    secret = _secret("AWS_SECRET_ACCESS_KEY", "Secret access key")
    keys = stores.s3(access_key_id, secret, endpoint, region, bucket)
    await _store(name, keys, ca_file, untried, namespace, context, kubeconfig)


@app.command()
@run_async
async def gs(
    name: Name,
    key_file: Annotated[
        Path,
        typer.Option(
            envvar="GOOGLE_APPLICATION_CREDENTIALS",
            exists=True,
            dir_okay=False,
            prompt="Key file",
            help="Key of a service account (JSON).",
        ),
    ],
    bucket: Annotated[
        str, typer.Option(help="Bucket that is tried; where the key may not list buckets.")
    ] = "",
    endpoint: Annotated[str, typer.Option(help="URL of the server; Google's if absent.")] = "",
    untried: Untried = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Connect to Google Cloud Storage, where pods are not themselves to Google.

    Examples:

    \b
        manor connect gs bucket -n vision --key-file trainer.json --bucket faces
        manor run train.py -n vision --data gs://faces/2026:/data --connection bucket
    """
    keys = stores.gs(_text(key_file), endpoint, bucket)
    await _store(name, keys, None, untried, namespace, context, kubeconfig)


@app.command()
@run_async
async def hf(
    name: Name,
    repository: Annotated[
        str, typer.Option(help="Repository that is tried, such as org/model.")
    ] = "",
    endpoint: Annotated[
        str, typer.Option(envvar="HF_ENDPOINT", help="URL of the hub; Hugging Face's if absent.")
    ] = "",
    ca_file: Authority = None,
    untried: Untried = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Connect to Hugging Face, or a hub like it. The token is read from HF_TOKEN, or asked for.

    Examples:

    \b
        manor connect hf hub -n vision --repository org/faces
        manor run train.py -n vision --data hf://org/faces:/model --connection hub
    """
    keys = stores.hf(_secret("HF_TOKEN", "Token"), endpoint, repository)
    await _store(name, keys, ca_file, untried, namespace, context, kubeconfig)


@app.command()
@run_async
async def https(
    name: Name,
    url: Annotated[
        str,
        typer.Option(
            prompt="URL of a file", help="A file that is tried; the secret is for its host."
        ),
    ] = "",
    user: Annotated[str, typer.Option(help="User whose password the secret is.")] = "",
    header: Annotated[str, typer.Option(help="Header whose value the secret is.")] = "",
    ca_file: Authority = None,
    untried: Untried = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Connect to a web server. The secret, a bearer token unless you say otherwise, is read from
    HTTPS_SECRET, or asked for.

    Examples:

    \b
        manor connect https files -n vision --url https://files.example.com/faces.zip
        manor connect https files -n vision --url https://files.example.com/faces.zip --user ida
        manor run train.py -n vision --data https://files.example.com/faces.zip --connection files
    """
    keys = stores.https(url, _secret("HTTPS_SECRET", "Secret"), user, header)
    await _store(name, keys, ca_file, untried, namespace, context, kubeconfig)


def _secret(variable: str, title: str) -> str:
    """A secret that is on no command line."""
    return (os.environ.get(variable) or str(typer.prompt(title, hide_input=True))).strip()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


async def _store(
    name: str,
    keys: stores.Keys,
    ca_file: Path | None,
    untried: bool,
    namespace: str | None,
    context: str | None,
    kubeconfig: Path | None,
) -> None:
    keys = keys.trusting(_text(ca_file) if ca_file else "")
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        place = namespace or client.namespace
        opened = await connect(client, name, place, keys, untried=untried)
    seen = "stored untried" if untried else f"it opens {', '.join(opened) or 'the server'}"
    err.print(f"Secret {place}/{name}: {seen}")
