import pytest

from spectraflow.errors import InputError
from spectraflow.splits.audit import audit_split, label_prevalence
from spectraflow.splits.molecules import SplitMolecules
from spectraflow.tables import TableWriter, labels_schema

MOLECULES = SplitMolecules(
    ids=["x:0", "x:1", "x:2", "x:3", "x:4"],
    first_blocks=["A", "A", "B", "A", "C"],
    identity_keys=["a1", "a2", "b", "a1", "c"],
    scaffolds=["r", "r", "", "r", ""],
)
PARTS = ["train", "train", "val", "test", "test"]


def test_sizes_and_overlaps_are_counted():
    found = audit_split(MOLECULES, PARTS)
    assert found["sizes"]["train"] == {"molecules": 2, "first_blocks": 1, "identity_keys": 2, "scaffolds": 1}
    assert found["sizes"]["test"] == {"molecules": 2, "first_blocks": 2, "identity_keys": 2, "scaffolds": 1}
    assert found["overlap"]["train-test"] == {"first_blocks": 1, "identity_keys": 1, "scaffolds": 1, "molecules": 1}
    assert found["overlap"]["val-test"] == {"first_blocks": 0, "identity_keys": 0, "scaffolds": 0, "molecules": 0}


def test_prevalence_leaves_unknown_labels_out(tmp_path):
    with TableWriter(tmp_path / "l.parquet", labels_schema(["Ether"])) as writer:
        writer.write({"molecule_id": ["x:9", "x:4", "x:1", "x:0"], "Ether": [True, True, None, False]})
    found = label_prevalence(tmp_path / "l.parquet", MOLECULES.ids, PARTS)["Ether"]
    assert found["train"] == {"known": 1, "positive": 0, "prevalence": 0.0}
    assert found["val"] == {"known": 0, "positive": 0, "prevalence": None}
    assert found["test"] == {"known": 1, "positive": 1, "prevalence": 1.0}


def test_unreadable_labels_are_named(tmp_path):
    (tmp_path / "l.parquet").write_text("no table")
    with pytest.raises(InputError, match=r"l\.parquet: not a readable labels table"):
        label_prevalence(tmp_path / "l.parquet", MOLECULES.ids, PARTS)
