from spectraflow.reporting.groups.score_tables import score_tables


def seeds(values, count, **options):
    return [({**values, "training": {"seed": seed}}, options) for seed in range(count)]


def rows_of(entries, table=0):
    (found,) = score_tables(entries)
    return [row for group in found["tables"][table]["groups"] for row in group["rows"]]


def test_floors_come_first_and_are_never_best(make_entries):
    entries = make_entries(
        ({}, {"quality": 0.8}), ({"kind": "cnn"}, {"quality": 0.7}), ({"kind": "commonest"}, {"label": "floor"})
    )
    rows = rows_of(entries)
    assert [row["floor"] for row in rows] == [True, False, False]
    assert [row["cells"][0]["mark"] for row in rows] == ["", "best", ""]
    assert rows[0]["cells"][0]["text"] > rows[1]["cells"][0]["text"]


def test_what_is_not_worse_is_marked(make_entries):
    values = [({}, {"quality": 0.85}), ({"kind": "cnn"}, {"quality": 0.849}), ({"kind": "xgboost"}, {"quality": 0.6})]
    marks = [row["cells"][0]["mark"] for row in rows_of(make_entries(*values))]
    assert set(marks[:2]) == {"best", "tied"}
    assert marks[2] == ""


def test_seeds_are_averaged_and_tested_against_the_reference(make_entries):
    runs = [*seeds({}, 3), *seeds({"kind": "cnn"}, 3, quality=0.6), *seeds({"kind": "xgboost"}, 3, quality=0.88)]
    reference, cnn, trees = rows_of(make_entries(*runs))
    assert [row["runs"] for row in (reference, cnn, trees)] == [3, 3, 3]
    assert (reference["difference"]["value"], reference["p"]) == ("reference", "–")
    assert float(cnn["difference"]["value"]) < 0
    assert float(trees["holm"]) >= float(trees["p"])


def test_single_runs_have_no_p(make_entries):
    assert rows_of(make_entries(({}, {}), ({"kind": "cnn"}, {"quality": 0.7})))[1]["p"] == "–"


def test_grids_have_tables_of_their_own_and_tuned_rows_are_kept(make_entries):
    grid = {"label": "orders", "grids": ["orders"]}
    entries = make_entries(({}, {}), *(({"network": {"order": o}}, grid) for o in ("frequency", "gnn")))
    assert len(rows_of(entries, 0)) == 1
    assert len(rows_of(entries, 1)) == 2
    row = rows_of(entries)[0]
    assert row["tuned"][0]["text"] == row["cells"][0]["text"]
    assert (row["parameters"], row["seconds"]) == ("1,234,567", "7,200")


def test_other_molecules_are_a_class_of_their_own(make_entries):
    (found,) = score_tables(make_entries(({}, {}), ({"modalities": ["IR"]}, {"molecules": 40, "quality": 0.7})))
    groups = found["tables"][0]["groups"]
    assert [group["molecules"] for group in groups] == ["60", "40"]
    assert groups[1]["rows"][0]["difference"]["value"] == "other molecules"
