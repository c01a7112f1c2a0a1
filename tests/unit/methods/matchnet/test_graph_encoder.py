import pytest
import torch

from spectraflow.methods.matchnet.atom_features import atom_features
from spectraflow.methods.matchnet.graph_encoder import GraphEncoder
from spectraflow.methods.matchnet.settings import NetworkSettings
from tests.unit.methods.matchnet.network_pairs import (
    SIZES,
    make_atoms,
    make_graph,
    one_graph,
    reordered,
    small,
    weights_of,
)

KINDS = ["hybrid", "multi_scale", "transformer", "gcn", "parent_gcn", "parent_gat"]


def make_encoder(**changes) -> GraphEncoder:
    torch.manual_seed(0)
    return GraphEncoder(small(**changes)).eval()


def make_published(**changes) -> GraphEncoder:
    with torch.device("meta"):
        return GraphEncoder(NetworkSettings(**changes))


def test_blocks_of_the_full_encoder_have_their_published_sizes():
    encoder = make_published()
    attention, branches = encoder.atom_layers
    assert weights_of(attention) == 23_712
    assert weights_of(branches.norm) == 304
    assert weights_of(branches.short) == 23_256 + 304
    assert weights_of(branches.mid) == 46_512 + 608 + 46_360 + 304
    assert weights_of(branches.long) == 3 * (46_360 + 304)
    assert weights_of(branches.fuse) == 137_100
    assert weights_of(encoder.dense) == 901_500 + 192_128


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("gcn", 38 * 39 + 76 + 76 * 1500 + 1500 + 192_128),
        ("transformer", 23_712 + 23_256 + 304 + 304 * 1500 + 1500 + 192_128),
        ("parent_gcn", 1_482 + 2_964 + 11_704 + 152 * 1024 + 1024 + 131_200),
        ("parent_gat", 38 * 380 + 3 * 380 + 380 * 381 + 760 * 1500 + 1500 + 192_128),
    ],
)
def test_sizes_of_the_others(kind, size):
    assert weights_of(make_published(graph=kind)) == size


@pytest.mark.parametrize("kind", KINDS)
def test_atom_and_bond_order_do_not_matter(kind):
    encoder, graph = make_encoder(graph=kind), make_graph()
    expected = encoder(graph)
    assert expected.shape == (len(SIZES), 8)
    torch.testing.assert_close(encoder(reordered(graph, seed=1)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_molecules_do_not_see_each_other(kind):
    encoder, graph = make_encoder(graph=kind), make_graph()
    together = encoder(graph)
    for row in range(len(SIZES)):
        torch.testing.assert_close(encoder(one_graph(graph, row)), together[row : row + 1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_bonds_matter(kind):
    encoder, graph = make_encoder(graph=kind), make_graph((5,))
    other = graph._replace(edge_index=torch.tensor([[0, 1, 2, 3, 1, 2, 3, 4], [1, 2, 3, 4, 0, 1, 2, 3]]))
    assert (encoder(graph) - encoder(other)).abs().max() > 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_molecules_without_any_bond(kind):
    encoder, graph = make_encoder(graph=kind).train(), make_graph((1, 1, 1))
    assert graph.edge_index.shape == (2, 0)
    out = encoder(graph)
    out.sum().backward()
    assert out.isfinite().all()


def test_maximum_and_mean_are_pooled_and_in_the_baseline_the_maximum_alone():
    graph = make_graph((4,))
    for kind, parts in (("gcn", 2), ("parent_gcn", 1)):
        encoder = make_encoder(graph=kind)
        atoms = encoder.atom_layers(atom_features(graph.atoms), graph.edge_index)
        pooled = torch.cat([atoms.amax(0), atoms.mean(0)][:parts])
        torch.testing.assert_close(encoder(graph)[0], encoder.dense(pooled))


def test_the_branches_start_from_the_same_atoms():
    torch.manual_seed(0)
    branches = make_encoder().atom_layers[1]
    torch.nn.init.normal_(branches.norm.weight)
    graph, x = make_graph((7,)), torch.randn(7, 6)
    h = branches.norm(x)
    long = h
    for layer in branches.long:
        long = layer.norm(layer.convolution(long, graph.edge_index)).relu()
    mid = branches.mid[1](branches.mid[0](h, graph.edge_index), graph.edge_index)
    expected = branches.fuse(torch.cat([branches.short(h, graph.edge_index), mid, long], 1))
    torch.testing.assert_close(branches(x, graph.edge_index), expected)


def test_attention_without_the_atom_itself_sees_neighbours_alone():
    graph = make_graph((1, 2))
    attention = make_encoder(root=False).atom_layers[0]
    seen = attention(atom_features(graph.atoms), graph.edge_index)
    assert torch.equal(seen[0], torch.zeros(6)), "an atom without neighbours"
    atoms = graph.atoms.clone()
    atoms[1] = (atoms[1] + 1) % 2
    assert torch.equal(attention(atom_features(atoms), graph.edge_index)[1], seen[1])
    with_root = make_encoder().atom_layers[0]
    assert with_root(atom_features(graph.atoms), graph.edge_index)[0].abs().sum() > 0
    saved = weights_of(make_published()) - weights_of(make_published(root=False))
    assert saved == 38 * 152 + 152


def test_the_long_branch_without_activation_can_be_negative():
    graph, x = make_graph((8,)), torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    lowest = {
        wanted: float(make_encoder(sage_activation=wanted).atom_layers[1].long(x, graph.edge_index).detach().min())
        for wanted in (True, False)
    }
    assert lowest[True] >= 0 > lowest[False]


def test_dropout_acts_in_training_alone():
    encoder, graph = make_encoder(dropout=0.5, graph="parent_gcn"), make_graph()
    assert torch.equal(encoder(graph), encoder(graph))
    encoder.train()
    assert not torch.equal(encoder(graph), encoder(graph))


def test_elements_matter():
    encoder, graph = make_encoder(), make_graph((5,))
    atoms = make_atoms(5, torch.Generator().manual_seed(9))
    assert (encoder(graph) - encoder(graph._replace(atoms=atoms))).abs().max() > 1e-4
