import pytest

from spectraflow.reporting.examples import choose_cases, choose_examples, has_fused_rings, repeats_shifts
from spectraflow.tables import ASSIGNMENTS, read_table, write_table


def test_a_right_and_a_wrong_molecule_of_typical_size_are_chosen(tables):
    molecules, alignment, assignments = tables
    good, bad = choose_examples(assignments, molecules, alignment)
    assert all(good.right)
    assert good.spectrum_id == f"{good.molecule_id}/13C/0"
    assert 0 < sum(bad.right) < len(bad.right)
    assert abs(len(good.right) - 12) <= 1
    assert len(good.carbon_atom) == good.smiles.upper().count("C") - good.smiles.count("Cl")


def test_only_right_molecules_give_no_bad_example(tmp_path, tables):
    molecules, alignment, assignments = tables
    rows = read_table(assignments, ASSIGNMENTS).to_pylist()
    right = [row for row in rows if row["molecule_id"] in ("m:0", "m:2")]
    path = tmp_path / "right.parquet"
    write_table(path, ASSIGNMENTS, {name: [row[name] for row in right] for name in ASSIGNMENTS.names})
    good, bad = choose_examples(path, molecules, alignment)
    assert good is not None
    assert bad is None


@pytest.mark.parametrize(
    ("smiles", "fused"),
    [("c1ccc2ccccc2c1", True), ("c1ccc(-c2ccccc2)cc1", False), ("C1CC2(C1)CCC2", False), ("CCO", False)],
)
def test_fused_rings_share_a_bond(smiles, fused):
    assert has_fused_rings(smiles) is fused


def test_symmetric_molecules_repeat_shifts():
    assert repeats_shifts([10.0, 10.0, 20.0, 30.0])
    assert not repeats_shifts([10.0, 10.0, 20.0, 30.0, 40.0])


def test_cases_are_drawn_from_their_classes_without_a_look_at_the_result(tmp_path, tables):
    molecules, alignment, assignments = tables
    cases = choose_cases(assignments, molecules, alignment)
    assert [(case.kind, case.carbons, case.example.molecule_id) for case in cases] == [("fused rings", "<=10", "m:3")]
    rows = read_table(assignments, ASSIGNMENTS).to_pylist()
    for row in rows:
        row["published_ppm"] = 1.0
    other = tmp_path / "other.parquet"
    write_table(other, ASSIGNMENTS, {name: [row[name] for row in rows] for name in ASSIGNMENTS.names})
    assert [case.example.molecule_id for case in choose_cases(other, molecules, alignment)] == ["m:3"]
