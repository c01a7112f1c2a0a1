"""What a batch of pairs holds: the spectra of owners beside the graphs of candidates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.data import MatchStore, read_columns
from spectraflow.methods.matchnet.settings import NUCLEI
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, read_table
from tests.unit.conftest import write_rows
from tests.unit.methods.matchnet.matching_files import small_run, write_matching_files

OWNERS, CANDIDATES = torch.tensor([3, 0, 0]), torch.tensor([1, 0, 19])
LABELS = torch.tensor([0.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("data"), 20)


@pytest.fixture(scope="module")
def rows(files):
    return read_table(files.spectra, MATCHING_SPECTRA).to_pylist()


@pytest.fixture(scope="module")
def store(files):
    return MatchStore.read(files.spectra, files.rendered, files.features())


def batch(store, **network):
    return store.batch(OWNERS, CANDIDATES, LABELS, small_run(network=network).network)


def rendered_rows(files):
    return read_table(files.rendered, RENDERED).to_pylist()


def test_a_store_holds_the_molecules_in_the_order_of_their_table(store, rows):
    assert store.molecule_ids == [row["molecule_id"] for row in rows]
    assert store.first_blocks == [row["first_block"] for row in rows]
    assert len(store) == 20
    assert [one.tobytes() for one in store.fingerprints] == [row["fingerprint"] for row in rows]
    assert store.device == torch.device("cpu")


def test_graphs_are_those_of_the_candidates(store, rows):
    graph = batch(store, spectra="vectors").graph
    molecules = [Chem.MolFromSmiles(rows[row]["smiles"]) for row in CANDIDATES.tolist()]
    assert graph.atom_counts.tolist() == [mol.GetNumAtoms() for mol in molecules]
    atoms = [(place, atom) for place, mol in enumerate(molecules) for atom in mol.GetAtoms()]
    assert graph.segment.tolist() == [place for place, _ in atoms]
    assert graph.atoms[:, 1].tolist() == [atom.GetDegree() for _, atom in atoms]
    assert graph.atoms[:, 2].tolist() == [atom.GetTotalNumHs() for _, atom in atoms]
    starts = np.cumsum([0, *(mol.GetNumAtoms() for mol in molecules)])
    bonds = {
        (int(start) + one, int(start) + other)
        for start, mol in zip(starts, molecules, strict=False)
        for bond in mol.GetBonds()
        for one, other in [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())]
    }
    both_ways = bonds | {(other, one) for one, other in bonds}
    assert {tuple(edge) for edge in graph.edge_index.T.tolist()} == both_ways
    assert graph.edge_index.shape[1] == len(both_ways)


def test_spectra_are_those_of_the_owners(store, rows, files):
    drawn = rendered_rows(files)
    columns = batch(store, spectra="vectors").columns
    peaks = batch(store, spectra="peaks").peaks
    maps = batch(store, spectra="images").features
    for nucleus, stem in zip(NUCLEI, ("proton", "carbon"), strict=True):
        for place, owner in enumerate(OWNERS.tolist()):
            expected = [drawn[owner][f"{stem}_{end}"] for end in ("high", "low")]
            np.testing.assert_array_equal(columns[nucleus][place], np.array(expected, np.float32))
            lines = [rows[owner][f"{stem}_{name}"] for name in ("ppm", "area")]
            found = peaks[nucleus].values[peaks[nucleus].segment == place]
            np.testing.assert_array_equal(found, np.array(lines, np.float32).T)
            assert peaks[nucleus].counts[place] == len(lines[0])
        assert torch.equal(maps[nucleus], store.features.gather(OWNERS)[nucleus])
        assert not torch.equal(maps[nucleus], store.features.gather(CANDIDATES)[nucleus])


@pytest.mark.parametrize(("spectra", "held"), [("vectors", "columns"), ("peaks", "peaks"), ("images", "features")])
def test_a_batch_holds_what_the_network_reads_and_no_more(store, spectra, held):
    found = batch(store, spectra=spectra, nuclei=["13C"])
    assert [name for name in ("features", "columns", "peaks") if getattr(found, name) is not None] == [held]
    assert list(getattr(found, held)) == ["13C"]
    assert getattr(batch(store, spectra=spectra, blind="spectra"), held) == {}
    assert found.labels.tolist() == LABELS.tolist()


def test_a_molecule_without_bonds_is_a_graph(rows, tmp_path):
    methane = {"element": [0], "degree": [0], "hydrogens": [4], "implicit_valence": [4], "aromatic": [0]}
    lone = {**rows[1], **methane, "bond_source": [], "bond_target": []}
    path = write_rows(tmp_path / "spectra.parquet", MATCHING_SPECTRA, [rows[0], lone, *rows[2:]])
    store, sizes = MatchStore.read(path), [len(row["element"]) for row in rows]
    graph = store.graphs(torch.tensor([1, 2, 1]))
    assert graph.atom_counts.tolist() == [1, sizes[2], 1]
    assert torch.equal(graph.edge_index, store.graphs(torch.tensor([2])).edge_index + 1)
    assert store.graphs(torch.tensor([1])).edge_index.shape == (2, 0)


def test_codes_are_equal_for_equal_spectra_alone(files, rows, tmp_path):
    drawn = rendered_rows(files)
    almost = list(drawn[1]["carbon_high"])
    almost[7] += 1e-6
    shown = [drawn[0], drawn[1], drawn[0], {**drawn[1], "carbon_high": almost}, drawn[2]]
    path = write_rows(
        tmp_path / "rendered.parquet",
        RENDERED,
        [{**one, "molecule_id": row["molecule_id"]} for one, row in zip(shown, rows, strict=False)],
    )
    spectra = write_rows(tmp_path / "spectra.parquet", MATCHING_SPECTRA, rows[:5])
    codes = MatchStore.read(spectra, path).codes
    assert codes[0] == codes[2]
    assert len(set(codes.tolist())) == 4
    assert codes.dtype == np.int64


def test_codes_of_a_store_are_those_of_its_rendered_spectra(files, store, tmp_path):
    drawn = rendered_rows(files)
    twin = {**drawn[4], "molecule_id": drawn[9]["molecule_id"]}
    path = write_rows(tmp_path / "rendered.parquet", RENDERED, [*drawn[:9], twin, *drawn[10:]])
    codes = MatchStore.read(files.spectra, path).codes
    assert codes[4] == codes[9]
    assert len(np.unique(codes)) == len(np.unique(store.codes)) - 1
    # without rendered spectra none are known to be equal
    assert MatchStore.read(files.spectra).codes.tolist() == list(range(20))


def test_the_order_of_rendered_spectra_changes_nothing(files, store, tmp_path):
    path = write_rows(tmp_path / "rendered.parquet", RENDERED, rendered_rows(files)[::-1])
    for nucleus, columns in read_columns(path, store.molecule_ids).items():
        assert torch.equal(columns, store.columns[nucleus])


def test_other_columns_leave_the_rest(store):
    doubled = store.with_columns({nucleus: 2 * values for nucleus, values in store.columns.items()})
    assert torch.equal(batch(doubled, spectra="vectors").columns["1H"], 2 * store.columns["1H"][OWNERS])
    assert doubled.codes is store.codes


def test_a_store_moves_as_a_whole(store):
    moved = replace(store, features=None).to("meta")
    assert moved.device.type == "meta"
    tensors = [moved.atoms.offsets, moved.bonds.values, *moved.columns.values()]
    tensors += [lines.values for lines in moved.peaks.values()]
    assert {one.device.type for one in tensors} == {"meta"}


def test_molecules_are_found_by_id(store, tmp_path):
    names = [store.molecule_ids[row] for row in (5, 0, 5)]
    assert store.rows_of(names, tmp_path).tolist() == [5, 0, 5]
    with pytest.raises(InputError, match=r"pairs\.parquet: 2 molecules are unknown, such as toy:77"):
        store.rows_of(["toy:1", "toy:77", "toy:78"], tmp_path / "pairs.parquet")


def test_a_molecule_that_was_not_rendered_is_named(files, tmp_path):
    kept = [row for row in rendered_rows(files) if row["molecule_id"] not in ("toy:3", "toy:8")]
    path = write_rows(tmp_path / "rendered.parquet", RENDERED, kept)
    with pytest.raises(InputError, match=r"rendered\.parquet: 2 molecules were not rendered, such as toy:3"):
        MatchStore.read(files.spectra, path)


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        (4, [0.5] * 9, "toy:4 has 9 columns in carbon_low, the first molecule 64"),
        (4, [], "toy:4 has 0 columns in carbon_low, the first molecule 64"),
        (4, None, "toy:4 has 0 columns in carbon_low, the first molecule 64"),
        (None, [], "toy:0 has 0 columns in carbon_low"),
    ],
    ids=["fewer", "empty", "missing", "all empty"],
)
def test_a_spectrum_of_another_width_is_named(files, tmp_path, row, columns, message):
    drawn = rendered_rows(files)
    for place in range(len(drawn)) if row is None else [row]:
        drawn[place] = {**drawn[place], "carbon_low": columns}
    path = write_rows(tmp_path / "rendered.parquet", RENDERED, drawn)
    with pytest.raises(InputError, match=message):
        MatchStore.read(files.spectra, path)


def test_what_a_network_reads_must_be_there(files, tmp_path):
    bare = MatchStore.read(files.spectra)
    with pytest.raises(InputError, match="a model of vectors needs rendered spectra"):
        batch(bare, spectra="vectors")
    with pytest.raises(InputError, match="a model of images needs cached features"):
        batch(bare, spectra="images")
    more = write_matching_files(tmp_path / "more", 22)
    with pytest.raises(InputError, match=r"2 molecules have no features, such as toy:20"):
        MatchStore.read(more.spectra, more.rendered, files.features())


def test_an_empty_table_is_refused(tmp_path):
    path = write_rows(tmp_path / "spectra.parquet", MATCHING_SPECTRA, [])
    with pytest.raises(InputError, match=r"spectra\.parquet: no molecules"):
        MatchStore.read(path)
