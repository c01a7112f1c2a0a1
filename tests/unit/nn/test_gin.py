import torch

from spectraflow.nn.gin import GraphIsomorphismNetwork, IsomorphismLayer, bond_counts, sum_pool
from spectraflow.store.graphs import GraphStore


def reference_layer(layer, h, batch):
    """One message a bond and direction and one self-loop, as the equation is written."""
    messages = h + layer.bond_type.weight[4] + layer.bond_direction.weight[0]
    for edge in range(batch.edge_index.shape[1]):
        source, target = batch.edge_index[:, edge].tolist()
        bond = layer.bond_type.weight[batch.edge_type[edge]] + layer.bond_direction.weight[batch.edge_direction[edge]]
        messages = messages.index_add(0, torch.tensor([target]), (h[source] + bond)[None])
    return layer.mlp(messages)


def test_the_layer_is_the_equation(graphs_table):
    batch = GraphStore.read(graphs_table({"a:1": "C/C=C/C(=O)O", "a:2": "c1ccncc1"})).batch(torch.tensor([0, 1]))
    layer = IsomorphismLayer(8)
    h = torch.randn(len(batch.atoms), 8)
    computed = layer(h, batch.edge_index, bond_counts(batch))
    torch.testing.assert_close(computed, reference_layer(layer, h, batch), rtol=1e-5, atol=1e-5)


def test_published_size():
    network = GraphIsomorphismNetwork(layers=5, dim=128)
    assert sum(p.numel() for p in network.parameters()) == 353_152


def test_embeddings_do_not_depend_on_batch_neighbours(graphs_table):
    store = GraphStore.read(graphs_table({"a:1": "CCO", "a:2": "c1ccccc1", "a:3": "[Na+]"}))
    network = GraphIsomorphismNetwork(dim=16).eval()
    together = store.batch(torch.tensor([0, 1, 2]))
    alone = store.batch(torch.tensor([1]))
    torch.testing.assert_close(
        sum_pool(network(together), together)[1], sum_pool(network(alone), alone)[0], rtol=1e-4, atol=1e-5
    )


def test_chirality_can_be_switched_off(graphs_table):
    store = GraphStore.read(graphs_table({"a:1": "C[C@H](N)C(=O)O", "a:2": "C[C@@H](N)C(=O)O"}))
    batch = store.batch(torch.tensor([0, 1]))
    for chirality, equal in ((True, False), (False, True)):
        network = GraphIsomorphismNetwork(dim=16, chirality=chirality).eval()
        pooled = sum_pool(network(batch), batch)
        assert torch.allclose(pooled[0], pooled[1], atol=1e-5) is equal
