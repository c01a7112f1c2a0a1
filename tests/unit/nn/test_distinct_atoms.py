import pytest
import torch

from spectraflow.nn import distinct_atoms
from spectraflow.nn.distinct_atoms import DistinctAtomNetwork, Neighbours, environments
from spectraflow.nn.gin import GraphIsomorphismNetwork, sum_pool
from spectraflow.store.graphs import GraphStore

SMILES = {
    "a:1": "C/C=C/C(=O)O",
    "a:2": "c1ccncc1",
    "a:3": "C[C@H](N)C(=O)O",
    "a:4": "C[C@@H](N)C(=O)O",
    "a:5": "[Na+]",
    "a:6": "CCCCCCCCCCCCCCCCCC",
    "a:7": "C/C=C\\C(=O)O",
    "a:8": "CN1CCC[C@H]1c1cccnc1",
}


def trained(chirality=True):
    """A network whose batch norms have statistics of their own, as after training."""
    torch.manual_seed(0)
    network = GraphIsomorphismNetwork(layers=4, dim=16, chirality=chirality).eval()
    for norm in network.norms:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        norm.weight.data.uniform_(0.5, 2)
        norm.bias.data.normal_()
    return network


@pytest.fixture
def batch(graphs_table):
    store = GraphStore.read(graphs_table(SMILES))
    return store.batch(torch.arange(len(store)))


@pytest.mark.parametrize("chirality", [True, False])
@pytest.mark.parametrize("block", [3, 4096])
def test_pooled_states_are_those_of_the_network(batch, chirality, block, monkeypatch):
    monkeypatch.setattr(distinct_atoms, "BLOCK", block)
    network = trained(chirality)
    with torch.no_grad():
        expected = sum_pool(network(batch), batch)
    torch.testing.assert_close(DistinctAtomNetwork(network).pooled(batch), expected, rtol=1e-4, atol=1e-4)


def test_molecules_without_bonds_alone(graphs_table):
    store = GraphStore.read(graphs_table({"a:1": "[Na+]", "a:2": "O"}))
    batch, network = store.batch(torch.arange(2)), trained()
    with torch.no_grad():
        expected = sum_pool(network(batch), batch)
    torch.testing.assert_close(DistinctAtomNetwork(network).pooled(batch), expected, rtol=1e-4, atol=1e-4)


def test_environments_are_those_of_circular_neighbourhoods(graphs_table):
    store = GraphStore.read(graphs_table({"a:1": "CCCCCC", "a:2": "CCCCO"}))
    batch = store.batch(torch.arange(2))
    levels = environments(batch, Neighbours.of(batch), 3)
    hexane = [level.code[:6].tolist() for level in levels]
    assert [len(set(codes)) for codes in hexane] == [1, 2, 3, 3]  # a mirror plane leaves three kinds of carbon
    assert hexane[3] == hexane[3][::-1]
    assert levels[3].code[6] == levels[3].code[0]  # the oxygen is four bonds away from the other chain's end
    assert levels[2].code[7] == levels[2].code[1]
    assert levels[3].code[7] != levels[3].code[1]  # and three from the atom beside it
    for level in levels:
        assert (level.code[level.example] == torch.arange(len(level.example))).all()


def test_network_in_training_is_refused():
    with pytest.raises(ValueError, match="training"):
        DistinctAtomNetwork(GraphIsomorphismNetwork(layers=2, dim=8))
