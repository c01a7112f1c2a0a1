"""The page of matching: one self-contained HTML page beside the main one, and its figures as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from spectraflow.errors import InputError
from spectraflow.files import write_text
from spectraflow.reporting import sections
from spectraflow.reporting.comparison import read_comparison
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.figures import training_curves
from spectraflow.reporting.labels import run_names
from spectraflow.reporting.matching import figures
from spectraflow.reporting.matching.calibration_tables import calibration_tables, verdict_tables
from spectraflow.reporting.matching.cards import cards
from spectraflow.reporting.matching.contrasts import ablations, forms
from spectraflow.reporting.matching.controls import control_tables, missing_controls
from spectraflow.reporting.matching.costs import cost_rows, timing_words, timings
from spectraflow.reporting.matching.entries import Entry, line_counts_of, named_entries, place_of, reference_of
from spectraflow.reporting.matching.examined_tables import retrieval_rows, robustness
from spectraflow.reporting.matching.score_tables import score_tables
from spectraflow.reporting.page_parts import (
    MATCHING_PAGE,
    Drawing,
    by_both,
    drawn,
    environment,
    frame,
    inline,
    json_blocks,
    run_settings,
    write_figures,
)
from spectraflow.reporting.runs import Run, load_run
from spectraflow.reporting.split_kinds import read_split_kinds
from spectraflow.tables import PAIR_MAP, RENDERED, read_table

FAMILIES = {
    "matching/near": "Near negatives (the paper's Test_rand)",
    "matching/diff": "Dissimilar negatives (Test_diff)",
    "matching/listed_rand": "Test_rand as the parent method lists it",
    "matching/listed_diff": "Test_diff as the parent method lists it",
    "cost": "Parameters, time and memory",
}
CURVES = {"val/accuracy": "Accuracy, val", "val/auc": "AUC, val"}
DRAWN_MODELS, DRAWN_CURVES, DRAWN_SPECTRA = 6, 12, 2
MAP = "map.parquet"


def write_matching_report(
    comparison: Path,
    runs: Sequence[Path],
    counts: Sequence[Path],
    audits: Sequence[Path],
    out: Path,
    *,
    data: str,
    renderings: Path | None = None,
    other_pages: Sequence[str] = (),
) -> None:
    """Write `out`/matching.html, without any outside resource, and `out`/figures/matching_*.svg.

    comparison: comparison.csv; runs: run folders of matching models; counts: accounting of spectra and of pairs,
    audits: of splits, JSON objects; renderings: a table of rendered spectra, the first of which are drawn; other_pages:
    pages of the report that stand beside this one. What was not measured is said in its section. Raises InputError if a
    file is unusable or a run is of another method.
    """
    loaded = [load_run(Path(folder)) for folder in runs]
    if not loaded:
        raise InputError("the report needs at least one run folder")
    if others := [str(run.folder) for run in loaded if run.method != "matchnet"]:
        raise InputError(f"{others[0]}: not a matching model")
    table = read_comparison(comparison).filter(pl.col("paper") == "matchnet")
    names = run_names(loaded, repetitions=False)
    entries = named_entries(group_runs(loaded, split_kinds=read_split_kinds(audits)))
    drawings = _drawings(loaded, entries, renderings)
    write_figures(Path(out) / "figures", drawings)
    text = (
        environment()
        .get_template("matching/page.html.j2")
        .render(
            **frame(data, other_pages),
            **_context(loaded, entries, names, table),
            figures={name: inline(*drawing) for name, drawing in drawings.items()},
            counts=json_blocks(counts, _title),
            audits=json_blocks(audits, by_both),
        )
    )
    write_text(Path(out) / MATCHING_PAGE, text)


def _title(path: Path) -> str:
    """Return what a file counts: the spectra of a data set, or its pairs in a split."""
    return path.parent.name if path.name == "counts.json" else f"pairs of {path.parent.name}, {path.stem}"


def _context(
    runs: Sequence[Run], entries: Sequence[Entry], names: Mapping[str, str], table: pl.DataFrame
) -> dict[str, Any]:
    full_names = run_names(runs)
    return {
        "first": reference_of(entries),
        "runs": len(runs),
        "cards": cards(entries, table),
        "scores": score_tables(entries),
        "controls": control_tables(entries),
        "missing_controls": missing_controls(entries),
        "ablations": ablations(entries, table),
        "forms": forms(entries),
        "compared": sections.comparison_tables(table, names, FAMILIES),
        "calibration": calibration_tables(entries),
        "verdicts": verdict_tables(entries),
        "robustness": robustness(entries),
        "retrieval": retrieval_rows(entries),
        "costs": cost_rows(entries, table),
        "timings": [timing_words(*one) for one in timings(entries)],
        "settings": [(run.run_id, full_names[run.run_id], run_settings(run)) for run in runs if not run.only_cell],
    }


def compared(entries: Sequence[Entry]) -> list[Entry]:
    """Return the models that figures compare: those on the reference's data set and split, the reference first."""
    first = reference_of(entries)
    models = [one for one in entries if not one.is_floor and not one.only_cell and place_of(one) == place_of(first)]
    return sorted(models, key=lambda one: one is not first)[:DRAWN_MODELS]


def _drawings(runs: Sequence[Run], entries: Sequence[Entry], renderings: Path | None) -> dict[str, Drawing]:
    """Return each figure that has its input, as SVG with what it shows in words, by file name."""
    models, first = compared(entries), reference_of(entries)
    found: dict[str, tuple[Figure | None, str]] = {
        "matching_auc": (figures.auc_by_set(models, line_counts_of(entries, first)), "AUC by test set and model"),
        "matching_reliability": (figures.reliability(models), "Share of matching pairs against stated probability"),
        "matching_changes": (figures.change_dots(entries), "Change of the AUC when spectra are drawn otherwise"),
        "matching_maps": (figures.pair_maps(_maps(entries)), "Test pairs on the plane of their embeddings"),
        "matching_curves": (_curves(runs, entries), "Loss, accuracy and AUC by epoch"),
        "matching_spectra": (_rendered(first, renderings), "Rendered 1H and 13C spectra"),
    }
    return drawn(found)


def _maps(entries: Sequence[Entry]) -> list[tuple[str, str, pl.DataFrame]]:
    found = []
    for one in entries:
        folder = next((run.folder for run in one.experiment.runs if (run.folder / MAP).is_file()), None)
        if folder is not None:
            positions = pl.DataFrame(pl.from_arrow(read_table(folder / MAP, PAIR_MAP)))
            found.append((one.unique, _map_numbers(one), positions))
    return found


def _map_numbers(one: Entry) -> str:
    """Return the numbers that stand beside a map, since a picture alone is no evidence."""
    probe, silhouette = one.measure("map/probe_auc"), one.measure("map/silhouette")
    words = [] if probe is None else [f"linear probe: AUC {100 * probe.value:.1f} %"]
    words += [] if silhouette is None else [f"silhouette {silhouette.value:.2f}"]
    return "\n".join(words)


def _curves(runs: Sequence[Run], entries: Sequence[Entry]) -> Figure | None:
    """Draw trainings, those of controls last."""
    controls = {run.run_id for one in entries if one.control for run in one.experiment.runs}
    trained = [run for run in runs if run.history and not run.only_cell]
    drawn_runs = sorted(trained, key=lambda run: run.run_id in controls)[:DRAWN_CURVES]
    return training_curves(drawn_runs, run_names(runs), CURVES) if trained else None


def _rendered(first: Entry, path: Path | None) -> Figure | None:
    if path is None:
        return None
    table = pl.DataFrame(pl.from_arrow(read_table(Path(path), RENDERED).slice(0, DRAWN_SPECTRA)))
    windows = {name: tuple(first.settings[f"rendering.{name}_window"]) for name in ("proton", "carbon")}
    return figures.rendered_spectra(table.to_dicts(), windows)
