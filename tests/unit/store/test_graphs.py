from pathlib import Path

import pytest
import torch
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.store.graphs import GraphStore

SMILES = {"a:1": "CCO", "a:2": "c1ccccc1C(=O)O", "a:3": "[Na+]", "a:4": "C#N"}


def test_a_batch_is_the_disjoint_union_of_its_graphs(graphs_table):
    store = GraphStore.read(graphs_table(SMILES))
    batch = store.batch(torch.tensor([1, 2, 0]))
    assert batch.atom_counts.tolist() == [9, 1, 3]
    assert batch.atoms[:, 0].tolist() == [6] * 7 + [8, 8] + [11] + [6, 6, 8]
    bonds = {tuple(sorted(edge)) for edge in batch.edge_index.T.tolist()}
    expected, first = set(), 0
    for name in ("a:2", "a:3", "a:1"):
        mol = Chem.MolFromSmiles(SMILES[name])
        ends = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]
        expected |= {tuple(sorted((first + a, first + b))) for a, b in ends}
        first += mol.GetNumAtoms()
    assert bonds == expected
    assert batch.edge_index.shape[1] == 2 * len(expected)


def test_graphs_come_in_the_order_asked_for_and_missing_ones_are_named(graphs_table):
    path = graphs_table(SMILES)
    assert GraphStore.read(path, ["a:4", "a:1"]).atoms.counts.tolist() == [2, 3]
    with pytest.raises(InputError, match="no graph for a:9"):
        GraphStore.read(path, ["a:1", "a:9"])


def test_scanning_yields_every_graph_once(graphs_table):
    path = graphs_table(SMILES)
    assert [name for store in GraphStore.scan(path, rows=3) for name in store.molecule_ids] == list(SMILES)


def test_pyg_data_has_the_same_bonds(graphs_table):
    store = GraphStore.read(graphs_table(SMILES))
    data = store.to_pyg(3)
    assert data.x[:, 0].tolist() == [6, 7]
    assert data.edge_index.tolist() == [[0, 1], [1, 0]]
    assert data.edge_attr[:, 0].tolist() == [2, 2]
    data.validate(raise_on_error=True)


def test_a_missing_table_is_a_clear_error(tmp_path: Path):
    with pytest.raises(InputError, match="no such graphs table"):
        GraphStore.read(tmp_path / "none.parquet")
