"""Writes the pages, and the parts of pages, that are made from the code and from measurements
(`make docs`)."""

import ast
import inspect
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from manor import client, limits
from manor.api import API_VERSION, KINDS
from manor.api.status import STATUSES
from manor.api.wellknown import KEEPER
from manor.api.workload import OF_A_SCHEDULE
from manor.engines.protocol import Engine
from manor.engines.registry import ENGINES
from manor.load import Specs
from manor.render import verifier
from manor.render.operator import LOCK_RIGHTS, RIGHTS, render_operator
from manor.render.own_pods import Right
from manor.rollout import compiled
from manor.verify import Check, load
from manor.verify.reports.markdown import catalogue_page

DOCS = Path(__file__).parent
POLICIES = DOCS.parent / "src" / "manor" / "policies"
RESULTS = {"pass": "held", "fail": "**open**"}
"""What the status of a check is called; with any other, the attack could not be tried."""


def type_of(schema: dict[str, Any]) -> str:
    """A field's type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(
            type_of(option) for option in schema["anyOf"] if option != {"type": "null"}
        )
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    if schema.get("type") == "object":
        return "map of text"
    names = {"string": "text", "cidr": "CIDR"}
    return names.get(
        schema.get("format", ""), names.get(schema.get("type", ""), schema.get("type", ""))
    )


def default_of(schema: dict[str, Any], required: bool) -> str:
    """A field's default, or that it must be given."""
    if required:
        return "required"
    default = schema.get("default")
    return "" if default in (None, "", [], {}) or isinstance(default, dict) else f"`{default}`"


def table(name: str, schema: dict[str, Any], level: int) -> list[str]:
    """A part of a spec as a heading and a table of its fields."""
    lines = [f"{'#' * level} {name}", "", schema.get("description", ""), ""]
    if "enum" in schema:
        return [*lines, f"One of {type_of(schema)}.", ""]
    lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
    for field, described in schema.get("properties", {}).items():
        required = field in schema.get("required", [])
        meaning = described.get("description", "").replace("\n", " ").replace("|", "\\|")
        lines.append(
            f"| `{field}` | {type_of(described)} | {default_of(described, required)} | {meaning} |"
        )
    return [*lines, ""]


def limits_table(layer: str, group: type) -> list[str]:
    """A group of limits: the text under each is read from the source, where no
    attribute has one."""
    body = ast.parse(inspect.getsource(group)).body[0].body[1:]  # type: ignore[attr-defined]
    lines = [
        f"### `{layer}`",
        "",
        str(group.__doc__),
        "",
        "| limit | default | meaning |",
        "|---|---|---|",
    ]
    for declared, said in zip(body[::2], body[1::2], strict=True):
        name, meaning = declared.target.id, " ".join(said.value.value.split())
        lines.append(
            f"| `{name}` | {amount(ast.unparse(declared.annotation), getattr(group, name))} | "
            f"{meaning} |"
        )
    return [*lines, ""]


def amount(unit: str, value: Any) -> str:
    """A limit with its unit."""
    if isinstance(value, tuple):
        return f"{', '.join(f'{one:g}' for one in value)} s"
    return {"Seconds": f"{value:,.10g} s", "Bytes": f"{value / 2**20:g} MiB", "Number": str(value)}[
        unit
    ]


def reference() -> str:
    """The whole page."""
    lines = [
        "# Reference",
        "",
        (
            f"Every kind of `{API_VERSION}`, and [every limit](#limits), made from the code by "
            f"`make "
            f"docs`."
        ),
        "",
    ]
    parts: dict[str, dict[str, Any]] = {}
    for kind, model in KINDS.items():
        schema = model.model_json_schema(by_alias=True)
        definitions = schema["$defs"]
        spec = definitions.pop(schema["properties"]["spec"]["$ref"].rsplit("/", 1)[-1])
        lines += [f"## {kind}", "", schema["description"], ""]
        lines += table(f"{kind} spec", spec, 3)
        parts |= {name: part for name, part in definitions.items() if not name.endswith("Metadata")}
        status = STATUSES[kind].model_json_schema(by_alias=True)
        lines += table(f"{kind} status", status, 3)
        parts |= status["$defs"]
    lines += ["## Parts", ""]
    for name in sorted(parts):
        lines += table(name, parts[name], 3)
    lines += [
        "## Limits",
        "",
        "How long Manor waits, how often it tries and how much it reads.",
        "",
    ]
    for group in fields(limits.Limits):
        lines += limits_table(group.name, type(getattr(limits.limits(), group.name)))
    return "\n".join(lines).rstrip() + "\n"


def planes(checks: list[Check]) -> Iterator[tuple[str, list[Check]]]:
    """The checks by plane, with the plane's name as a heading has it."""
    for plane, group in groupby(checks, key=lambda check: check.plane):
        yield plane.upper() if plane == "rbac" else plane.capitalize(), list(group)


def guarantees() -> str:
    """What every check promises, and what must keep the promise."""
    lines: list[str] = []
    for plane, checks in planes(load()):
        lines += [
            f"### {plane}",
            "",
            "| guarantee | the attack ends by | severity | check |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {c.guarantee} | {c.expect} | {c.severity} | `{c.id}` |".replace("\n", " ")
            for c in checks
        ]
        lines.append("")
    return "\n".join(lines)


def comparison() -> str:
    """The attacks on a cluster without Manor beside those on one with it, as they were measured."""
    bare, manor = (
        json.loads((DOCS / "measured" / f"{name}.json").read_text()) for name in ("bare", "manor")
    )
    tried = [c for c in load() if c.id in bare["results"] and c.id in manor["results"]]
    results = {
        c.id: [RESULTS.get(run["results"][c.id], "not applicable") for run in (bare, manor)]
        for c in tried
    }
    lines = [
        (
            f"{len(tried)} checks at level {bare['level']}, on {bare['started'][:10]}, Kubernetes "
            f"{bare['kubernetes']}."
        ),
        "",
        "| plane | checks | namespaces alone: open | held | not applicable | Manor: open | held |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, ids in [
        *((plane, [c.id for c in cs]) for plane, cs in planes(tried)),
        ("**all**", list(results)),
    ]:
        alone, ours = (Counter(results[name][side].strip("*") for name in ids) for side in (0, 1))
        counts = [alone["open"], alone["held"], alone["not applicable"], ours["open"], ours["held"]]
        lines.append(f"| {title} | {len(ids)} | {' | '.join(map(str, counts))} |")
    for plane, checks in planes(tried):
        lines += [
            "",
            f"### {plane}",
            "",
            "| check | attack | severity | namespaces alone | Manor |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{c.id}` | {c.title} | {c.severity} | {' | '.join(results[c.id])} |" for c in checks
        ]
    return "\n".join([*lines, ""])


def policies() -> str:
    """The admission policies: what the README of each says, and how many objects stand
    beside it."""
    lines = ["| policy | guarantee | stands for | admits | refuses |", "|---|---|---|---|---|"]
    for folder in sorted(path.parent for path in POLICIES.glob("*/policy.yaml")):
        readme = (folder / "README.md").read_text(encoding="utf-8").splitlines()
        stands_for = next(line for line in readme if line.startswith("Stands for: ")).removeprefix(
            "Stands for: "
        )
        admits, refuses = (
            len(list((folder / verdict).glob("*.yaml"))) for verdict in ("admit", "refuse")
        )
        link = f"[manor-{folder.name}](../src/manor/policies/{folder.name})"
        lines.append(f"| {link} | {readme[2]} | {stands_for} | {admits} | {refuses} |")
    return "\n".join([*lines, ""])


SAMPLES: dict[str, dict[str, list[Any]]] = {
    "TrainingJob": {
        "image": ["r.example/own:1"],
        "command": [["python3", "other.py"]],
        "files": [{"train.py": "pass"}],
        "code": [{"volume": "data", "path": "code/1"}],
        "env": [{"LEVEL": "1"}],
        "secrets": [[{"name": "key"}]],
        "imagePullSecrets": [["registry"]],
        "workers": [2],
        "processes": [2],
        "resources": [{"memory": "4Gi", "gpu": 1}],
        "sharedMemory": ["1Gi"],
        "queue": ["default"],
        "volumes": [[{"name": "data", "path": "/data"}]],
        "data": [[{"uri": "s3://bucket/words", "path": "/words"}]],
        "outputs": [[{"uri": "s3://bucket/words"}]],
        "retries": [5],
        "timeoutSeconds": [60],
        "ttlSecondsAfterFinished": [60],
        "schedule": ["0 3 * * *"],
        "timeZone": ["Europe/Berlin"],
        "concurrencyPolicy": ["Replace"],
        "suspend": [True],
        "successfulJobsHistoryLimit": [5],
        "failedJobsHistoryLimit": [5],
        "sweep": [{"parameters": [{"LR": "0.1"}, {"LR": "0.01"}], "atOnce": 2}],
    },
    "Model": {
        "format": ["lightgbm", "custom"],
        "server": [{"port": 9000}],
        "storageUri": [
            *("pvc://other/iris", "oci://r.example/iris:1", "models:/iris/1"),
            *("s3://b/i", "gs://b/i"),
        ],
        "storageSecret": ["bucket"],
        "image": ["r.example/own:1"],
        "env": [{"LEVEL": "1"}],
        "replicas": [2],
        "autoscaling": [
            {"maxReplicas": 3},
            {"maxReplicas": 3, "concurrency": 8},
            {"maxReplicas": 3, "idleAfter": "30m"},
        ],
        "canary": [
            {"storageUri": "pvc://models/next", "weight": 10},
            {"storageUri": "pvc://models/next", "weight": 10, "shadow": True},
            {"storageUri": "pvc://models/next", "analysis": {}},
        ],
        "resources": [{"memory": "4Gi", "gpu": 1}],
        "host": ["other.example.org"],
        "access": [{"mode": "public"}],
        "requestLog": [{"uri": "s3://bucket/asked"}],
    },
    "Workspace": {
        "image": ["r.example/own:1"],
        "command": [["code-server"]],
        "port": [8080],
        "size": ["large"],
        "resources": [{"memory": "4Gi", "gpu": 1}],
        "home": [{"size": "1Gi"}],
        "sharedMemory": ["2Gi"],
        "queue": ["default"],
        "volumes": [[{"name": "data", "path": "/data"}]],
        "data": [[{"uri": "s3://bucket/train"}]],
        "env": [{"LEVEL": "1"}],
        "secrets": [[{"name": "key"}]],
        "imagePullSecrets": [["registry"]],
        "idleAfter": ["30m"],
        "lifetime": ["12h"],
        "stopped": [True],
    },
}
"""For each field of the ML kinds, values to set it to."""
LEAST: dict[str, dict[str, Any]] = {
    "Workspace": {},
    "TrainingJob": {"command": ["python3"], "resources": {"memory": "2Gi"}},
    "Model": {
        "format": "sklearn",
        "storageUri": "pvc://models/iris",
        "env": {"MLFLOW_TRACKING_URI": "http://mlflow"},
    },
}

CUSTOM = {"format": "custom", "image": "r.example/own:1"}
"""What a Model needs beside the fields of format custom."""
BESIDE = {
    "server": CUSTOM,
    "storageSecret": {"storageUri": "s3://bucket/iris"},
    **{to_camel(field): {"schedule": "@daily"} for field in OF_A_SCHEDULE},
}
"""What is needed beside a field of its own."""


def engine_fields() -> str:
    """Which field each engine honours: it changes what is rendered, or is refused. ValueError where
    neither is so, or a field has no sample."""
    lines: list[str] = []
    for kind, samples in SAMPLES.items():
        schema = KINDS[kind].model_json_schema(by_alias=True)["$defs"][f"{kind}Spec"]
        if schema["properties"].keys() != samples.keys():
            raise ValueError(f"{kind}: {schema['properties'].keys() ^ samples.keys()} lack samples")
        engines = [engine for engine in ENGINES.values() if kind in engine.made_kinds]
        lines += [f"### {kind}", "", f"| field | {' | '.join(e.name for e in engines)} |"]
        lines.append(f"|---|{'---|' * len(engines)}")
        for field, values in samples.items():
            for value in values:
                told = f"`{field}: {value}`" if len(values) > 1 else f"`{field}`"
                answers = [_honours(engine, kind, field, value) for engine in engines]
                lines.append(f"| {told} | {' | '.join(answers)} |")
        lines.append("")
    return "\n".join(lines)


def _honours(engine: Engine[Any], kind: str, field: str, value: Any) -> str:
    def spec(body: dict[str, Any]) -> Any:
        metadata = {"name": "sample", "namespace": "team"}
        whole = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": body}
        return KINDS[kind].model_validate(whole)

    platform = KINDS["Platform"].model_validate(PLATFORM)
    tenant = KINDS["Tenant"].model_validate(TENANT)
    least = LEAST[kind] | BESIDE.get(field, {})
    needed = CUSTOM if value == "custom" else {}
    plain, changed = spec(least), spec({**least, **needed, field: value})
    if refused := list(engine.unsupported(changed)):
        return f"no: {refused[0]}"
    if changed != plain and (
        engine.render(platform, tenant, plain) == engine.render(platform, tenant, changed)
    ):
        raise ValueError(f"engine {engine.name} passes over {kind}.{field}")
    return "yes"


NETWORK = {
    "podCidrs": ["10.0.0.0/16"],
    "serviceCidrs": ["10.1.0.0/16"],
    "nodeCidrs": ["10.2.0.0/16"],
}
PLATFORM = {
    "apiVersion": API_VERSION,
    "kind": "Platform",
    "metadata": {"name": "manor"},
    "spec": {
        "domain": "example.org",
        "network": NETWORK,
        "images": {"training": "r.example/training:1", "serving": {"sklearn": "r.example/serve:1"}},
        "engines": {"queue": "kueue"},
        "workspaces": {"sizes": [{"name": "small"}, {"name": "large", "memory": "8Gi"}]},
    },
}
BARE = {"engines": {}}
"""Of a Platform on which no Tool is on."""
TENANT = {
    "apiVersion": API_VERSION,
    "kind": "Tenant",
    "metadata": {"name": "team"},
    "spec": {"owners": [{"name": "ada"}], "hosts": ["team.example.org", "other.example.org"]},
}


def kept_checks() -> str:
    """The checks that the operator runs by itself."""
    lines = [f"- {check.id}: {check.guarantee}" for check in load() if check.kept]
    return "\n".join([*lines, ""])


def operator_rights() -> str:
    """What the operator may do: its own rights with their reasons, then those with which it makes
    tenants' places, all from the roles as they are rendered."""
    platform = KINDS["Platform"].model_validate({**PLATFORM, "spec": {**PLATFORM["spec"], **BARE}})
    (applied,) = compiled(Specs(platform), Specs(platform))
    reasons = {"ClusterRole": RIGHTS, "Role": LOCK_RIGHTS}
    lines = _with_reasons(render_operator("image"), reasons)
    (role,) = [o for o in applied.objects if o["metadata"]["name"] == KEEPER]
    lines += [f"`{KEEPER}`, everywhere:", "", "| may | of |", "|---|---|"]
    lines += [f"| {_verbs(rule)} | {_of(rule)} |" for rule in role["rules"]]
    return "\n".join([*lines, ""])


def verifier_rights() -> str:
    """What the account of the run that nobody attends may do."""
    made = verifier.render_verifier("image", "0 3 * * *", None)
    reasons = {"ClusterRole": verifier.RIGHTS, "Role": verifier.REPORT_RIGHTS}
    return "\n".join(_with_reasons(made, reasons))


def attended_checks() -> str:
    """The checks that stand-ins cannot try."""
    named = [f"- {check.id}: {check.guarantee}" for check in load() if check.attended]
    return "\n".join([*named, ""])


def _with_reasons(
    objects: list[dict[str, Any]], reasons: dict[str, tuple[Right, ...]]
) -> list[str]:
    """A table of each role, by its kind."""
    lines: list[str] = []
    for obj in objects:
        if obj["kind"] in reasons:
            where = "everywhere" if obj["kind"] == "ClusterRole" else "in manor-system alone"
            lines += [f"`{obj['metadata']['name']}`, {where}:", "", "| may | of | why |"]
            lines += ["|---|---|---|"]
            for rule, right in zip(obj["rules"], reasons[obj["kind"]], strict=True):
                lines.append(f"| {_verbs(rule)} | {_of(rule)} | {right.reason} |")
            lines.append("")
    return lines


def _verbs(rule: dict[str, Any]) -> str:
    return ", ".join(rule["verbs"])


def _of(rule: dict[str, Any]) -> str:
    group = next(filter(None, rule["apiGroups"]), "")
    names = ", ".join(f"`{name}`" for name in rule.get("resourceNames", []))
    resources = ", ".join(rule["resources"]) + (f" ({group})" if group else "")
    return f"{resources} named {names}" if names else resources


def filled(page: str, **parts: str) -> str:
    """The page with what was made between the two comments that name each part."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for part, made in parts.items():
        before, begin, rest = text.partition(f"<!-- {part}: made by `make docs` -->\n")
        _, end, after = rest.partition(f"<!-- end of {part} -->")
        if not begin or not end:
            raise ValueError(f"{page} has no place for {part}")
        text = f"{before}{begin}\n{made}\n{end}{after}"
    return text


CLIENT = (
    *(client.Manor, client.Job, client.Workspace),
    *(client.AsyncManor, client.AsyncJob, client.AsyncWorkspace),
    *(client.Asked, client.Ending, client.Copied, client.Trial, client.RunFailed),
)


def python() -> str:
    """The page of `manor.client`: each class with its methods and fields, from the source."""
    lines = [
        "# Runs from Python",
        "",
        "`manor.client`, made from the code by `make docs`. [run.md](run.md#from-python) shows it "
        "at work. Its errors are `manor.errors.ManorError`s, whose text is for a person.",
        "",
    ]
    for one in CLIENT:
        tree = ast.parse(inspect.getsource(one)).body[0]
        lines += [f"## {one.__name__}", "", " ".join(str(inspect.getdoc(one)).split()), ""]
        members = list(_members(tree.body))  # type: ignore[attr-defined]
        if members:
            lines += ["| member | what it is |", "|---|---|", *members, ""]
    return "\n".join(lines)


def _members(body: list[ast.stmt]) -> Iterator[str]:
    for node, after in itertools.zip_longest(body, body[1:]):
        match node, after:
            case (ast.FunctionDef() | ast.AsyncFunctionDef()) as made, _:
                if said := ast.get_docstring(made):
                    yield f"| `{_call(made)}` | {' '.join(said.split())} |"
            case ast.AnnAssign(target=ast.Name(id=name), annotation=of), ast.Expr(
                value=ast.Constant(value=str(said))
            ):
                kind = ast.unparse(of).replace("|", "\\|")
                yield f"| `{name}: {kind}` | {' '.join(said.split())} |"
            case _:
                continue


def _call(made: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """How a member is used, and what comes of it."""
    marks = {ast.unparse(mark) for mark in made.decorator_list}
    gives = ast.unparse(made.returns) if made.returns else ""
    of = gives.partition("[")[2].rpartition("]")[0].removesuffix(", None")
    if "property" in marks:
        call = f"{made.name}: {gives}"
    else:
        arguments = ast.unparse(made.args).removeprefix("self").removeprefix("cls")
        call = f"{made.name}({arguments.removeprefix(', ')})"
        if "asynccontextmanager" in marks:
            call = f"async with {call}"
        elif gives.startswith("AsyncGenerator"):
            call = f"async for {of} in {call}"
        elif gives not in ("", "None"):
            call = f"{call} -> {gives}"
        if isinstance(made, ast.AsyncFunctionDef) and not call.startswith("async"):
            call = f"await {call}"
    return call.replace("|", "\\|")


def pages() -> dict[str, str]:
    """Every page that is made, or has a part that is, by its name."""
    return {
        "reference.md": reference(),
        "python.md": python(),
        "checks.md": catalogue_page(load()),
        "engines.md": filled("engines.md", fields=engine_fields()),
        "operator.md": filled("operator.md", rights=operator_rights(), kept=kept_checks()),
        "verify.md": filled("verify.md", attended=attended_checks(), verifier=verifier_rights()),
        "guardrails.md": filled("guardrails.md", policies=policies()),
        "threat-model.md": filled("threat-model.md", guarantees=guarantees()),
        "why.md": filled("why.md", comparison=comparison()),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
