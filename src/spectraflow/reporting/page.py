"""The report: one self-contained HTML page and its figures as files."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from spectraflow.errors import InputError
from spectraflow.files import write_text
from spectraflow.molecules.depictions import draw_molecule
from spectraflow.reporting import figures, sections, theme
from spectraflow.reporting.comparison import read_comparison
from spectraflow.reporting.controls_section import controls_section
from spectraflow.reporting.examples import Example, choose_cases, choose_examples
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.grid_figures import grid_figure
from spectraflow.reporting.grids import GridTable, grid_tables
from spectraflow.reporting.isomer_section import isomer_section
from spectraflow.reporting.jobs_section import jobs_of, jobs_section
from spectraflow.reporting.labels import carbon_words, metric_name, run_names, with_interval
from spectraflow.reporting.method_table import load_references, method_table, queries_tables
from spectraflow.reporting.page_parts import (
    MAIN_PAGE,
    by_file,
    by_folder,
    drawn,
    environment,
    frame,
    inline,
    json_blocks,
    run_settings,
    write_figures,
)
from spectraflow.reporting.reranking_section import reranking_section
from spectraflow.reporting.runs import Measured, Run, load_pooled, load_run
from spectraflow.reporting.search_section import search_section
from spectraflow.reporting.timeline import timeline
from spectraflow.tables import RANKS, read_table
from spectraflow.watching.benchmarks import Benchmark

DRAWN_CURVES = 12


def write_report(
    comparison: Path,
    runs: list[Path],
    counts: list[Path],
    audits: list[Path],
    molecules: Path,
    alignment: Path,
    out: Path,
    *,
    data: str,
    pooled: Sequence[Path] = (),
    references: Sequence[Path] = (),
    other_pages: Sequence[str] = (),
    benchmarks: Path | None = None,
) -> None:
    """Write `out`/index.html, without any outside resource, and `out`/figures/*.svg.

    comparison: comparison.csv; runs: run folders, the first is the one the headline numbers, figures and examples come
    from; counts, audits: JSON objects of any shape; molecules, alignment: tables for the drawings; pooled: isomer
    figures of whole experiments; references: figures of second measured spectra; other_pages: pages of the report that
    stand beside this one; benchmarks: folder of what jobs took. A run without retrieval, ranks or assignments leaves a
    section that says so. Raises InputError if a file is unusable.
    """
    loaded = [load_run(folder) for folder in runs]
    if not loaded:
        raise InputError("the report needs at least one run folder")
    table, main, names = read_comparison(comparison), loaded[0], run_names(loaded)
    experiments = group_runs(loaded, [load_pooled(path) for path in pooled])
    grids = grid_tables(experiments, table)
    jobs = jobs_of(benchmarks)
    drawings = {**_figures(loaded, names, table), **_grid_figures(grids), **_timeline(jobs)}
    examples, cases = _examples(main, molecules, alignment), _cases(main, molecules, alignment)
    spectra = {f"spectrum_{one['name']}": one["spectrum"] for one in (*examples, *cases)}
    write_figures(Path(out) / "figures", {**drawings, **spectra})
    text = (
        environment()
        .get_template("page.html.j2")
        .render(
            **frame(data, other_pages),
            **_context(loaded, names, table),
            figures={name: inline(*drawing) for name, drawing in drawings.items()},
            examples=[_shown(one) for one in examples],
            cases=[_shown(one) for one in cases],
            methods=method_table(experiments, run_names(loaded, repetitions=False), table, load_references(references)),
            queries=queries_tables(experiments, run_names(loaded, repetitions=False)),
            grids=[sections.grid_section(grid, figure_name(grid)) for grid in grids],
            isomers=isomer_section(main, experiments, table),
            search=search_section(main),
            reranking=reranking_section(loaded, names),
            controls=controls_section(loaded, names),
            counts=json_blocks(counts, by_folder),
            audits=json_blocks(audits, by_file),
            jobs=jobs_section(jobs),
        )
    )
    write_text(Path(out) / MAIN_PAGE, text)


def _shown(example: Mapping[str, Any]) -> dict[str, Any]:
    return {**example, "spectrum": inline(*example["spectrum"]), "molecule": inline(*example["molecule"])}


def _context(runs: Sequence[Run], names: Mapping[str, str], table: pl.DataFrame) -> dict[str, Any]:
    main = runs[0]
    listed = [run for run in runs if not run.only_cell]
    return {
        "main": main,
        "main_name": names[main.run_id],
        "cards": sections.cards(main, table),
        "tables": sections.comparison_tables(table, run_names(runs, repetitions=False)),
        "overview": sections.overview(listed, names),
        "cells": sections.overview([run for run in runs if run.only_cell], names),
        "all_metrics": [(metric_name(name), _text(name, one), one.n) for name, one in main.measured.items()],
        "atoms": [(metric_name(name), _text(name, one)) for name, one in main.measured.items() if name[:5] == "atom/"],
        "retrieval": sections.retrieval_section(main, table),
        "settings": [(run.run_id, names[run.run_id], run_settings(run)) for run in listed],
    }


def _text(name: str, measured: Measured) -> str:
    in_ppm = name.endswith("ppm_error") or name.startswith("shift/mae_")
    return with_interval(measured, scale=1 if in_ppm else 100, digits=2 if in_ppm else 1)


def _figures(runs: Sequence[Run], names: Mapping[str, str], table: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """Return each figure's SVG with what it shows in words, by file name."""
    main = runs[0]
    ranks_path = main.folder / "ranks.parquet"
    ranks = _main_ranks(main, ranks_path) if ranks_path.is_file() else None
    found = {
        "training_curves": (figures.training_curves(_drawn(runs), names), "Loss and validation accuracy by epoch"),
        "rank_histogram": (figures.rank_histogram(ranks), "Histogram of the rank of the true molecule"),
        "hits_by_library": (
            figures.hits_by_library(main, sections.published_hits(main, table)),
            "Hit rates against library size, measured, published and by chance",
        ),
        "accuracy_by_size": (
            figures.accuracy_by_size(main, sections.published_exact(main, table)),
            "Share of molecules with every peak right by number of carbons",
        ),
    }
    return drawn(found)


def _drawn(runs: Sequence[Run]) -> list[Run]:
    """Return the runs whose curves are drawn: trained ones that are no mere cell of a grid, the first of them."""
    return [run for run in runs if run.history and not run.only_cell][:DRAWN_CURVES] or list(runs[:1])


def figure_name(grid: GridTable) -> str:
    """Return the file name of a grid's figure, without ending."""
    return "grid_" + re.sub(r"[^a-z0-9]+", "_", grid.label.lower()).strip("_")


def _grid_figures(grids: Sequence[GridTable]) -> dict[str, tuple[str, str]]:
    return drawn(
        {
            figure_name(grid): (grid_figure(grid), f"Accuracy over {grid.label}, measured and published")
            for grid in grids
        }
    )


def _timeline(jobs: Sequence[Benchmark]) -> dict[str, tuple[str, str]]:
    return drawn({"timeline": (timeline(jobs), "When each job of the run was running, a row for every rule")})


def _main_ranks(run: Run, path: Path) -> pl.DataFrame:
    ranks = pl.DataFrame(pl.from_arrow(read_table(path, RANKS)))
    return ranks.filter(pl.col("scoring") == (run.retrieval or {}).get("main_scoring", ranks["scoring"].first()))


def _examples(run: Run, molecules: Path, alignment: Path) -> list[dict[str, Any]]:
    path = run.folder / "assignments.parquet"
    if not path.is_file():
        return []
    good, bad = choose_examples(path, molecules, alignment)
    titled = (("good", "Every peak right", good), ("bad", "With wrong peaks", bad))
    return [_example(name, title, one) for name, title, one in titled if one is not None]


def _cases(run: Run, molecules: Path, alignment: Path) -> list[dict[str, Any]]:
    path = run.folder / "assignments.parquet"
    if not path.is_file():
        return []
    found = []
    for number, case in enumerate(choose_cases(path, molecules, alignment)):
        title = f"{case.kind[:1].upper()}{case.kind[1:]}, {carbon_words(case.carbons)} C"
        found.append(_example(f"case_{number}", title, case.example))
    return found


def _example(name: str, title: str, example: Example) -> dict[str, Any]:
    rows = list(zip(example.carbon_atom, example.shift_ppm, example.assigned_ppm, example.right, strict=True))
    notes = {atom: f"{shift:.1f}" for atom, shift, _, _ in rows}
    drawing = draw_molecule(example.smiles, notes, {atom: good for atom, _, _, good in rows})
    spectrum = theme.figure_svg(figures.stick_spectrum(example.shift_ppm, example.right), f"spectrum_{name}")
    return {
        "name": name,
        "title": title,
        "molecule_id": example.molecule_id,
        "spectrum_id": example.spectrum_id,
        "smiles": example.smiles,
        "right": sum(example.right),
        "peaks": len(rows),
        "wrong": [(f"{shift:.1f}", f"{given:.1f}") for _, shift, given, good in rows if not good],
        "molecule": (drawing, f"Structure of {example.molecule_id} with the shift of every carbon"),
        "spectrum": (spectrum, f"Peaks of {example.spectrum_id} as sticks"),
    }
