import polars as pl
import pytest

from spectraflow.reporting import sections
from spectraflow.reporting.comparison import SCHEMA
from spectraflow.reporting.labels import metric_name, plain, run_names, short_metric_name, with_interval
from spectraflow.reporting.runs import Measured, load_run


def test_nested_counts_become_blocks_and_nothing_is_lost():
    value = {"records": 10, "rejects": {"b": 1, "a": 7}, "deep": {"x": {"y": 3}, "z": "text"}, "empty": {}}
    found = {block.title: block for block in sections.blocks(value, "t")}
    assert found["t"].facts == [("records", "10"), ("empty", "–")]
    assert [bar[:2] for bar in found["t › rejects"].bars] == [("a", "7"), ("b", "1")]
    assert found["t › rejects"].bars[0][2] == 1.0
    assert found["t › deep"].facts == [("z", "text")]
    assert found["t › deep › x"].bars == [("y", "3", 1.0)]


def test_zero_counts_have_no_bar():
    assert sections.blocks({"overlaps": {"train-test": 0}}, "t")[0].bars == [("train-test", "0", 0.0)]
    assert sections.blocks({}, "t")[0].title == "t"


def test_cards_without_published_numbers_say_so(make_run):
    empty = pl.DataFrame(schema=SCHEMA)
    cards = sections.cards(load_run(make_run("a")), empty)
    assert len(cards) == 4
    assert {card.published for card in cards} == {""}
    assert cards[-1].title == "truth among the first 1 of 10,000"
    assert cards[-1].note == "by chance 0.010"


def test_retrieval_lists_controls_and_chance(make_run):
    section = sections.retrieval_section(load_run(make_run("a")), pl.DataFrame(schema=SCHEMA))
    rows = {(k, kind): texts for k, kind, texts in section["rows"]}
    assert section["sizes"] == ["100", "1,000", "10,000"]
    assert rows["hit@1", "chance"] == ["1.000", "0.100", "0.010"]
    assert rows["hit@1", "random scores"] == ["1.00", "0.10", "0.01"]
    assert {block.title for block in section["blocks"]} >= {"Queries and library › removed"}


def test_runs_are_named_by_what_differs(make_run):
    runs = [
        load_run(make_run("a")),
        load_run(make_run("b", {"objective": {"discrimination": "strong"}})),
        load_run(make_run("c", {"fold": 1})),
        load_run(make_run("d", {"fold": 1}, label="K-M3AID")),
    ]
    names = run_names(runs)
    assert len(set(names.values())) == 4
    assert names["b"] == "K-M3AID, SP-ID, fold 0"
    experiments = run_names(runs, repetitions=False)
    assert experiments["a"] == experiments["c"] == "K-M3AID, K-ID"
    assert run_names(runs[:1]) == {"a": "K-M3AID"}


@pytest.mark.parametrize(
    ("metric", "long", "short"),
    [
        ("retrieval/1000/5", "truth among the first 5 of 1,000", "hit@5 of 1,000"),
        ("exact/published/<=10", "every peak right, ≤ 10 C, published metric", "≤ 10 C (as counted)"),
        ("exact/argmax/worded/>20", "every peak right, > 20 C (bins as worded), argmax", "> 20 C (as worded)"),
        (
            "exact_joint/hungarian/>20",
            "every peak right, > 20 C, one-to-one, by alignment and predicted shifts together",
            "every peak right, > 20 C, one-to-one, by alignment and predicted shifts together",
        ),
        (
            "atom_head/argmax",
            "atoms, plain argmax, by predicted shifts",
            "atoms, plain argmax, by predicted shifts",
        ),
        ("new/metric_name", "new, metric name", "new, metric name"),
    ],
)
def test_metric_names(metric, long, short):
    assert metric_name(metric) == long
    assert short_metric_name(metric) == short


def test_numbers_as_text():
    assert with_interval(Measured(0.5, 0.4, 0.6)) == "50.0 [40.0, 60.0]"
    assert with_interval(Measured(0.5)) == "50.0"
    assert with_interval(None) == "–"
    assert [plain(x) for x in (True, None, 12345, 0.000123456, [1, 2], {"a": 1}, {})] == [
        "yes", "–", "12,345", "0.0001235", "1, 2", "a: 1", "–",
    ]  # fmt: skip
