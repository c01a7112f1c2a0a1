import pytest

from spectraflow.reporting.theme import figure_svg
from spectraflow.reporting.timeline import lay_out, timeline
from spectraflow.watching.benchmarks import Benchmark


def job(name, begin, end):
    return Benchmark(name, end, end - begin, None, None)


def test_jobs_of_a_rule_that_overlap_lie_in_lanes():
    bars, pauses = lay_out(
        [job("a/1", 1000, 1060), job("a/2", 1030, 1090), job("a/3", 1060, 1120), job("b", 1120, 1180)]
    )
    assert [(bar.rule, bar.lane, bar.begin, bar.end) for bar in bars] == [
        ("a", 0, 0.0, 1.0),
        ("a", 1, 0.5, 1.5),
        ("a", 0, 1.0, 2.0),
        ("b", 0, 2.0, 3.0),
    ]
    assert not pauses


def test_long_times_without_a_job_are_cut_out():
    day = 86_400
    jobs = [job("a", 0, 60), job("b", 90, 120), job("c", 120 + day, 180 + day), job("d", 3 * day, 60 + 3 * day)]
    bars, pauses = lay_out(jobs)
    assert [bar.begin for bar in bars] == pytest.approx([0, 1.5, 2, 3]), "half a minute without a job stays"
    assert [pause.at for pause in pauses] == pytest.approx([2, 3])
    assert [pause.seconds for pause in pauses] == [day, 2 * day - 180]


def test_a_job_that_lasts_through_a_gap_leaves_no_pause():
    bars, pauses = lay_out([job("long", 0, 7200), job("a", 10, 20), job("b", 7000, 7100)])
    assert not pauses
    assert bars[-1].begin == pytest.approx(7000 / 60)


def test_the_figure_names_rules_and_kinds_and_is_the_same_every_time():
    jobs = [
        job("train_x/1", 0, 60),
        job("train_x/2", 0, 60),
        job("dance", 60, 90),
        job("write_report", 100_000, 100_060),
    ]
    figures = [timeline(jobs), timeline(jobs)]
    assert None not in figures
    one, other = (figure_svg(figure, "timeline") for figure in figures if figure is not None)
    assert one == other
    for text in ("train_x", "dance", "training", "other", "pause of 1 d 3:45:10", "without pauses"):
        assert text in one
    assert "raw files" not in one
    assert timeline([]) is None
