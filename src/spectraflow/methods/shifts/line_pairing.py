"""How well a molecule's predicted shifts pair with the lines of one spectrum, each with one partner where it can."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectraflow.methods.shifts.scoring import CARBON_AXIS, PROTON_AXIS, Axis
from spectraflow.store.ragged import Ragged

PAIRS_AT_ONCE = 2048
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Shifts(NamedTuple):
    """Distinct shifts of G molecules or spectra, ascending: ppm and scale (T,); row g from offsets[g] to [g + 1]."""

    ppm: Floats
    scale: Floats
    offsets: Rows

    @property
    def counts(self) -> Rows:
        """Return how many distinct shifts each row has, (G,)."""
        return np.diff(self.offsets)

    def padded(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return ppm and scale (B, m) of the rows, behind their ends anything finite."""
        places = self.offsets[rows][:, None] + np.arange(self.counts[rows].max())
        places = places.clip(max=len(self.ppm) - 1)
        return self.ppm[places], self.scale[places]


def distinct_lines(lines: Ragged) -> Shifts:
    """Return the lines of G spectra, (T, 1) in ppm, in any order, equal ones once."""
    ppm = lines.values[:, 0].numpy().astype(np.float64)
    return _distinct(ppm, np.ones(len(ppm)), lines.offsets.numpy(), 0.0)


def distinct_shifts(predicted: Ragged, how: "LinePairing") -> Shifts:
    """Return the predicted shifts of G molecules, (atom, ppm, scale), those of equivalent atoms once."""
    values = predicted.values.numpy().astype(np.float64)
    scale = values[:, 2].clip(how.least_scale_ppm)
    return _distinct(values[:, 1], scale, predicted.offsets.numpy(), how.same_ppm)


def _distinct(ppm: Floats, scale: Floats, offsets: Rows, same_ppm: float) -> Shifts:
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((scale, ppm, row))
    row, ppm, scale = row[order], ppm[order], scale[order]
    first = np.ones(len(row), bool)
    first[1:] = (np.diff(row) > 0) | (np.diff(ppm) > same_ppm)
    counts = np.bincount(row[first], minlength=len(offsets) - 1)
    return Shifts(ppm[first], scale[first], np.concatenate([[0], counts.cumsum()]))


@dataclass(frozen=True)
class LinePairing:
    """Minus the least mean cost of pairing distinct lines with distinct predicted shifts, both in the order of ppm.

    A line and a shift cost their distance over the scale of the shift. One without a partner costs `unpaired`; one that
    takes the partner of its neighbour as well, as where two lines coincide, costs `shared` beside the distance. The sum
    is divided by the number of lines or of shifts, whichever is larger, so that spectra of any size compare. Unlike
    `SetLikelihood` it counts: a shift explains one line. Predicted shifts within `same_ppm` are one (equivalent atoms).
    """

    unpaired: float = 8.0
    shared: float = 4.0
    same_ppm: float = 0.01
    least_scale_ppm: float = 0.5

    @classmethod
    def on(cls, axis: Axis) -> "LinePairing":
        """Return the pairing of a nucleus: what is measured in ppm goes with the resolution of its axis."""
        return cls(same_ppm=axis.step / 25, least_scale_ppm=axis.step * 2)

    def __call__(self, lines: Shifts, shifts: Shifts, owners: Rows, candidates: Rows) -> Floats:
        """Return the scores (P,) of spectra `owners` with molecules `candidates`; NaN where either has no shift."""
        scores = np.full(len(owners), np.nan)
        sizes = lines.counts[owners] * shifts.counts[candidates]
        order = np.argsort(sizes, kind="stable")
        for chunk in np.array_split(order[sizes[order] > 0], 1 + len(order) // PAIRS_AT_ONCE):
            if len(chunk):
                scores[chunk] = self._scores(lines, shifts, owners[chunk], candidates[chunk])
        return scores

    def _scores(self, lines: Shifts, shifts: Shifts, owners: Rows, candidates: Rows) -> Floats:
        observed, _ = lines.padded(owners)
        predicted, scale = shifts.padded(candidates)
        distance = np.abs(observed.T[:, None] - predicted.T[None]) / scale.T
        ends, ways = lines.counts[owners], shifts.counts[candidates]
        total = np.zeros(len(owners))
        costs = np.repeat(self.unpaired * np.arange(len(predicted.T) + 1.0)[:, None], len(owners), axis=1)
        for line, row in enumerate(distance, 1):
            costs = self._with_line(costs, row, line)
            done = np.flatnonzero(ends == line)
            total[done] = costs[ways[done], done]
        return -total / np.maximum(ends, ways)

    def _with_line(self, before: Floats, distance: Floats, line: int) -> Floats:
        """Return the least costs (m + 1, B) of one more line with the first 0 to m shifts, from those without it."""
        alone = np.minimum(self.unpaired, self.shared + distance)
        least = np.minimum(before[:-1] + distance, before[1:] + alone)
        costs = np.empty_like(before)
        costs[0] = self.unpaired * line
        for shift in range(len(distance)):
            costs[shift + 1] = np.minimum(least[shift], costs[shift] + alone[shift])
        return costs


CARBON_PAIRING, PROTON_PAIRING = LinePairing.on(CARBON_AXIS), LinePairing.on(PROTON_AXIS)
