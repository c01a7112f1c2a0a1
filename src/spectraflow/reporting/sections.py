"""What each section of the page shows, as plain data for the templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from spectraflow.reporting.comparison import PROTOCOLS
from spectraflow.reporting.figures import retrieval_sizes
from spectraflow.reporting.grids import GRID_METRICS, GridTable, Published
from spectraflow.reporting.labels import (
    metric_name,
    percent,
    plain,
    setting_name,
    setting_value,
    short_metric_name,
    with_interval,
)
from spectraflow.reporting.runs import Run, as_measured, retrieval_controls

LONG_TABLE = 14
FAMILIES = {
    "in_batch": "Molecule of a spectrum, among a batch of 128",
    "atom": "Atom of a peak",
    "exact": "Molecules with every peak right",
    "retrieval": "Molecule of a spectrum, in a library",
    "isomers": "Molecule of a spectrum, among its isomers",
}
CONTROLS = {
    "random_scores": "random scores",
    "permuted_spectra": "spectra swapped between queries",
    "permuted_among_queries": "the same, among the queries' own molecules",
    "library_order": "library order as the score",
    "carbon_count_prior": "carbon count alone",
}
_SELECTIONS = {
    PROTOCOLS["test"]: "the reported fold, as published",
    PROTOCOLS["val"]: "val, held out from the test part",
}
_PAPERS = {"km3aid-arxiv": "arXiv", "km3aid-iclr": "ICLR", "symspectra": "", "matchnet": "", "mmfrl": ""}
_NUMBERS = {"p": "{:.2g}", "h": "{:.2g}", "": "{:,.0f}", "M": "{:.3f}", "native": "{:.3f}"}


@dataclass(frozen=True)
class Card:
    """One headline number."""

    title: str
    value: str
    interval: str
    published: str
    note: str
    unit: str = "%"


@dataclass(frozen=True)
class Block:
    """A JSON object as facts (label, text) or, where it only counts things, bars (label, count, share of largest)."""

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    bars: list[tuple[str, str, float]] = field(default_factory=list)
    folded: bool = False


def published_of(comparison: pl.DataFrame, run: Run, metric: str) -> Mapping[str, Any] | None:
    """Return the published cell beside a run's number, the later version of a paper first."""
    rows = comparison.filter(
        (pl.col("metric") == metric) & pl.col("run_ids").fill_null("").str.split(" ").list.contains(run.run_id)
    )
    return rows.sort("paper").row(0, named=True) if len(rows) else None


def plus_minus(value: float, sd: float | None, digits: int = 1) -> str:
    """Return a published number with its standard deviation, if there is one."""
    return f"{value:.{digits}f}" + ("" if sd is None else f" ± {sd:.{digits}f}")


def cards(run: Run, comparison: pl.DataFrame) -> list[Card]:
    """Return the headline numbers of a run with the published ones beside them."""
    measured = run.measured
    sizes = list(retrieval_sizes(run))
    metrics = ["in_batch/spectrum_to_molecule", "atom/published", "exact/published/<=10"]
    metrics += [f"retrieval/{sizes[-1]}/1"] if sizes else []
    chance = {
        metrics[0]: measured.get("in_batch/chance"),
        metrics[1]: measured.get("atom/chance_multiplicity"),
        metrics[-1]: as_measured(1 / sizes[-1]) if sizes else None,
    }
    found = []
    for metric in (name for name in metrics if name in measured):
        one, cell, luck = measured[metric], published_of(comparison, run, metric), chance.get(metric)
        within = " within the CHn class" if metric.startswith("atom/") else ""
        found.append(
            Card(
                metric_name(metric),
                percent(one.value),
                "" if one.low is None else f"{percent(one.low)} to {percent(one.high)}",
                "" if cell is None else plus_minus(cell["published"], cell["published_sd"]),
                "" if luck is None else f"by chance {percent(luck.value, 1 if luck.value > 0.001 else 3)}{within}",
            )
        )
    return found


def comparison_tables(
    comparison: pl.DataFrame, names: Mapping[str, str], families: Mapping[str, str] = FAMILIES
) -> list[dict[str, Any]]:
    """Return the comparison by family of metrics, each with its rows as text; `names` maps run ids to experiments."""
    tables = []
    for family, title in families.items():
        of_family = (pl.col("metric") == family) | pl.col("metric").str.starts_with(f"{family}/")
        rows = comparison.filter(of_family).to_dicts()
        if rows:
            shown = [_comparison_row(row, names) for row in rows]
            differing = any(row["deviations"] for row in shown)
            tables.append({"title": title, "rows": shown, "folded": len(shown) > LONG_TABLE, "differing": differing})
    return tables


def _comparison_row(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    low, high = row["low"], row["high"]
    show = _NUMBERS.get(row["unit"] or "", "{:.1f}").format
    spread = "" if row["published_sd"] is None else f" ± {show(row['published_sd'])}"
    unit = "" if row["unit"] in ("%", "p", "", "native", None) else f" {row['unit']}"
    return {
        **row,
        "source": f"{_PAPERS.get(row['paper'], row['paper'])} {row['table']}".strip(),
        "setting": (row["setting"] or "").replace(";", ", "),
        "metric": short_metric_name(row["metric"]),
        "published": f"{show(row['published'])}{spread}{unit}",
        "measured": f"{show(row['measured'])}{unit}",
        "interval": "" if low is None or high is None or low == high else f" [{show(low)}, {show(high)}]",
        "protocol": _SELECTIONS.get(row["protocol"], row["protocol"]),
        "experiment": "; ".join(dict.fromkeys(names.get(one, one) for one in (row["run_ids"] or "").split())),
        "deviations": row["deviations"] or "",
        "differing": len((row["deviations"] or "").split("; ")),
    }


def overview(runs: Sequence[Run], names: Mapping[str, str]) -> list[dict[str, str]]:
    """Return one row a run with its main numbers."""
    rows = []
    for run in runs:
        one = run.measured.get
        molecules = run.info.get("molecules") or {}
        rows.append(
            {
                "name": names[run.run_id],
                "run_id": run.run_id,
                "split": _place(run),
                "selection": plain(run.settings.get("selection")),
                "molecules": " / ".join(plain(molecules.get(part)) for part in ("train", "val", "test")),
                "epoch": _epoch(run),
                "in_batch": with_interval(one("in_batch/spectrum_to_molecule")),
                "atom": with_interval(one("atom/published")),
                "hungarian": with_interval(one("atom/hungarian")),
                "distinct": with_interval(one("atom/hungarian_distinct")),
                "ppm": with_interval(one("atom/ppm_error"), scale=1, digits=2),
                "chance": percent(getattr(one("atom/chance_multiplicity"), "value", None)),
            }
        )
    return rows


def _place(run: Run) -> str:
    split, fold = run.settings.get("split"), run.settings.get("fold")
    return plain(split) if fold is None else f"{plain(split)}, fold {fold}"


def _epoch(run: Run) -> str:
    best, epochs = run.metrics.get("best_epoch"), run.metrics.get("epochs")
    return "–" if epochs is None else f"{plain(best)} of {plain(epochs)}"


def retrieval_section(run: Run, comparison: pl.DataFrame) -> dict[str, Any] | None:
    """Return hit rates by k and library size with published values, controls and facts; None without retrieval."""
    sizes = retrieval_sizes(run)
    if run.retrieval is None or not sizes:
        return None
    rows = []
    for k in sorted({k for by_k in sizes.values() for k in by_k}):
        rows.append((f"hit@{k}", "measured", [with_interval(by_k.get(k)) for by_k in sizes.values()]))
        cells = [published_of(comparison, run, f"retrieval/{size}/{k}") for size in sizes]
        if any(cells):
            texts = ["–" if cell is None else plus_minus(cell["published"], cell["published_sd"]) for cell in cells]
            rows.append((f"hit@{k}", "published", texts))
    rows += _percentile_rows(run.retrieval, list(sizes))
    rows.append(("hit@1", "chance", [percent(1 / size, 3) for size in sizes]))
    for name, by_size in retrieval_controls(run.retrieval).items():
        texts = [with_interval(as_measured((by_size.get(str(size)) or {}).get("1")), digits=2) for size in sizes]
        rows.append(("hit@1", CONTROLS.get(name, name.replace("_", " ")), texts))
    facts = {key: value for key, value in run.retrieval.items() if key not in ("scorings", "controls")}
    return {"sizes": [f"{size:,}" for size in sizes], "rows": rows, "blocks": blocks(facts, "Queries and library")}


def _percentile_rows(retrieval: Mapping[str, Any], sizes: Sequence[int]) -> list[tuple[str, str, list[str]]]:
    """Return the other reading of the papers' "top-k %": the truth within the best k percent of the candidates."""
    main = (retrieval.get("scorings") or {}).get(retrieval.get("main_scoring")) or {}
    by_size = main.get("percentile") or {}
    ks = sorted({k for by_k in by_size.values() for k in by_k}, key=int)
    return [
        (
            f"best {k} %",
            "as a percentile",
            [with_interval(as_measured((by_size.get(str(n)) or {}).get(k))) for n in sizes],
        )
        for k in ks
    ]


def published_hits(run: Run, comparison: pl.DataFrame) -> dict[tuple[int, int], float]:
    """Return published hit rates beside a run as fractions by (library size, k)."""
    cells = {
        (size, k): published_of(comparison, run, f"retrieval/{size}/{k}")
        for size, by_k in retrieval_sizes(run).items()
        for k in by_k
    }
    return {place: cell["published"] / 100 for place, cell in cells.items() if cell is not None}


def published_exact(run: Run, comparison: pl.DataFrame) -> dict[str, float]:
    """Return published exact-molecule rates beside a run as fractions by carbon bin (as counted)."""
    names = [name for name in run.measured if name.startswith("exact/published/") and name.count("/") == 2]
    cells = {name.rsplit("/", 1)[1]: published_of(comparison, run, name) for name in names}
    return {name: cell["published"] / 100 for name, cell in cells.items() if cell is not None}


def grid_section(table: GridTable, figure: str) -> dict[str, Any]:
    """Return a grid's cells as text; `figure` names its drawing."""
    printed = [metric for metric in GRID_METRICS if any(metric in cell.published for cell in table.cells)]
    rows = []
    for cell in table.cells:
        texts = []
        for metric in GRID_METRICS:
            texts.append(with_interval(cell.measured.get(metric)))
            if metric in printed:
                texts.append(_published_text(cell.published.get(metric)))
        values = [setting_value(key, value) for key, value in zip(table.keys, cell.values, strict=True)]
        rows.append({"values": values, "texts": texts, "runs": cell.runs})
    columns = [[f"{title}, %", *(["published"] if metric in printed else [])] for metric, title in GRID_METRICS.items()]
    return {
        "label": table.label,
        "figure": figure,
        "keys": [setting_name(key) for key in table.keys],
        "columns": [name for pair in columns for name in pair],
        "rows": rows,
        "folded": len(rows) > LONG_TABLE,
    }


def _published_text(value: Published | None) -> str:
    return "–" if value is None else plus_minus(100 * value.value, None if value.sd is None else 100 * value.sd)


def blocks(value: Mapping[str, Any], title: str) -> list[Block]:
    """Return a JSON object of any depth as blocks: its plain values first, then one block for each inner object.

    An inner object of counts alone becomes bars, largest first.
    """
    inner = {key: one for key, one in value.items() if isinstance(one, Mapping) and one}
    facts = [(_words(key), plain(one)) for key, one in value.items() if key not in inner]
    found = [Block(title, facts)] if facts or not inner else []
    for key, one in inner.items():
        name = f"{title} › {_words(key)}"
        counts_only = all(isinstance(x, int) and not isinstance(x, bool) for x in one.values())
        found += [_bars(name, one)] if counts_only else blocks(one, name)
    return found


def _bars(title: str, counts: Mapping[str, int]) -> Block:
    largest = max(max(counts.values()), 1)
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    bars = [(_words(key), f"{count:,}", max(0.0, count / largest)) for key, count in ordered]
    return Block(title, bars=bars, folded=len(bars) > LONG_TABLE)


def _words(key: str) -> str:
    return str(key).replace("_", " ")
