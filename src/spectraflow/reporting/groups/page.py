"""The page of functional groups: one self-contained HTML page beside the main one, and its figures as files."""

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
from spectraflow.reporting.groups import examination_figures as inside
from spectraflow.reporting.groups import figures
from spectraflow.reporting.groups.cards import cards
from spectraflow.reporting.groups.contrasts import ablations, gains, label_orders
from spectraflow.reporting.groups.cost_table import cost_table
from spectraflow.reporting.groups.entries import Entry, reference_of
from spectraflow.reporting.groups.score_tables import score_tables
from spectraflow.reporting.labels import run_names
from spectraflow.reporting.page_parts import (
    GROUPS_PAGE,
    Drawing,
    by_both,
    by_folder,
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
from spectraflow.tables import SCAFFOLD_MAP, read_table

FAMILIES = {
    "groups/micro_f1": "F1 over all pairs of a molecule and a group",
    "groups/exact_match": "Molecules with every group right",
    "groups/tier": "Groups by how common they are",
    "groups/label": "Single groups",
    "welch_p": "p-values against SymSpectra",
    "examined/missing": "A spectrum withheld",
    "examined/noise": "Noise",
    "examined/normality": "Normality of compressed features",
    "cost": "Time and memory",
    "tier_groups": "Groups of each tier",
}
CURVES = {"val/micro_f1": "Micro-F1, val", "val/macro_f1": "Macro-F1, val"}
DRAWN_MODELS, DRAWN_CURVES = 6, 12


def write_groups_report(
    comparison: Path,
    runs: Sequence[Path],
    counts: Sequence[Path],
    audits: Sequence[Path],
    maps: Sequence[Path],
    out: Path,
    *,
    data: str,
    other_pages: Sequence[str] = (),
) -> None:
    """Write `out`/functional_groups.html, without any outside resource, and `out`/figures/groups_*.svg.

    comparison: comparison.csv; runs: run folders of models of functional groups, the first gives the headline numbers;
    counts, audits: JSON objects; maps: scaffold maps of splits; other_pages: pages of the report that stand beside this
    one. What was not measured is said in its section. Raises
    InputError if a file is unusable or a run is of another method.
    """
    loaded = [load_run(Path(folder)) for folder in runs]
    if not loaded:
        raise InputError("the report needs at least one run folder")
    if others := [str(run.folder) for run in loaded if run.method != "symspectra"]:
        raise InputError(f"{others[0]}: not a model of functional groups")
    table = read_comparison(comparison).filter(pl.col("paper") == "symspectra")
    names = run_names(loaded, repetitions=False)
    entries = [
        Entry(one, names[one.runs[0].run_id]) for one in group_runs(loaded, split_kinds=read_split_kinds(audits))
    ]
    drawings = {**_drawings(loaded, entries), **_map_drawings(maps)}
    write_figures(Path(out) / "figures", drawings)
    shown = {name: inline(*drawing) for name, drawing in drawings.items()}
    text = (
        environment()
        .get_template("groups/page.html.j2")
        .render(
            **frame(data, other_pages),
            **_context(loaded, entries, names, table),
            figures=shown,
            maps=[drawing for name, drawing in shown.items() if name.startswith("groups_map_")],
            counts=json_blocks(counts, by_folder),
            audits=json_blocks(audits, by_both),
        )
    )
    write_text(Path(out) / GROUPS_PAGE, text)


def _context(
    runs: Sequence[Run], entries: Sequence[Entry], names: Mapping[str, str], table: pl.DataFrame
) -> dict[str, Any]:
    full_names = run_names(runs)
    first = reference_of(entries)
    return {
        "first": first,
        "main": runs[0],
        "runs": len(runs),
        "cards": cards(first, entries, table),
        "scores": score_tables(entries),
        "gains": gains(entries),
        "ablations": ablations(entries),
        "orders": label_orders(entries, table),
        "compared": sections.comparison_tables(table, names, FAMILIES),
        "costs": cost_table(entries, table),
        "settings": [(run.run_id, full_names[run.run_id], run_settings(run)) for run in runs if not run.only_cell],
    }


def _compared(entries: Sequence[Entry]) -> list[Entry]:
    """Return the models that figures compare: those on the first one's data set and split, its own spectra first."""
    first = reference_of(entries)
    place = (first.dataset, first.settings.get("split"))
    models = [one for one in entries if not one.is_floor and not one.only_cell]
    models = [one for one in models if (one.dataset, one.settings.get("split")) == place]
    ordered = sorted(models, key=lambda one: (one is not first, one.modalities != first.modalities))
    return ordered[:DRAWN_MODELS]


def _drawings(runs: Sequence[Run], entries: Sequence[Entry]) -> dict[str, Drawing]:
    """Return each figure that has its input, as SVG with what it shows in words, by file name."""
    models = _compared(entries)
    examined = [one for one in entries if one.first_run.examination]
    found: dict[str, tuple[Figure | None, str]] = {
        "groups_f1": (figures.f1_by_positives(models), "F1 of every group against its molecules in the test part"),
        "groups_count": (figures.exact_by_count(models), "Share of molecules with every group right by their number"),
        "groups_tiers": (figures.tier_bars(models), "Mean F1 of rare, medium and frequent groups by model"),
        "groups_noise": (inside.noise_curve(examined), "Micro-F1 against noise in the test spectra"),
        "groups_subsampling": (figures.subsampling(entries), "F1 of a group against the share of its positives kept"),
        "groups_augmentation": (figures.augmentation_bars(entries), "Micro-F1 by augmentation"),
        "groups_curves": (_curves(runs), "Loss and validation scores by epoch"),
    }
    if examined:
        one, seen = examined[0], examined[0].first_run.examination or {}
        found |= {
            "groups_missing": (inside.missing_bars(one), "Micro-F1 with each spectrum withheld"),
            "groups_importance": (inside.importance_maps(seen), "Share that the gates keep along each axis"),
            "groups_weights": (inside.weights(one, seen), "Weights of samples and of labels"),
        }
    return drawn(found)


def _curves(runs: Sequence[Run]) -> Figure | None:
    trained = [run for run in runs if run.history and not run.only_cell][:DRAWN_CURVES]
    return training_curves(trained, run_names(runs), CURVES) if trained else None


def _map_drawings(paths: Sequence[Path]) -> dict[str, Drawing]:
    found = {}
    for number, path in enumerate(map(Path, paths)):
        positions = pl.DataFrame(pl.from_arrow(read_table(path, SCAFFOLD_MAP)))
        words = f"Scaffolds of {path.parent.name}, coloured by part of the split"
        found[f"groups_map_{number}"] = (figures.scaffold_map(positions), words)
    return drawn(found)
