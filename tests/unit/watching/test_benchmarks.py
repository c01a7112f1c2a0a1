from spectraflow.watching.benchmarks import Benchmark, costs_by_rule, read_benchmarks


def test_jobs_are_read_with_their_start(tmp_path, write_benchmark):
    write_benchmark(tmp_path, "train/run/a-1", seconds=30, ended=1000, cpu="25.5", peak="512.0")
    write_benchmark(tmp_path, "generate", seconds=10, ended=900, cpu="NA", peak="-")
    found = read_benchmarks(tmp_path / "benchmarks")
    assert found == [Benchmark("generate", 900, 10, None, None), Benchmark("train/run/a-1", 1000, 30, 25.5, 512)]
    assert [(one.rule, one.started) for one in found] == [("generate", 890), ("train", 970)]


def test_benchmarks_that_are_being_written_are_left_out(tmp_path, write_benchmark):
    write_benchmark(tmp_path, "a", seconds=1, ended=5).write_text("")
    write_benchmark(tmp_path, "b", seconds=1, ended=5).write_text("s\th:m:s\n")
    assert read_benchmarks(tmp_path / "benchmarks") == []
    assert read_benchmarks(tmp_path / "absent") == []


def test_cost_of_a_rule_is_that_of_its_jobs():
    jobs = [Benchmark(f"a/{n}", 100, seconds, cpu, peak) for n, (seconds, cpu, peak) in enumerate(
        [(1.0, 0.5, 10.0), (9.0, None, 30.0), (2.0, 1.0, None)]
    )]  # fmt: skip
    costs = costs_by_rule([*jobs, Benchmark("b", 100, 50.0, None, None)])
    assert [cost.rule for cost in costs] == ["b", "a"]
    a = costs[1]
    assert (a.jobs, a.seconds, a.median, a.longest, a.cpu_seconds, a.peak_mb) == (3, 12.0, 2.0, 9.0, 1.5, 30.0)
    assert (costs[0].cpu_seconds, costs[0].peak_mb) == (None, None)
