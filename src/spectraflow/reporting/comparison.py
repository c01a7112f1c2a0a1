"""Published and measured numbers side by side, cell by cell."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from spectraflow.errors import InputError
from spectraflow.files import atomic_path
from spectraflow.reporting.experiments import Experiment, flatten, group_runs
from spectraflow.reporting.published_cells import MAPPINGS, Cells, PaperMapping
from spectraflow.reporting.runs import Measured, load_pooled, load_run

SCHEMA: dict[str, type[pl.DataType]] = {
    "paper": pl.String,
    "table": pl.String,
    "setting": pl.String,
    "method": pl.String,
    "metric": pl.String,
    "published": pl.Float64,
    "published_sd": pl.Float64,
    "measured": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "runs": pl.Int64,
    "run_ids": pl.String,
    "protocol": pl.String,
    "data": pl.String,
    "verdict": pl.String,
    "deviations": pl.String,
}
PROTOCOLS = {"test": "published: selection on the reported fold", "val": "held-out: selection on val"}
_PUBLISHED_COLUMNS = ("paper", "table", "experiment", "method", "setting", "metric", "unit", "value", "sd", "note")


def compare_runs(
    published: Path, runs: list[Path], out: Path, *, data: str, pooled: Sequence[Path] = ()
) -> pl.DataFrame:
    """Write comparison.csv: every published number that the runs can answer beside the measured one.

    Fractions are shown in percent, as published. Repetitions (other folds or seeds) are averaged and their standard
    deviation is the interval; a single run keeps its own. Where several experiments fit a cell, only those whose model
    is closest to the published one are shown, once for each protocol; `deviations` names what still differs.
    `pooled`: isomer figures of whole experiments, used in place of averages over folds. On simulated data (`data`
    "demo") no verdict is given. Raises InputError if a file cannot be used.
    """
    groups = group_runs([load_run(folder) for folder in runs], [load_pooled(path) for path in pooled])
    rows = [row for cell in _published_rows(published) for row in _answers(cell, groups, data)]
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    with atomic_path(out) as temporary:
        table.write_csv(temporary)
    return table


def read_comparison(path: Path) -> pl.DataFrame:
    """Return a comparison.csv with its types; raises InputError if columns are missing."""
    return _read_csv(path, tuple(SCHEMA)).select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _read_csv(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: not readable as CSV ({error})") from error
    if missing := [name for name in columns if name not in table.columns]:
        raise InputError(f"{path}: lacks the column(s) {', '.join(missing)}")
    return table


def _published_rows(path: Path) -> list[dict[str, str]]:
    rows = _read_csv(path, _PUBLISHED_COLUMNS).fill_null("").to_dicts()
    return [row for row in rows if not row["note"].startswith("row shifted")]


def _answers(cell: Mapping[str, str], groups: Sequence[Experiment], data: str) -> Iterator[dict[str, Any]]:
    mapping = MAPPINGS.get(cell["paper"])
    if mapping is None or cell["method"] not in mapping.models:
        return
    setting = dict(part.split("=", 1) for part in cell["setting"].split(";") if "=" in part)
    for family in (family for family in mapping.cells if _belongs(cell, setting, family)):
        conditions = _conditions(cell, setting, mapping, family)
        for metric in (name.format_map(setting) for name in family.metrics):
            fitting = [g for g in groups if _fits(g, mapping, conditions) and g.measure(metric)]
            for group in _closest(fitting, mapping, conditions):
                yield _row(cell, group, metric, _deviations(group, mapping, conditions), data)


def _belongs(cell: Mapping[str, str], setting: Mapping[str, str], family: Cells) -> bool:
    return (
        cell["experiment"] in family.experiments
        and cell["metric"] == family.metric
        and cell["unit"] == "percent"
        and cell["table"].startswith("text" if family.prose else "Table")
        and all(setting.get(key) == value for key, value in (family.having or {}).items())
    )


def _conditions(
    cell: Mapping[str, str], setting: Mapping[str, str], mapping: PaperMapping, family: Cells
) -> dict[str, Any]:
    assumed = family.assumed or {}
    printed = {mapping.keys[key]: float(value) for key, value in setting.items() if key in mapping.keys}
    return {**assumed.get(cell["method"], assumed.get("", {})), **mapping.models[cell["method"]], **printed}


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, tuple):
        return any(_equal(found, one) for one in wanted)
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (found, wanted))
    return math.isclose(found, wanted, rel_tol=1e-9) if numbers else found == wanted


def _fits(group: Experiment, mapping: PaperMapping, conditions: Mapping[str, Any]) -> bool:
    return group.method == mapping.method and all(
        key in group.settings and _equal(group.settings[key], wanted) for key, wanted in conditions.items()
    )


def _deviations(group: Experiment, mapping: PaperMapping, conditions: Mapping[str, Any]) -> dict[str, Any]:
    defaults = flatten(mapping.defaults())
    ignored = {*conditions, *mapping.identity, "selection"}
    return {
        key: value
        for key, value in group.settings.items()
        if key not in ignored and not (key in defaults and _equal(value, defaults[key]))
    }


def _closest(groups: Sequence[Experiment], mapping: PaperMapping, conditions: Mapping[str, Any]) -> list[Experiment]:
    by_variant: dict[tuple[str, ...], list[tuple[int, Experiment]]] = {}
    for group in groups:
        variant = tuple(str(group.settings.get(key)) for key in mapping.variants)
        distance = len(_deviations(group, mapping, conditions).keys() - set(mapping.variants))
        by_variant.setdefault(variant, []).append((distance, group))
    return [group for found in by_variant.values() for distance, group in found if distance == min(d for d, _ in found)]


def verdict(published: float, published_sd: float | None, measured: Measured, *, data: str) -> str:
    """Return whether the measured interval meets the published value (± its sd), lies above or below it."""
    if data == "demo":
        return "simulated data"
    low = measured.value if measured.low is None else measured.low
    high = measured.value if measured.high is None else measured.high
    spread = (published_sd or 0.0) + 1e-9
    if low > published + spread:
        return "above"
    return "below" if high < published - spread else "within the interval"


def _row(
    cell: Mapping[str, str], group: Experiment, metric: str, deviations: Mapping[str, Any], data: str
) -> dict[str, Any]:
    measured = group.measure(metric)
    assert measured is not None
    percent = Measured(*(None if x is None else 100 * x for x in measured[:3]))  # type: ignore[arg-type]
    published, sd = float(cell["value"]), float(cell["sd"]) if cell["sd"] else None
    answering = [run for run in group.runs if metric in run.measured]
    return {
        **{name: cell[name] for name in ("paper", "table", "setting", "method")},
        "metric": metric,
        "published": published,
        "published_sd": sd,
        "measured": percent.value,
        "low": percent.low,
        "high": percent.high,
        "runs": len(answering),
        "run_ids": " ".join(run.run_id for run in answering),
        "protocol": PROTOCOLS.get(str(group.settings.get("selection")), "unknown"),
        "data": data,
        "verdict": verdict(published, sd, percent, data=data),
        "deviations": "; ".join(f"{key}={value}" for key, value in deviations.items()),
    }
