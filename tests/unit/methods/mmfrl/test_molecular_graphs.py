import csv
import gzip
from pathlib import Path

import pytest
import torch
import typer
from chemprop.data import BatchMolGraph
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from chemprop.featurizers.atom import get_multi_hot_atom_featurizer
from rdkit import Chem, rdBase
from typer.testing import CliRunner

from spectraflow.errors import InputError, UnreadableFileError
from spectraflow.methods.mmfrl.commands_graphs import app
from spectraflow.methods.mmfrl.molecular_graphs import Featuriser, MolecularGraphs, write_graphs
from spectraflow.tables import PROPERTIES, TableWriter
from spectraflow.training.checkpoint import load_checkpoint, save_checkpoint

SMILES = [
    "CCO",
    "C",
    "[Na+].[Cl-]",
    "C/C=C/C(=O)N[C@@H](C)c1ccccc1",
    "C/C=C\\C(=O)N[C@H](C)c1ccccc1",
    "[2H]C([2H])([2H])C",
    "[13CH4]",
    "O=[N+]([O-])c1cc[nH]c1",
    "F[P-](F)(F)(F)(F)F",
    "[Fe+2]",
    "C[Pt](N)Cl",
    "C#CC1CC1",
    "[H][H]",
    "[Na]",
    "C=C=C",
]
FREESOLV = Path(__file__).parents[5] / "shared" / "data" / "moleculenet" / "SAMPL.csv.gz"


def write_properties(path: Path, smiles: list[str]) -> Path:
    with TableWriter(path, PROPERTIES) as writer:
        writer.write_rows(
            [{"molecule_id": f"x:{i}", "row": i, "smiles": text, "scaffold": ""} for i, text in enumerate(smiles)]
        )
    return path


def chemprop_batch(smiles: list[str], featuriser: Featuriser) -> BatchMolGraph:
    featurise = SimpleMoleculeMolGraphFeaturizer(atom_featurizer=get_multi_hot_atom_featurizer(featuriser))
    return BatchMolGraph([featurise(Chem.MolFromSmiles(text)) for text in smiles])


def assert_equals_chemprops(
    graphs: MolecularGraphs, smiles: list[str], rows: list[int], featuriser: Featuriser
) -> None:
    found = graphs.batch(torch.tensor(rows))
    expected = chemprop_batch([smiles[row] for row in rows], featuriser)
    assert len(found) == len(expected)
    for name in ("V", "E", "edge_index", "rev_edge_index", "batch"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype, name
        assert torch.equal(one, other), name


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The graphs of SMILES."""
    path = tmp_path / "graphs.safetensors"
    assert write_graphs(write_properties(tmp_path / "table.parquet", SMILES), path) == len(SMILES)
    return path


@pytest.mark.parametrize("featuriser", ["v1", "v2"])
@pytest.mark.parametrize("rows", [list(range(len(SMILES))), [3, 1, 3, 2, 0], [1, 9], [1]])
def test_batch_is_chemprops_bit_for_bit(stored: Path, featuriser: Featuriser, rows: list[int]) -> None:
    assert_equals_chemprops(MolecularGraphs.read(stored, featuriser), SMILES, rows, featuriser)


@pytest.mark.real_data
@pytest.mark.skipif(not FREESOLV.exists(), reason="needs the mirror of real data")
def test_a_whole_published_task_is_chemprops(tmp_path: Path) -> None:
    with gzip.open(FREESOLV, "rt") as file, rdBase.BlockLogs():
        smiles = [Chem.CanonSmiles(row["smiles"]) for row in csv.DictReader(file)]
    write_graphs(write_properties(tmp_path / "table.parquet", smiles), tmp_path / "graphs.safetensors")
    graphs = MolecularGraphs.read(tmp_path / "graphs.safetensors")
    assert len(graphs) == 642
    assert_equals_chemprops(graphs, smiles, torch.randperm(642).tolist(), "v1")


def test_graphs_keep_the_tables_order(stored: Path) -> None:
    graphs = MolecularGraphs.read(stored)
    assert graphs.molecule_ids == [f"x:{i}" for i in range(len(SMILES))]
    assert graphs.atoms.counts.tolist() == [Chem.MolFromSmiles(text).GetNumAtoms() for text in SMILES]


def test_equal_tables_give_equal_files(stored: Path, tmp_path: Path) -> None:
    write_graphs(tmp_path / "table.parquet", tmp_path / "again.safetensors")
    (first, names), (second, again) = load_checkpoint(stored), load_checkpoint(tmp_path / "again.safetensors")
    assert names == again
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_table_without_a_single_bond(tmp_path: Path) -> None:
    write_graphs(write_properties(tmp_path / "table.parquet", ["C", "[Na+].[Cl-]"]), tmp_path / "g")
    batch = MolecularGraphs.read(tmp_path / "g").batch(torch.tensor([1, 0]))
    assert batch.V.shape == (3, 133)
    assert batch.E.shape == (0, 14)
    assert batch.edge_index.shape == (2, 0)
    assert batch.batch.tolist() == [0, 0, 1]


@pytest.mark.parametrize("bad", ["C(C)(C)(C)(C)C", "nonsense", ""])
def test_unreadable_smiles_is_named_and_nothing_is_left(tmp_path: Path, bad: str) -> None:
    table = write_properties(tmp_path / "table.parquet", ["CC", bad, "C"])
    with pytest.raises(InputError, match=r"table\.parquet: x:1: no graph"):
        write_graphs(table, tmp_path / "graphs.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_other_and_damaged_files_are_refused(stored: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "other", {"weights": torch.zeros(2)}, {})
    with pytest.raises(InputError, match="not a file of molecular graphs"):
        MolecularGraphs.read(tmp_path / "other")
    stored.write_bytes(stored.read_bytes()[:-8])
    with pytest.raises(UnreadableFileError):
        MolecularGraphs.read(stored)
    with pytest.raises(InputError):
        MolecularGraphs.read(tmp_path / "missing")


def test_command_writes_the_graphs(tmp_path: Path) -> None:
    table = write_properties(tmp_path / "table.parquet", ["CC", "O"])
    commands = typer.Typer()
    commands.add_typer(app, name="graphs")
    arguments = ["graphs", "featurise", "--table", str(table), "--out", str(tmp_path / "out" / "graphs.safetensors")]
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 0, result.output
    assert "2 graphs" in result.output
    assert len(MolecularGraphs.read(tmp_path / "out" / "graphs.safetensors")) == 2
