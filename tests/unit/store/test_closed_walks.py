import pyarrow as pa
import torch

from spectraflow.molecules.graphs import graph_columns
from spectraflow.store.closed_walks import closed_walks
from spectraflow.store.graphs import GraphStore


def walks_of(*smiles):
    store = GraphStore.from_table(pa.table({"molecule_id": list(smiles), **graph_columns(smiles)}))
    graph = store.batch(torch.arange(len(smiles)))
    return graph, closed_walks(graph)


def test_rings_close_at_their_size_and_chains_never():
    graph, walks = walks_of("C1CCCC1", "c1ccccc1", "CCCCCCCC")
    sizes = [walks.atoms[graph.segment == molecule][0].tolist() for molecule in range(3)]
    assert sizes[0] == [0, 0, 2, 0, 0, 0]
    assert sizes[1] == [0, 0, 0, 2, 0, 0]
    assert sizes[2] == [0] * 6
    ring_bonds = walks.bonds[graph.segment[graph.edge_index[0]] == 1]
    assert ring_bonds[:, :5].tolist() == [[0, 0, 0, 1, 0]] * 12


def test_neighbours_in_the_batch_change_nothing():
    alone = walks_of("C1CC1CC")[1]
    graph, together = walks_of("C1CC1CC", "C" * 30)
    assert together.atoms[graph.segment == 0].tolist() == alone.atoms.tolist()
