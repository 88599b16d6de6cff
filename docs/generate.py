"""Writes docs/reference.md, every field of every kind, and docs/checks.md, every check, from the code (`make docs`)."""

from pathlib import Path
from typing import Any

from manor.api import API_VERSION, KINDS
from manor.verify import load
from manor.verify.reports.markdown import catalogue_page

TARGET = Path(__file__).with_name("reference.md")


def type_of(schema: dict[str, Any]) -> str:
    """A field's type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(type_of(option) for option in schema["anyOf"] if option != {"type": "null"})
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    if schema.get("type") == "object":
        return "map of text"
    names = {"string": "text", "cidr": "CIDR"}
    return names.get(schema.get("format", ""), names.get(schema.get("type", ""), schema.get("type", "")))


def default_of(schema: dict[str, Any], required: bool) -> str:
    """A field's default, or that it must be given."""
    if required:
        return "required"
    default = schema.get("default")
    return "" if default in (None, [], {}) or isinstance(default, dict) else f"`{default}`"


def table(name: str, schema: dict[str, Any], level: int) -> list[str]:
    """A part of a spec as a heading and a table of its fields."""
    lines = [f"{'#' * level} {name}", "", schema.get("description", ""), ""]
    lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
    for field, described in schema.get("properties", {}).items():
        required = field in schema.get("required", [])
        meaning = described.get("description", "").replace("\n", " ").replace("|", "\\|")
        lines.append(f"| `{field}` | {type_of(described)} | {default_of(described, required)} | {meaning} |")
    return [*lines, ""]


def reference() -> str:
    """The whole page."""
    lines = ["# Reference", "", f"Every kind of `{API_VERSION}`, made from the code by `make docs`.", ""]
    parts: dict[str, dict[str, Any]] = {}
    for kind, model in KINDS.items():
        schema = model.model_json_schema(by_alias=True)
        definitions = schema["$defs"]
        spec = definitions.pop(schema["properties"]["spec"]["$ref"].rsplit("/", 1)[-1])
        lines += [f"## {kind}", "", schema["description"], ""]
        lines += table(f"{kind} spec", spec, 3)
        parts |= {name: part for name, part in definitions.items() if not name.endswith("Metadata")}
    lines += ["## Parts", ""]
    for name in sorted(parts):
        lines += table(name, parts[name], 3)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
    TARGET.with_name("checks.md").write_text(catalogue_page(load()), encoding="utf-8")
