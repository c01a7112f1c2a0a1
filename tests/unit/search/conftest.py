"""Libraries of random embeddings, with the tables and queries that belong to them."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import faiss
import numpy as np
import pytest

from spectraflow.search.library import describe_library
from spectraflow.search.queries import SearchQueries
from spectraflow.search.shards import shard_rows, write_shard
from spectraflow.tables import GRAPHS, MOLECULES, write_table

WIDTH = 12
DUPLICATES = (7, 8, 41)  # rows that repeat the identity key of row 3


@dataclass(frozen=True)
class Made:
    """Files of a library, its embeddings (n, p) and which rows are duplicates (n,)."""

    molecules: Path
    graphs: Path
    library: Path
    counts: Path
    shards: list[Path]
    embeddings: np.ndarray
    duplicate: np.ndarray


def embeddings_of(count: int, seed: int = 0) -> np.ndarray:
    """Return rows of equal length around a few centres, as a LayerNorm leaves them."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(8, WIDTH))
    rows = centres[generator.integers(8, size=count)] + 0.5 * generator.normal(size=(count, WIDTH))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True) * np.sqrt(WIDTH)).astype(np.float32)


def formula_of(row: int) -> str:
    return f"C{row % 9 + 1}H4"


def weight_of(row: int) -> float:
    return 50.0 + 1.5 * (row * 7 % 100)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    faiss.omp_set_num_threads(1)


@pytest.fixture
def make_library(tmp_path):
    def make(count: int = 300, shards: int = 3, without_graph: int = 4) -> Made:
        folder = tmp_path / f"library-{count}-{shards}"
        folder.mkdir()
        paths = [folder / name for name in ("molecules.parquet", "graphs.parquet", "library.arrow", "counts.json")]
        names = [f"lib:{row}" for row in range(count)]
        keys = [f"key {3 if row in DUPLICATES else row}" for row in range(count)]
        rows = [
            {
                "molecule_id": name,
                "smiles": "C" * (row % 5 + 1),
                "inchikey": f"BLOCK{row}-REST-N",
                "identity_key": keys[row],
                "formula": formula_of(row),
                "mol_weight": weight_of(row),
            }
            for row, name in enumerate(names)
        ]
        strays = [{"molecule_id": f"lib:stray{n}", "smiles": "C"} for n in range(without_graph)]
        every = [*strays[:2], *rows, *strays[2:]]
        write_table(paths[0], MOLECULES, {name: [row.get(name) for row in every] for name in MOLECULES.names})
        empty = {name: [[]] * count for name in GRAPHS.names}
        write_table(paths[1], GRAPHS, {**empty, "molecule_id": names})
        describe_library(*paths)
        embeddings = embeddings_of(count)
        files = [folder / f"shard-{number}.arrow" for number in range(shards)]
        for number, file in enumerate(files):
            part = shard_rows(count, number, shards)
            cuts = [*range(part.start, part.stop, 40), part.stop]
            pieces = [(names[i:j], embeddings[i:j]) for i, j in pairwise(cuts)]
            write_shard(file, WIDTH, part, count, pieces)
        return Made(*paths, files, embeddings, np.isin(np.arange(count), DUPLICATES))

    return make


def queries_of(count: int, truths: bool = True, seed: int = 5) -> SearchQueries:
    """Queries near the library's centres; query n has the first block of library row 10 n."""
    embeddings = embeddings_of(count, seed)
    return SearchQueries(
        [f"q:{n}" for n in range(count)],
        embeddings,
        [formula_of(n) for n in range(count)],
        np.array([weight_of(n) for n in range(count)]),
        ["CCO"] * count,
        [f"BLOCK{10 * n}" for n in range(count)],
        [f"query key {n}" for n in range(count)],
        embeddings_of(count, seed + 1) if truths else np.full_like(embeddings, np.nan),
    )


@pytest.fixture
def queries():
    return queries_of(9)


def best_rows(queries: SearchQueries, made: Made, allowed: np.ndarray, k: int) -> list[list[int]]:
    """Rank by the definition: all dot products, then the rows (q, n) that are allowed."""
    scores = np.where(allowed, queries.embeddings.astype(float) @ made.embeddings.T.astype(float), -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return [[int(row) for row in rows if allowed[query, row]] for query, rows in enumerate(order)]


def allowed_rows(queries: SearchQueries, made: Made) -> np.ndarray:
    """Return (q, n) whether a row may answer: no duplicate, not of the query's first block."""
    blocks = np.array([f"BLOCK{row}" for row in range(len(made.embeddings))])
    return ~made.duplicate[None, :] & (blocks[None, :] != np.array(queries.first_blocks)[:, None])
