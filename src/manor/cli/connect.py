"""`manor connect`: a team's keys to a store of data, tried and then kept as a Secret."""

import os
from typing import Annotated

import typer

from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import Warnings, err, run_async
from manor.jobs import connect, s3_environment
from manor.kube import Client

SECRET_VARIABLE = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the name of a variable

app = typer.Typer(
    help="Connect a team to a store of data.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Connect a team to a store of data."""


@app.command()
@run_async
async def s3(
    name: Annotated[str, typer.Argument(help="Name of the connection, a Secret.")],
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
    untried: Annotated[bool, typer.Option("--no-try", help="Store it untried.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Store keys to an S3 server as a Secret of the team, once they opened it from the team's
    namespace.

    The secret key is read from AWS_SECRET_ACCESS_KEY, or asked for.

    Jobs fetch data by it (`data: [{uri: s3://…, secret: NAME}]`), models theirs
    (`storageSecret: NAME`), and a job's own code finds it by `secrets: [{name: NAME}]`.

    Examples:

    \b
        manor connect s3 bucket -n vision --endpoint https://s3.example.com --bucket faces
        manor run train.py -n vision --data s3://faces/2026:/data --connection bucket
    """
    secret = os.environ.get(SECRET_VARIABLE) or typer.prompt("Secret access key", hide_input=True)
    env = s3_environment(access_key_id, secret, endpoint, region)
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        place = namespace or client.namespace
        opened = await connect(client, name, place, env, bucket, untried=untried)
    seen = "stored untried" if untried else f"it opens {', '.join(opened) or 'the server'}"
    err.print(f"Secret {place}/{name}: {seen}")
