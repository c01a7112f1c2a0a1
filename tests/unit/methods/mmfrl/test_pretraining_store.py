import numpy as np
import pytest
import torch
from rdkit import Chem, DataStructs

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.pretraining_store import PretrainingStore, used_modalities
from spectraflow.splits.similarity import morgan_fingerprints
from spectraflow.tables import PRETRAINING, read_table, write_table
from tests.unit.methods.mmfrl.small_pretraining import SMILES, small_run, write_pretraining


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_pretraining(tmp_path_factory.mktemp("pretraining"))


def read(files, targets=None, **differences):
    return PretrainingStore.read(small_run(**differences), files.pretraining, files.graphs, targets or {})


def test_fingerprint_similarity_is_that_of_the_wanted_rows(files):
    settings = small_run()
    rows = torch.tensor([5, 70, 2])
    found = read(files).similarity("fingerprint", rows, settings.loss)
    prints = morgan_fingerprints([SMILES[row] for row in rows.tolist()])
    assert float(found[0, 1]) == pytest.approx(DataStructs.TanimotoSimilarity(prints[0], prints[1]))


@pytest.mark.parametrize("featuriser", ["v1", "v2"])
def test_every_shift_stands_at_a_carbon_of_its_molecule(files, featuriser):
    store = read(files, modality="peak", encoder={"featuriser": featuriser})
    rows = torch.tensor([9, 0, 71])
    places = store.carbon_atoms(rows)
    mols = [Chem.MolFromSmiles(SMILES[row]) for row in rows.tolist()]
    elements = [atom.GetSymbol() for mol in mols for atom in mol.GetAtoms()]
    assert [elements[place] for place in places.tolist()] == ["C"] * elements.count("C")
    assert (store.graphs.batch(rows).V[places, 5] == 1).all()


def test_a_shift_of_another_element_is_an_error_that_names_it(files, tmp_path):
    table = read_table(files.pretraining, PRETRAINING).to_pylist()
    row, other = next(
        (number, atom.GetIdx())
        for number, text in enumerate(SMILES)
        for atom in Chem.MolFromSmiles(text).GetAtoms()
        if atom.GetSymbol() != "C"
    )
    table[row]["carbon_atom"][-1] = other
    path = tmp_path / "wrong.parquet"
    write_table(path, PRETRAINING, {name: [one[name] for one in table] for name in PRETRAINING.names})
    wrong = files._replace(pretraining=path)
    with pytest.raises(InputError, match=f"toy:{row}: atom {other} .* no carbon"):
        read(wrong, modality="peak")


def test_centres_are_means_of_the_training_part(files, tmp_path):
    values = np.random.default_rng(0).normal(size=(len(SMILES), 4)).astype(np.float16)
    np.save(tmp_path / "nmr.npy", values)
    store = read(files, {"nmr": tmp_path / "nmr.npy"}, modality="nmr", loss={"centred": True})
    expected = torch.from_numpy(values[store.parts.train.numpy()]).float().mean(0)
    torch.testing.assert_close(store.centres["nmr"], expected)
    assert not read(files, {"nmr": tmp_path / "nmr.npy"}, modality="nmr").centres


def test_files_that_do_not_belong_together_are_refused(files, tmp_path):
    other = write_pretraining(tmp_path, list(reversed(SMILES[:40])))
    with pytest.raises(InputError, match="not those of"):
        read(files._replace(graphs=other.graphs))
    with pytest.raises(InputError, match="modality image are missing"):
        read(files, modality="image")


def test_early_fusion_uses_what_has_a_weight():
    run = small_run(modality="early")
    assert set(used_modalities(run)) == {"smiles", "image", "nmr", "fingerprint"}
    weights = {"smiles": 0.0, "image": 0.0, "nmr": 0.5, "fingerprint": 0.5}
    assert used_modalities(small_run(modality="early", weights=weights)) == ("nmr", "fingerprint")
