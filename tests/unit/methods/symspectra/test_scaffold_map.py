import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.scaffold_map import map_split
from spectraflow.tables import SCAFFOLD_MAP, SPLITS, read_table
from tests.unit.conftest import write_rows

PYRIDINES = ["c1ccncc1" + tail for tail in ("C", "N", "O", "CC", "CO", "Cl", "F", "Br", "CN", "C=O")]
STEROIDS = ["C1CCC2C(C1)CCC1C2CCC2CCCC12" + tail for tail in ("C", "N", "O", "CC", "CO", "Cl", "F", "Br", "CN", "C=O")]


@pytest.fixture
def files(molecules_table, tmp_path):
    """Two families of scaffolds, an acyclic molecule, and one that the split does not have."""
    smiles = {f"m{n:02}": text for n, text in enumerate([*PYRIDINES, *STEROIDS])}
    parts = {name: "train" if text in PYRIDINES else "test" for name, text in smiles.items()}
    molecules = molecules_table({**smiles, "chain": "CCCO", "left out": "c1ccccc1"})
    rows = [{"molecule_id": name, "part": part} for name, part in {**parts, "chain": "train"}.items()]
    return molecules, write_rows(tmp_path / "split.parquet", SPLITS, rows), parts


def test_alike_scaffolds_lie_together(files, tmp_path):
    molecules, split, parts = files
    map_split(molecules, split, tmp_path / "map.parquet")
    rows = read_table(tmp_path / "map.parquet", SCAFFOLD_MAP).to_pylist()
    assert {row["molecule_id"]: row["part"] for row in rows} == parts
    places = {
        part: np.array([(row["x"], row["y"]) for row in rows if row["part"] == part]) for part in ("train", "test")
    }
    between = np.linalg.norm(places["train"].mean(0) - places["test"].mean(0))
    assert between > 2 * max(one.std(0).max() for one in places.values())


def test_a_large_split_is_drawn_in_part_and_always_alike(files, tmp_path):
    molecules, split, parts = files
    for name in ("one", "again"):
        map_split(molecules, split, tmp_path / name, seed=3, drawn=8)
    one, again = (read_table(tmp_path / name, SCAFFOLD_MAP).to_pydict() for name in ("one", "again"))
    assert one == again
    assert len(one["molecule_id"]) == 8
    assert set(one["molecule_id"]) < set(parts)


def test_too_few_molecules_are_an_error(molecules_table, tmp_path):
    molecules = molecules_table({"a": "c1ccccc1", "b": "C1CCCCC1", "c": "CCO"})
    split = write_rows(tmp_path / "s", SPLITS, [{"molecule_id": name, "part": "train"} for name in "abc"])
    with pytest.raises(InputError, match="2 molecules with a ring"):
        map_split(molecules, split, tmp_path / "map.parquet")
