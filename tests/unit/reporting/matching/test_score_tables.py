from spectraflow.reporting.matching.score_tables import score_tables

COUNTS = ({"kind": "line_counts"}, {"label": "counts", "quality": 0.6})
VECTORS = {"network": {"spectra": "vectors"}}


def table_of(entries, number=0):
    return score_tables(entries)[0]["tables"][number]


def test_floors_come_first_and_are_never_best(make_matching_entries):
    blind = ({"network": {"blind": "spectra"}}, {"label": "blind"})
    counts = (COUNTS[0], {"label": "counts", "quality": 3.0})
    rows = table_of(make_matching_entries(({}, {}), blind, (VECTORS, {"quality": 0.5}), counts))["rows"]
    assert [row["name"] for row in rows][:2] == ["counts", "blind"]
    assert [row["floor"] for row in rows] == [True, True, False, False]
    assert [row["cells"][0]["mark"] for row in rows] == ["", "", "best", ""]


def test_a_model_that_is_not_worse_is_tied(make_matching_entries):
    values = [({}, {}), ({**VECTORS, "training": {"seed": 1}}, {}), ({"network": {"graph": "gcn"}}, {"quality": 0.2})]
    marks = [row["cells"][0]["mark"] for row in table_of(make_matching_entries(*values))["rows"]]
    assert set(marks[:2]) == {"best", "tied"}
    assert marks[2] == ""


def test_the_difference_from_counting_lines_is_paired(make_matching_entries):
    rows = {row["name"]: row["difference"] for row in table_of(make_matching_entries(({}, {}), COUNTS))["rows"]}
    assert rows["counts"]["value"] == "reference"
    low, high = map(float, rows["SpecMol-MatchNet"]["interval"].split(" to "))
    assert 0 < low < float(rows["SpecMol-MatchNet"]["value"]) < high


def test_without_counting_lines_there_is_no_difference(make_matching_entries):
    assert table_of(make_matching_entries(({}, {})))["rows"][0]["difference"]["value"] == "–"


def test_near_and_diff_have_decisions_and_all_sets_an_auc(make_matching_entries):
    table = table_of(make_matching_entries(({}, {})))
    assert table["sets"] == ["near", "uniform", "dissimilar", "nearest", "isomers"]
    assert table["decided"] == ["near", "dissimilar"]
    assert len(table["rows"][0]["decisions"]) == 8


def test_seeds_are_averaged(make_matching_entries):
    runs = [({"training": {"seed": seed}}, {}) for seed in range(3)]
    (row,) = table_of(make_matching_entries(*runs))["rows"]
    assert row["runs"] == 3
    assert row["cells"][0]["interval"]


def test_grids_have_counting_and_the_reference_beside_them(make_matching_entries):
    cell = {"label": "ablations", "grids": ["ablations"]}
    entries = make_matching_entries(({}, {}), COUNTS, ({"network": {"graph": "gcn"}}, cell))
    assert [row["name"] for row in table_of(entries, 0)["rows"]] == ["counts", "SpecMol-MatchNet"]
    assert [row["name"] for row in table_of(entries, 1)["rows"]] == ["counts", "SpecMol-MatchNet", "ablations"]


def test_parts_of_a_comparator_stand_below_it(make_matching_entries):
    extra = {"matching/near/auc_lines": 0.8, "matching/near/auc_line_counts": 0.9}
    (row,) = table_of(make_matching_entries(({"kind": "line_counts"}, {"extra": extra})))["rows"]
    assert [part["name"] for part in row["parts"]] == ["¹³C lines alone"]
    assert [cell["text"] for cell in row["parts"][0]["cells"]] == ["80.0", "–", "–", "–", "–"]


def test_what_a_model_cannot_score_is_said(make_matching_entries):
    external = ({"kind": "shift_model", "scores": "x"}, {"label": "shifts", "unscored": 200, "quality": 1.5})
    (text,) = table_of(make_matching_entries(COUNTS, external))["partly"]
    assert "shifts can score 140 of 240 pairs" in text
    assert "points from that of counting lines on the same ones" in text
