"""Documents made from code: the JSON schema, the pages of settings and tables, the comments of config.yaml.

The values in config.yaml are the author's; the comments beside them are the models' field descriptions.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from spectraflow.config import Config
from spectraflow.environment_files import environment_files
from spectraflow.errors import InputError
from spectraflow.files import write_text

LINE_LENGTH = 120

CONFIG_HEADER = """\
# yaml-language-server: $schema=workflow/config/schema.json
# The default run: simulated spectra of molecules that ship with RDKit, no network, minutes on two cores.
# Every key is here; a key left out takes the default of docs/settings.md. Overlays in workflow/config are laid over
# this file: `snakemake --configfile workflow/config/real.yaml`. The comments come from the settings models:
# change values here and descriptions there, then run `make docs`.
"""

SETTINGS_HEADER = """\
# Settings

Written by `make docs` from the settings models (`src/spectraflow/config.py` and every `settings.py`); do not edit. A
configuration is a YAML file with these keys; unknown keys are errors. Defaults below are those of the models, mostly
the published settings; the small default run in `config.yaml` overrides some of them.
"""

TABLES_HEADER = """\
# Tables

Written by `make docs` from the schemas in `src/spectraflow/tables.py`; do not edit. Tables are Parquet files with row
groups of at most 131,072 rows; each carries the version that wrote it. Label tables have one nullable boolean column a
label (null = unknown), embedding tables a `molecule_id` and a fixed-size list of float32.
"""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the settings models inside an annotation such as `list[Run]`, `dict[str, Split]` or `Section`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _scalar(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _line(text: str, comment: str | None, indent: str) -> list[str]:
    if not comment:
        return [indent + text]
    one = f"{indent}{text}  # {comment}"
    if len(one) <= LINE_LENGTH:
        return [one]
    words, lines = comment.split(), [f"{indent}#"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > LINE_LENGTH:
            lines.append(f"{indent}#")
        lines[-1] += f" {word}"
    return [*lines, indent + text]


def _named(name: str, value: Any, model: type[BaseModel] | None, depth: int) -> list[str]:
    if model and isinstance(value, Mapping) and value:
        return ["  " * depth + f"{_scalar(name)}:", *render_values(value, model, depth + 1)]
    return _line(f"{_scalar(name)}: {_scalar(value)}", None, "  " * depth)


def render_values(values: Mapping[str, Any], model: type[BaseModel] | None, depth: int = 0) -> list[str]:
    """Return YAML lines of `values` with the descriptions of `model`'s fields as comments.

    `model` None means a mapping with free keys whose values are not described.
    """
    indent, lines = "  " * depth, []
    for key, value in values.items():
        field = model.model_fields.get(key) if model else None
        comment = field.description if field else None
        nested = next(_models(field.annotation), None) if field else None
        if isinstance(value, Mapping) and value:
            free_keys = field is not None and get_origin(field.annotation) is dict
            lines += _line(f"{key}:", comment, indent)
            if free_keys:
                for name, inner in value.items():
                    lines += _named(str(name), inner, nested, depth + 1)
            else:
                lines += render_values(value, nested, depth + 1)
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            lines += _line(f"{key}:", comment, indent)
            for item in value:
                inner_lines = render_values(item, nested, depth + 2)
                first = inner_lines[0].lstrip() if inner_lines else "{}"
                lines += [f"{indent}  - {first}", *inner_lines[1:]]
        else:
            lines += _line(f"{key}: {_scalar(value)}", comment, indent)
    return lines


def render_config(text: str) -> str:
    """Return the text of config.yaml with its values kept and its comments renewed; raises InputError."""
    values = yaml.safe_load(text)
    if not isinstance(values, Mapping):
        raise InputError("config.yaml: the top level must be a mapping")
    return CONFIG_HEADER + "\n".join(render_values(values, Config)) + "\n"


def render_schema() -> str:
    """Return the JSON schema of the configuration, for editors."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "null"
    if isinstance(annotation, type) and origin is None:
        return annotation.__name__
    names = [f"`{a}`" if isinstance(a, str) else _type_name(a) for a in arguments]
    if origin is list:
        return f"list of {names[0]}"
    if origin is dict:
        return f"mapping of {names[0]} to {names[1]}"
    if hasattr(annotation, "__metadata__"):
        return names[0]
    return " or ".join(name for name, argument in zip(names, arguments, strict=True) if _is_type(argument))


def _is_type(argument: Any) -> bool:
    return isinstance(argument, str | type) or get_origin(argument) is not None


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = []
    for item in field.metadata:
        found += [f"{sign} {getattr(item, name)}" for name, sign in signs.items() if hasattr(item, name)]
    return ", ".join(found)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none, must be given"
    value = field.default
    if isinstance(value, BaseModel) or (isinstance(value, list | dict) and next(_models(field.annotation), None)):
        return "see below"
    return f"`{json.dumps(value)}`"


def _section(name: str, model: type[BaseModel], seen: set[tuple[str, type[BaseModel]]]) -> list[str]:
    if (name, model) in seen:
        return []
    seen.add((name, model))
    title = f"`{name}`" if name else "Top level"
    lines = ["", f"## {title}", "", (model.__doc__ or "").strip(), ""]
    lines += ["| key | type | bounds | default | meaning |", "|---|---|---|---|---|"]
    nested: list[tuple[str, type[BaseModel]]] = []
    for key, field in model.model_fields.items():
        inner = next(_models(field.annotation), None)
        kind = "section" if inner else _type_name(field.annotation)
        lines.append(f"| `{key}` | {kind} | {_bounds(field)} | {_default(field)} | {field.description} |")
        if inner:
            suffix = {list: "[]", dict: ".<name>"}.get(get_origin(field.annotation), "")  # type: ignore[arg-type]
            nested.append((f"{name}.{key}".lstrip(".") + suffix, inner))
    for path, inner in nested:
        if not path.endswith("runs[]"):
            lines += _section(path, inner, seen)
    return lines


def render_settings_page() -> str:
    """Return the settings page of the documentation (Markdown)."""
    return SETTINGS_HEADER + "\n".join(_section("", Config, set())) + "\n"


def render_tables_page() -> str:
    """Return the page of table schemas of the documentation (Markdown)."""
    import pyarrow as pa

    from spectraflow import tables

    lines: list[str] = []
    for schema in vars(tables).values():
        if isinstance(schema, pa.Schema):
            lines += [
                "",
                f"## {tables.table_name(schema)}",
                "",
                "| column | type | null | meaning |",
                "|---|---|---|---|",
            ]
            for field in schema:
                meaning = (field.metadata or {}).get(b"description", b"").decode()
                lines.append(f"| `{field.name}` | {field.type} | {'yes' if field.nullable else 'no'} | {meaning} |")
    return TABLES_HEADER + "\n".join(lines) + "\n"


def write_documents(root: Path, check_only: bool = False) -> bool:
    """Write schema.json, settings.md, tables.md, the comments of config.yaml and the files of envs/ below `root`.

    With `check_only` nothing is written; the differences are printed. Returns whether the files were current
    (`check_only`) or were written.
    """
    config = root / "config.yaml"
    if not config.is_file():
        raise InputError(f"{config}: no such file; run this in the checkout or give --root")
    documents = {
        config: render_config(config.read_text(encoding="utf-8")),
        root / "workflow" / "config" / "schema.json": render_schema(),
        root / "docs" / "settings.md": render_settings_page(),
        root / "docs" / "tables.md": render_tables_page(),
        **environment_files(root),
    }
    current = True
    for path, text in documents.items():
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        if old == text:
            continue
        if check_only:
            current = False
            print("".join(difflib.unified_diff(old.splitlines(True), text.splitlines(True), str(path), "models", n=1)))
        else:
            write_text(path, text)
    return current
