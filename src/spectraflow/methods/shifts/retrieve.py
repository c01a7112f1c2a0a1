"""Retrieval of molecules by the distance of their predicted shifts from a spectrum (reference section 8)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from spectraflow.errors import InputError
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.prediction import PredictedShifts
from spectraflow.methods.shifts.scoring import (
    CARBON_AXIS,
    PROTON_AXIS,
    Comparison,
    Molecules,
    SetLikelihood,
    Spectra,
    set_distance,
    sorted_scores,
)
from spectraflow.retrieval.candidates import molecule_frame, read_candidates
from spectraflow.retrieval.queries import Queries, choose_queries
from spectraflow.retrieval.ranking import rank_queries, write_no_ranks
from spectraflow.retrieval.settings import RetrievalSettings
from spectraflow.store.ragged import from_list_columns
from spectraflow.tables import PREDICTED_SHIFTS, SHIFT_LABELS, read_table

COMPARED_AT_ONCE = 256
SETS: dict[str, Comparison] = {"set_likelihood": SetLikelihood(), "set": set_distance}
SORTED = {"sorted_likelihood": True, "sorted": False}
PROTON_SETS = SetLikelihood(unexplained=0.5, cap_ppm=1.0)


@dataclass(frozen=True)
class Chunk:
    """Predicted shifts of c molecules with the vectors that scores need, made once and shared by all scores."""

    predicted: PredictedShifts

    def __getitem__(self, rows: np.ndarray) -> "Chunk":
        """Return the molecules `rows`."""
        return Chunk(self.predicted[rows])

    @cached_property
    def carbons(self) -> Molecules:
        """Return the carbons on the 13C axis."""
        return Molecules(self.predicted.carbons, CARBON_AXIS)

    @cached_property
    def protons(self) -> Molecules:
        """Return the protons on the 1H axis."""
        return Molecules(self.predicted.protons, PROTON_AXIS)


@dataclass(frozen=True)
class ShiftScoring:
    """Scores of q spectra with molecules by one comparison, a function of the order of the spectra and a chunk."""

    compare: Callable[[np.ndarray, Chunk], np.ndarray]
    molecules: Chunk

    def own(self, order: np.ndarray) -> np.ndarray:
        """Return the scores (q,) with the queries' own molecules."""
        pieces = np.array_split(np.arange(len(order)), max(1, len(order) // COMPARED_AT_ONCE))
        return np.concatenate([np.diagonal(self.compare(order[rows], self.molecules[rows])) for rows in pieces])

    def library(self, order: np.ndarray, payload: Chunk) -> np.ndarray:
        """Return the scores (q, c) with a chunk of the library."""
        return self.compare(order, payload)

    def among(self, order: np.ndarray) -> np.ndarray:
        """Return the scores (q, q) with all queries' molecules."""
        return self.compare(order, self.molecules)


class _Asked:
    """The queries' spectra on an axis, in any order."""

    def __init__(self, spectra: Spectra) -> None:
        self.places, self.distances = spectra.places, spectra.distances

    def __getitem__(self, order: np.ndarray) -> Spectra:
        picked = object.__new__(Spectra)
        picked.__dict__.update(
            places=self.places[torch.from_numpy(order)], distances=self.distances[torch.from_numpy(order)]
        )
        return picked


def scorings(
    carbons: Sequence[np.ndarray], molecules: Chunk, protons: Sequence[np.ndarray] | None = None
) -> dict[str, ShiftScoring]:
    """Return all scorings of the spectra `carbons` (ascending, ppm): the main one first.

    With `protons` (distinct 1H shifts of each query) each likelihood also comes with them, as `..._1H`.
    """
    asked = _Asked(Spectra(carbons, CARBON_AXIS))

    def by_set(how: Comparison) -> Callable[[np.ndarray, Chunk], np.ndarray]:
        return lambda order, chunk: how(asked[order], chunk.carbons).numpy()

    def by_order(scaled: bool) -> Callable[[np.ndarray, Chunk], np.ndarray]:
        return lambda order, chunk: sorted_scores(
            [carbons[one] for one in order.tolist()], chunk.predicted.carbons, scaled=scaled
        )

    compared = {name: by_set(how) for name, how in SETS.items()}
    compared |= {name: by_order(scaled) for name, scaled in SORTED.items()}
    if protons is not None:
        asked_protons = _Asked(Spectra(protons, PROTON_AXIS))

        def with_protons(how: Callable[[np.ndarray, Chunk], np.ndarray]) -> Callable[[np.ndarray, Chunk], np.ndarray]:
            return lambda order, chunk: how(order, chunk) + PROTON_SETS(asked_protons[order], chunk.protons).numpy()

        compared |= {f"{name}_1H": with_protons(compared[name]) for name in ("set_likelihood", "sorted_likelihood")}
    return {name: ShiftScoring(compare, molecules) for name, compare in compared.items()}


def library_chunks(path: Path) -> Iterator[tuple[slice, Chunk]]:
    """Yield row ranges of a library with their predicted shifts."""
    start = 0
    for predicted in PredictedShifts.scan(path):
        yield slice(start, start + len(predicted)), Chunk(predicted)
        start += len(predicted)


def proton_shifts(labels: Path) -> dict[str, np.ndarray]:
    """Return the distinct measured 1H shifts in ppm of every molecule that has any."""
    table = read_table(labels, SHIFT_LABELS)
    values = from_list_columns(table, ("nucleus", "shift_mppm"), np.int32)
    found: dict[str, np.ndarray] = {}
    for row, name in enumerate(table.column("molecule_id").to_pylist()):
        own = values.values[values.offsets[row] : values.offsets[row + 1]]
        shifts = own[own[:, 0] == 1, 1].numpy()
        if len(shifts):
            found[name] = np.unique(shifts) / 1000
    return found


def retrieve(
    settings: RetrievalSettings,
    predictions: Path,
    library_predictions: Path,
    alignment: Path,
    graphs: Path,
    molecules: Path,
    split: Path,
    library: Path,
    out: Path,
    metrics: Path,
    *,
    external: Path | None = None,
    protons: Path | None = None,
) -> None:
    """Rank the truth of every query and write ranks, hit rates, controls and checks.

    Queries are the test part of `split`, or all molecules of the alignment table `external`; with `protons` only those
    with measured 1H shifts, so that what these add can be told: without any there are no scorings. Raises InputError if
    there is no query at all.
    """
    trained = Alignment.read(alignment, graphs)
    train_rows = trained.rows_of(split, "train")
    asked = trained if external is None else Alignment.read(external, graphs)
    rows = trained.rows_of(split, "test") if external is None else torch.arange(len(asked))
    proton_of = None if protons is None else proton_shifts(protons)
    if proton_of is not None:
        rows = rows[torch.tensor([asked.molecule_ids[row] in proton_of for row in rows.tolist()], dtype=torch.bool)]
    identity_of = dict(molecule_frame(molecules, ["molecule_id", "identity_key"]).iter_rows())
    identity = [identity_of.get(name) or name for name in asked.molecule_ids]
    chosen = choose_queries(rows, identity, settings.queries, settings.seed).tolist()
    if not chosen and protons is not None:
        write_no_ranks(out, metrics, f"no query has a measured 1H shift in {protons.name}")
        return
    if not chosen:
        raise InputError(f"{split if external is None else external}: no query")
    names = [asked.molecule_ids[row] for row in chosen]
    counts = asked.carbons.counts.numpy()
    ids = read_table(library_predictions, PREDICTED_SHIFTS, ["molecule_id"]).column(0).to_pylist()
    rank_queries(
        settings,
        Queries(names, [asked.first_blocks[row] for row in chosen], counts[chosen]),
        read_candidates(ids, library, {trained.first_blocks[row] for row in train_rows.tolist()}),
        lambda: library_chunks(library_predictions),
        scorings(
            [asked.spectrum(row) for row in chosen],
            Chunk(PredictedShifts.read(predictions, names)),
            None if proton_of is None else [proton_of[name] for name in names],
        ),
        float(trained.carbons.counts[train_rows].float().mean()),
        out,
        metrics,
        {},
    )
