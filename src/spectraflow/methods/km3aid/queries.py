"""Spectra as queries of a library search: held-out ones with their molecules, or a user's own peak lists."""

from pathlib import Path

import numpy as np
import torch

from spectraflow.errors import InputError
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.library import EMBEDDING_BATCH
from spectraflow.methods.km3aid.retrieve import read_queries
from spectraflow.methods.km3aid.train import load_model
from spectraflow.retrieval.candidates import molecule_frame
from spectraflow.retrieval.queries import choose_queries
from spectraflow.search.queries import SearchQueries, write_queries
from spectraflow.spectra.binning import BINS, bin_shifts
from spectraflow.spectra.peak_lists import PeakList, read_peak_lists
from spectraflow.tables import REJECTS, TableWriter
from spectraflow.training.devices import job_device

DESCRIPTION = ["molecule_id", "smiles", "identity_key", "formula", "mol_weight"]


def embed_held_out(
    run: Path,
    alignment: Path,
    graphs: Path,
    molecules: Path,
    split: Path,
    out: Path,
    *,
    limit: int,
    seed: int,
    part: str = "test",
) -> None:
    """Write up to `limit` spectra of a part as queries, one an identity key, with their molecules as truths."""
    model, _, encoder = load_model(run)
    device = job_device()
    model = model.to(device)
    store = AlignmentStore.read(alignment, graphs)
    described = {row[0]: row[1:] for row in molecule_frame(molecules, DESCRIPTION).iter_rows()}
    missing = [name for name in store.molecule_ids if name not in described]
    if missing:
        raise InputError(f"{molecules}: lacks {missing[0]} and {len(missing) - 1} more aligned molecules")
    identity = [described[name][1] or name for name in store.molecule_ids]
    rows = choose_queries(store.rows_of(split)[part], identity, limit, seed)
    scoring = read_queries(model, encoder, store, rows, device)
    ids = [store.molecule_ids[row] for row in rows.tolist()]
    smiles, _, formulas, weights = zip(*(described[name] for name in ids), strict=True)
    write_queries(
        out,
        SearchQueries(
            ids,
            scoring.spectra,
            list(formulas),
            np.array(weights, np.float64),
            list(smiles),
            [store.first_blocks[row] for row in rows.tolist()],
            [identity[row] for row in rows.tolist()],
            scoring.graphs,
        ),
    )


@torch.no_grad()
def embed_peak_lists(run: Path, peaks: Path, out: Path, rejects: Path) -> dict[str, int]:
    """Write a user's peak lists as queries, and every record that cannot be one among the rejects; return the counts.

    Raises InputError if no record is usable; the rejects are written all the same.
    """
    good, bad = read_peak_lists(peaks)
    with TableWriter(rejects, REJECTS) as writer:
        writer.write_rows(bad)
    if not good:
        raise InputError(f"{peaks}: none of {len(bad)} records is usable; {rejects} says why")
    model, _, encoder = load_model(run)
    encode = model.embed_spectra if encoder is None else torch.nn.Sequential(encoder, model.project_spectrum)
    embedded = [encode(spectra).float() for spectra in _spectra(good).split(EMBEDDING_BATCH)]
    unknown: list[str | None] = [None] * len(good)
    embeddings = torch.cat(embedded).numpy()
    write_queries(
        out,
        SearchQueries(
            [peak.query_id for peak in good],
            embeddings,
            [peak.formula for peak in good],
            np.array([np.nan if peak.mol_weight is None else peak.mol_weight for peak in good]),
            unknown,
            unknown,
            unknown,
            np.full_like(embeddings, np.nan),
        ),
    )
    return {"records": len(good) + len(bad), "queries": len(good), "rejects": len(bad)}


def _spectra(peaks: list[PeakList]) -> torch.Tensor:
    """Return binary spectra (q, 4000) float32."""
    spectra = torch.zeros(len(peaks), BINS)
    for row, peak in enumerate(peaks):
        spectra[row, torch.from_numpy(bin_shifts(np.array(peak.shifts_ppm) * 1000))] = 1
    return spectra
