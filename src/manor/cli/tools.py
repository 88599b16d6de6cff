"""`manor tools`: ML systems made fit for many teams."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from manor.api import Tool
from manor.apply import wait
from manor.apply.steps import BAD
from manor.cli.cluster import told_state
from manor.cli.options import Context, Kubeconfig
from manor.cli.output import (
    EXIT_FAILED,
    Format,
    ask_before_removal,
    echo,
    err,
    out,
    print_objects,
    print_table,
    run_async,
)
from manor.cli.progress import shown, summary
from manor.install import images_of, is_installed, manifests
from manor.install import install as install_objects
from manor.install import uninstall as uninstall_objects
from manor.kube import Client, Forbidden, KubeError, Object
from manor.load import InvalidInput, read
from manor.load.specs import validated
from manor.local import images, lifecycle
from manor.local.binaries import Bundle
from manor.local.containers import load_images
from manor.local.node import Node as LocalNode
from manor.local.node import load_node
from manor.local.progress import Report
from manor.local.tool_images import tool_image
from manor.render import spec_object
from manor.rollout.diagnosis import in_words
from manor.rollout.fixtures import Finding, try_fixtures
from manor.state import State, missing_tools
from manor.tools import Toolset, objections, toolbox
from manor.tools.packs import pins

app = typer.Typer(
    help="ML systems made fit for many teams.", no_args_is_help=True, rich_markup_mode=None
)

Output = Annotated[Format, typer.Option("--output", "-o", help="How it is printed.")]


@app.command("list")
@run_async
async def list_tools(
    context: Context = None, kubeconfig: Kubeconfig = None, output: Output = Format.table
) -> None:
    """List the Tools that there are: those that come with Manor, and the cluster's own.

    ON says whether the Platform has turned it on. INSTALLED says whether the cluster serves its
    kinds; of a Tool without kinds, whether `install` has installed it, and `-` where there is
    nothing to install.

    Examples:

    \b
        manor tools list
    """
    known, installed = await _standing(kubeconfig, context)
    tools = toolbox(known.tools if known else {})
    if output is not Format.table:
        print_objects([spec_object(tool) for tool in tools.values()], output)
        return
    rows = []
    for name, tool in sorted(tools.items()):
        on = known.platform is not None and name in known.platform.spec.tools if known else None
        own = "own" if known and name in known.tools else "Manor"
        rows.append(
            [name, tool.spec.version, own, _word(on), _word(installed.get(name)), tool.spec.summary]
        )
    print_table(["NAME", "VERSION", "FROM", "ON", "INSTALLED", "WHAT IT IS"], rows)


@app.command()
@run_async
async def show(
    name: Annotated[str, typer.Argument(help="Name of a Tool.")],
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.table,
) -> None:
    """Show what a Tool lets teams do, and what it brings into their namespaces.

    Examples:

    \b
        manor tools show kueue
        manor tools show kueue -o yaml > my-kueue.yaml
    """
    known, _ = await _standing(kubeconfig, context)
    tool = _named(name, toolbox(known.tools if known else {}))
    if output is not Format.table:
        print_objects([spec_object(tool)], output)
        return
    for line in _described(tool):
        out.print(line, soft_wrap=True, markup=False)


@app.command()
def check(
    filename: Annotated[Path, typer.Argument(help="File of a Tool.", metavar="FILE")],
    no_server: Annotated[
        bool,
        typer.Option(
            "--no-server", help="Read it only; do not try its guardrails on an API server."
        ),
    ] = False,
) -> None:
    """Check a Tool: what it says, then its guardrails on a throw-away API server, as a tenant's
    owner.

    Exit code 0: all is as it must be; 1: a fixture is not; 2: the file is wrong.

    Examples:

    \b
        manor tools check my-tool.yaml
        manor tools check my-tool.yaml --no-server
    """
    tool = _read(filename)
    if no_server or not tool.spec.guardrails:
        err.print(f"Tool {tool.name}: nothing is wrong with the file")
        return
    with _api_server() as kubeconfig:
        findings = _tried(tool, kubeconfig)
    bad = [finding for finding in findings if not finding.ok]
    for finding in bad:
        place = f"{filename}: spec.{finding.fixture} ({finding.guardrail})"
        err.print(
            f"[bold red]error:[/] {escape(place)}: must {finding.must}; {escape(finding.said)}"
        )
    err.print(
        f"Tool {tool.name}: {len(findings) - len(bad)} of {len(findings)} fixtures are as they "
        f"must be"
    )
    if bad:
        raise typer.Exit(EXIT_FAILED)


Name = Annotated[str, typer.Argument(help="Name of a Tool.")]
OwnFile = Annotated[
    Path | None,
    typer.Option("--filename", "-f", metavar="FILE", help="File of a Tool of your own."),
]
Registry = Annotated[
    str | None,
    typer.Option(
        "--registry", help="A mirror that holds the images, in place of their makers' registry."
    ),
]
Node = Annotated[
    str | None,
    typer.Option("--node", help="An embedded node: its images are made here, and loaded."),
]


@app.command()
def install(
    name: Name,
    filename: OwnFile = None,
    registry: Registry = None,
    node: Node = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait until its controllers are ready.")
    ] = 300.0,
    render: Annotated[
        bool, typer.Option("--render", help="Print what would be applied, and change nothing.")
    ] = False,
) -> None:
    """Install the system that a Tool speaks of: its makers' manifests at a pinned version,
    hardened.

    Its webhooks see the namespaces of tenants that use it alone, its namespace is closed, and no
    role has a wildcard. Turn it on for teams by the Platform's `spec.tools`.

    Examples:

    \b
        manor tools install kueue
        manor tools install kueue --registry mirror.example.com/ml
        manor tools install kueue --node manor      (the embedded node)
    """
    helm = there = None
    if node is not None:
        there, registry = load_node(node), images.REGISTRY
        helm, kubeconfig, context = str(Path(there.bin) / "helm"), there.files.kubeconfig, None
    tool = _tool(name, filename, context, kubeconfig)
    if there is not None and not render:
        _load_images(tool, there)
    objects = manifests(tool, registry=registry, helm=helm)
    if render:
        print_objects(objects, Format.yaml)
        return
    _apply(tool, objects, context, kubeconfig, timeout)


@app.command()
def uninstall(
    name: Name,
    filename: OwnFile = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove what `install` installed, its kinds and so every object of them included, after
    asking.

    Examples:

    \b
        manor tools uninstall kueue
    """
    tool = _tool(name, filename, context, kubeconfig)
    kinds = ", ".join(kind.kind for kind in tool.spec.kinds) or "none"
    if not yes:
        ask_before_removal(
            f"This removes {name}, its kinds ({kinds}) and all objects of them, those of every "
            f"team."
        )
    _remove(tool, context, kubeconfig)


@app.command("images")
def list_images(
    name: Annotated[
        list[str] | None,
        typer.Argument(help="Names of Tools; all that come with Manor when absent."),
    ] = None,
    registry: Registry = None,
) -> None:
    """Print the images that the installations need, a line each: for a mirror of an air-gapped
    site.

    Examples:

    \b
        manor tools images kueue kuberay
    """
    known = toolbox({})
    for each in name or sorted(known):
        if (spec := _named(each, known).spec.install) is not None:
            echo("\n".join(images_of(spec, registry)))


def _tool(name: str, filename: Path | None, context: str | None, kubeconfig: Path | None) -> Tool:
    """The Tool of that name: in the file, or the cluster's own, or one that comes with Manor."""
    if filename is not None:
        tool = _read(filename)
        if tool.name != name:
            raise typer.BadParameter(f"{filename} holds Tool {tool.name!r}, not {name!r}")
        return tool
    known, _ = run_async(_standing)(kubeconfig, context)
    return _named(name, toolbox(known.tools if known else {}))


def _named(name: str, tools: Mapping[str, Tool]) -> Tool:
    if name not in tools:
        raise typer.BadParameter(
            f"there is no Tool {name!r}; there are: {', '.join(sorted(tools)) or 'none'}"
        )
    return tools[name]


def _load_images(tool: Tool, node: LocalNode) -> None:
    """The controller's image, made here from its pinned source, and those beside it, onto the
    embedded node."""
    spec = tool.spec.install
    if spec is None or spec.program is None:
        return
    report, bundle = Report(), Bundle(Path(node.bin), Path(node.share))
    controller, *beside = images_of(spec, images.REGISTRY)
    wanted = [
        tool_image(tool.name, controller, spec.program, pins(tool.name), report),
        *images.ensure_beside(beside, bundle=bundle, report=report),
    ]
    for image in wanted:
        with report.task(f"load {image.reference}"):
            load_images(node, [image])


@run_async
async def _apply(
    tool: Tool, objects: list[Object], context: str | None, kubeconfig: Path | None, timeout: float
) -> None:
    async with Client.connect(kubeconfig, context) as client:
        with shown() as show:
            result = await install_objects(client, tool, objects, show)
            err.print(f"{tool.name} {tool.spec.version}: {summary(result.steps)}")
            if result.having(*BAD):
                raise typer.Exit(EXIT_FAILED)
            await wait(client, objects, timeout=timeout, progress=show, explain=in_words)
    on = f"; turn it on for teams: spec.tools: [{tool.name}] in the Platform"
    err.print(f"{tool.name} is ready{on if tool.concerns_teams else ''}", markup=False)


@run_async
async def _remove(tool: Tool, context: str | None, kubeconfig: Path | None) -> None:
    async with Client.connect(kubeconfig, context) as client:
        with shown() as show:
            result = await uninstall_objects(client, tool, show)
    err.print(f"{tool.name}: {summary(result.steps)}")
    if result.having(*BAD):
        raise typer.Exit(EXIT_FAILED)


async def _standing(
    kubeconfig: Path | None, context: str | None
) -> tuple[State | None, dict[str, bool]]:
    """What the cluster says, and which Tools are installed, as far as that can be said; None and
    nothing, and a word on it, where there is no cluster."""
    try:
        async with Client.connect(kubeconfig, context) as client:
            known = await told_state(client, workloads=False)
            return known, await _installed(client, toolbox(known.tools))
    except KubeError as error:
        err.print(f"no cluster was asked: {error}", markup=False)
        return None, {}


async def _installed(client: Client, tools: Mapping[str, Tool]) -> dict[str, bool]:
    """Of each Tool with kinds whether the cluster serves them; of one without, whether its set of
    objects is there."""
    missing = await missing_tools(client, Toolset(tuple(tools.values())))
    installed = {name: name not in missing for name, tool in tools.items() if tool.spec.kinds}
    for name, tool in tools.items():
        if not tool.spec.kinds and tool.spec.install is not None:
            with suppress(Forbidden):
                installed[name] = await is_installed(client, tool)
    return installed


def _word(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _described(tool: Tool) -> Iterator[str]:
    spec = tool.spec
    yield f"{tool.name} {spec.version}: {spec.summary}"
    if spec.notice:
        yield f"Note: {spec.notice}"
    if spec.needs:
        yield f"Needs: {', '.join(spec.needs)}"
    for kind in spec.kinds:
        verbs = kind.rule.verbs
        may = ", ".join(
            f"{role} {'/'.join(more)}"
            for role, more in (
                ("viewer", verbs.viewer),
                ("editor", verbs.editor),
                ("owner", verbs.owner),
            )
            if more
        )
        yield f"  kind {kind.kind}.{kind.group}: {may or 'nobody'}"
    for way in spec.traffic:
        yield (
            f"  traffic {way.name}: {way.direction}, {way.namespace}, ports "
            f"{', '.join(map(str, way.ports))}"
        )
    for guardrail in spec.guardrails:
        for rule in guardrail.rules:
            yield f"  guardrail {guardrail.name}: {rule.message}"
    for name, value in spec.env.items():
        yield f"  variable {name} of workloads: {value}"
    for title, objects in (("tenant", spec.objects.tenant), ("namespace", spec.objects.namespace)):
        for raw in objects:
            yield f"  in each {title}: {raw['kind']} {raw['metadata']['name']}"


def _read(filename: Path) -> Tool:
    """The one Tool in a file. InvalidInput says what is wrong with it."""
    documents = read([filename])
    if len(documents) != 1:
        message = f"holds {len(documents)} documents; one Tool is wanted, alone"
        raise InvalidInput([documents[0].problem((), message)])
    spec = validated(documents[0])
    if not isinstance(spec, Tool):
        raise InvalidInput([documents[0].problem(("kind",), f"must be Tool; got {spec.kind!r}")])
    if found := [documents[0].problem(error.path, str(error)) for error in objections(spec)]:
        raise InvalidInput(found)
    return spec


@contextmanager
def _api_server() -> Iterator[Path]:
    """The kubeconfig of an API server that is there for this run alone."""
    name = f"tools-check-{uuid4().hex[:8]}"
    try:
        node, _ = lifecycle.up(name, api_only=True, ephemeral=True, report=Report())
        yield node.files.kubeconfig
    finally:
        lifecycle.down(name)


@run_async
async def _tried(tool: Tool, kubeconfig: Path) -> list[Finding]:
    async with Client.connect(kubeconfig) as client:
        return [finding async for finding in try_fixtures(client, tool)]
