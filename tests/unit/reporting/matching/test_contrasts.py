from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.matching.contrasts import ablations, forms

GCN = {"network": {"graph": "gcn", "attention": "shared"}}
VECTORS = {"network": {"spectra": "vectors"}}
COUNTS = ({"kind": "line_counts"}, {"label": "counts", "quality": 0.4})


def test_a_part_is_told_by_the_papers_letter_with_its_gain(
    tmp_path, real_published, make_matching_entries, nothing_published
):
    entries = make_matching_entries(({}, {}), (GCN, {"quality": 0.4}), ({"network": {"attention": "gate"}}, {}))
    (table,) = ablations(entries, nothing_published)
    one, gate = table["rows"]
    assert one["name"] == "A: one GCN, one shared CBAM, no gate"
    assert one["cells"][0]["apart"]
    assert float(one["cells"][0]["value"]) > 0
    assert gate["name"] == "gate alone"
    folders = [run.folder for entry in entries for run in entry.experiment.runs]
    printed = compare_runs(real_published, folders, tmp_path / "c.csv", data="published")
    (table,) = ablations(entries, printed)
    assert [cell["published"] for cell in table["rows"][0]["cells"]] == ["+16.9", "", "+6.8", "", ""]
    assert not any(cell["published"] for cell in table["rows"][1]["cells"])


def test_a_model_that_differs_in_more_is_no_ablation(make_matching_entries, nothing_published):
    other = {"network": {**GCN["network"], "molecule_dim": 64}}
    assert ablations(make_matching_entries(({}, {}), (other, {})), nothing_published) == []
    assert ablations(make_matching_entries((GCN, {})), nothing_published) == []


def test_an_exchanged_backbone_bears_no_letter(make_matching_entries, nothing_published):
    other = {"network": {**GCN["network"], "backbone": {"name": "tiny"}}}
    (table,) = ablations(make_matching_entries(({}, {}), (other, {})), nothing_published)
    assert table["rows"][0]["name"] == "one GCN, one shared CBAM, no gate, backbone tiny"


def test_images_are_told_from_their_twin_and_from_counting(make_matching_entries):
    entries = make_matching_entries(({}, {"quality": 0.5}), (VECTORS, {"quality": 1.2}), COUNTS)
    (table,) = forms(entries)
    rows = {row["name"]: row["cells"][0] for row in table["rows"]}
    assert list(rows) == [
        "images minus columns as vectors",
        "images minus counting lines",
        "columns as vectors minus counting lines",
    ]
    assert float(rows["images minus columns as vectors"]["value"]) < 0
    assert rows["columns as vectors minus counting lines"]["apart"]


def test_vectors_of_another_width_are_no_twin(make_matching_entries):
    other = {"network": {"spectra": "vectors", "hidden": 64}}
    assert forms(make_matching_entries(({}, {}), (other, {}))) == []


def test_a_data_set_without_images_is_compared_with_counting(make_matching_entries):
    (table,) = forms(make_matching_entries((VECTORS, {}), COUNTS))
    assert [row["name"] for row in table["rows"]] == ["columns as vectors minus counting lines"]
