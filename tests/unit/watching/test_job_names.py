from pathlib import Path

import pytest

from spectraflow.watching.job_names import place_of, rule_of, shown


@pytest.mark.parametrize(
    ("rule", "files", "place"),
    [
        ("all", [], None),
        ("ingest", ["results/demo/logs/ingest.log"], (Path("results/demo"), "ingest")),
        ("split", ["a/logs/split/ids/random-fold0.log"], (Path("a"), "split/ids/random-fold0")),
        ("split", ["elsewhere/x.log", "/a/b/benchmarks/split/x.y.tsv"], (Path("/a/b"), "split/x.y")),
        ("train", ["logs/old/logs/train/1.log"], (Path("logs/old"), "train/1")),
        ("train", ["a/logs/other/1.log"], None),
    ],
)
def test_a_job_is_named_by_the_place_of_its_log(rule, files, place):
    assert place_of(rule, files) == place


def test_log_and_benchmark_of_a_job_give_one_name():
    (_, log), (_, benchmark) = place_of("r", ["a/logs/r/x-1.log"]), place_of("r", ["a/benchmarks/r/x-1.tsv"])
    assert log == benchmark
    assert (rule_of(log), shown(log)) == ("r", "r x-1")
