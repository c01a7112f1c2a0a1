"""Changes of how a spectrum is drawn that leave its chemistry alone, to ask what a trained model holds on to."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spectraflow.methods.matchnet.settings import NUCLEI, Nucleus, RenderingSettings
from spectraflow.spectra.rendering_grid import DrawnLines

SOLVENT_PPM: dict[Nucleus, float] = {"1H": 7.26, "13C": 77.16}
"""Residual chloroform and deuterochloroform."""


@dataclass(frozen=True)
class RenderingChange:
    """How a test rendering differs from the one a model was trained on; the default changes nothing.

    A missing line is one of each spectrum, never its only one. The solvent line is as high as a line of one proton or
    one carbon. Signal to noise is the highest point over the standard deviation of Gaussian noise on every point of the
    oversampled grid; the noisy spectrum is scaled to 1 again and cut at 0. Noise and choice of the missing line depend
    on `seed`, the molecule's id and the nucleus alone.
    """

    width_factor: float = 1.0
    proton_shift_ppm: float = 0.0
    carbon_shift_ppm: float = 0.0
    reversed_axis: bool = False
    style: Literal["trace", "fill"] | None = None
    vertical_scale: float = 1.0
    signal_to_noise: float | None = None
    missing_line: bool = False
    solvent_line: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.width_factor <= 0 or not 0 < self.vertical_scale <= 1:
            raise ValueError("width_factor must be positive and vertical_scale within 0 and 1")
        if self.signal_to_noise is not None and self.signal_to_noise <= 0:
            raise ValueError("signal_to_noise must be positive")

    def settings(self, settings: RenderingSettings) -> RenderingSettings:
        """Return the settings with the changed line widths and style; images are drawn with these."""
        update = {
            "proton_width": settings.proton_width * self.width_factor,
            "carbon_width": settings.carbon_width * self.width_factor,
            "style": self.style or settings.style,
        }
        return settings.model_copy(update=update)

    def lines(
        self, lines: DrawnLines, nucleus: Nucleus, window: tuple[float, float], ids: Sequence[str] | None
    ) -> DrawnLines:
        """Return the lines of a batch without the missing, with the solvent's, and shifted, in no certain order.

        A line that the shift moves out of the window still shows its flank there.
        """
        if self.missing_line:
            lines = self._without_one(lines.ordered(), nucleus, ids)
        if self.solvent_line and window[1] <= SOLVENT_PPM[nucleus] <= window[0]:
            rows = np.unique(lines.row)
            added = (rows, np.full(len(rows), SOLVENT_PPM[nucleus]), np.ones(len(rows)))
            row, ppm, height = (np.concatenate(pair) for pair in zip(lines, added, strict=True))
            lines = DrawnLines(row, ppm, height)
        shift = self.proton_shift_ppm if nucleus == "1H" else self.carbon_shift_ppm
        return lines._replace(ppm=lines.ppm + shift)

    def _without_one(self, lines: DrawnLines, nucleus: Nucleus, ids: Sequence[str] | None) -> DrawnLines:
        rows, starts, counts = np.unique(lines.row, return_index=True, return_counts=True)
        kept = np.ones(len(lines.row), np.bool_)
        for row, start, count in zip(rows.tolist(), starts.tolist(), counts.tolist(), strict=True):
            if count > 1:
                kept[start + self.generator(_named(ids, row), nucleus).integers(count)] = False
        return lines.select(kept)

    def noisy(self, spectra: NDArray[np.float64], nucleus: Nucleus, ids: Sequence[str] | None) -> NDArray[np.float64]:
        """Return spectra (n, points), each 1 at its highest, with the noise, if there is any."""
        if self.signal_to_noise is None:
            return spectra
        rows = range(len(spectra))
        noise = [self.generator(_named(ids, row), nucleus).standard_normal(spectra.shape[1]) for row in rows]
        spectra = np.maximum(spectra + np.stack(noise) / self.signal_to_noise, 0)
        return spectra / spectra.max(axis=1, keepdims=True)

    def generator(self, molecule_id: str, nucleus: Nucleus) -> np.random.Generator:
        """Return the generator of one spectrum."""
        return np.random.default_rng([self.seed, zlib.crc32(molecule_id.encode()), NUCLEI.index(nucleus)])


def _named(ids: Sequence[str] | None, row: int) -> str:
    if ids is None:
        raise ValueError("a random change needs the ids of the molecules")
    return ids[row]


def _shifts() -> dict[str, RenderingChange]:
    found = {}
    for size in (0.02, 0.05):
        for sign, word in ((1, "higher"), (-1, "lower")):
            found[f"1H {size} ppm {word}"] = RenderingChange(proton_shift_ppm=sign * size)
    for size in (0.5, 1.0):
        for sign, word in ((1, "higher"), (-1, "lower")):
            found[f"13C {size:g} ppm {word}"] = RenderingChange(carbon_shift_ppm=sign * size)
    return found


CHANGES: dict[str, RenderingChange] = {
    "lines half as wide": RenderingChange(width_factor=0.5),
    "lines twice as wide": RenderingChange(width_factor=2.0),
    **_shifts(),
    "axis reversed": RenderingChange(reversed_axis=True),
    "filled": RenderingChange(style="fill"),
    "half as high": RenderingChange(vertical_scale=0.5),
    **{f"signal to noise {ratio}": RenderingChange(signal_to_noise=float(ratio)) for ratio in (50, 20, 10)},
    "one line missing": RenderingChange(missing_line=True),
    "solvent line": RenderingChange(solvent_line=True),
}
"""The changes that models are examined with, by the name they have in tables."""
