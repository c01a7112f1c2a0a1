import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from spectraflow.methods.shifts.data import ShiftStore
from spectraflow.methods.shifts.lookup import (
    UNSEEN_PPM,
    UNSEEN_SCALE,
    EnvironmentLookup,
    environment_codes,
    store_codes,
)
from spectraflow.training.checkpoint import load_checkpoint, save_checkpoint

SHAPES = ["CC(C)(C)O", "c1ccc2[nH]ccc2c1", "CC(=O)OC1CCC1", "N#CC=CC(F)Cl", "C1CC2CCC1C2", "[Na+].[O-]C(=O)C"]


def same(one, two):
    """Return the radii at which two atoms have the same code."""
    return [radius for radius, equal in enumerate((one == two).tolist()) if equal]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SHAPES), st.data())
def test_codes_do_not_depend_on_the_order_of_atoms_and_bonds(graphs_of, renumbered, smiles, data):
    store = graphs_of(smiles)
    order = data.draw(st.permutations(range(Chem.MolFromSmiles(smiles).GetNumAtoms())))
    assert torch.equal(store_codes(renumbered(store, order), 6), store_codes(store, 6)[torch.tensor(order)])


def test_codes_do_not_depend_on_the_batchs_other_molecules(graphs_of):
    alone = torch.cat([store_codes(graphs_of(smiles), 3) for smiles in SHAPES])
    assert torch.equal(store_codes(graphs_of(*SHAPES), 3), alone)


def test_codes_of_no_molecule_are_empty(graphs_of):
    assert store_codes(graphs_of(), 2).shape == (0, 3)


def test_an_environment_sees_one_bond_further_with_every_radius(graphs_of):
    codes = store_codes(graphs_of("CCCCC", "CCCCO"), 5).reshape(2, 5, 6)
    for atom in range(4):
        assert same(codes[0, atom], codes[1, atom]) == list(range(4 - atom))
    assert same(codes[0, 0], codes[0, 4]) == list(range(6)), "equivalent atoms"
    assert len(codes[0, 0].unique()) == 6, "no code returns at another radius"


@pytest.mark.parametrize(
    ("one", "two"),
    [("C[C@H](O)F", "C[C@@H](O)F"), ("C/C=C/C", "C/C=C\\C"), ("OC1C[C@H]1F", "OC1C[C@@H]1F")],
)
def test_stereo_is_left_out(graphs_of, one, two):
    assert torch.equal(store_codes(graphs_of(one), 4), store_codes(graphs_of(two), 4))


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_ring_sizes_are_told_apart_at_the_atom_itself(graphs_of, size):
    codes = store_codes(graphs_of(f"C1{'C' * (size - 1)}1", f"C1{'C' * size}1"), 0)
    assert codes[0] != codes[-1]


@pytest.mark.parametrize(
    ("one", "two"),
    [("C", "N"), ("CO", "C[O-]"), ("CC", "C=C"), ("c1ccccc1", "C1=CCC=CC1"), ("CC", "CCC")],
    ids=["element", "hydrogens", "hybridisation", "aromaticity", "degree"],
)
def test_an_atom_is_told_apart_by_its(graphs_of, one, two):
    first, second = (store_codes(graphs_of(smiles), 0)[:, 0].tolist() for smiles in (one, two))
    assert set(first) != set(second)


def test_bond_types_count_from_the_first_bond_on(graphs_of):
    graph = graphs_of("CCC").batch(torch.tensor([0]))
    other = graph._replace(edge_type=torch.tensor([1, 0, 1, 0]))
    one, two = environment_codes(graph, 2), environment_codes(other, 2)
    assert same(one[0], two[0]) == [0]
    assert same(one[2], two[2]) == [0, 1], "its own bond is unchanged, the next one not"


@pytest.fixture
def store(labels_table, graphs_table):
    """Ethanol thrice, propanol once; the methyls have a median of 18, the carbons bound to oxygen one of 58 ppm."""
    smiles = {"a": "CCO", "b": "CCO", "c": "OCC", "d": "CCCO", "e": "CF"}
    labels = {
        "a": [(0, 0, 0, 18_000), (1, 0, 0, 58_000), (2, 1, 0, 2_500)],
        "b": [(0, 0, 0, 16_000), (1, 0, 0, 57_000)],
        "c": [(2, 0, 0, 26_000), (1, 0, 0, 62_000)],
        "d": [(0, 0, 0, 10_000)],
        "e": [(0, 0, 0, 71_000)],
    }
    return ShiftStore.read(labels_table(labels), graphs_table(smiles))


def predicted(lookup, graphs):
    """Return (atom, ppm, scale) of the carbons of one molecule."""
    return [tuple(row) for row in lookup.predict(graphs).carbons.values.tolist()]


def test_the_shift_is_the_median_of_the_largest_environment_seen(store, graphs_of):
    lookup = EnvironmentLookup.fit(store, torch.arange(5), 3)
    rows = predicted(lookup, graphs_of("OCC"))
    assert [(atom, ppm) for atom, ppm, _ in rows] == [(1, 58.0), (2, 18.0)]
    # known to radius 2, from propanol
    assert predicted(lookup, graphs_of("CCCC"))[0][1] == 10.0
    # known to radius 1, from ethanol and propanol: 10, 16, 18 and 26 ppm
    assert predicted(lookup, graphs_of("CCN"))[0][1] == pytest.approx(17.0)
    # known as a methyl alone: fluoromethane's 71 ppm counts, too
    assert predicted(lookup, graphs_of("CN"))[0][1] == pytest.approx(18.0)


def test_the_scale_is_the_mean_deviation_from_the_medians_of_repeated_environments(store, graphs_of):
    lookup = EnvironmentLookup.fit(store, torch.arange(5), 3)
    deviations = [0, 2, 8, 0, 1, 4]  # from 18 and from 58 ppm; propanol's methyl stands alone
    assert predicted(lookup, graphs_of("OCC"))[0][2] == pytest.approx(sum(deviations) / 6)
    # radius 0: methyls about 18 ppm, the CH2 about 58 ppm
    assert predicted(lookup, graphs_of("CN"))[0][2] == pytest.approx((0 + 2 + 8 + 8 + 53 + 0 + 1 + 4) / 8)


def test_atoms_of_unseen_environments_get_the_mean_shift_and_a_wide_scale(store, graphs_of):
    lookup = EnvironmentLookup.fit(store, torch.arange(5), 3)
    assert predicted(lookup, graphs_of("c1ccccc1"))[0] == (0.0, UNSEEN_PPM[0], UNSEEN_SCALE[0])
    none = EnvironmentLookup.fit(store, torch.tensor([4]), 2).predict(graphs_of("CO")).protons
    assert none.values.tolist() == [[0, UNSEEN_PPM[1], UNSEEN_SCALE[1]], [1, UNSEEN_PPM[1], UNSEEN_SCALE[1]]]


def test_environments_seen_once_have_no_scale_of_their_own(store, graphs_of):
    lookup = EnvironmentLookup.fit(store, torch.tensor([4]), 2)
    assert predicted(lookup, graphs_of("CF")) == [(0.0, 71.0, UNSEEN_SCALE[0])]


def test_only_the_given_rows_are_learnt_from(store, graphs_of):
    lookup = EnvironmentLookup.fit(store, torch.tensor([3, 1]), 3)
    assert [ppm for _, ppm, _ in predicted(lookup, graphs_of("CCO"))] == [16.0, 57.0]


def test_protons_have_their_own_table(store, graphs_of):
    protons = EnvironmentLookup.fit(store, torch.arange(5), 3).predict(graphs_of("CCO")).protons
    assert protons.values[:, 0].tolist() == [0, 1, 2]
    assert protons.values[:, 1].tolist() == [UNSEEN_PPM[1], UNSEEN_PPM[1], 2.5]


def test_a_saved_lookup_predicts_the_same(store, graphs_of, tmp_path):
    lookup = EnvironmentLookup.fit(store, torch.arange(5), 3)
    save_checkpoint(tmp_path / "model.safetensors", lookup.state(), {})
    again = EnvironmentLookup.from_state(load_checkpoint(tmp_path / "model.safetensors")[0])
    graphs = graphs_of("CCO", "CCCO", "c1ccccc1", "CCCC")
    for part in ("carbons", "protons"):
        one, two = (getattr(model.predict(graphs), part) for model in (lookup, again))
        assert torch.equal(one.values, two.values)
        assert torch.equal(one.offsets, two.offsets)
