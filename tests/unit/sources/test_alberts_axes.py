"""The published example of the simulated data set: right axes, and the published number of positives."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from spectraflow.methods.symspectra.settings import VectorSettings
from spectraflow.molecules.functional_groups import label_molecules, load_definitions
from spectraflow.sources.alberts import ingest, vectors_table
from spectraflow.spectra.modalities import MODALITIES
from spectraflow.tables import MOLECULES, PEAKS, labels_schema, read_table

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "data" / "alberts" / "example_data_1.parquet"
DEFINITIONS = ROOT / "resources" / "functional_groups.csv"
POSITIVES = {
    "Acyl halide": 1, "Alcohol": 26, "Aldehyde": 5, "Alkane": 94, "Alkene": 11, "Alkyne": 2, "Amide": 26, "Amine": 54,
    "Arene": 73, "Carbamate": 11, "Carboxylic acid": 13, "Enamine": 1, "Ester": 15, "Ether": 48, "Haloalkane": 49,
    "Hydrazine": 2, "Hydrazone": 1, "Imide": 2, "Ketone": 7, "Nitrile": 5, "Phenol": 7, "Sulfide": 15,
    "Sulfonamide": 10, "Sulfonate": 1, "Sulfone": 4, "Sulfoxide": 1, "Thioamide": 1,
}  # fmt: skip
"""Molecules with each group among the hundred; the other groups do not occur."""
SETTINGS = VectorSettings(resampling=["linear", "max", "area"])

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not REAL.exists(), reason="needs the mirror of real data"),
]


class Tables:
    """The tables of the hundred molecules."""

    def __init__(self, folder: Path) -> None:
        files = [folder / f"{name}.parquet" for name in ("molecules", "peaks", "vectors", "rejects")]
        self.molecules, self.counts = files[0], ingest(REAL, *files, folder / "counts.json", SETTINGS)
        self.mols = [Chem.MolFromSmiles(text) for text in read_table(files[0], MOLECULES)["smiles"].to_pylist()]
        self.peaks = read_table(files[1], PEAKS).to_pylist()
        table = read_table(files[2], vectors_table(SETTINGS))
        self.vectors = {name: np.array(table[name].to_pylist()) for name in table.column_names[1:]}

    def having(self, smarts: str) -> np.ndarray:
        pattern = Chem.MolFromSmarts(smarts)
        return np.array([mol.HasSubstructMatch(pattern) for mol in self.mols])

    def window(self, name: str, low: float, high: float) -> np.ndarray:
        axis = MODALITIES[name].axis
        return self.vectors[name][:, (axis >= low) & (axis <= high)]

    def share(self, name: str, low: float, high: float) -> np.ndarray:
        return self.window(name, low, high).sum(axis=1) / self.vectors[name].sum(axis=1)


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Tables:
    return Tables(tmp_path_factory.mktemp("alberts"))


def test_every_row_is_whole(tables):
    assert tables.counts["molecules"] == 100
    assert not tables.counts["rejects"]
    assert set(tables.counts["vectors"].values()) == {100}


@pytest.mark.parametrize("name", ["13C_max", "13C_area"])
def test_carbonyl_carbons_resonate_at_155_to_215_ppm(tables, name):
    carbonyl = tables.having("[CX3]=[OX1]")
    share = tables.share(name, 155, 215)
    assert share[carbonyl].mean() > 1.5 * share[~carbonyl].mean()
    seen = tables.window(name, 160, 215).max(axis=1) > 0.05
    assert seen[carbonyl].mean() > 0.8
    assert seen[~carbonyl].mean() < 0.4


@pytest.mark.parametrize("name", ["1H", "1H_max", "1H_area"])
def test_aromatic_protons_resonate_at_6_5_to_8_5_ppm(tables, name):
    aromatic = tables.having("[c;H1]")
    share = tables.share(name, 6.5, 8.5)
    assert share[aromatic].mean() > 0.25
    assert share[~aromatic].mean() < 0.1


def test_carbonyls_stretch_at_1650_to_1800_wavenumbers(tables):
    carbonyl = tables.having("[CX3]=[OX1]")
    height = tables.window("IR", 1650, 1800).max(axis=1)
    assert height[carbonyl].mean() > 0.4
    assert height[carbonyl].mean() > 1.4 * height[~carbonyl].mean()


def test_stretching_hydrogens_frame_a_silent_window(tables):
    silent = tables.window("IR", 2400, 2700).max(axis=1)
    assert (tables.window("IR", 2800, 3100).max(axis=1) > silent).all()
    hydroxyl, without = tables.having("[OX2H]"), ~tables.having("[OX2H,NX3;!H0]")
    stretch = tables.window("IR", 3100, 3750).mean(axis=1)
    assert stretch[hydroxyl].mean() > 2 * stretch[without].mean()


@pytest.mark.parametrize(("technique", "name", "tolerance_ppm"), [("13C", "13C_max", 0.45), ("1H", "1H_max", 0.06)])
def test_listed_peaks_stand_where_vectors_have_their_maxima(tables, technique, name, tolerance_ppm):
    axis, found, highest = MODALITIES[name].axis, [], []
    lists = [row["position"] for row in tables.peaks if row["technique"] == technique]
    for vector, position in zip(tables.vectors[name], lists, strict=True):
        near = np.abs(axis[:, None] - np.array(position)) <= tolerance_ppm
        found += [vector[column].max() > 0.02 for column in near.T]
        highest.append(near[vector.argmax()].any())
    assert np.mean(found) > 0.85
    assert np.mean(highest) >= 0.9


def test_mass_peaks_stand_where_vectors_have_their_maxima(tables):
    axis = MODALITIES["MSMSpos"].axis
    lists = {row["molecule_id"]: [] for row in tables.peaks}
    for row in tables.peaks:
        if row["technique"].startswith("MSMSpos"):
            lists[row["molecule_id"]] += row["position"]
    for vector, position in zip(tables.vectors["MSMSpos"], lists.values(), strict=True):
        assert np.abs(np.array(position) - axis[vector.argmax()]).min() < 0.7


def test_positives_of_every_group_are_the_published(tables, tmp_path):
    label_molecules(tables.molecules, DEFINITIONS, tmp_path / "labels.parquet")
    names = list(load_definitions(DEFINITIONS))
    labels = read_table(tmp_path / "labels.parquet", labels_schema(names))
    assert {name: sum(labels[name].to_pylist()) for name in names} == {name: POSITIVES.get(name, 0) for name in names}
