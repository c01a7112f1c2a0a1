"""What single choices bring to matching: the parts of SpecMol-MatchNet, and images over plainer forms of a spectrum."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from spectraflow.reporting.labels import plain
from spectraflow.reporting.matching.entries import (
    Entry,
    all_sets,
    auc,
    by_place,
    line_counts_of,
    place_words,
    reference_of,
)
from spectraflow.reporting.matching.score_tables import MAIN_SET
from spectraflow.reporting.matching_labels import set_name
from spectraflow.reporting.published_matchnet import VARIANTS
from spectraflow.reporting.score_cells import is_apart, p_text, signed_points, welch_of

_PAPERS_PARTS = ("network.graph", "network.attention")
_PARTS = (
    *_PAPERS_PARTS,
    "network.root",
    "network.sage_activation",
    "network.spatial_kernels",
    "network.nuclei",
    "network.spectra_norm",
    "network.backbone.",
)
_LETTERS = {parts: name for name, parts in VARIANTS.items() if name != "all"}
_GRAPHS = {
    "multi_scale": "branches without TransformerConv",
    "transformer": "TransformerConv and one GCN",
    "gcn": "one GCN",
    "parent_gcn": "graph branch of GCN + ResNet-101",
    "parent_gat": "graph branch of GAT + ResNet-101",
}
_ATTENTIONS = {
    "shared": "one shared CBAM, no gate",
    "gate": "gate alone",
    "none": "no attention",
    "parent": "pooled head of the parent method",
}


def contrast_tables(
    entries: Sequence[Entry], rows_of: Callable[[Sequence[Entry], Sequence[str]], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Return a table of differences for each data set and split that has any rows."""
    tables = []
    for place, members in by_place(entries).items():
        sets = all_sets(members)
        if rows := rows_of(members, sets):
            tables.append({"title": place_words(place), "sets": list(map(set_name, sets)), "rows": rows})
    return tables


def ablations(entries: Sequence[Entry], comparison: pl.DataFrame) -> list[dict[str, Any]]:
    """Return what each part brings: the full model minus the one without it, by test set; published beside."""

    def rows(members: Sequence[Entry], sets: Sequence[str]) -> list[dict[str, Any]]:
        full = reference_of(members)
        if not full.is_full:
            return []
        others = [one for one in members if one is not full and one.is_network and one.spectra == "images"]
        alike = [one for one in others if one.agrees_with(full, *_PARTS)]
        return [_part_row(one, full, sets, comparison) for one in alike if _changed(one, full)]

    return contrast_tables(entries, rows)


def _part_row(one: Entry, full: Entry, sets: Sequence[str], comparison: pl.DataFrame) -> dict[str, Any]:
    letter = _letter(one, full)
    cells = _cells(full, one, sets)
    printed = [_published_gain(letter, name, comparison) if letter else "" for name in sets]
    cells = [{**cell, "published": text} for cell, text in zip(cells, printed, strict=True)]
    words = _changed(one, full)
    p = p_text(welch_of(full, one, auc(MAIN_SET)))
    return {"name": f"{letter}: {words}" if letter else words, "cells": cells, "p": p, "runs": len(one.experiment.runs)}


def _letter(one: Entry, full: Entry) -> str | None:
    """Return the paper's letter of a model that differs from the full one in graph and attention alone."""
    parts = (str(one.settings.get("network.graph")), str(one.settings.get("network.attention")))
    return _LETTERS.get(parts) if one.agrees_with(full, *_PAPERS_PARTS) else None


def _changed(one: Entry, full: Entry) -> str:
    """Return in words what a model has in place of a part, empty if it differs in none."""
    changed = {key: value for key, value in one.settings.items() if value != full.settings.get(key)}
    return ", ".join(words for key, value in changed.items() if (words := _part_words(key, value)))


def _part_words(key: str, value: Any) -> str:
    text = str(plain(value))
    known = {
        "network.graph": _GRAPHS.get(text, text),
        "network.attention": _ATTENTIONS.get(text, text),
        "network.root": "TransformerConv without the atom itself",
        "network.sage_activation": "long branch without ReLU",
        "network.spatial_kernels": f"spatial kernels {text}",
        "network.nuclei": f"{text} alone",
        "network.spectra_norm": "embedding of the spectra normalised" if value else "no norm behind the spectra",
        "network.backbone.name": f"backbone {text}",
        "network.backbone.weights": f"backbone with {'random weights' if value is None else f'weights {text}'}",
        "network.backbone.components": f"{'all' if value is None else text} components of the maps",
    }
    return known.get(key, f"{key.removeprefix('network.')} {text}" if key.startswith("network.backbone.") else "")


def _published_gain(letter: str, name: str, comparison: pl.DataFrame) -> str:
    """Return the published difference in AUC points of the full model and a variant, empty where there is none."""
    rows = comparison.filter(pl.col("metric") == auc(name))
    found = {row["method"]: row["published"] for row in rows.iter_rows(named=True)}
    return f"{found['all'] - found[letter]:+.1f}" if {"all", letter} <= found.keys() else ""


def forms(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return how much of a score is the image branch: images against columns, peak sets, counting lines and nothing.

    Twins differ in the form of the spectra alone, in what only images have, and in the width of their embedding.
    """

    def rows(members: Sequence[Entry], sets: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"name": f"{one} minus {other}", "of": f"{a.name} − {b.name}", "cells": _cells(a, b, sets)}
            for one, other, a, b in _form_pairs(members)
        ]
        return [row for row in found if any(cell["value"] != "–" for cell in row["cells"])]

    return contrast_tables(entries, rows)


def _form_pairs(members: Sequence[Entry]) -> Iterable[tuple[str, str, Entry, Entry]]:
    models = [one for one in members if one.is_network and not one.only_cell]
    images = next((one for one in models if one.is_full), None)
    images = images or next((one for one in models if one.spectra == "images"), None)
    vectors, peaks = (_twin(models, images, form) for form in ("vectors", "peaks"))
    counts = line_counts_of(members, members[0])
    blind = next((one for one in members if one.control == "spectra"), None)
    named = {
        "images": images,
        "columns as vectors": vectors,
        "peak sets": peaks,
        "counting lines": counts,
        "no spectra": blind,
    }
    wanted = [
        ("images", "columns as vectors"),
        ("images", "peak sets"),
        ("images", "counting lines"),
        ("images", "no spectra"),
        ("columns as vectors", "counting lines"),
        ("peak sets", "counting lines"),
    ]
    for one, other in wanted:
        first, second = named[one], named[other]
        if first is not None and second is not None:
            yield one, other, first, second


def _twin(models: Sequence[Entry], images: Entry | None, form: str) -> Entry | None:
    others = [one for one in models if one.spectra == form]
    if images is None:
        return others[0] if others else None
    return next((one for one in others if one.agrees_with(images, "network.spectra")), None)


def _cells(one: Entry, other: Entry, sets: Sequence[str]) -> list[dict[str, Any]]:
    found = [one.minus(other, auc(name)) for name in sets]
    return [{**signed_points(difference, "–"), "apart": is_apart(difference), "published": ""} for difference in found]
