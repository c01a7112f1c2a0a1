"""Modalities: names of vector columns, what they show, and the axis their 600 numbers stand on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spectraflow.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VECTOR_POINTS = 600
"""Numbers of a spectrum as a vector."""


@dataclass(frozen=True)
class Modality:
    """A column of a vectors table: its axis runs linearly from `first` to `last` over its 600 points."""

    name: str
    technique: str
    unit: str
    first: float
    last: float

    @property
    def axis(self) -> "NDArray[np.float64]":
        """Position of every point, in `unit`, (600,)."""
        import numpy as np  # settings import this module at every start

        return np.linspace(self.first, self.last, VECTOR_POINTS)


_CARBON, _PROTON = (230.0, -20.0), (10.0, -2.0)
_KNOWN = (
    Modality("IR", "IR", "1/cm", 400.0, 4000.0),
    Modality("13C", "13C", "ppm", *_CARBON),
    Modality("13C_max", "13C", "ppm", *_CARBON),
    Modality("13C_area", "13C", "ppm", *_CARBON),
    Modality("1H", "1H", "ppm", *_PROTON),
    Modality("1H_max", "1H", "ppm", *_PROTON),
    Modality("1H_area", "1H", "ppm", *_PROTON),
    Modality("1H_wide", "1H", "ppm", 14.0, -1.0),
    Modality("MSMSpos", "MSMSpos", "m/z", 0.0, 599.9),
    Modality("MSMSneg", "MSMSneg", "m/z", 0.0, 599.9),
    Modality("MS", "MS", "m/z", 0.0, 599.9),
)
MODALITIES = {modality.name: modality for modality in _KNOWN}
"""Every modality by name. `_max` and `_area` take the maximum and the area between two points of a long spectrum
instead of the value at a point; `1H_wide` also shows acids, enols and aldehydes above 10 ppm."""


def modality(name: str) -> Modality:
    """Return a modality; raises InputError naming the known ones."""
    if name not in MODALITIES:
        raise InputError(f"no modality '{name}'; known: {', '.join(MODALITIES)}")
    return MODALITIES[name]
