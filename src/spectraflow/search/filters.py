"""Which molecules of a library may answer a query: by molecular weight, by formula, and never the query's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from spectraflow.errors import InputError
from spectraflow.search.library import Library
from spectraflow.search.queries import SearchQueries

if TYPE_CHECKING:
    from spectraflow.search.exact import Found


@dataclass(frozen=True)
class Filter:
    """By |difference of molecular weights| <= tolerance (Da), or by equal formula."""

    kind: Literal["mass", "formula"]
    tolerance: float = 5.0

    def require(self, queries: SearchQueries) -> None:
        """Raise InputError naming a query that lacks what the filter looks at."""
        lacking = np.isnan(queries.weights) if self.kind == "mass" else np.array([f is None for f in queries.formulas])
        if lacking.any():
            first = queries.ids[int(np.flatnonzero(lacking)[0])]
            raise InputError(
                f"the {self.kind} filter needs the {self.kind} of every query; {first} and "
                f"{int(lacking.sum()) - 1} more have none"
            )


def windows(
    queries: SearchQueries, library: Library, rows: range, restriction: Filter
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the usable rows (m,) in the order of what the filter looks at, and each query's range of it, 2 x (q,)."""
    restriction.require(queries)
    usable = np.flatnonzero(library.usable(rows))
    part = library.part(rows)
    if restriction.kind == "mass":
        weights = part.column("mol_weight").to_numpy().astype(np.float64)[usable]
        order = np.argsort(weights, kind="stable")
        low = np.searchsorted(weights, queries.weights - restriction.tolerance, "left", sorter=order)
        high = np.searchsorted(weights, queries.weights + restriction.tolerance, "right", sorter=order)
    else:
        wanted = pa.array(dict.fromkeys(queries.formulas), pa.string())
        codes = pc.index_in(part.column("formula"), value_set=wanted).fill_null(-1).to_numpy()
        usable = usable[codes[usable] >= 0]
        order = np.argsort(codes[usable], kind="stable")
        asked = pc.index_in(pa.array(queries.formulas, pa.string()), value_set=wanted).to_numpy()
        low = np.searchsorted(codes[usable], asked, "left", sorter=order)
        high = np.searchsorted(codes[usable], asked, "right", sorter=order)
    return usable[order] + rows.start, low, high


@dataclass(frozen=True)
class OwnRows:
    """Candidates that must not count: pairs of query (n,) and library row (n,); the most of one query."""

    query: np.ndarray
    row: np.ndarray
    most: int

    def without(self, found: "Found", k: int) -> "Found":
        """Return the best k of each query that are not its own."""
        scores, rows, eligible = found
        pair, place = np.nonzero(rows[self.query] == self.row[:, None])
        scores[self.query[pair], place], rows[self.query[pair], place] = -np.inf, -1
        touched = np.unique(self.query[pair])
        order = np.argsort(rows[touched] < 0, axis=1, kind="stable")  # what stays keeps its order
        scores[touched] = np.take_along_axis(scores[touched], order, 1)
        rows[touched] = np.take_along_axis(rows[touched], order, 1)
        counts = np.bincount(self.query, minlength=len(rows))
        kept = rows[:, :k] >= 0
        return type(found)(np.where(kept, scores[:, :k], -np.inf), np.where(kept, rows[:, :k], -1), eligible - counts)


def own_rows(
    queries: SearchQueries, library: Library, parts: Sequence[range], restriction: Filter | None = None
) -> OwnRows:
    """Return the usable library rows that pass the filter and share the first block of a query."""
    asked = pl.DataFrame(
        {
            "query": np.arange(len(queries)),
            "first_block": pl.Series(queries.first_blocks, dtype=pl.String),
            "asked_formula": pl.Series(queries.formulas, dtype=pl.String),
            "asked_weight": queries.weights,
        }
    ).drop_nulls("first_block")
    found = [_own_of(asked, library, rows, restriction) for rows in parts]
    pairs = pl.concat(found)
    query, row = pairs["query"].to_numpy(), pairs["row"].to_numpy()
    return OwnRows(query, row, int(np.bincount(query).max()) if len(query) else 0)


def _own_of(asked: pl.DataFrame, library: Library, rows: range, restriction: Filter | None) -> pl.DataFrame:
    columns = ["first_block", "formula", "mol_weight", "duplicate"]
    part = library.part(rows)
    shared = pc.is_in(part.column("first_block"), value_set=asked["first_block"].to_arrow().cast(pa.string()))
    places = np.flatnonzero(shared.to_numpy())
    few = pl.DataFrame(pl.from_arrow(part.select(columns).take(pa.array(places))))
    few = few.with_columns(row=pl.Series(places + rows.start, dtype=pl.Int64))
    both = few.filter(~pl.col("duplicate")).join(asked, on="first_block")
    if restriction is not None and restriction.kind == "mass":
        both = both.filter((pl.col("mol_weight") - pl.col("asked_weight")).abs() <= restriction.tolerance)
    elif restriction is not None:
        both = both.filter(pl.col("formula") == pl.col("asked_formula"))
    return both.select("query", "row")
