import json
import re

import polars as pl
import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.comparison import PROTOCOLS, SCHEMA, compare_runs, read_comparison, verdict
from spectraflow.reporting.published_papers import MAPPINGS
from spectraflow.reporting.runs import Measured

GRAPH = "km3aid-iclr,Table 3,validation,K-ID,level=graph;alpha=0.2,accuracy,percent,94.7,0.4,"
NODE = "km3aid-iclr,Table 3,validation,K-ID,level=node;alpha=0.2,accuracy,percent,90.2,0.1,"
STRONG = "km3aid-iclr,Table 3,validation,SP-ID,level=node;alpha=0.2,accuracy,percent,89.3,0.4,"
WEAK = "km3aid-iclr,Table 3,validation,WP-ID,level=node;th=5;alpha=0.2,accuracy,percent,79.8,0.5,"
NO_COMM = "km3aid-arxiv,Table 2,retrieval,No Comm.,library=1000;k=1,accuracy,percent,77.6,1.4,"
HITS = "km3aid-arxiv,Table 2,retrieval,K-M3AID,library={};k=5,accuracy,percent,96.8,0.5,"


def compared(tmp_path, published, runs, data="published"):
    return compare_runs(published, runs, tmp_path / "comparison.csv", data=data)


def test_a_run_stands_beside_the_cells_of_its_own_settings(tmp_path, make_run, make_published):
    runs = [
        make_run("knowledge0000"),
        make_run("strong000000", {"objective": {"discrimination": "strong"}}, scale=0.9),
        make_run("weak00000000", {"objective": {"discrimination": "weak", "threshold_ppm": 5}}, scale=0.8),
        make_run("alpha5000000", {"objective": {"alpha": 0.5}}, scale=0.5),
    ]
    table = compared(tmp_path, make_published(NODE, STRONG, WEAK), runs)
    assert table["method"].to_list() == ["K-ID", "SP-ID", "WP-ID"]
    assert table["run_ids"].to_list() == ["knowledge0000", "strong000000", "weak00000000"]
    assert table["measured"].to_list() == pytest.approx([89.0, 80.1, 71.2])
    assert table["published"].to_list() == [90.2, 89.3, 79.8]
    assert table["low"].to_list() == pytest.approx([88.0, 79.1, 70.2])


def test_both_directions_answer_a_graph_cell(tmp_path, make_run, make_published):
    table = compared(tmp_path, make_published(GRAPH), [make_run("a")])
    assert table["metric"].to_list() == ["in_batch/spectrum_to_molecule", "in_batch/molecule_to_spectrum"]


def test_folds_and_seeds_are_averaged_with_their_standard_deviation(tmp_path, make_run, make_published):
    runs = [make_run(f"fold{fold}", {"fold": fold}, scale=scale) for fold, scale in ((0, 1.0), (1, 0.9))]
    runs.append(make_run("seed1", {"training": {"seed": 1}}, scale=0.8))
    row = compared(tmp_path, make_published(NODE), runs).row(0, named=True)
    assert (row["runs"], row["run_ids"]) == (3, "fold0 fold1 seed1")
    assert row["measured"] == pytest.approx(89 * 0.9)
    assert (row["low"], row["high"]) == pytest.approx((89 * 0.8, 89.0))


def test_a_run_given_twice_counts_once(tmp_path, make_run, make_published):
    run = make_run("a")
    assert compared(tmp_path, make_published(NODE), [run, run])["runs"].to_list() == [1]


def test_protocols_stand_side_by_side(tmp_path, make_run, make_published):
    runs = [make_run("val"), make_run("test", {"selection": "test"})]
    table = compared(tmp_path, make_published(NODE), runs)
    assert table["protocol"].to_list() == [PROTOCOLS["val"], PROTOCOLS["test"]]
    assert table["deviations"].to_list() == ["", ""]


def test_an_ablation_does_not_stand_beside_a_cell_that_a_published_model_answers(tmp_path, make_run, make_published):
    small = make_run("small", {"model": {"dim": 32}})
    alone = compared(tmp_path, make_published(NODE), [small])
    assert alone["deviations"].to_list() == ["model.dim=32"]
    both = compared(tmp_path, make_published(NODE), [small, make_run("full")])
    assert both["run_ids"].to_list() == ["full"]


def test_retrieval_is_compared_at_the_sizes_that_were_run(tmp_path, make_run, make_published):
    rows = [HITS.format(size) for size in (100, 10_000, 1_000_000)]
    table = compared(tmp_path, make_published(*rows), [make_run("a")])
    assert table["metric"].to_list() == ["retrieval/100/5", "retrieval/10000/5"]
    assert compared(tmp_path, make_published(*rows), [make_run("b", retrieval=False)]).is_empty()


def test_no_communication_is_told_apart(tmp_path, make_run, make_published):
    runs = [make_run("shared"), make_run("apart", {"model": {"communication": False}})]
    assert compared(tmp_path, make_published(NO_COMM), runs)["run_ids"].to_list() == ["apart"]


def test_shifted_and_prose_rows_are_left_out_but_not_the_bins(tmp_path, make_run, make_published):
    shifted = HITS.format(100) + "row shifted: not this model"
    prose = GRAPH.replace("Table 3", "text 4.2.1")
    bins = "km3aid-iclr,text 4.2.2,assignment,K-M3AID,carbons=10-20,exact_molecule_rate,percent,37.2,,"
    table = compared(tmp_path, make_published(shifted, prose, bins), [make_run("a")])
    assert table["metric"].to_list() == ["exact/published/11-20", "exact/published/worded/10-20"]
    assert table["published_sd"].to_list() == [None, None]


def test_the_real_published_table_is_answered(tmp_path, make_run, real_published):
    runs = [make_run("a"), make_run("b", {"objective": {"alpha": 0.5}})]
    table = compared(tmp_path, real_published, runs)
    by_family = table.group_by(pl.col("metric").str.split("/").list.first()).len()
    assert set(by_family["metric"]) == {"in_batch", "atom", "exact", "retrieval"}
    assert table.filter(method="SP-ID").is_empty()
    tau = table.filter((pl.col("table") == "Table C.2") & (pl.col("metric") == "atom/published"))
    assert tau["run_ids"].to_list() == ["b"]
    arxiv = table.filter(pl.col("paper") == "km3aid-arxiv", pl.col("table") == "Table 1")
    assert dict(arxiv.select("metric", "run_ids").iter_rows())["atom/published"] == "a"
    assert dict(arxiv.select("metric", "run_ids").iter_rows())["in_batch/spectrum_to_molecule"] == "b"
    sizes = table.filter(pl.col("metric").str.starts_with("retrieval/"))["metric"].str.split("/").list.get(1)
    assert set(sizes) == {"100", "1000", "10000"}


def test_the_words_of_the_mappings_are_in_the_published_table(real_published):
    rows = pl.read_csv(real_published, infer_schema=False)
    for mapping in MAPPINGS.values():
        papers = [paper for paper, other in MAPPINGS.items() if other is mapping]
        of_papers = rows.filter(pl.col("paper").is_in(papers))
        keys = {key for setting in of_papers["setting"] for key in re.findall(r"(?:^|;)(\w+)=", setting)}
        assert set(mapping.keys) <= keys
        assert set(mapping.models) <= set(of_papers["method"])
        assert {name for family in mapping.cells for name in family.experiments} <= set(of_papers["experiment"])


@pytest.mark.parametrize(
    ("published", "sd", "measured", "expected"),
    [
        (90.0, 0.5, Measured(92, 91, 93), "above"),
        (90.0, 1.5, Measured(92, 91, 93), "within the interval"),
        (90.0, None, Measured(90.4, 89.5, 91.3), "within the interval"),
        (90.0, None, Measured(88, 87, 89), "below"),
        (90.0, None, Measured(90.0), "within the interval"),
        (90.0, None, Measured(91.0), "above"),
    ],
)
def test_verdict(published, sd, measured, expected):
    assert verdict(published, sd, measured, data="published") == expected
    assert verdict(published, sd, measured, data="demo") == "simulated data"


def test_the_file_reads_back(tmp_path, make_run, make_published):
    table = compared(tmp_path, make_published(GRAPH, NODE), [make_run("a")], data="demo")
    again = read_comparison(tmp_path / "comparison.csv")
    assert again.columns == list(SCHEMA)
    assert again["measured"].to_list() == pytest.approx(table["measured"].to_list())
    assert set(again["verdict"]) == {"simulated data"}


def test_nothing_to_compare_is_an_empty_table(tmp_path, make_run, make_published):
    run = make_run("soft", {"objective": {"discrimination": "soft"}})
    assert compared(tmp_path, make_published(NODE), [run]).is_empty()
    assert read_comparison(tmp_path / "comparison.csv").columns == list(SCHEMA)


def test_unusable_files_are_named(tmp_path, make_run, make_published):
    published, run = make_published(NODE), make_run("a")
    with pytest.raises(InputError, match=r"elsewhere.*settings\.json"):
        compared(tmp_path, published, [tmp_path / "elsewhere"])
    (run / "metrics.json").write_text('{"parts"')
    with pytest.raises(InputError, match=r"metrics\.json: not readable as JSON"):
        compared(tmp_path, published, [run])
    (run / "metrics.json").write_text(json.dumps([1]))
    with pytest.raises(InputError, match="object was expected"):
        compared(tmp_path, published, [run])
    published.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="lacks the column"):
        compared(tmp_path, published, [make_run("b")])
    assert not (tmp_path / "comparison.csv").exists()
