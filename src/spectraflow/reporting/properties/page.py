"""The page of MoleculeNet tasks: one self-contained HTML page beside the main one, and its figures as files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from spectraflow.errors import InputError
from spectraflow.files import write_text
from spectraflow.reporting import sections
from spectraflow.reporting.comparison import read_comparison
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.page_parts import (
    MOLECULENET_PAGE,
    Drawing,
    drawn,
    environment,
    frame,
    inline,
    run_settings,
    write_figures,
)
from spectraflow.reporting.properties import explanation_figures, figures
from spectraflow.reporting.properties.cards import cards
from spectraflow.reporting.properties.contrasts import (
    DRAWS,
    Contrast,
    claims,
    contrast_tables,
    contrasts,
    fingerprint_labels,
)
from spectraflow.reporting.properties.costs import cost_table
from spectraflow.reporting.properties.data_tables import accounting_rows, split_rows
from spectraflow.reporting.properties.entries import (
    Entry,
    by_family,
    entries_of,
    family_words,
    labels_of,
    reference_label,
    tasks_of,
)
from spectraflow.reporting.properties.explanations import (
    Explanation,
    late_tables,
    load_explanations,
    neighbour_tables,
    similarity_tables,
    subgraph_tables,
)
from spectraflow.reporting.properties.pretraining_tables import encoder_names, encoder_rows, overlap_tables
from spectraflow.reporting.properties.score_tables import PublishedScores, score_tables
from spectraflow.reporting.runs import Run, load_run, read_object

FAMILIES = {"property": "MoleculeNet tasks"}
PAPER = "mmfrl"


@dataclass(frozen=True)
class PropertyFiles:
    """What stands beside the runs of the page; what is empty is said to be missing.

    counts: accounting of tasks; audits: of their splits, as `<task>-<cleaning>/<protocol>-<seed>.audit.json`;
    encoders: run folders of pre-trainings; overlaps: of pre-training molecules with the tasks; explanations: folders of
    examined models, named by run.
    """

    counts: Sequence[Path] = field(default_factory=tuple)
    audits: Sequence[Path] = field(default_factory=tuple)
    encoders: Sequence[Path] = field(default_factory=tuple)
    overlaps: Sequence[Path] = field(default_factory=tuple)
    explanations: Sequence[Path] = field(default_factory=tuple)


def write_properties_report(
    comparison: Path,
    runs: Sequence[Path],
    files: PropertyFiles,
    out: Path,
    *,
    data: str,
    reference: str | None = None,
    draws: int = DRAWS,
    other_pages: Sequence[str] = (),
) -> None:
    """Write `out`/moleculenet.html, without any outside resource, and `out`/figures/moleculenet_*.svg.

    comparison: comparison.csv; runs: run folders of models of MoleculeNet tasks; reference: label of the model that all
    others are compared with, None for the first D-MPNN from scratch; draws: bootstrap samples where the split is one;
    other_pages: pages of the report that stand beside this one. What was not measured is said in its section. Raises
    InputError if a file is unusable, a run is of another method, or two models of a task were tested on different
    molecules.
    """
    loaded = [load_run(Path(folder)) for folder in runs]
    if not loaded:
        raise InputError("the report needs at least one run folder")
    if others := [str(run.folder) for run in loaded if run.method != PAPER]:
        raise InputError(f"{others[0]}: not a model of a MoleculeNet task")
    table = read_comparison(comparison).filter(pl.col("paper") == PAPER)
    entries = entries_of(group_runs(loaded))
    first = reference_label(entries, reference)
    compared = contrasts(entries, list(dict.fromkeys(filter(None, [first, *fingerprint_labels(entries)]))), draws)
    encoders = [load_run(Path(folder)) for folder in files.encoders]
    examined = load_explanations(files.explanations, loaded)
    drawings = _drawings(entries, compared, first, PublishedScores(table), encoders, examined)
    write_figures(Path(out) / "figures", drawings)
    text = (
        environment()
        .get_template("properties/page.html.j2")
        .render(
            **frame(data, other_pages),
            **_scores(loaded, entries, compared, first, table),
            **_beside(files, encoders, examined),
            cards=cards(entries, compared, first, [read_object(Path(path)) for path in files.overlaps]),
            figures={name: inline(*drawing) for name, drawing in drawings.items()},
        )
    )
    write_text(Path(out) / MOLECULENET_PAGE, text)


def _scores(
    runs: Sequence[Run], entries: Sequence[Entry], compared: Sequence[Contrast], first: str | None, table: pl.DataFrame
) -> dict[str, Any]:
    first_runs = {run.label: run for run in reversed(runs)}
    return {
        "reference": first,
        "runs": len(runs),
        "tasks": len(tasks_of(entries)),
        "models": len(labels_of(one for one in entries if not one.is_average)),
        "has_average": any(one.is_average for one in entries),
        "has_mean": any(one.is_floor for one in entries),
        "fingerprints": fingerprint_labels(entries),
        "families": [(number, family_words(family)) for number, family in enumerate(by_family(entries))],
        "scores": score_tables(entries, table),
        "contrasts": contrast_tables(compared),
        "claims": claims(compared),
        "compared": sections.comparison_tables(table, {run.run_id: run.label for run in runs}, FAMILIES),
        "costs": cost_table(entries),
        "settings": [
            (run.run_id, label, run_settings(run))
            for label in labels_of(one for one in entries if not one.is_average)
            if (run := first_runs.get(label)) is not None
        ],
    }


def _beside(files: PropertyFiles, encoders: Sequence[Run], examined: Sequence[Explanation]) -> dict[str, Any]:
    return {
        "encoders": encoder_rows(encoders),
        "overlaps": overlap_tables(files.overlaps),
        "accounting": accounting_rows(files.counts),
        "splits": split_rows(files.audits),
        "neighbours": neighbour_tables(examined),
        "similarity": similarity_tables(examined),
        "late": late_tables(examined),
        "subgraphs": subgraph_tables(examined),
        "molecules": {one.key: explanation_figures.molecule_drawings(one) for one in examined},
    }


def _drawings(
    entries: Sequence[Entry],
    compared: Sequence[Contrast],
    first: str | None,
    published: PublishedScores,
    encoders: Sequence[Run],
    examined: Sequence[Explanation],
) -> dict[str, Drawing]:
    """Return each figure that has its input, as SVG with what it shows in words, by file name."""
    found: dict[str, tuple[Figure | None, str]] = {}
    for number, (family, members) in enumerate(by_family(entries).items()):
        gains = [one for one in compared if one.family == family and one.other == first]
        found[f"moleculenet_scores_{number}"] = (figures.score_dots(members, published), "Scores by task and model")
        found[f"moleculenet_gains_{number}"] = (
            figures.gain_points(gains),
            f"Gains over {first} by task, model and split",
        )
    curves = figures.pretraining_curves(encoders, encoder_names(encoders))
    found["moleculenet_pretraining"] = (curves, "Excess loss and rank correlation by epoch of pre-training")
    for one in examined:
        words = f"Molecules on the plane of the embeddings of {one.name}"
        found[f"moleculenet_map_{one.key}"] = (explanation_figures.embedding_maps(one), words)
        words = f"Coefficients, predictions and products of the encoders of {one.name}"
        found[f"moleculenet_late_{one.key}"] = (explanation_figures.late_violins(one), words)
    return drawn(found)
