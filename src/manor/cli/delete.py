"""`manor delete`: what specs became, off the cluster again; what people made there, only on
consent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from manor.api import API_VERSION, kinds
from manor.apply import Options, Reason
from manor.cli.apply import DeleteData, DeleteNamespace, Timeout, Verbose
from manor.cli.options import Context, Kubeconfig, Namespace
from manor.cli.output import EXIT_FAILED, Warnings, err, run_async
from manor.cli.progress import describe, shown, summary, warn
from manor.cli.steps import Form, Output, print_steps, tell_who_may
from manor.kube import Client
from manor.limits import Apply
from manor.load import Document, Specs, read
from manor.nouns import singular
from manor.rollout import (
    Stages,
    delete_stages,
    kept_namespaces,
    read_desired,
    refuse_remaining,
    take_down,
)

OptionalFiles = Annotated[
    list[str],
    typer.Option(
        "--filename",
        "-f",
        metavar="PATH",
        help="File or folder of specs, or - for standard input; repeatable.",
    ),
]


@run_async
async def delete(
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="KIND NAME…", help="What to delete, instead of files."),
    ] = None,
    filename: OptionalFiles = [],  # noqa: B006 - typer reads it once
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    delete_data: DeleteData = False,
    delete_namespace: DeleteNamespace = [],  # noqa: B006
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Timeout = Apply.gone,
    verbose: Verbose = False,
    output: Output = Form.text,
) -> None:
    """Delete what the specs became, after asking. Volumes are kept unless --delete-data says
    otherwise.

    A namespace in which people made something is kept, unless --delete-namespace names it or you
    say yes to it.

    Examples:

    \b
        manor delete -f teams/vision.yaml
        manor delete tenant vision
        manor delete trainingjob nightly -n vision
        manor delete -f teams/vision.yaml --delete-data --yes
    """
    options = Options(
        delete_data=delete_data, delete_namespaces=frozenset(delete_namespace), timeout=timeout
    )
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        documents = read(filename) if filename else []
        documents += await _named(client, named or [], namespace or client.namespace)
        desired = await read_desired(client, documents, warn, delete=True)
        refuse_remaining(desired)
        stages = delete_stages(desired)
        if not yes:
            options = await confirmed(client, desired.specs, stages, options)
        with shown(verbose=verbose) as show:
            outcome = await take_down(client, stages, options, show)
    tell_who_may(outcome, desired.specs)
    print_steps(outcome.steps, output)
    err.print(summary(outcome.steps))
    if not outcome.ok:
        raise typer.Exit(EXIT_FAILED)


async def _named(client: Client, words: Sequence[str], namespace: str) -> list[Document]:
    """The objects on the cluster that `kind name…` means."""
    if not words:
        return []
    kind, _, named = words[0].partition("/")
    names = [*([named] if named else []), *words[1:]]
    known = {singular(info.kind): info for info in kinds.ALL}
    info = known.get(singular(kind))
    if info is None:
        raise typer.BadParameter(f"no kind {kind!r}; there are: {', '.join(known)}")
    if not names:
        raise typer.BadParameter(f"which {kind}? Give its name")
    place = namespace if info.namespaced else None
    found = [await client.get(API_VERSION, info.kind, name, place) for name in names]
    return [Document(obj, f"{info.kind} {obj['metadata']['name']}", {(): 0}) for obj in found]


async def confirmed(client: Client, specs: Specs, stages: Stages, options: Options) -> Options:
    """Say what will be deleted, and ask: the options, with consent to what was told before the
    answer."""
    kept = await kept_namespaces(client, stages, options)
    names = ", ".join(f"{spec.kind} {spec.metadata.name}" for spec in specs.all)
    data = (
        "Their volumes go too."
        if options.delete_data
        else "Volumes are kept, and so are namespaces that hold one."
    )
    err.print(f"This deletes {names} and all that was made for them. {data}")
    for step, work in ((namespace.step, namespace.work) for namespace in kept):
        goes = step.reasons == (
            Reason.HOLDS_PEOPLES_OBJECTS,
        )  # your yes consents to that, and to nothing else
        err.print(
            f"{step.ref} goes with what people made: holds {work}" if goes else describe(step)
        )
    if not typer.confirm("Go on?", err=True):
        raise typer.Exit(EXIT_FAILED)
    return replace(
        options,
        delete_namespaces=options.delete_namespaces | {space.step.ref.name for space in kept},
    )
