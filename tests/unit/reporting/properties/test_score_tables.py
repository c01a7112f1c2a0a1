import polars as pl
import pytest

from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.reporting.comparison import SCHEMA
from spectraflow.reporting.properties.entries import AVERAGE
from spectraflow.reporting.properties.score_tables import score_tables
from tests.unit.reporting.property_runs import pretrained

NOTHING = pl.DataFrame(schema=SCHEMA)


def published(*rows):
    """Return a comparison with cells of (run ids, metric, value, sd)."""
    empty = dict.fromkeys(SCHEMA)
    values = [
        {**empty, "table": "Table 1", "run_ids": ids, "metric": metric, "published": value, "published_sd": sd}
        for ids, metric, value, sd in rows
    ]
    return pl.DataFrame(values, schema=SCHEMA)


def test_classes_are_percent_and_numbers_in_their_unit(entries):
    found = entries(
        ({"task": "bbbp", "split_seed": 0}, {"score": 0.9}),
        ({"task": "bbbp", "split_seed": 1}, {"score": 0.94}),
        ({"task": "esol"}, {"score": 1.05}),
        ({"task": "esol", "kind": "mean"}, {"score": 2.1, "label": "mean"}),
    )
    table = published(
        ("000000000000 000000000001", "property/auc", 91.9, 3.0), ("000000000002", "property/rmse", 1.05, None)
    )
    (one,) = score_tables(found, table)
    classes, numbers = one["tables"]
    assert one["title"] == "shuffled scaffolds, as published; every row kept"
    (row,) = classes["rows"]
    assert row["cells"] == [
        {"text": "92.0 ± 2.8", "interval": "", "runs": "n = 2", "published": "published 91.9 ± 3.0"}
    ]
    first, mean = numbers["rows"]
    assert first["cells"][0] == {
        **{"text": "1.050", "interval": "1.030 to 1.070", "runs": "n = 1", "published": "published 1.050"}
    }
    assert mean["floor"]
    assert numbers["tasks"][0]["unit"] == "log mol/L"
    assert [more["title"] for more in numbers["more"]] == ["mean error", "R²"]


def test_published_averages_are_recomputed(entries):
    found = entries(*[({"task": "bbbp", "pretraining": pretrained(name)}, {"label": name}) for name in MODALITIES])
    values = [92.9, 93.1, 91.0, 92.9, 93.4]
    cells = [(f"{i:012x}", "property/auc", value, 1.0) for i, value in enumerate(values)]
    (one,) = score_tables(found, published(*cells))
    row = one["tables"][0]["rows"][-1]
    assert (row["name"], row["average"]) == (AVERAGE, True)
    assert row["cells"][0]["published"] == "published 92.7"
    (one,) = score_tables(found, published(*cells[1:]))
    assert one["tables"][0]["rows"][-1]["cells"][0]["published"] == ""


def test_budgets_and_targets_that_could_not_be_scored_stand_in_the_column(entries):
    short = {"task": "muv", "molecules": 2000, "training": {"epochs": 12}}
    found = entries((short, {"evaluable": 0}), ({**short, "split_seed": 1}, {}), ({"task": "bbbp"}, {}))
    (one,) = score_tables(found, NOTHING)
    plain, muv = one["tables"][0]["tasks"]
    assert (plain["budget"], plain["targets"]) == ("", "")
    assert muv["budget"] == "at most 2,000 training molecules; at most 12 epochs instead of 100"
    assert muv["targets"] == "0 to 1 of 1 targets scored"


@pytest.mark.parametrize(("score", "text"), [(None, "undefined"), (0.5, "50.0")])
def test_undefined_scores_are_said(entries, score, text):
    (one,) = score_tables(entries(({"task": "bbbp"}, {"score": score})), NOTHING)
    assert one["tables"][0]["rows"][0]["cells"][0]["text"] == text


def test_other_splits_have_tables_of_their_own(entries):
    found = entries(({}, {}), ({"protocol": "scaffold_deterministic"}, {}))
    assert [one["title"].split(";")[0] for one in score_tables(found, NOTHING)] == [
        "shuffled scaffolds, as published",
        "largest scaffolds first, another split than the published one",
    ]
