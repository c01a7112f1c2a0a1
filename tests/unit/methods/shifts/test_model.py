import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.methods.shifts.model import ShiftBatch, ShiftNetwork
from spectraflow.methods.shifts.settings import ShiftsModelSettings
from spectraflow.methods.shifts.solvents import SOLVENTS
from spectraflow.nn.shift_head import LARGEST_LOG_SCALE
from spectraflow.store.closed_walks import closed_walks

FLAT = ["CC(C)(C)O", "c1ccc2[nH]ccc2c1", "CC(=O)OC1CCC1", "N#CC=CC(F)Cl", "C1CC2CCC1C2"]
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="session")
def network():
    torch.manual_seed(0)
    return ShiftNetwork(ShiftsModelSettings(layers=3, dim=16, dropout=0.1)).eval()


def embeddings(network, store, rows=None):
    graph = store.batch(torch.arange(len(store)) if rows is None else torch.tensor(rows))
    with torch.no_grad():
        return network.encode(graph, closed_walks(graph))


def batch_of(store, *, solvent=0):
    """All atoms of a store, each with a carbon and a proton shift."""
    graph = store.batch(torch.arange(len(store)))
    atom = torch.arange(len(graph.atoms)).repeat(2)
    nucleus = torch.arange(2).repeat_interleave(len(graph.atoms))
    ppm = torch.linspace(0, 150, len(atom))
    return ShiftBatch(graph, closed_walks(graph), atom, nucleus, torch.full_like(atom, solvent), ppm)


def test_embeddings_do_not_depend_on_the_batchs_other_molecules(network, graphs_of):
    alone = torch.cat([embeddings(network, graphs_of(smiles)) for smiles in FLAT])
    torch.testing.assert_close(embeddings(network, graphs_of(*FLAT)), alone, **CLOSE)
    reverse = torch.cat([embeddings(network, graphs_of(smiles)) for smiles in FLAT[::-1]])
    torch.testing.assert_close(embeddings(network, graphs_of(*FLAT), rows=[4, 3, 2, 1, 0]), reverse, **CLOSE)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FLAT), st.data())
def test_embeddings_follow_their_atoms_whatever_the_order(network, graphs_of, renumbered, smiles, data):
    store = graphs_of(smiles)
    order = data.draw(st.permutations(range(len(store.atoms.values))))
    expected = embeddings(network, store)[torch.tensor(order)]
    torch.testing.assert_close(embeddings(network, renumbered(store, order)), expected, **CLOSE)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("C1CCCC1", "C1CCCCC1"),
        ("CC", "C=C"),
        ("C[C@H](O)F", "C[C@@H](O)F"),
        ("CCCCCCC", "CCCCCCCF"),
    ],
    ids=["ring size", "bond", "chirality", "an atom beyond the layers"],
)
def test_the_first_atoms_embedding_sees(network, graphs_of, one, two):
    difference = embeddings(network, graphs_of(one))[0] - embeddings(network, graphs_of(two))[0]
    assert difference.abs().max() > 1e-3


@pytest.mark.parametrize(("column", "last", "beyond"), [(0, 119, 127), (0, 0, -1), (1, 2, 9), (2, 5, 6), (3, 4, 8)])
def test_codes_beyond_a_table_are_its_last_entry(network, graphs_of, column, last, beyond):
    graph = graphs_of("CCO").batch(torch.tensor([0]))
    found = []
    for value in (last, beyond):
        atoms = graph.atoms.clone()
        atoms[1, column] = value
        found.append(network.encode(graph._replace(atoms=atoms), closed_walks(graph)))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert not torch.equal(found[0], network.encode(graph, closed_walks(graph)))


def test_every_value_of_every_feature_has_its_own_row_of_the_atom_table(network):
    rows = [
        start + value
        for start, size in zip(network.table_offsets.tolist(), network.table_sizes.tolist(), strict=True)
        for value in range(size)
    ]
    assert rows == list(range(network.atom_table.num_embeddings))


def test_a_molecule_passes_on_the_mean_of_its_atoms_whatever_their_number(network, graphs_of):
    one, twice = embeddings(network, graphs_of("CC(=O)O")), embeddings(network, graphs_of("CC(=O)O.CC(=O)O"))
    torch.testing.assert_close(twice, torch.cat([one, one]), **CLOSE)
    salt = embeddings(network, graphs_of("CC(=O)O.[Na+]"))[:4]
    assert (salt - one).abs().max() > 1e-3


def test_atoms_with_more_neighbours_than_the_table_has_degrees_are_encoded(network, graphs_of):
    star = graphs_of("[Fe](C)(C)(C)(C)(C)(C)(C)(C)C")
    assert torch.isfinite(embeddings(network, star)).all()


def test_each_shift_gets_the_head_of_its_nucleus_and_its_own_solvent(network, graphs_of):
    store = graphs_of("CCO", "c1ccccc1")
    batch = batch_of(store)
    solvent = torch.arange(len(batch.atom)) % len(SOLVENTS)
    with torch.no_grad():
        found = network(batch._replace(solvent=solvent))
        h = network.encode(batch.graph, batch.walks)
        for place in range(len(batch.atom)):
            one = network.predict(h, batch.atom[[place]], int(batch.nucleus[place]), int(solvent[place]))
            torch.testing.assert_close(found.location[[place]], one.location, **CLOSE)
            torch.testing.assert_close(found.log_scale[[place]], one.log_scale, **CLOSE)


def test_every_solvent_shifts_a_prediction_differently(network, graphs_of):
    h = embeddings(network, graphs_of("CCO"))
    with torch.no_grad():
        found = [float(network.predict(h, torch.tensor([0]), 0, code).location) for code in range(len(SOLVENTS))]
    assert len(set(found)) == len(SOLVENTS)


def test_scales_are_bounded(network, graphs_of):
    h = embeddings(network, graphs_of("CCO")) * 1e6
    log_scale = network.predict(h, torch.arange(3), 0).log_scale
    assert log_scale.abs().max() <= LARGEST_LOG_SCALE


def test_every_weight_learns_from_shifts_of_both_nuclei(graphs_of):
    torch.manual_seed(1)
    network = ShiftNetwork(ShiftsModelSettings(layers=2, dim=16, dropout=0.0))
    network(batch_of(graphs_of(*FLAT), solvent=3)).location.square().sum().backward()
    idle = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0]
    assert idle == []
