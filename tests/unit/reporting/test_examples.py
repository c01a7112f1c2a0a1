from spectraflow.reporting.examples import choose_examples
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
