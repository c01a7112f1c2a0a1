import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.spectra.binning import bin_shifts
from spectraflow.tables import SPLITS, write_table


def test_spectra_hold_the_bins_of_their_shifts(alignment_files):
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    spectra = store.spectra(torch.tensor([3, 0]))
    for row, molecule in ((0, 3), (1, 0)):
        shifts = store.carbons.take(torch.tensor([molecule]))[0][:, 1].numpy()
        assert spectra[row].nonzero()[:, 0].tolist() == sorted(set(bin_shifts(shifts).tolist()))


def test_parts_cover_the_split_and_unknown_molecules_are_named(alignment_files, tmp_path):
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    parts = store.rows_of(alignment_files["split"])
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(64))
    write_table(tmp_path / "bad.parquet", SPLITS, {"molecule_id": ["toy:999"], "part": ["train"]})
    with pytest.raises(InputError, match="toy:999"):
        store.rows_of(tmp_path / "bad.parquet")
