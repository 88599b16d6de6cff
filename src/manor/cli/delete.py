"""`manor delete`: what specs became, off the cluster again; what people made there, only on consent."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer

from manor.api import API_VERSION, KINDS
from manor.apply import Options, Reason, Result, to_be_kept
from manor.apply import delete as delete_objects
from manor.apply.steps import Action
from manor.cli.apply import EXIT_FAILED, DeleteData, DeleteNamespace, Timeout, Verbose
from manor.cli.cluster import read_specs
from manor.cli.options import Context, Kubeconfig
from manor.cli.outcome import Form, Outcome, Output, print_steps
from manor.cli.output import EXIT_ERROR, Warnings, err, print_error, run_async
from manor.cli.progress import Shown, describe, shown, summary
from manor.cli.rollout import ObjectSet, each_set, stages
from manor.kube import Client, NotFound, UnknownKind
from manor.load import Document, InvalidInput, Problem, Specs, read

OptionalFiles = Annotated[
    list[str],
    typer.Option(
        "--filename", "-f", metavar="PATH", help="File or folder of specs, or - for standard input; repeatable."
    ),
]


@run_async
async def delete(
    named: Annotated[
        list[str] | None, typer.Argument(metavar="KIND NAME…", help="What to delete, instead of files.")
    ] = None,
    filename: OptionalFiles = [],  # noqa: B006 - typer reads it once
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace of what is named.")] = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    delete_data: DeleteData = False,
    delete_namespace: DeleteNamespace = [],  # noqa: B006
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Timeout = 300.0,
    verbose: Verbose = False,
    output: Output = Form.text,
) -> None:
    """Delete what the specs became, after asking. Volumes are kept unless --delete-data says otherwise.

    A namespace in which people made something is kept, unless --delete-namespace names it or you say yes to it.

    Examples:

        manor delete -f teams/vision.yaml

        manor delete tenant vision

        manor delete -f teams/vision.yaml --delete-data --yes
    """
    options = Options(delete_data=delete_data, delete_namespaces=frozenset(delete_namespace), timeout=timeout)
    async with Client.connect(kubeconfig, context, on_warning=Warnings()) as client:
        documents = read(filename) if filename else []
        documents += await _named(client, named or [], namespace)
        specs, known = await read_specs(client, documents, delete=True)
        _refuse_orphans(specs, known)
        parts = list(reversed(stages(specs, known, delete=True)))
        if not yes:
            options = await _confirmed(client, specs, parts, options)
        with shown(verbose=verbose) as show:
            outcome = await _take_down(client, parts, options, show)
    outcome.tell(specs)
    print_steps(outcome.steps, output)
    err.print(summary(outcome.steps))
    if not outcome.ok:
        raise typer.Exit(EXIT_FAILED)


async def _named(client: Client, words: Sequence[str], namespace: str) -> list[Document]:
    """The objects on the cluster that `kind name…` means."""
    if not words:
        return []
    kinds = {name: kind for kind in KINDS for name in (kind.lower(), f"{kind.lower()}s")}
    kind = kinds.get(words[0].lower())
    if kind is None or len(words) == 1:
        what = "needs a name" if kind else f"is no kind of Manor's; there are: {', '.join(KINDS)}"
        raise InvalidInput([Problem("", 0, words[0], what)])
    found = [await client.get(API_VERSION, kind, name, namespace or None) for name in words[1:]]
    return [Document(obj, f"{kind} {obj['metadata']['name']}", {(): 0}) for obj in found]


async def _confirmed(client: Client, specs: Specs, parts: Sequence[Sequence[ObjectSet]], options: Options) -> Options:
    """The options, with consent to what was told before the answer."""
    sets = [part for stage in parts for part in stage if not part.inventory.namespace]
    found = await each_set(sets, lambda part: to_be_kept(client, part.inventory, options))
    kept = [namespace for namespaces in found for namespace in namespaces]
    names = ", ".join(f"{spec.kind} {spec.metadata.name}" for spec in specs.all)
    data = "Their volumes go too." if options.delete_data else "Volumes are kept, and so are namespaces that hold one."
    err.print(f"This deletes {names} and all that was made for them. {data}")
    for step, work in ((namespace.step, namespace.work) for namespace in kept):
        goes = step.reasons == (Reason.HOLDS_PEOPLES_OBJECTS,)  # your yes consents to that, and to nothing else
        err.print(f"{step.ref} goes with what people made: holds {work}" if goes else describe(step))
    if not typer.confirm("Go on?", err=True):
        raise typer.Exit(EXIT_FAILED)
    return replace(options, delete_namespaces=options.delete_namespaces | {space.step.ref.name for space in kept})


async def _take_down(client: Client, parts: Sequence[Sequence[ObjectSet]], options: Options, show: Shown) -> Outcome:
    """Delete set after set, workloads first. What others still stand on stays with them: with a tenant's volumes its
    guardrails too."""
    outcome, needed = Outcome(), set[str]()

    async def attempt(part: ObjectSet) -> None:
        result = await outcome.guard(part.title, _delete_set(client, part, options, show))
        outcome.add(part.title, result)
        if result is None or result.having(Action.KEEP, Action.FAIL):
            needed.add(part.needs)

    for stage in parts:
        show.begin(f"deleting {', '.join(part.title for part in stage)[:80]}", None)
        for part in stage:
            if part.title in needed:
                err.print(f"{part.title} [cyan]kept[/]: something of what stands on it is kept")
                needed.add(part.needs)
        await each_set([part for part in stage if part.title not in needed], attempt)
    return outcome


async def _delete_set(client: Client, part: ObjectSet, options: Options, show: Shown) -> Result:
    result = await delete_objects(client, part.inventory, options, show)
    if part.parent is not None and not result.having(Action.KEEP, Action.FAIL):
        meta = part.parent["metadata"]
        with suppress(NotFound, UnknownKind):  # it is gone, or its kind is, and all objects of the kind with it
            await client.delete(part.parent["apiVersion"], part.parent["kind"], meta["name"], meta.get("namespace"))
    return result


def _refuse_orphans(specs: Specs, known: Specs) -> None:
    left = sorted(known.tenants.keys() - specs.tenants.keys())
    if specs.platform is not None and left:
        print_error(f"the Platform still has tenants: {', '.join(left)}; delete them first, or name them too")
        raise typer.Exit(EXIT_ERROR)
