from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.reporting.properties.contrasts import claims, contrast_tables, contrasts, fingerprint_labels
from tests.unit.reporting.property_runs import pretrained

LATE = {"kind": "late", "pretraining": pretrained(*MODALITIES)}


def scored(task, label, values, scores):
    return [
        ({**values, "task": task, "split_seed": seed}, {"label": label, "score": score})
        for seed, score in enumerate(scores)
    ]


def test_gains_are_in_favour_of_the_row_whatever_the_score(entries):
    found = entries(
        *scored("bbbp", "plain", {}, [0.8, 0.82, 0.81]),
        *scored("bbbp", "late", LATE, [0.9, 0.93, 0.91]),
        *scored("esol", "plain", {}, [1.0, 1.1, 1.2]),
        *scored("esol", "late", LATE, [0.9, 1.0, 1.1]),
    )
    (table,) = contrast_tables(contrasts(found, ["plain"]))
    assert table["title"] == "against plain"
    assert table["tasks"] == ["BBBP, points", "ESOL, log mol/L"]
    (row,) = table["rows"]
    assert [cell["value"] for cell in row["cells"]] == ["+10.3", "+0.100"]
    assert [cell["splits"] for cell in row["cells"]] == ["3–0–0", "3–0–0"]
    assert all(cell["strong"] for cell in row["cells"])
    assert "Wilcoxon 0.25" in row["cells"][0]["tests"]
    assert row["record"] == "2 / 0 / 0"


def test_a_single_split_has_no_test(entries):
    found = entries(*scored("bbbp", "plain", {}, [0.8]), *scored("bbbp", "late", LATE, [0.9]))
    (table,) = contrast_tables(contrasts(found, ["plain"]))
    (cell,) = table["rows"][0]["cells"]
    assert cell == {"value": "+10.0", "interval": "", "tests": [], "splits": "1–0–0", "strong": False}


def test_one_split_is_compared_by_its_molecules(entries):
    other = {"protocol": "scaffold_deterministic"}
    found = entries(*scored("bbbp", "plain", other, [0.8]), *scored("bbbp", "late", {**LATE, **other}, [0.8]))
    (table,) = contrast_tables(contrasts(found, ["plain"], draws=50))
    (cell,) = table["rows"][0]["cells"]
    assert cell["interval"]
    assert not cell["strong"]


def test_claims_say_majority_and_where_a_fusion_is_behind(entries):
    found = entries(
        *scored("bbbp", "plain", {}, [0.8]),
        *scored("bace", "plain", {}, [0.8]),
        *scored("esol", "plain", {}, [1.0]),
        *scored("bbbp", "late", LATE, [0.9]),
        *scored("bace", "late", LATE, [0.75]),
        *scored("esol", "late", LATE, [1.5]),
    )
    (claim,) = claims(contrasts(found, ["plain"]))
    assert (claim["better"], claim["majority"], claim["verdict"]) == ("1 of 3", False, "no majority")
    assert claim["significant"] == "0 better, 0 worse"
    assert claim["behind"] == "BACE -5.0 points, ESOL -0.500 log mol/L"
    assert claim["median"] == "+2.5 points of AUC, -50 % of the error"


def test_tasks_with_reduced_fits_make_claims_of_their_own(entries):
    short = {"training": {"epochs": 2}}
    found = entries(
        *scored("bbbp", "plain", {}, [0.8]),
        *scored("esol", "plain", short, [1.0]),
        *scored("bbbp", "late", LATE, [0.9]),
        *scored("esol", "late", {**LATE, **short}, [1.5]),
    )
    whole, reduced = claims(contrasts(found, ["plain"]))
    assert (whole["extent"], whole["better"], whole["majority"]) == ("whole", "1 of 1", True)
    assert (reduced["extent"], reduced["better"], reduced["majority"]) == ("reduced fits", "0 of 1", False)


def test_only_fingerprints_are_baselines_and_only_fusions_make_claims(entries):
    found = entries(
        ({}, {"label": "plain"}),
        ({"kind": "forest"}, {"label": "forest"}),
        ({"kind": "boosting"}, {"label": "trees"}),
        ({"kind": "mean"}, {"label": "mean"}),
    )
    assert fingerprint_labels(found) == ["forest", "trees"]
    assert claims(contrasts(found, ["plain"])) == []


def test_tasks_of_one_model_alone_are_named(entries):
    found = entries(
        *scored("bbbp", "plain", {}, [0.8]), *scored("bace", "plain", {}, [0.8]), *scored("bbbp", "late", LATE, [0.9])
    )
    (table,) = contrast_tables(contrasts(found, ["plain"]))
    assert table["skipped"] == ["late: bace/paper/scaffold_balanced: runs of one model alone"]
