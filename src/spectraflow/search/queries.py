"""Spectra to search with: their embeddings, and what filters and recall need of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spectraflow.errors import InputError
from spectraflow.tables import named_faults, queries_schema, read_table, write_table


@dataclass(frozen=True)
class SearchQueries:
    """q spectra: embeddings (q, p) float32; formula, weight (NaN), first block, identity key, SMILES if known.

    `truth` (q, p) float32 holds the embeddings of their molecules where these are known, else NaN.
    """

    ids: list[str]
    embeddings: np.ndarray
    formulas: list[str | None]
    weights: np.ndarray
    smiles: list[str | None]
    first_blocks: list[str | None]
    identity_keys: list[str | None]
    truth: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def truth_known(self) -> np.ndarray:
        """Return for which queries (q,) the truth's embedding is known."""
        return ~np.isnan(self.truth).any(axis=1)

    @property
    def truth_scores(self) -> np.ndarray:
        """Return the scores (q,) float32 of the truths; NaN where unknown."""
        return np.asarray(np.einsum("qd,qd->q", self.embeddings, self.truth))


def write_queries(path: Path, queries: SearchQueries) -> None:
    """Write a table of queries."""
    width = queries.embeddings.shape[1]
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(queries.embeddings.astype(np.float32).reshape(-1)), width)
    truth = [row if known else None for row, known in zip(queries.truth, queries.truth_known, strict=True)]
    columns = {
        "query_id": pa.array(queries.ids, pa.string()),
        "embedding": embedding,
        "formula": pa.array(queries.formulas, pa.string()),
        "mol_weight": pa.array(queries.weights, pa.float64(), from_pandas=True),
        "smiles": pa.array(queries.smiles, pa.string()),
        "first_block": pa.array(queries.first_blocks, pa.string()),
        "identity_key": pa.array(queries.identity_keys, pa.string()),
        "truth": pa.array(truth, pa.list_(pa.float32())),
    }
    write_table(path, queries_schema(width), pa.table(columns, schema=queries_schema(width)))


def read_queries(path: Path) -> SearchQueries:
    """Read a table of queries; raises InputError if it is none, holds no query, or one twice."""
    width = _width(path)
    table = read_table(path, queries_schema(width))
    ids = table.column("query_id").to_pylist()
    if not ids:
        raise InputError(f"{path}: holds no query")
    if len(set(ids)) < len(ids):
        raise InputError(f"{path}: {len(ids) - len(set(ids))} query ids occur more than once")
    names = ("formula", "smiles", "first_block", "identity_key")
    formulas, smiles, first_blocks, identity_keys = (table.column(name).to_pylist() for name in names)
    weights = table.column("mol_weight").to_numpy(zero_copy_only=False).astype(np.float64)
    embeddings, truth = (_matrix(table.column(name), width) for name in ("embedding", "truth"))
    return SearchQueries(ids, embeddings, formulas, weights, smiles, first_blocks, identity_keys, truth)


def _width(path: Path) -> int:
    if not Path(path).exists():
        raise InputError(f"{path}: no such queries table")
    try:
        with named_faults(path, "table of queries"):
            field = pq.read_schema(path).field("embedding")
        return int(field.type.list_size)
    except (KeyError, AttributeError) as error:
        raise InputError(f"{path}: not a table of embedded queries ({error})") from None


def _matrix(column: pa.ChunkedArray, width: int) -> np.ndarray:
    """Return a column of lists (q, width) float32; null lists as NaN."""
    matrix = np.full((len(column), width), np.nan, np.float32)
    known = column.is_valid().to_numpy()
    values = pa.compute.list_flatten(column.drop_null()).to_numpy()
    matrix[known] = values.reshape(-1, width)
    return matrix
