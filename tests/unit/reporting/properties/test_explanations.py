import pytest
from matplotlib.colors import to_hex

from spectraflow.reporting.properties.explanation_figures import embedding_maps, late_violins, molecule_drawings
from spectraflow.reporting.properties.explanations import (
    late_tables,
    load_explanations,
    neighbour_tables,
    similarity_tables,
    subgraph_tables,
)
from spectraflow.reporting.runs import load_run
from spectraflow.reporting.theme import SERIES


@pytest.fixture
def examined(make_explanation, make_property_run):
    run = load_run(make_property_run("0123456789ab", {"task": "bace"}, label="late"))
    folders = [make_explanation("0123456789ab"), make_explanation("1123456789ab", "regression")]
    return load_explanations(folders, [run])


def test_models_are_named_by_their_run_if_it_is_known(examined):
    assert [one.name for one in examined] == ["late, BACE", "1123456789ab"]


def test_numbers_stand_beside_their_controls(examined):
    near = neighbour_tables(examined)[0]
    assert near["rows"][0] == {
        **{"stage": "after fine-tuning", "name": "SMILES", "texts": ["0.50", "0.50", "0.50", "0.50", "0.50", "–"]}
    }
    (pair,) = similarity_tables(examined)[0]["rows"]
    assert pair == {
        **{"one": "SMILES", "other": "NMR spectrum", "cka": "0.70", "shuffled_cka": "0.10, at most 0.20"},
        **{"cosine": "0.05 [-0.05, 0.15]", "shuffled_cosine": "0.01"},
    }
    row = late_tables(examined)[0]["rows"][1]
    assert (row["variance"], row["covariance"], row["without"]) == ("25.0", "-12.5", "0.200 [0.100, 0.300]")


def test_subgraphs_of_classifiers_alone(examined):
    (table,) = subgraph_tables(examined)
    assert ("random parts of equal size still positive, %", "30.0 [20.0, 40.0]") in table["facts"]
    (common,) = table["common"]
    assert (common["smarts"], common["positives"], common["odds"]) == ("[#6]-[#8]", "50.0", "4.00 [3.90, 4.10]")


def test_molecules_are_drawn_with_their_subgraph(examined):
    (one,) = molecule_drawings(examined[0])
    assert (one["molecule_id"], one["measured"], one["subgraph_probability"]) == ("m15", "positive", "0.60")
    assert one["drawing"].startswith("<svg")


def test_maps_and_violins_are_drawn_of_what_there_is(examined):
    maps = embedding_maps(examined[1])
    assert [axes.get_title(loc="left") for axes in maps.axes[:2]] == [
        "SMILES, after fine-tuning",
        "NMR spectrum, after fine-tuning",
    ]
    classes = embedding_maps(examined[0])
    assert [text.get_text().rpartition(": ")[2] for text in classes.legends[0].get_texts()] == ["no", "yes"]
    drawn = {to_hex(colour) for dots in classes.axes[0].collections for colour in dots.get_facecolors()}
    assert set(SERIES[:2]) <= drawn
    assert len(late_violins(examined[0]).axes) == 3
    for name in ("map.parquet", "late_parts.parquet"):
        (examined[0].folder / name).unlink()
    (bare,) = load_explanations([examined[0].folder], [])
    assert embedding_maps(bare) is None
    assert late_violins(bare) is None
