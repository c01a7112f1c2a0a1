from spectraflow.reporting.properties.data_tables import accounting_rows, split_rows
from tests.unit.reporting.properties.conftest import COUNTS, audit_of


def test_accounting_has_rejects_by_reason_and_errata(written):
    regression = {"task": "esol", "cleaning": "paper", "kind": "regression", "mean": -3.05, "sd": 2.1}
    paths = [written("esol.json", regression), written("bbbp.json", COUNTS)]
    bbbp, esol = accounting_rows(paths)
    assert (bbbp["name"], bbbp["words"], esol["name"]) == ("BBBP", "equal molecules merged", "ESOL")
    assert bbbp["counts"] == ["2,050", "1,949", "11", "70", "20"]
    assert bbbp["reasons"] == "unreadable molecule: 11, not a label (a label): 2"
    assert (bbbp["repeated"], bbbp["labels"]) == ("60 (10)", "75.0 %")
    assert (esol["labels"], esol["reasons"]) == ("-3.05 ± 2.10", "none")


def test_of_many_targets_of_one_class_a_few_are_named(written):
    names = [f"t{i}" for i in range(6)]
    (row,) = accounting_rows([written("counts.json", {**COUNTS, "one_class": names})])
    assert row["one_class"] == "t0, t1, t2, t3 and 2 more"


def test_seeds_of_a_split_are_one_row_of_ranges(written):
    audits = [
        written("tox21-paper/scaffold_balanced-0.audit.json", audit_of(10)),
        written("tox21-paper/scaffold_balanced-1.audit.json", audit_of(12, ["b"])),
        written("bace-strict/scaffold_deterministic-0.audit.json", audit_of(10)),
    ]
    bace, tox = split_rows(audits)
    assert bace["words"] == "largest scaffolds first, another split than the published one; equal molecules merged"
    assert (tox["name"], tox["seeds"], tox["sizes"]) == ("Tox21", 2, ["80", "10", "10 to 12"])
    assert tox["positives"] == ["16", "2", "2"]
    assert (tox["evaluable"], tox["targets"], tox["named"]) == ("1 to 2", 2, "b")
    assert tox["one_class"] == "0 to 1 / 0 to 1 / 0 to 1"
    assert (tox["shared"], tox["scaffolds"]) == ("3", "0")
