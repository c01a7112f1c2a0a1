"""Figures of what models of MoleculeNet tasks do inside: maps of embeddings, late fusion, molecules with subgraphs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectraflow.molecules.depictions import draw_subgraph
from spectraflow.reporting.axes import axes_of
from spectraflow.reporting.properties.explanations import STAGES, Explanation, embedding_name
from spectraflow.reporting.theme import INK, OTHER_COLOUR, SERIES, figure_style, for_page

COLUMNS = 4
MOLECULES = 8
_SCALE = ListedColormap(colormaps["viridis"](np.linspace(0, 0.88, 256)))
"""Without the palest yellow, which is not seen on a white page."""
_CLASSES = ListedColormap(SERIES[:2])
_PRODUCTS = {"coefficient": "coefficient c", "prediction": "prediction p", "product": "product c·p"}


def embedding_maps(one: Explanation) -> Figure | None:
    """Draw the molecules on the plane of each embedding, coloured by target; test molecules have a ring (Fig. 2).

    Two classes have two colours, numbers a scale; molecules without the target are grey. Points are pixels, so that
    thousands of them stay small.
    """
    panels = [
        (f"{embedding_name(str(name))}, {STAGES.get(str(stage), str(stage))}", rows)
        for (stage, name), rows in one.positions.group_by("stage", "embedding", maintain_order=True)
    ]
    if not panels:
        return None
    lines = -(-len(panels) // COLUMNS)
    known = one.positions["target"].drop_nulls()
    norm = Normalize(*np.quantile(known, [0.02, 0.98])) if len(known) else Normalize(0, 1)
    number = one.found.get("kind") == "regression"
    colours = ScalarMappable(norm, _SCALE) if number else ScalarMappable(Normalize(0, 1), _CLASSES)
    with figure_style():
        figure, axes = axes_of(9.2, 0.5 + 2.35 * lines, COLUMNS, lines)
        for place, (title, rows) in zip(axes, panels, strict=False):
            _map(place, rows, colours, title)
        for place in axes[len(panels) :]:
            place.set_axis_off()
        target = _shortened(one.found.get("target"))
        if number:
            figure.colorbar(colours, ax=axes, shrink=0.5, label=target)
        else:
            points = [Line2D([], [], ls="", marker="o", ms=4, color=colour) for colour in SERIES[:2]]
            figure.legend(points, [f"{target}: no", f"{target}: yes"], loc="outside lower left", ncols=2)
        return figure


def _shortened(target: Any) -> str:
    text = str(target)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _map(axes: Axes, rows: pl.DataFrame, colours: ScalarMappable, title: str) -> None:
    unknown, known = rows.filter(pl.col("target").is_null()), rows.filter(pl.col("target").is_not_null())
    style: dict[str, Any] = {"s": 7, "lw": 0, "alpha": 0.75, "rasterized": True}
    axes.scatter(unknown["x"], unknown["y"], color=OTHER_COLOUR, **style)
    axes.scatter(known["x"], known["y"], color=colours.to_rgba(known["target"].to_numpy()), **style)
    test = rows.filter(pl.col("part") == "test")
    axes.scatter(test["x"], test["y"], s=12, facecolors="none", edgecolors="#7f7f7f", lw=0.5, rasterized=True)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8)


def late_violins(one: Explanation) -> Figure | None:
    """Draw the distribution of coefficients, predictions and products of each encoder over test molecules (Fig. 4)."""
    rows = one.late_parts
    if rows.is_empty():
        return None
    encoders = rows["encoder"].unique(maintain_order=True).to_list()
    with figure_style():
        figure, axes = axes_of(8.4, 1.1 + 0.45 * len(encoders), len(_PRODUCTS))
        for place, (column, title) in zip(axes, _PRODUCTS.items(), strict=True):
            _violins(place, [_finite(rows, name, column) for name in encoders])
            place.set(title=title, ylim=(len(encoders) - 0.4, -0.6))
            place.set_yticks(range(len(encoders)), list(map(embedding_name, encoders)) if place is axes[0] else [])
            place.axvline(0, color=INK, lw=0.7)
        return figure


def _finite(rows: pl.DataFrame, encoder: str, column: str) -> np.ndarray:
    values = rows.filter(pl.col("encoder") == encoder)[column].drop_nulls().to_numpy().astype(np.float64)
    return values[np.isfinite(values)]


def _violins(axes: Axes, columns: Sequence[np.ndarray]) -> None:
    """Draw a violin for each column; where a value does not vary there is no density, and a line marks it."""
    for place, values in enumerate(columns):
        if len(values) > 1 and np.ptp(values) > 1e-9:
            found = axes.violinplot([values], [place], orientation="horizontal", widths=0.8, showmedians=True)
            for part in found.values():
                for each in part if isinstance(part, list) else [part]:
                    each.set_color(SERIES[0])
        elif len(values):
            axes.plot([values[0]], [place], "|", color=SERIES[0], ms=14, mew=1.6)


def molecule_drawings(one: Explanation) -> list[dict[str, Any]]:
    """Return the first molecules with their smallest positive subgraph marked, those of large clusters first."""
    rows = one.subgraphs.filter(pl.col("subgraph").is_not_null()).sort("cluster", "molecule_id", nulls_last=True)
    found = []
    for row in rows.head(MOLECULES).iter_rows(named=True):
        svg = draw_subgraph(row["smiles"], row["atoms"], (300, 220))
        found.append(
            {
                "molecule_id": row["molecule_id"],
                "subgraph": row["subgraph"],
                "probability": _probability(row["probability"]),
                "subgraph_probability": _probability(row["subgraph_probability"]),
                "measured": {None: "not measured", 0.0: "negative", 1.0: "positive"}.get(row["measured"], "–"),
                "drawing": Markup(for_page(svg, f"{row['molecule_id']} with its smallest positive subgraph marked")),
            }
        )
    return found


def _probability(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
