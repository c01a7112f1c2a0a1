from spectraflow.reporting.jobs_section import SHOWN_RULES, jobs_of, jobs_section
from spectraflow.watching.benchmarks import Benchmark


def test_rules_are_rows_with_what_took_most_first():
    jobs = [Benchmark(f"train_x/{n}", 100, 90.0, 50.0, 12_000.0) for n in range(3)] + [
        Benchmark("b", 9, 30, None, None)
    ]
    section = jobs_section(jobs)
    assert section is not None
    assert section["rows"][0] == {
        "rule": "train_x",
        "kind": "training",
        "jobs": "3",
        "wall": "0:04:30",
        "share": "90.0",
        "median": "90.0 s",
        "longest": "90.0 s",
        "cpu": "0:02:30",
        "peak": "12.0 GB",
    }
    assert (section["rows"][1]["cpu"], section["rows"][1]["peak"]) == ("–", "–")
    assert (section["jobs"], section["wall"], section["cpu"], section["peak"]) == ("4", "0:05:00", "0:02:30", "12.0 GB")


def test_rules_beyond_the_first_are_folded():
    section = jobs_section([Benchmark(f"rule{n}", 10, 1 + n, None, None) for n in range(SHOWN_RULES + 2)])
    assert section is not None
    assert [row["rule"] for row in section["others"]] == ["rule1", "rule0"]


def test_without_benchmarks_there_is_no_section(tmp_path):
    assert jobs_section(jobs_of(None)) is None
    assert jobs_section(jobs_of(tmp_path)) is None
