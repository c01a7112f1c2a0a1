"""The timeline of a run: when each job ran, a row a rule, above it how many ran at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from spectraflow.reporting.job_kinds import KINDS, OTHER_KIND, kind_of
from spectraflow.reporting.theme import OTHER_COLOUR, SERIES, SOFT, figure_style
from spectraflow.watching.benchmarks import Benchmark
from spectraflow.watching.log_tails import clock

COLOURS = dict(zip((*KINDS, OTHER_KIND), (*SERIES[: len(KINDS)], OTHER_COLOUR), strict=True))
SHORTEST_SHARE = 0.0015
"""No bar is narrower than this share of the axis: a job of a second in a run of hours must be seen."""
_GAP_SHARE = 0.001
"""Between bars that follow each other, so that they can be counted."""
SHORTEST_PAUSE = 60.0
PAUSE_SHARE = 0.05
"""Times without a job are cut out if they are longer than this share of all the time with one, and than a minute."""
_ROW, _LANE, _MOST_LANES = 0.17, 0.07, 8


@dataclass(frozen=True)
class Pause:
    """A time without any job: where it is cut out (minutes on the axis), and how long it was (s)."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Bar:
    """A job: its rule, its lane among those of the rule that ran at that time, and its minutes on the axis."""

    rule: str
    lane: int
    begin: float
    end: float


def lay_out(jobs: Sequence[Benchmark]) -> tuple[list[Bar], list[Pause]]:
    """Return the bars of jobs, by their start, and the pauses cut out between them."""
    ordered = sorted(jobs, key=lambda job: (job.started, job.name))
    pauses = _pauses(ordered)
    origin = ordered[0].started if ordered else 0.0
    lanes: dict[str, list[float]] = {}
    bars = []
    for job in ordered:
        ends = lanes.setdefault(job.rule, [])
        lane = next((number for number, end in enumerate(ends) if end <= job.started), len(ends))
        ends[lane:lane + 1] = [job.ended]  # fmt: skip
        cut = origin + sum(seconds for after, seconds in pauses if after <= job.started)
        bars.append(Bar(job.rule, lane, (job.started - cut) / 60, (job.ended - cut) / 60))
    cuts = [origin + sum(seconds for _, seconds in pauses[: number + 1]) for number in range(len(pauses))]
    return bars, [Pause((after - cut) / 60, seconds) for (after, seconds), cut in zip(pauses, cuts, strict=True)]


def _pauses(ordered: Sequence[Benchmark]) -> list[tuple[float, float]]:
    """Return when the first job after each long time without one began, and how long that time was, in seconds."""
    gaps, busy, end = [], 0.0, ordered[0].started if ordered else 0.0
    for job in ordered:
        if job.started > end:
            gaps.append((job.started, job.started - end))
        busy += max(0.0, job.ended - max(end, job.started))
        end = max(end, job.ended)
    return [gap for gap in gaps if gap[1] > max(SHORTEST_PAUSE, PAUSE_SHARE * busy)]


def timeline(jobs: Sequence[Benchmark]) -> Figure | None:
    """Draw a bar for each job, coloured by the kind of its rule; None without jobs."""
    bars, pauses = lay_out(jobs)
    if not bars:
        return None
    heights = dict.fromkeys((bar.rule for bar in bars), 0.0)
    for bar in bars:
        heights[bar.rule] = max(heights[bar.rule], _ROW + _LANE * min(bar.lane, _MOST_LANES))
    total = sum(heights.values())
    with figure_style():
        figure = Figure(figsize=(8.4, total + 1.75), layout="constrained")
        busy, axes = figure.subplots(2, 1, sharex=True, height_ratios=(0.65, total))
        _draw_busy(busy, bars)
        _draw_rows(axes, bars, heights)
        for pause in pauses:
            _draw_pause(busy, axes, pause)
        axes.set(xlabel="minutes since the start" + (", without pauses" if pauses else ""))
        found = {kind_of(rule) for rule in heights}
        handles = [Patch(color=colour, label=kind) for kind, colour in COLOURS.items() if kind in found]
        figure.legend(handles=handles, loc="outside upper left", ncols=3)
        return figure


def _draw_busy(axes: Axes, bars: Sequence[Bar]) -> None:
    changes = sorted([(bar.begin, 1) for bar in bars] + [(bar.end, -1) for bar in bars])
    running, times, counts = 0, [0.0], [0]
    for time, change in changes:
        running += change
        times.append(time)
        counts.append(running)
    axes.fill_between(times, counts, step="post", color=SOFT, alpha=0.35, lw=0)
    axes.set(ylabel="jobs", ylim=(0, None))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    axes.tick_params(axis="x", length=0)


def _draw_rows(axes: Axes, bars: Sequence[Bar], heights: dict[str, float]) -> None:
    width = max(bar.end for bar in bars)
    tops, top = {}, 0.0
    for rule, height in heights.items():
        tops[rule] = top
        top += height
    for rule, height in heights.items():
        own = [bar for bar in bars if bar.rule == rule]
        lanes = max(bar.lane for bar in own) + 1
        thick = (height - 0.05) / lanes
        for bar in own:
            long = max(bar.end - bar.begin - _GAP_SHARE * width, SHORTEST_SHARE * width)
            bottom = tops[rule] + 0.025 + bar.lane * thick
            axes.broken_barh([(bar.begin, long)], (bottom, thick * 0.88), color=COLOURS[kind_of(rule)], lw=0)
    axes.set_yticks([tops[rule] + height / 2 for rule, height in heights.items()], list(heights), fontsize=7.5)
    axes.set(ylim=(top, 0), xlim=(0, width * (1 + SHORTEST_SHARE)))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _draw_pause(busy: Axes, axes: Axes, pause: Pause) -> None:
    for one in (busy, axes):
        one.axvline(pause.at, color=SOFT, lw=1, ls=(0, (3, 2)))
    busy.annotate(
        f"pause of {clock(pause.seconds)}",
        (pause.at, 1),
        (3, -8),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        color=SOFT,
        fontsize=7.5,
    )
