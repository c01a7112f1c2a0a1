"""Published and measured numbers side by side, cell by cell."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from spectraflow.errors import InputError
from spectraflow.evaluation.seed_statistics import summarise, welch_p
from spectraflow.files import atomic_path
from spectraflow.reporting.experiments import Experiment, flatten, group_runs
from spectraflow.reporting.modality_averages import modality_averages
from spectraflow.reporting.published_cells import Near, Not, PaperMapping, as_printed, equal
from spectraflow.reporting.published_papers import MAPPINGS
from spectraflow.reporting.runs import Measured, load_pooled, load_run
from spectraflow.reporting.split_kinds import read_split_kinds

SCHEMA: dict[str, type[pl.DataType]] = {
    "paper": pl.String,
    "table": pl.String,
    "setting": pl.String,
    "method": pl.String,
    "metric": pl.String,
    "unit": pl.String,
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
UNITS: dict[str, tuple[str, float, float]] = {
    "percent": ("%", 1, 100),
    "fraction": ("%", 100, 100),
    "gb": ("GB", 1, 1),
    "h": ("h", 1, 1),
    "probability": ("p", 1, 1),
    "count": ("", 1, 1),
    "million": ("M", 1, 1),
    "ms": ("ms", 1, 1),
    "mb": ("MB", 1, 1),
    "native": ("native", 1, 1),
}
"""By the unit of a published cell: the unit shown, and what published and measured numbers are multiplied with."""

TESTED = "welch_p/"
_PUBLISHED_COLUMNS = ("paper", "table", "experiment", "method", "setting", "metric", "unit", "value", "sd", "note")


def compare_runs(
    published: Path,
    runs: list[Path],
    out: Path,
    *,
    data: str,
    pooled: Sequence[Path] = (),
    audits: Sequence[Path] = (),
) -> pl.DataFrame:
    """Write comparison.csv: every published number that the runs can answer beside the measured one.

    Fractions are shown in percent, other numbers in the unit of their row. Repetitions (other folds or seeds) are
    averaged and their standard deviation is the interval; a single run keeps its own. Where several experiments fit a
    cell, only those whose model is closest to the published one are shown, once for each protocol; `deviations` names
    what still differs. `pooled`: isomer figures of whole experiments, used in place of averages over folds. `audits`:
    of splits, which tell what kind a split is. On simulated data (`data` "demo") no verdict is given. Raises InputError
    if a file cannot be used.
    """
    loaded = [load_run(folder) for folder in runs]
    groups = group_runs(loaded, [load_pooled(path) for path in pooled], read_split_kinds(audits))
    groups += modality_averages(groups)
    rows = [_row(cell, answer, data) for cell in _published_rows(published) for answer in _answers(cell, groups)]
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


@dataclass(frozen=True)
class _Answer:
    """An experiment beside a cell: the metric it was picked by, the number's name, the number, what still differs."""

    experiment: Experiment
    metric: str
    name: str
    measured: Measured
    deviations: Mapping[str, Any]


def _answers(cell: Mapping[str, str], groups: Sequence[Experiment]) -> Iterator[_Answer]:
    mapping = MAPPINGS.get(cell["paper"])
    if mapping is None or cell["method"] not in mapping.models or cell["unit"] not in UNITS:
        return
    setting = dict(part.split("=", 1) for part in cell["setting"].split(";") if "=" in part)
    for family in (family for family in mapping.cells if family.holds(cell, setting)):
        conditions = mapping.conditions(cell["method"], setting, family)
        for metric in (name.format_map(setting) for name in family.metrics):
            for group in _closest(groups, mapping, conditions, metric):
                measured, name = group.measure(metric), metric
                if family.against is not None:
                    other = mapping.conditions(family.against, {**setting, **family.against_setting}, family)
                    measured, name = _tested(group, groups, mapping, other, metric), TESTED + metric
                if measured is not None:
                    yield _Answer(group, metric, name, measured, _deviations(group, mapping, conditions))


def _tested(
    group: Experiment,
    groups: Sequence[Experiment],
    mapping: PaperMapping,
    conditions: Mapping[str, Any],
    metric: str,
) -> Measured | None:
    """Return the p-value of Welch's test against the runs that meet `conditions` on the same data, if both repeat."""
    same = [one for one in groups if all(one.settings.get(k) == group.settings.get(k) for k in mapping.variants)]
    for reference in _closest(same, mapping, conditions, metric)[:1]:
        values = [[run.measured[metric].value for run in one.measuring(metric)] for one in (reference, group)]
        p = welch_p(*map(summarise, values))
        return Measured(p) if math.isfinite(p) else None
    return None


def _fits(group: Experiment, mapping: PaperMapping, conditions: Mapping[str, Any]) -> bool:
    return group.method == mapping.method and all(
        equal(group.settings.get(key), wanted) if key in group.settings else wanted is None or isinstance(wanted, Not)
        for key, wanted in conditions.items()
    )


def _deviations(group: Experiment, mapping: PaperMapping, conditions: Mapping[str, Any]) -> dict[str, Any]:
    defaults = flatten(mapping.defaults(group.settings))
    printed = {key for key, wanted in conditions.items() if as_printed(group.settings.get(key), wanted)}
    standing_in = {key for key, wanted in conditions.items() if isinstance(wanted, Near)} - printed
    ignored = {*printed, *mapping.identity, *mapping.unused(group.settings), "selection"} - standing_in
    return {
        key: value
        for key, value in group.settings.items()
        if key not in ignored and not (key in defaults and key not in standing_in and equal(value, defaults[key]))
    }


def _closest(
    groups: Sequence[Experiment], mapping: PaperMapping, conditions: Mapping[str, Any], metric: str
) -> list[Experiment]:
    """Return, of every variant, the experiments with the metric that meet the conditions and deviate least."""
    fitting = [group for group in groups if _fits(group, mapping, conditions) and group.measure(metric)]
    by_variant: dict[tuple[str, ...], list[tuple[int, Experiment]]] = {}
    for group in fitting:
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


def _row(cell: Mapping[str, str], answer: _Answer, data: str) -> dict[str, Any]:
    unit, of_published, of_measured = UNITS[cell["unit"]]
    measured = Measured(*(None if x is None else of_measured * x for x in answer.measured[:3]))  # type: ignore[arg-type]
    published = round(of_published * float(cell["value"]), 9)
    sd = round(of_published * float(cell["sd"]), 9) if cell["sd"] else None
    answering = answer.experiment.measuring(answer.metric)
    return {
        **{name: cell[name] for name in ("paper", "table", "setting", "method")},
        "metric": answer.name,
        "unit": unit,
        "published": published,
        "published_sd": sd,
        "measured": measured.value,
        "low": measured.low,
        "high": measured.high,
        "runs": len(answering),
        "run_ids": " ".join(run.run_id for run in answering),
        "protocol": _protocol(answer.experiment, MAPPINGS[cell["paper"]]),
        "data": data,
        "verdict": verdict(published, sd, measured, data=data),
        "deviations": "; ".join(f"{key}={value}" for key, value in answer.deviations.items()),
    }


def _protocol(experiment: Experiment, mapping: PaperMapping) -> str:
    if mapping.protocol is not None:
        return mapping.protocol(experiment.settings)
    return PROTOCOLS.get(experiment.selection, "unknown")
