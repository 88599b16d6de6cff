"""`manor keys`: who may ask a model through the gateway."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from manor.api import Model
from manor.api.workload import KEYS_MOST, ModelKey
from manor.cli.cluster import told_model, told_state
from manor.cli.completion import complete_models
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import (
    Format,
    Warnings,
    echo,
    err,
    print_object,
    print_objects,
    print_table,
    run_async,
)
from manor.errors import ManorError
from manor.kube import Client, Object
from manor.rollout import NotAtGateway, bring_to_gateway, change_keys
from manor.signing import has_ended, make_key
from manor.state import State

app = typer.Typer(
    help="Keys to models: who may ask them through the gateway.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Asked = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its name.", autocompletion=complete_models)
]
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class TokenFormat(StrEnum):
    """How a new key is printed."""

    token = "token"  # noqa: S105 - a word
    json = "json"
    yaml = "yaml"


@app.command()
@run_async
async def create(
    model: Asked,
    name: Annotated[
        str | None, typer.Option(help="What the key is called, by its bearer say; a random one.")
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="How long it holds: 30m, 12h, 90d; or never.")
    ] = "90d",
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="How many requests a minute it may make; the Model's requestsPerMinute.",
        ),
    ] = None,
    token_limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="How many tokens a minute it may use, of a language model; the Model's "
            "tokensPerMinute.",
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[
        TokenFormat, typer.Option("--output", "-o", help="How it is printed.")
    ] = TokenFormat.token,
) -> None:
    """Make a key to a model, and print it: this once, for it is kept nowhere. The Model keeps its
    public half, by which the gateway knows it.

    Examples:

    \b
        manor keys create digits -n vision
        manor keys create digits -n vision --name ci --expires 30d --limit 60
        curl -H "Authorization: Bearer $(manor keys create digits -n vision)" …
    """
    until = _until(expires)
    name = name or f"key-{secrets.token_hex(3)}"
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        known, asked = await told_model(client, model, namespace or client.namespace)
        if asked.public:
            raise ManorError(
                f"model {model} is public, and asks for no key; remove spec.access.mode first"
            )
        key = make_key(asked.metadata.namespace, model, name, until)
        limits = {"requests_per_minute": limit, "tokens_per_minute": token_limit}
        public = key.public.model_copy(update=limits)

        def with_it(keys: list[ModelKey]) -> list[ModelKey]:
            if any(one.name == name for one in keys):
                raise ManorError(
                    f"model {model} has a key {name} already; choose another name, or revoke it"
                )
            if len(keys) >= KEYS_MOST:
                raise ManorError(f"model {model} has {KEYS_MOST} keys; revoke one first")
            return [*keys, public]

        stored = await change_keys(client, asked, with_it)
        await _bring(client, known, stored)
    if output is TokenFormat.token:
        ends = f"until {key.public.expires}" if key.public.expires else "without end"
        err.print(f"key {name} to model {model}, {ends}; it is shown this once", style="dim")
        echo(key.token)
    else:
        print_object(
            {"model": model, "namespace": asked.metadata.namespace, **_told(public)}
            | {"token": key.token},
            output,
        )


@app.command("list")
@run_async
async def list_command(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="Its name; all when absent.", autocompletion=complete_models
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="How the keys are printed.")
    ] = Format.table,
) -> None:
    """List the keys to the models of a namespace: names, how long they hold, and how many requests
    they may make and tokens they may use a minute. The keys themselves are kept nowhere.

    Examples:

    \b
        manor keys list -n vision
        manor keys list digits -n vision -o json
    """
    async with Client.connect(kubeconfig, context) as client:
        place = namespace or client.namespace
        if model:
            models = [(await told_model(client, model, place))[1]]
        else:
            models = _models(await told_state(client, [place]), place)
    found = [(one, key) for one in models for key in one.spec.access.keys]
    if output is Format.table:
        print_table(
            ("MODEL", "KEY", "UNTIL", "LIMIT", "TOKENS"),
            [
                (
                    *(one.metadata.name, key.name, _ends(key)),
                    *(str(of.get(key.name, "-")) for of in (one.limits, one.token_limits)),
                )
                for one, key in found
            ],
        )
    else:
        told = [
            {"model": one.metadata.name, "namespace": place, **_told(key)} for one, key in found
        ]
        print_objects(told, output)


@app.command()
@run_async
async def revoke(
    model: Asked,
    name: Annotated[list[str], typer.Argument(metavar="KEY...", help="Names of keys.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Take keys back: within a moment the gateway refuses who bears them.

    Examples:

    \b
        manor keys revoke digits ci -n vision
    """
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        known, asked = await told_model(client, model, namespace or client.namespace)

        def without(keys: list[ModelKey]) -> list[ModelKey]:
            there = [key.name for key in keys]
            if missing := [one for one in name if one not in there]:
                has = f"it has: {', '.join(there)}" if there else "it has none"
                raise ManorError(f"model {model} has no key {', '.join(missing)}; {has}")
            return [key for key in keys if key.name not in name]

        stored = await change_keys(client, asked, without)
        loose = {key.name for key in known.keys[asked.metadata.namespace, model]}
        if filed := sorted({*name} - loose):
            err.print(
                f"[yellow]warning[/]: {', '.join(filed)}: in the file that this Model was applied "
                "from; remove it there too, or it comes back"
            )
        await _bring(client, known, stored)
    err.print(f"revoked: {', '.join(name)}")


async def _bring(client: Client, known: State, model: Model) -> None:
    if model.public:
        return
    try:
        await bring_to_gateway(client, known, model)
    except NotAtGateway as error:
        err.print(f"[yellow]warning[/]: stored, and not at the gateway yet: {error}")


def _until(text: str) -> datetime | None:
    """The moment after this time from now; None for never. BadParameter."""
    if text == "never":
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text)
    if not found:
        raise typer.BadParameter(f"--expires {text}: a number with m, h or d, as 90d; or never")
    return datetime.now(UTC) + timedelta(**{_UNITS[found[2]]: int(found[1])})


def _models(known: State, namespace: str) -> list[Model]:
    return [
        one
        for one in known.workloads
        if isinstance(one, Model) and one.metadata.namespace == namespace
    ]


def _ends(key: ModelKey) -> str:
    return f"{key.expires or 'never'}{' (expired)' if has_ended(key) else ''}"


def _told(key: ModelKey) -> Object:
    said: Object = key.model_dump(by_alias=True, exclude_none=True)
    return {**said, "expired": has_ended(key)}
